/* Searching by example: documents to be near to and documents to be far from.
 *
 *     vector = mean(the query, those to be near to) - mean(those to be far from) / 2
 *
 * over unit vectors (after Rocchio, 1971). Half of the far ones, because all vectors of a model have a part
 * in common, and taking it away altogether would leave noise.
 */
#include "server/engine_state.h"

#include <math.h>
#include <stdlib.h>

#define FAR_WEIGHT 0.5

static void add(double *sum, const float *vector, size_t width, double weight)
{
    double square = 0;
    for (size_t i = 0; i < width; i++)
        square += (double)vector[i] * vector[i];
    for (size_t i = 0; i < width; i++)
        sum[i] += weight * vector[i] / sqrt(square);
}

enum status examples_vector(struct collection *c, const struct engine_query *q, const float *base,
                            size_t width, float *out, struct error *err)
{
    size_t near = q->like_count + (base != NULL), all = q->like_count + q->unlike_count;
    double square = 0, *sum = calloc(width, sizeof *sum);
    float *one = malloc(width * sizeof *one);
    enum status status = sum != NULL && one != NULL ? STATUS_OK : error_memory(err, "searching by example");
    if (status == STATUS_OK && base != NULL)
        add(sum, base, width, 1 / (double)near);
    for (size_t i = 0; i < all && status == STATUS_OK; i++) {
        status = collection_vector(c, q->examples[i], one, err);
        if (status == STATUS_OK)
            add(sum, one, width,
                i < q->like_count ? 1 / (double)near : -FAR_WEIGHT / (double)q->unlike_count);
    }
    for (size_t i = 0; i < width && status == STATUS_OK; i++)
        square += sum[i] * sum[i];
    if (status == STATUS_OK && !(square > 1e-12))
        status = error_field(err, STATUS_INVALID, "unlike",
                             "the examples cancel each other out; leave some of them away");
    for (size_t i = 0; i < width && status == STATUS_OK; i++)
        out[i] = (float)(sum[i] / sqrt(square));
    free(one);
    free(sum);
    return status;
}
