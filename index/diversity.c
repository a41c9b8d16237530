#include "index/diversity.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#define STRIPES 16

/* Sixteen stripes, added in one order on every machine. */
static double dot(const float *a, const float *b, size_t width)
{
    double parts[STRIPES] = {0}, sum = 0;
    size_t whole = width / STRIPES * STRIPES;
    for (size_t i = 0; i < whole; i += STRIPES)
        for (size_t j = 0; j < STRIPES; j++)
            parts[j] += (double)a[i + j] * b[i + j];
    for (size_t i = whole; i < width; i++)
        parts[i % STRIPES] += (double)a[i] * b[i];
    for (size_t j = 0; j < STRIPES; j++)
        sum += parts[j];
    return sum;
}

enum status diversity_choose(const double *cosines, const float *vectors, size_t n, size_t width,
                             double diversity, size_t k, size_t *chosen, struct error *err)
{
    double *nearest = malloc((n + 1) * sizeof *nearest); /* to one chosen before */
    bool *taken = calloc(n + 1, sizeof *taken);
    if (nearest == NULL || taken == NULL) {
        free(nearest);
        free(taken);
        return error_memory(err, "choosing among hits");
    }
    for (size_t i = 0; i < n; i++)
        nearest[i] = -1;
    for (size_t count = 0; count < k && count < n; count++) {
        size_t best = n;
        double highest = -INFINITY;
        for (size_t i = 0; i < n; i++) {
            double score = (1 - diversity) * cosines[i] - diversity * nearest[i];
            if (!taken[i] && score > highest) {
                highest = score;
                best = i;
            }
        }
        chosen[count] = best;
        taken[best] = true;
        for (size_t i = 0; i < n; i++)
            if (!taken[i])
                nearest[i] = fmax(nearest[i], dot(vectors + i * width, vectors + best * width, width));
    }
    free(nearest);
    free(taken);
    return STATUS_OK;
}
