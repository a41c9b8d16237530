#include "tokenizer/merges.h"

#include <stdlib.h>

#include "common/utf8.h"
#include "tokenizer/tables.h"

#define ODD_BYTES 0x100u /* the first character for a byte that is not written as itself */

/* Pieces by their spelling: numbers, MERGE_NONE where a slot is empty. */
struct spellings {
    const struct gguf_array *pieces;
    const uint32_t *offsets;
    uint32_t *slots;
    uint32_t slot_count; /* a power of two */
};

struct builder {
    const struct gguf *file;
    const struct gguf_array *types;
    struct spellings spellings;
    struct merges *out;
    struct error *err;
};

static enum status damaged(const struct builder *b, const char *what, struct text where)
{
    return error_set(b->err, STATUS_CORRUPT,
                     "the tokenizer of %s is damaged: %s: \"%.*s\"; fetch the model again",
                     gguf_path(b->file), what, (int)(where.len < 60 ? where.len : 60), where.data);
}

static uint32_t power_of_two(uint64_t least)
{
    uint32_t size = 16;
    while (size < least)
        size *= 2;
    return size;
}

static uint32_t *empty_slots(uint32_t count)
{
    uint32_t *slots = malloc(count * sizeof *slots);
    for (uint32_t i = 0; i < count && slots != NULL; i++)
        slots[i] = MERGE_NONE;
    return slots;
}

static struct text spelling(const struct spellings *s, uint32_t piece)
{
    size_t at = s->offsets[piece];
    return gguf_array_text(s->pieces, &at);
}

/* The slot of a piece spelled so, or the empty one where it would be. */
static uint32_t *slot_of(const struct spellings *s, struct text piece)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < piece.len; i++)
        hash = (hash ^ (unsigned char)piece.data[i]) * 1099511628211u;
    uint32_t at = (uint32_t)(hash ^ hash >> 32) & (s->slot_count - 1);
    while (s->slots[at] != MERGE_NONE && !text_equal(spelling(s, s->slots[at]), piece))
        at = (at + 1) & (s->slot_count - 1);
    return &s->slots[at];
}

/* Control pieces and those that are never used stay out, so that no text becomes one. */
static enum status add_pieces(struct builder *b)
{
    for (uint32_t i = 0; i < (uint32_t)b->spellings.pieces->count; i++) {
        int32_t type;
        struct text piece = spelling(&b->spellings, i);
        memcpy(&type, b->types->data + (size_t)i * sizeof type, sizeof type);
        if (type == PIECE_TYPE_USER_DEFINED)
            return error_set(b->err, STATUS_UNSUPPORTED,
                             "the tokenizer of %s has a piece that is found in text before anything else "
                             "(\"%.*s\"), which this program does for Unigram vocabularies alone",
                             gguf_path(b->file), (int)(piece.len < 60 ? piece.len : 60), piece.data);
        if (type != PIECE_TYPE_NORMAL)
            continue;
        uint32_t *slot = slot_of(&b->spellings, piece);
        if (*slot != MERGE_NONE)
            return damaged(b, "a piece that is there twice", piece);
        *slot = i;
    }
    return STATUS_OK;
}

/* ---- bytes as characters ---- */

static bool is_plain(uint32_t byte)
{
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
}

static uint32_t character_of(uint32_t byte)
{
    uint32_t odd = ODD_BYTES;
    for (uint32_t i = 0; i < byte; i++)
        odd += !is_plain(i);
    return is_plain(byte) ? byte : odd;
}

static enum status add_bytes(struct builder *b)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        char character[4];
        struct text piece = {character, utf8_encode(character_of(byte), character)};
        b->out->bytes[byte] = *slot_of(&b->spellings, piece);
        if (b->out->bytes[byte] == MERGE_NONE)
            return damaged(b, "it has no piece for a byte", piece);
    }
    return STATUS_OK;
}

enum status merges_spell(struct text piece, struct buf *out, struct error *err)
{
    enum status status = STATUS_OK;
    uint32_t odd[256], odd_count = 0, c;
    for (uint32_t byte = 0; byte < 256; byte++)
        if (!is_plain(byte))
            odd[odd_count++] = byte;
    for (size_t at = 0, n; at < piece.len && status == STATUS_OK; at += n) {
        n = utf8_decode(piece.data + at, piece.len - at, &c);
        if (c >= ODD_BYTES && c < ODD_BYTES + odd_count)
            c = odd[c - ODD_BYTES];
        else if (c >= 0x100 || !is_plain(c))
            c = 0x100;
        char byte = (char)c;
        status = c < 0x100 ? buf_append(out, &byte, 1, err) : buf_append(out, piece.data + at, n, err);
    }
    return status;
}

/* ---- merges ---- */

static enum status add_merge(struct builder *b, struct text line, uint32_t rank, struct buf *joined)
{
    const char *gap = line.len > 1 ? memchr(line.data + 1, ' ', line.len - 1) : NULL;
    if (gap == NULL)
        return damaged(b, "a merge that is not two pieces", line);
    struct text left = {line.data, (size_t)(gap - line.data)};
    struct text right = {gap + 1, line.len - left.len - 1};
    buf_clear(joined);
    enum status status = buf_append(joined, left.data, left.len, b->err);
    if (status == STATUS_OK)
        status = buf_append(joined, right.data, right.len, b->err);
    if (status != STATUS_OK)
        return status;
    uint32_t one = *slot_of(&b->spellings, left), other = *slot_of(&b->spellings, right);
    uint32_t piece = *slot_of(&b->spellings, buf_text(joined));
    if (one == MERGE_NONE || other == MERGE_NONE || piece == MERGE_NONE)
        return damaged(b, "a merge of what are no pieces", line);
    /* Of a merge that is there twice the later one counts, as in the reference. */
    uint64_t key = merge_key(one, other);
    b->out->slots[merge_slot(b->out->slots, b->out->slot_count, key)] = (uint64_t)rank << 42 | key;
    b->out->joined[rank] = piece;
    return STATUS_OK;
}

static enum status add_merges(struct builder *b, const struct gguf_array *list)
{
    struct buf joined;
    enum status status = STATUS_OK;
    size_t at = 0;
    buf_init(&joined, SIZE_MAX);
    for (uint32_t i = 0; i < (uint32_t)list->count && status == STATUS_OK; i++)
        status = add_merge(b, gguf_array_text(list, &at), i, &joined);
    buf_release(&joined);
    return status;
}

static enum status build(struct builder *b)
{
    struct gguf_array list;
    enum status status = gguf_array(b->file, "tokenizer.ggml.merges", GGUF_STRING, &list, b->err);
    if (status != STATUS_OK)
        return status;
    if (list.count > MERGE_RANKS || b->spellings.pieces->count > MERGE_PIECES)
        return error_set(b->err, STATUS_UNSUPPORTED,
                         "%s has more than %u merges or %u pieces, the limits of this program",
                         gguf_path(b->file), MERGE_RANKS, MERGE_PIECES);
    b->spellings.slot_count = power_of_two(b->spellings.pieces->count * 2);
    b->spellings.slots = empty_slots(b->spellings.slot_count);
    b->out->rank_count = (uint32_t)list.count;
    b->out->slot_count = power_of_two(list.count * 2);
    b->out->slots = malloc(b->out->slot_count * sizeof *b->out->slots);
    b->out->joined = malloc((list.count + 1) * sizeof *b->out->joined);
    if (b->spellings.slots == NULL || b->out->slots == NULL || b->out->joined == NULL)
        return error_memory(b->err, "building the tokenizer");
    for (uint32_t i = 0; i < b->out->slot_count; i++)
        b->out->slots[i] = MERGE_EMPTY;
    status = add_pieces(b);
    if (status == STATUS_OK)
        status = add_bytes(b);
    return status == STATUS_OK ? add_merges(b, &list) : status;
}

enum status merges_build(const struct gguf *file, const struct gguf_array *pieces, const uint32_t *offsets,
                         const struct gguf_array *types, struct merges *out, struct error *err)
{
    struct merges built = {0};
    struct builder b = {.file = file,
                        .types = types,
                        .spellings = {.pieces = pieces, .offsets = offsets},
                        .out = &built,
                        .err = err};
    enum status status = build(&b);
    free(b.spellings.slots);
    if (status == STATUS_OK) {
        *out = built;
    } else {
        free(built.slots);
        free(built.joined);
    }
    return status;
}
