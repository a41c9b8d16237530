#include "tokenizer/memo.h"

#include <math.h>
#include <string.h>

#include "common/arena.h"

#define SLOTS       32768 /* a power of two */
#define PIECES      6     /* of a word, at most */
#define WORST_ERROR 0x1p-24

struct word {                    /* a line of the processor's cache */
    uint16_t symbols[MEMO_WORD]; /* 0 behind the last */
    uint8_t length;              /* 0: none */
    uint8_t count;               /* of the pieces */
    float limit;                 /* a score before it may be no further from 0 */
    uint32_t last[PIECES];       /* struct cell */
};
_Static_assert(sizeof(struct word) == 64, "a word is a line");

struct memo {
    struct word words[SLOTS];
    uint32_t seen[SLOTS]; /* hashes of words that came once */
    const struct tables *tables;
};

struct memo *memo_new(const struct tables *tables)
{
    struct memo *m = big_alloc(sizeof *m);
    if (m != NULL)
        m->tables = tables;
    return m;
}

bool memo_is_of(const struct memo *m, const struct tables *tables)
{
    return m->tables == tables;
}

void memo_free(struct memo *m)
{
    big_free(m);
}

static float score_of(const struct tables *t, uint32_t piece)
{
    return piece == t->unknown ? t->unknown_score : tables_scores(t)[piece];
}

/* The best cuts of the beginnings of a word by itself, and how much worse the second best are. */
struct beginnings {
    double best[MEMO_WORD + 1], second[MEMO_WORD + 1];
    uint32_t last[MEMO_WORD + 1];
};

static void consider(const struct tables *t, struct beginnings *b, size_t start, size_t length,
                     uint32_t piece)
{
    size_t end = start + length;
    double sum = b->best[start] + score_of(t, piece & PIECE_NUMBER);
    if (sum > b->best[end]) {
        b->second[end] = b->best[end];
        b->best[end] = sum;
        b->last[end] = (piece & PIECE_NUMBER) | (uint32_t)length << 24;
    } else if (sum > b->second[end]) {
        b->second[end] = sum;
    }
}

static void find_beginnings(const struct tables *t, const uint16_t *symbols, size_t length,
                            struct beginnings *b)
{
    const trie_node *nodes = tables_nodes(t);
    for (size_t i = 0; i <= length; i++)
        b->best[i] = b->second[i] = i == 0 ? 0 : -INFINITY;
    for (size_t start = 0; start < length; start++) {
        trie_node node = nodes[symbols[start]];
        if (trie_piece(node) == TRIE_NONE)
            consider(t, b, start, 1, t->unknown);
        for (size_t n = 1;; n++) {
            uint32_t piece = trie_piece(node);
            if (piece != TRIE_NONE)
                consider(t, b, start, n, piece);
            if (start + n == length || !trie_step(nodes, &node, symbols[start + n]))
                break;
        }
    }
}

/* Keeps the word, if it has few pieces and is not too near to call. */
static void learn(const struct tables *t, const uint16_t *symbols, size_t length, struct word *out)
{
    struct beginnings b;
    double margin = INFINITY, size = 0;
    size_t count = 0, at = length;
    find_beginnings(t, symbols, length, &b);
    for (size_t i = 1; i <= length; i++)
        size = fmax(size, fabs(b.best[i]));
    for (; at > 0; count++) {
        margin = fmin(margin, b.best[at] - b.second[at]);
        at -= b.last[at] >> 24;
    }
    double limit = margin / (4 * (double)(length + 1) * WORST_ERROR) - size;
    if (count > PIECES || !(limit > 0))
        return;
    *out =
        (struct word){.length = (uint8_t)length, .count = (uint8_t)count, .limit = (float)fmin(limit, 1e30)};
    memcpy(out->symbols, symbols, length * sizeof *symbols);
    for (at = length; at > 0; at -= b.last[at] >> 24)
        out->last[--count] = b.last[at];
}

/* Multiply and shift, four symbols a step. */
static uint32_t hash_of(const uint16_t *symbols)
{
    uint64_t hash = 0, part;
    for (size_t i = 0; i < MEMO_WORD; i += 4) {
        memcpy(&part, symbols + i, sizeof part);
        hash = (hash ^ part) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return (uint32_t)hash;
}

static bool is_word(const struct word *word, const uint16_t *key, size_t length)
{
    return word->length == length && memcmp(word->symbols, key, sizeof word->symbols) == 0;
}

bool memo_cut(struct memo *m, const uint16_t *symbols, size_t length, struct cell *cells)
{
    uint16_t key[MEMO_WORD] = {0};
    memcpy(key, symbols, length * sizeof *key);
    uint32_t hash = hash_of(key);
    struct word *word = &m->words[hash % SLOTS];
    if (!is_word(word, key, length)) {
        if (m->seen[hash % SLOTS] != hash) {
            m->seen[hash % SLOTS] = hash;
            return false;
        }
        learn(m->tables, symbols, length, word);
        if (!is_word(word, key, length))
            return false;
    }
    float score = cells[0].score;
    if (!(fabsf(score) < word->limit))
        return false;
    for (size_t i = 0, at = 0; i < word->count; i++) {
        at += word->last[i] >> 24;
        score += score_of(m->tables, word->last[i] & PIECE_NUMBER);
        cells[at] = (struct cell){score, word->last[i]};
    }
    return true;
}
