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
        cell->last = (piece & 0xFFFFFF) | (uint32_t)length << 24;
    }
}

/* Tries every piece that starts at symbol `start`. */
static void expand(struct unigram *u, size_t start)
{
    const struct trie_node *nodes = tables_nodes(u->tables);
    const uint16_t *symbols = u->window->symbols + start;
    struct cell *cells = u->window->cells + start;
    const struct trie_node *node = nodes + symbols[0];
    float before = cells[0].score;
    size_t length = 1, longest = 1;
    if (node->piece != TRIE_NONE)
        relax(&cells[1], node->score + before, node->piece, 1);
    else
        relax(&cells[1], u->tables->unknown_score + before, u->tables->unknown, 1);
    while ((node = trie_step(nodes, node, symbols[length])) != NULL) {
        length++;
        if (node->piece != TRIE_NONE) {
            relax(&cells[length], node->score + before, node->piece, length);
            longest = length;
        }
    }
    if (start + longest > u->reach)
        u->reach = start + longest;
}

/* Where starts must stop for now: pieces that begin further on may continue in text that is still to come,
 * and spaces at the end may turn out to be the text's last. */
static size_t certain(const struct unigram *u)
{
    const struct window *w = u->window;
    size_t spaces = w->filled, walk = w->filled > u->tables->longest ? w->filled - u->tables->longest : 0;
    while (spaces > 0 && w->symbols[spaces - 1] == SYMBOL_SPACE)
        spaces--;
    return walk < spaces ? walk : spaces;
}

void unigram_advance(struct unigram *u, bool last)
{
    struct window *w = u->window;
    size_t limit = last ? w->filled : certain(u);
    w->symbols[w->filled] = SYMBOL_UNKNOWN; /* no piece has it, so no walk passes the end of the window */
    while (u->ready < w->filled)
        w->cells[++u->ready].score = -INFINITY;
    for (; u->next < limit; u->next++) {
        if (u->next >= u->reach)
            u->border = u->next;
        expand(u, u->next);
    }
    if (last)
        u->border = w->filled;
}

void unigram_drop(struct unigram *u)
{
    window_drop(u->window, u->border);
    u->next -= u->border;
    u->ready -= u->border;
    u->reach -= u->border;
    u->border = 0;
}
