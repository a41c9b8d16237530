#include "index/fusion.h"

#include <math.h>
#include <stdlib.h>

double fusion_score(const struct fusion_item *item, enum fusion fusion)
{
    double score = 0;
    if (fusion == FUSION_SUM)
        score = 1 / (1 + exp(-(item->odds + FUSION_WEIGHT * item->share * sqrt(item->share))));
    if (fusion == FUSION_RRF && item->semantic_rank > 0)
        score += 1.0 / (FUSION_RANKS + (double)item->semantic_rank);
    if (fusion == FUSION_RRF && item->keyword_rank > 0)
        score += 1.0 / (FUSION_RANKS + (double)item->keyword_rank);
    return score + item->codes;
}

static bool is_held_back(const struct fusion_item *item)
{
    return item->semantic_rank == 0 && item->codes == 0;
}

static int by_score(const void *a, const void *b)
{
    const struct fusion_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return text_compare(x->name, y->name);
}

/* Moves items[from] to the front of `to`, those between one place back. */
static void move_up(struct fusion_item *items, size_t from, size_t to)
{
    struct fusion_item item = items[from];
    for (size_t i = from; i > to; i--)
        items[i] = items[i - 1];
    items[to] = item;
}

void fusion_order(struct fusion_item *items, size_t n, enum fusion fusion)
{
    bool taken = false; /* the place of these five for words only */
    for (size_t i = 0; i < n; i++)
        items[i].score = fusion_score(&items[i], fusion);
    if (n > 1)
        qsort(items, n, sizeof *items, by_score);
    for (size_t place = 0; place < n; place++) {
        size_t next = place;
        taken = taken && place % FUSION_PLACES != 0;
        while (taken && next < n && is_held_back(&items[next]))
            next++;
        if (next < n) /* otherwise words are all that is left */
            move_up(items, next, place);
        taken = taken || is_held_back(&items[place]);
        if (place > 0 && items[place].score > items[place - 1].score)
            items[place].score = items[place - 1].score;
    }
}
