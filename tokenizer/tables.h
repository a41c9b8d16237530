/* What a tokenizer looks things up in, built once from the model file: one block of memory without pointers,
 * so that it can lie in a file and be mapped.
 *
 *     header | page of each 256 characters | characters, 256 a page | trie nodes | scores of the pieces |
 * places of the pieces | merges
 *
 * Byte-level BPE has merges and neither characters nor a trie.
 *
 * A character is looked up as characters[pages[c >> 8] * 256 + (c & 255)]: its symbol (trie.h) in the low 16
 * bits, and flags that say whether normalising it takes more than writing that symbol down.
 */
#ifndef COGNATE_TOKENIZER_TABLES_H
#define COGNATE_TOKENIZER_TABLES_H

#include <stdbool.h>

#include "common/gguf.h"
#include "tokenizer/merges.h"
#include "tokenizer/rules.h"
#include "tokenizer/trie.h"

#define TABLES_PAGES 0x1100 /* of 256 characters, up to U+10FFFF */

enum {
    SYMBOL_UNKNOWN = 0, /* a character that no piece has; never part of a key */
    SYMBOL_SPACE = 1,   /* U+2581, which SentencePiece writes for a space */
};

enum {
    CHARACTER_SYMBOL = 0xFFFF,
    CHARACTER_RULE = 1 << 16,    /* a rule rewrites it */
    CHARACTER_LEADS = 1 << 17,   /* a rule for several characters begins with it */
    CHARACTER_FOLLOWS = 1 << 18, /* such a rule has it further on */
    CHARACTER_USER = 1 << 19,    /* a user-defined piece begins with it */
    CHARACTER_MAPPED = 1
        << 20, /* its rule gives one character, whose symbol stands here; no piece has it itself */
    CHARACTER_SPACE = 1 << 21, /* it becomes a space */
    CHARACTER_JOINS = 1 << 22, /* unigram_words.h: a grapheme cluster may go on with it … */
    CHARACTER_OPENS = 1 << 23, /* … or behind it, whatever comes */
    CHARACTER_AROUND = CHARACTER_FOLLOWS | CHARACTER_JOINS | CHARACTER_OPENS
};

/* tokenizer.ggml.token_type */
enum piece_type {
    PIECE_TYPE_NORMAL = 1,
    PIECE_TYPE_UNKNOWN = 2,
    PIECE_TYPE_CONTROL = 3,
    PIECE_TYPE_USER_DEFINED = 4,
    PIECE_TYPE_UNUSED = 5,
    PIECE_TYPE_BYTE = 6
};

/* With the number of a piece in the trie: a user-defined one, which is left as it is by the rules and wins
 * over other cuts. */
#define PIECE_USER   (1u << 23)
#define PIECE_NUMBER (PIECE_USER - 1)

/* A Unigram model with this key is cut word by word (unigram_words.h): at "whitespace" or at "spaces". */
#define TABLES_WORDS_KEY "cognate.unigram.words"

#define TABLES_VERSION 5 /* of the layout and the meaning of the block; raise it with any change */

enum tables_kind { TABLES_UNIGRAM, TABLES_UNIGRAM_WORDS, TABLES_WORDPIECE, TABLES_BPE };

/* How unigram_words.h cuts a text into words. */
enum tables_words { WORDS_WHITESPACE, WORDS_SPACES };

struct tables {
    uint64_t size; /* bytes of the block */
    uint64_t characters, nodes, scores, pieces, merges,
        joined;           /* where each part begins; pages follow the header */
    uint64_t piece_bytes; /* of the file's array of pieces */
    uint32_t page_count, node_count, piece_count;
    uint32_t merge_slots, rank_count; /* merges.h */
    uint32_t longest;                 /* characters of the longest piece, at most 255 */
    uint32_t unknown;                 /* number of the unknown piece */
    float unknown_score;              /* of a character that no piece covers */
    int32_t start, end;               /* <s> and </s>, -1 when the model adds none */
    uint32_t kind;                    /* enum tables_kind */
    uint32_t dummy_prefix;            /* 1: a text starts as if a space stood before it */
    uint32_t lowercase;               /* WordPiece: 1: letters are made small … */
    uint32_t strip_accents;           /* … and lose their accents */
    uint32_t bytes[256];              /* BPE: the piece of each byte */
    uint32_t spaces_inside;           /* 1: a piece has a space behind its first character */
    uint32_t words;                   /* unigram_words.h: enum tables_words */
    uint32_t merge_spaces;            /* … 1: runs of spaces count as one */
    uint32_t strip_left;              /* … 1: white space at the beginning does not count */
    uint32_t strip_right;             /* … 1: nor does that at the end */
};

/* Reads tokenizer.ggml.*. *out is one block from big_alloc. `rules` are those of the same file. */
enum status tables_build(const struct gguf *file, enum tables_kind kind, const struct rules *rules,
                         struct tables **out, struct error *err);

/* Whether `size` bytes, whose checksum was right, are tables of that kind that go with `pieces`. */
bool tables_usable(const void *block, size_t size, enum tables_kind kind, const struct gguf_array *pieces);

static inline const uint16_t *tables_pages(const struct tables *t)
{
    return (const uint16_t *)(t + 1);
}

static inline const uint32_t *tables_characters(const struct tables *t)
{
    return (const uint32_t *)((const unsigned char *)t + t->characters);
}

static inline const trie_node *tables_nodes(const struct tables *t)
{
    return (const trie_node *)((const unsigned char *)t + t->nodes);
}

static inline const float *tables_scores(const struct tables *t)
{
    return (const float *)((const unsigned char *)t + t->scores);
}

static inline uint32_t tables_character(const struct tables *t, uint32_t c)
{
    return tables_characters(t)[(size_t)tables_pages(t)[c >> 8] * 256 + (c & 255)];
}

/* The symbol of the character itself, whatever rules make of it. */
static inline uint32_t tables_symbol(uint32_t character)
{
    return (character & CHARACTER_MAPPED) != 0 ? SYMBOL_UNKNOWN : character & CHARACTER_SYMBOL;
}

static inline const uint64_t *tables_merges(const struct tables *t)
{
    return (const uint64_t *)((const unsigned char *)t + t->merges);
}

static inline const uint32_t *tables_joined(const struct tables *t)
{
    return (const uint32_t *)((const unsigned char *)t + t->joined);
}

/* Where in the file's array of pieces each one begins. */
static inline const uint32_t *tables_pieces(const struct tables *t)
{
    return (const uint32_t *)((const unsigned char *)t + t->pieces);
}

#endif
