/* How far from a query the centre of a cluster may lie that holds one of its best rows.
 *
 * Let a query q have its k-th best row at the cosine t, and let rows lie at the cosine s from the centres of
 * their clusters. Of a row x at t, q = t x + √(1 - t²) u and c = s x + √(1 - s²) v, with u and v at right
 * angles to x, and so
 *
 *     q · c  =  t s  +  √(1 - t²) √(1 - s²) u · v
 *
 * How u and v lie to each other is a matter of the model and of the texts: it is measured, on rows of the
 * collection in the place of queries.
 */
#ifndef COGNATE_INDEX_REACH_H
#define COGNATE_INDEX_REACH_H

#include "index/kmeans.h"

struct reach {
    float near;   /* s: the mean of a row and its nearest centre */
    float lowest; /* u · v that all but a few pairs are above */
};

/* On a sample of rows. */
enum status reach_measure(const struct centres *c, const struct kmeans_rows *rows,
                          const struct scan_kernels *kernels, struct reach *out, struct error *err);

/* Cosine of query and centre from which on a cluster is worth a look, the k-th best row being at `kth`. */
float reach_floor(const struct reach *r, float kth);

#endif
