/* One list out of two: what is near in meaning and what has the words.
 *
 *     sum     odds(relevance) + FUSION_WEIGHT · share^1.5     log odds, and from there back to 0…1: the
 *             relevance of the cosine, lifted by the share 0…1 of what the query's words could give (bm25.h)
 *     ranks   Σ 1 / (60 + rank)                               over the lists that have the document (Cormack,
 *             Clarke and Büttcher 2009)
 *
 * to which the number of the query's codes that a passage has is added, so that exact identifiers come first.
 * Documents that only their words brought, without a code, take at most one place in each five: where words
 * look alike and mean something else, the answers in other languages are not pushed out. What is held back
 * comes later with the score of the one before it.
 *
 * Relevances themselves, added instead of their odds, lose too much of the order among distant hits. The weight
 * was measured on short descriptions of Debian packages as queries for the long ones, 3,500 documents in 13
 * languages, and on data/samples. nDCG@10 by meaning alone → hybrid:
 *
 *     780 queries, answer in their language      0.864 → 0.900
 *     720 queries, answer in another language    0.727 → 0.725
 *     102 queries of data/samples, mostly so     0.844 → 0.843
 */
#ifndef COGNATE_INDEX_FUSION_H
#define COGNATE_INDEX_FUSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/text.h"
#include "index/index.h"

#define FUSION_WEIGHT 5.0 /* log odds */
#define FUSION_RANKS  60 /* k of reciprocal ranks */
#define FUSION_PLACES 5  /* of which one may go to a document of words only */

struct fusion_item {
    int64_t document, passage;
    struct text name; /* for ties */
    double cosine, odds; /* odds: of its relevance, log */
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
