/* Centres of the directions of many vectors: spherical k-means (Dhillon and Modha 2001) on int8 rows.
 *
 *     struct centres c;
 *     if (centres_init(&c, 1000, width, &err) != STATUS_OK) …
 *     if (kmeans_train(&c, &sample, kernels, NULL, &err) != STATUS_OK) …     // at least 1000 rows
 *     centres_nearest(&c, kernels, codes, n, 8, near);                      // near[8 * i]: of row i, nearest
 * first centres_release(&c);
 *
 * Centres play the query of the scan (scan.h), so that its kernels do the work. The same rows on the same
 * machine give the same centres.
 */
#ifndef COGNATE_INDEX_KMEANS_H
#define COGNATE_INDEX_KMEANS_H

#include "common/status.h"
#include "index/index.h"
#include "index/scan.h"

struct centres {
    size_t count, width;
    float *vectors;             /* [count][width], of unit length */
    struct scan_query *queries; /* the same, as the kernels want them */
    unsigned char *memory;
};

enum status centres_init(struct centres *c, size_t count, size_t width, struct error *err);
void centres_release(struct centres *c); /* accepts a zeroed one */

/* Makes a vector of any length but zero a centre. */
void centres_set(struct centres *c, size_t at, const float *vector);

/* Rows of one array, as those of a block are (resident.h). */
struct kmeans_rows {
    struct scan_codes codes;
    const float *scales;
    size_t count;
};

/* Codes of the rows from `first` on. */
struct scan_codes kmeans_codes(struct scan_codes codes, size_t first, size_t width);

/* The unit vector that a row stands for. */
void kmeans_vector(struct scan_codes codes, size_t at, float scale, size_t width, float *out);

float kmeans_dot(const float *a, const float *b, size_t n);

/* CANCELLED when the watcher, which may be NULL and hears nothing of how far it is, wants no more. */
enum status kmeans_train(struct centres *c, const struct kmeans_rows *rows,
                         const struct scan_kernels *kernels, const struct watcher *w, struct error *err);

struct near_centre {
    float product; /* with the row's codes: its scale times this is the cosine */
    uint32_t centre;
};

/* Puts one among the `most` that come highest, in whose last place there is one that goes. */
static inline void near_insert(struct near_centre *near, size_t most, struct near_centre one)
{
    size_t at = most - 1;
    for (; at > 0 && near[at - 1].product < one.product; at--)
        near[at] = near[at - 1];
    near[at] = one;
}

/* The `most` nearest centres of each of at most SCAN_BLOCK rows; of fewer centres, the last stand there
 * again. */
void centres_nearest(const struct centres *c, const struct scan_kernels *kernels, struct scan_codes codes,
                     size_t n, size_t most, struct near_centre *out);

#endif
