/* Maximal marginal relevance (Carbonell and Goldstein, 1998): from a pool of hits the k that are near the
 * query and not near each other.
 *
 *     diversity_choose(cosines, vectors, n, width, 0.5, k, chosen, &err)
 *
 * The next one is that with the highest (1 - diversity) · cosine - diversity · (highest cosine to one chosen
 * before); the first of equal ones. With 0 the order stays that of the pool.
 */
#ifndef COGNATE_INDEX_DIVERSITY_H
#define COGNATE_INDEX_DIVERSITY_H

#include <stddef.h>

#include "common/status.h"

/* `cosines` to the query, best first; `vectors` n rows of `width` floats of unit length; writes the places of
 * the min(k, n) chosen ones into `chosen`, in the order they were. */
enum status diversity_choose(const double *cosines, const float *vectors, size_t n, size_t width,
                             double diversity, size_t k, size_t *chosen, struct error *err);

#endif
