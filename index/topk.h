/* The k best documents seen so far, each with its best passage.
 *
 *     struct topk t;
 *     if (topk_init(&t, k, &err) != STATUS_OK) …
 *     for each passage
 *         if (score >= topk_floor(&t))
 *             topk_offer(&t, document, passage, score);
 *     topk_sort(&t);                       // t.items[0 … t.count), best first
 *     topk_release(&t);
 *
 * A heap of k documents with the worst on top, and a table that finds a document's place in it, since a later
 * passage of a document replaces an earlier one instead of taking a second place. Which documents of the k-th
 * score hold the last places is left open; topk_offer names those that stand outside.
 */
#ifndef COGNATE_INDEX_TOPK_H
#define COGNATE_INDEX_TOPK_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

struct topk_item {
    double score;
    int64_t document; /* > 0 */
    int64_t passage;
};

struct topk {
    struct topk_item *items; /* heap until topk_sort */
    uint32_t *table;         /* open addressing: document → place in items + 1 */
    uint32_t table_mask;
    size_t k, count;
};

enum status topk_init(struct topk *t, size_t k, struct error *err);
void topk_release(struct topk *t); /* accepts a zeroed one */

/* A document must reach this score to get in; -infinity while there is room. */
double topk_floor(const struct topk *t);

/* Returns the document that the offer left outside with a score equal to the floor (this one, or the one
 * whose place it took), 0 when there is none. When the floor has risen, those named before are out for good.
 */
int64_t topk_offer(struct topk *t, int64_t document, int64_t passage, double score);

/* Best first, equal scores by document. Nothing can be offered afterwards. */
void topk_sort(struct topk *t);

#endif
