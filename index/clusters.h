/* Clusters of a collection's rows, so that a search of a large one need not look at all of them.
 *
 * Centres of the rows' directions, and for each a list of the slots of rows near it. A row stands in two
 * lists: that of its nearest centre, and that of another one, chosen so that a query which misses the first
 * meets the second (SOAR: Sun, Simcha, Dopson, Guo, Kumar 2023, arXiv:2404.00774). Rows stay where they are.
 *
 * 1. A slot whose bit in `loose` (resident.h) is not set stands in its lists. The others are looked at by
 *    every search: what was put since, and slots that were used again.
 * 2. A list may name slots that have become loose or free. That costs a look, and never an answer.
 *
 * Lists never change: arrange.c makes new ones in their place.
 */
#ifndef COGNATE_INDEX_CLUSTERS_H
#define COGNATE_INDEX_CLUSTERS_H

#include <stdint.h>

#include "common/status.h"
#include "index/kmeans.h"
#include "index/reach.h"
#include "index/scan.h"

#define CLUSTERS_MOST    8192
#define CLUSTERS_NEAREST 8 /* out of which the second one is chosen */

struct clusters {
    size_t count, width;
    struct scan_codes codes; /* of the centres; `heads` owns the memory of both */
    float *scales;
    uint32_t *starts, *slots; /* list i is slots[starts[i]] … slots[starts[i + 1] - 1] */
    struct reach reach;
    uint32_t trained; /* rows there were when the centres were found */
    uint64_t since;   /* rows that were placed after that */
    int64_t made;     /* Unix milliseconds */
};

/* A row and the clusters it is to stand in. */
struct placement {
    int64_t passage;
    uint32_t slot;
    uint16_t clusters[2];
};

/* The second cluster of a row x of that scale, given the CLUSTERS_NEAREST centres nearest to it, of which the
 * first is c: that of the centre d with the least
 *
 *     |x - d|²  +  ((x - c) · (x - d))² / |x - c|²
 *
 * since a query that x is near to, and c is not, lies where x is seen from c. */
uint16_t clusters_second(const struct centres *c, const struct near_centre *near, float scale);

struct resident;

/* Clusters of the placements, and, unless `old` is NULL, of the rows of `r` that stand in its lists. */
enum status clusters_new(const struct centres *centres, const struct placement *placements, size_t n,
                         const struct resident *r, const struct clusters *old, struct clusters **out,
                         struct error *err);
void clusters_free(struct clusters *c); /* accepts NULL and half-built */

/* The centres once more. */
enum status clusters_centres(const struct clusters *c, struct centres *out, struct error *err);

/* cosines[i] = of the query and centre i, nearly. */
void clusters_cosines(const struct clusters *c, const struct scan_kernels *kernels,
                      const struct scan_query *query, float *cosines);

size_t clusters_bytes(const struct clusters *c); /* of memory; 0 for NULL */

#endif
