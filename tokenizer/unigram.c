#include "tokenizer/unigram.h"

#include <math.h>

enum status unigram_start(struct unigram *u, const struct tables *tables, struct window *window,
                          struct error *err)
{
    *u = (struct unigram){.tables = tables, .window = window};
    window->filled = 0;
    enum status status = window_reserve(window, 1, err);
    if (status == STATUS_OK)
        window->cells[0].score = 0;
    return status;
}

static inline void relax(struct cell *cell, float candidate, uint32_t piece, size_t length)
{
    if (candidate > cell->score) {
        cell->score = candidate;
        cell->last = (piece & PIECE_NUMBER) | (uint32_t)length << 24;
    }
}

/* Tries every piece that starts at symbol `start`; returns the length of the longest. */
static inline size_t expand(const trie_node *nodes, const float *scores, const struct tables *t,
                            const uint16_t *symbols, struct cell *cells)
{
    trie_node node = nodes[symbols[0]];
    uint32_t piece = trie_piece(node);
    float before = cells[0].score;
    size_t length = 1, longest = 1;
    if (piece != TRIE_NONE)
        relax(&cells[1], scores[piece & PIECE_NUMBER] + before, piece, 1);
    else
        relax(&cells[1], t->unknown_score + before, t->unknown, 1);
    while (trie_step(nodes, &node, symbols[length])) {
        length++;
        if ((piece = trie_piece(node)) != TRIE_NONE) {
            relax(&cells[length], scores[piece & PIECE_NUMBER] + before, piece, length);
            longest = length;
        }
    }
    return longest;
}

/* Where starts must stop for now: pieces that begin further on may continue in text that is still to come,
 * and spaces at the end may turn out to be the text's last. */
static size_t certain(struct unigram *u)
{
    const struct window *w = u->window;
    size_t behind = w->filled, walk = w->filled > u->tables->longest ? w->filled - u->tables->longest : 0;
    while (behind > u->seen && w->symbols[behind - 1] == SYMBOL_SPACE)
        behind--;
    if (behind > u->seen)
        u->solid = behind;
    u->seen = w->filled;
    return walk < u->solid ? walk : u->solid;
}

/* Symbols of the word at a border, its space included; 0 when it is long, or its end is not known yet. */
static size_t word_at(const uint16_t *symbols, size_t left, bool last)
{
    size_t n = 1, most = left < MEMO_WORD ? left : MEMO_WORD;
    while (n < most && symbols[n] != SYMBOL_SPACE)
        n++;
    return n < left ? (symbols[n] == SYMBOL_SPACE ? n : 0) : last ? n : 0;
}

void unigram_advance(struct unigram *u, bool last)
{
    struct window *w = u->window;
    const trie_node *nodes = tables_nodes(u->tables);
    const float *scores = tables_scores(u->tables);
    size_t limit = last ? w->filled : certain(u);
    w->symbols[w->filled] = SYMBOL_UNKNOWN; /* no piece has it, so no walk passes the end of the window */
    while (u->ready < w->filled)
        w->cells[++u->ready].score = -INFINITY;
    for (; u->next < limit; u->next++) {
        if (u->next >= u->reach)
            u->border = u->next;
        if (w->symbols[u->next] == SYMBOL_SPACE && u->next >= u->reach) {
            size_t length = u->memo != NULL ? word_at(w->symbols + u->next, w->filled - u->next, last) : 0;
            u->words++;
            if (length > 0 && memo_cut(u->memo, w->symbols + u->next, length, w->cells + u->next)) {
                u->next += length - 1;
                continue;
            }
        }
        size_t end = u->next + expand(nodes, scores, u->tables, w->symbols + u->next, w->cells + u->next);
        u->reach = end > u->reach ? end : u->reach;
    }
    if (last)
        u->border = w->filled;
}

void unigram_drop(struct unigram *u)
{
    if (u->border == 0)
        return;
    window_drop(u->window, u->border);
    u->next -= u->border;
    u->ready -= u->border;
    u->reach -= u->border;
    u->seen -= u->border;
    u->solid -= u->border;
    u->border = 0;
}
