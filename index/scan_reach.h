/* What rows may reach, from a glance: plain C that each kernel file compiles for its instruction set. */
#ifndef COGNATE_INDEX_SCAN_REACH_H
#define COGNATE_INDEX_SCAN_REACH_H

#include "index/scan.h"

#define GLANCE_ROUNDING 4e-6f /* of the float arithmetic on scores up to 1 */

/* Of the cosine q · x the glance has unit · scale · sum; what it leaves out is no more than
 *
 *     error · 1  +  length · row.error  +  tail · row.tail
 *
 * for what the high bytes miss of the query's head, what the codes miss of the row's, and the rest of both.
 */
static inline __attribute__((always_inline)) void find_reach(const struct scan_query *query,
                                                             const int32_t *restrict sums,
                                                             struct scan_bounds bounds, size_t n,
                                                             unsigned char *restrict out)
{
    const float *restrict scales = bounds.scales, *restrict errors = bounds.errors,
                          *restrict tails = bounds.tails;
    float unit = (float)query->glance.unit, length = (float)query->glance.length;
    float tail = (float)query->glance.tail, error = (float)query->glance.error + GLANCE_ROUNDING;
    for (size_t i = 0; i < n; i++) {
        float most = unit * scales[i] * (float)sums[i] + (error + length * errors[i] + tail * tails[i]);
        float steps = most * SCAN_REACH;
        steps = steps > 1 ? steps : 1;
        out[i] = (unsigned char)(int)(steps < SCAN_REACH ? steps : SCAN_REACH);
    }
}

#endif
