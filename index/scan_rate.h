/* What the scan costs on this machine: the inner loop of exact search alone, over a collection as it lies in
 * memory. */
#ifndef COGNATE_INDEX_SCAN_RATE_H
#define COGNATE_INDEX_SCAN_RATE_H

#include "index/index.h"

struct scan_rate {
    uint64_t passages;
    size_t bytes;        /* read in a pass */
    double best, median; /* seconds of a pass, on one thread */
};

/* Repeats passes of one query, `vector`, for about `seconds`. Searches may go on meanwhile, writers wait.
 * NOT_FOUND when the collection holds nothing. */
enum status collection_scan_rate(struct collection *c, const float *vector, double seconds,
                                 struct scan_rate *out, struct error *err);

#endif
