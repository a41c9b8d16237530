/* One list out of two: what is near in meaning and what has the words.
 *
 *     sum     (1 - w) · relevance + w · share     0…1 of the cosine, and 0…1 of what the query's words could
 *                                                 give (bm25.h)
 *     ranks   Σ 1 / (60 + rank)                   over the lists that have the document (Cormack, Clarke and
 *                                                 Büttcher 2009)
 *
 * to which the number of the query's codes that a passage has is added, so that exact identifiers come first.
 * Documents that only their words brought, without a code, take at most one place in each five: where words
 * look alike and mean something else, the answers in other languages are not pushed out. What is held back
 * comes later with the score of the one before it.
 */
#ifndef COGNATE_INDEX_FUSION_H
#define COGNATE_INDEX_FUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "index/index.h"

#define FUSION_WEIGHT 0.3
#define FUSION_RANKS  60 /* k of reciprocal ranks */
#define FUSION_PLACES 5  /* of which one may go to a document of words only */

struct fusion_item {
    int64_t document, passage;
    struct text name; /* for ties */
    double cosine, relevance;
    double bm25, share;
    unsigned codes;
    size_t semantic_rank, keyword_rank; /* in the lists, from 1; 0: not in that one */
    double score;
};

/* The score of an item, which fusion_order puts into it. */
double fusion_score(const struct fusion_item *item, enum fusion fusion);

/* Puts items into their order. */
void fusion_order(struct fusion_item *items, size_t n, enum fusion fusion);

#endif
