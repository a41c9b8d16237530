/* The merges of a byte-level BPE vocabulary, looked up by the two pieces that they join.
 *
 * A piece of such a vocabulary is a sequence of bytes, and each byte is written as a character that can be
 * seen: 0x21-0x7E, 0xA1-0xAC and 0xAE-0xFF as the character of that number, the other 68 in order from U+0100
 * on, so that a space is "Ġ". A merge is two pieces with a space between them; the earlier one in the list
 * has the lower rank and comes first.
 *
 *     slots    | rank, 22 bits | right piece, 21 bits | left piece, 21 bits |   open addressing, at most half
 * full joined   of each rank the piece that the two become
 */
#ifndef COGNATE_TOKENIZER_MERGES_H
#define COGNATE_TOKENIZER_MERGES_H

#include <stdint.h>

#include "common/buf.h"
#include "common/gguf.h"

#define MERGE_NONE   UINT32_MAX
#define MERGE_PIECES (1u << 21) /* pieces are below it */
#define MERGE_RANKS  ((1u << 22) - 1)
#define MERGE_EMPTY  UINT64_MAX /* a slot without a merge */

struct merges {
    uint64_t *slots;     /* the caller's, to be freed with free(), as is `joined` */
    uint32_t *joined;    /* of each rank */
    uint32_t slot_count; /* a power of two */
    uint32_t rank_count; /* ranks are below it */
    uint32_t bytes[256]; /* the piece of each byte */
};

/* Reads tokenizer.ggml.merges, for the pieces of the same file. `offsets` says where in `pieces` each one
 * begins, and `types` what it is (tokenizer.ggml.token_type). CORRUPT when a merge joins what is no piece,
 * or a byte has no piece. */
enum status merges_build(const struct gguf *file, const struct gguf_array *pieces, const uint32_t *offsets,
                         const struct gguf_array *types, struct merges *out, struct error *err);

/* The bytes that a piece stands for; a character that stands for no byte gives its own bytes. */
enum status merges_spell(struct text piece, struct buf *out, struct error *err);

static inline uint64_t merge_key(uint32_t left, uint32_t right)
{
    return (uint64_t)right << 21 | left;
}

/* The slot of a key, or the empty one where it would be. */
static inline uint32_t merge_slot(const uint64_t *slots, uint32_t slot_count, uint64_t key)
{
    uint32_t at = (uint32_t)(key * 0x9E3779B97F4A7C15u >> 32) & (slot_count - 1);
    while (slots[at] != MERGE_EMPTY && (slots[at] & (((uint64_t)1 << 42) - 1)) != key)
        at = (at + 1) & (slot_count - 1);
    return at;
}

/* The rank of the merge of two pieces, MERGE_NONE when they do not merge. */
static inline uint32_t merge_rank(const uint64_t *slots, uint32_t slot_count, uint32_t left, uint32_t right)
{
    uint64_t slot = slots[merge_slot(slots, slot_count, merge_key(left, right))];
    return slot == MERGE_EMPTY ? MERGE_NONE : (uint32_t)(slot >> 42);
}

#endif
