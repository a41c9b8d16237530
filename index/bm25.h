/* How well passages fit the words of a query: BM25 over the postings of keyword.h.
 *
 *     struct bm25 b;
 *     if (bm25_run(&b, &terms, sql, space, &resident, passages, &err) == STATUS_OK)
 *         for (size_t i = 0; i < b.count; i++)
 *             use(b.slots[i], b.scores[b.slots[i]]);
 *     bm25_release(&b);
 *
 * A passage's score is the sum over the terms
 *
 *     idf · f · (k1 + 1) / (k1 + f)         f = text count / long + TITLE_WEIGHT · title count
 *     idf = ln(1 + (N - n + ½) / (n + ½))   n of N passages have the term
 *     long = 1 - b + b · length / mean      k1 = 1.2, b = 0.75
 *
 * (Robertson and Zaragoza 2009, with the fields put together as in BM25F, and Lucene's idf, which is never
 * negative). Words that nearly everything has are left out when there are rarer ones: they cost most and say
 * least.
 */
#ifndef COGNATE_INDEX_BM25_H
#define COGNATE_INDEX_BM25_H

#include "index/resident.h"
#include "index/sql.h"
#include "index/terms.h"

struct bm25 {
    float *scores;    /* [slots of the resident copy]; 0 where no term is */
    uint8_t *codes;   /* [slots] how many of the query's codes a passage has */
    uint8_t *phrases; /* [slots] how many of its phrases */
    uint32_t *slots;  /* those with a score, in no order */
    size_t count, capacity;
    double most; /* what a passage could reach that has every word of the query often, and nothing else */
};

/* `passages` is how many the space has. Sets the terms' weights. */
enum status bm25_run(struct bm25 *b, struct terms *t, struct sql *sql, int64_t space,
                     const struct resident *r, int64_t passages, struct error *err);
void bm25_release(struct bm25 *b); /* accepts a zeroed one */

#endif
