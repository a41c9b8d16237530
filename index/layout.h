/* A plane for vectors: points that are near in many dimensions come to lie near in two.
 *
 *     struct layout_options options = {.go_on = not_cancelled, .context = flag};
 *     if (layout_plane(vectors, n, 512, &options, xy, &err) != STATUS_OK) …    // xy[2 * i], xy[2 * i + 1]
 *
 * Three steps. Principal components turn the vectors into LAYOUT_COMPONENTS numbers each. In these the
 * LAYOUT_NEIGHBOURS nearest points of each are found exactly. From the first two components, points then
 * move by the loss of UMAP (McInnes, Healy, Melville 2018, arXiv:1802.03426, sections 3.1 and 3.2, with a = b
 * = 1): neighbours attract each other by their weight, points drawn at random repel each other. An edge seen
 * from both of its ends counts twice, in place of the paper's union of fuzzy sets.
 *
 * Distances within a cluster mean something, distances between far clusters little, the axes nothing. The
 * same vectors on the same machine give the same plane.
 */
#ifndef COGNATE_INDEX_LAYOUT_H
#define COGNATE_INDEX_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>

#include "common/status.h"

#define LAYOUT_COMPONENTS 32
#define LAYOUT_NEIGHBOURS 12

struct layout_options {
    bool (*go_on)(void *context); /* asked often; false: CANCELLED. NULL: nobody stops it */
    void *context;
};

/* `vectors`: n rows of `width` finite floats, changed by the call (their mean is taken out). `xy`: 2n,
 * centred on 0. */
enum status layout_plane(float *vectors, size_t n, size_t width, const struct layout_options *options,
                         float *xy, struct error *err);

#endif
