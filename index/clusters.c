#include "index/clusters.h"

#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "index/resident.h"
#include "index/store.h"

void clusters_free(struct clusters *c)
{
    if (c == NULL)
        return;
    big_free(c->codes.heads);
    free(c->scales);
    free(c->starts);
    big_free(c->slots);
    free(c);
}

size_t clusters_bytes(const struct clusters *c)
{
    if (c == NULL)
        return 0;
    return c->count * (scan_stride(c->width) + sizeof *c->scales + sizeof *c->starts) +
           c->starts[c->count] * sizeof *c->slots;
}

static enum status set_centres(struct clusters *c, const struct centres *centres, struct error *err)
{
    size_t head = scan_head(c->width), rest = scan_stride(c->width) - head;
    float error, tail;
    c->codes.heads = big_alloc(c->count * (head + rest));
    c->scales = calloc(c->count, sizeof *c->scales);
    if (c->codes.heads == NULL || c->scales == NULL)
        return error_memory(err, "making clusters");
    c->codes.rests = c->codes.heads + c->count * head;
    for (size_t i = 0; i < c->count; i++)
        if (!scan_row_init(c->codes.heads + i * head, c->codes.rests + i * rest, &c->scales[i], &error, &tail,
                           centres->vectors + i * c->width, c->width))
            return error_set(err, STATUS_INTERNAL, "the centre of a cluster has no direction");
    return STATUS_OK;
}

enum status clusters_centres(const struct clusters *c, struct centres *out, struct error *err)
{
    float *vector = calloc(c->width, sizeof *vector);
    enum status status =
        vector != NULL ? centres_init(out, c->count, c->width, err) : error_memory(err, "making clusters");
    for (size_t i = 0; i < c->count && status == STATUS_OK; i++) {
        kmeans_vector(c->codes, i, c->scales[i], c->width, vector);
        centres_set(out, i, vector);
    }
    free(vector);
    return status;
}

/* ---- lists ---- */

static bool stands(const struct resident *r, uint32_t slot)
{
    return slot < r->slots && !resident_is_loose(r, slot);
}

/* Once to count, at[i + 1]; and once to fill, at[i] being where the next slot of list i goes. */
static void for_each(const struct placement *placements, size_t n, const struct resident *r,
                     const struct clusters *old, uint32_t *at, uint32_t *slots)
{
    for (size_t list = 0; old != NULL && list < old->count; list++)
        for (uint32_t i = old->starts[list]; i < old->starts[list + 1]; i++) {
            if (!stands(r, old->slots[i]))
                continue;
            if (slots != NULL)
                slots[at[list]++] = old->slots[i];
            else
                at[list + 1]++;
        }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 2; j++) {
            uint16_t list = placements[i].clusters[j];
            if (j == 1 && list == placements[i].clusters[0])
                continue;
            if (slots != NULL)
                slots[at[list]++] = placements[i].slot;
            else
                at[list + 1]++;
        }
}

static enum status set_lists(struct clusters *c, const struct placement *placements, size_t n,
                             const struct resident *r, const struct clusters *old, struct error *err)
{
    uint32_t *at = calloc(c->count + 1, sizeof *at);
    c->starts = calloc(c->count + 1, sizeof *c->starts);
    if (at == NULL || c->starts == NULL) {
        free(at);
        return error_memory(err, "making clusters");
    }
    for_each(placements, n, r, old, c->starts, NULL);
    for (size_t i = 0; i < c->count; i++)
        c->starts[i + 1] += c->starts[i];
    memcpy(at, c->starts, (c->count + 1) * sizeof *at);
    c->slots = big_alloc((c->starts[c->count] + 1) * sizeof *c->slots);
    if (c->slots != NULL)
        for_each(placements, n, r, old, at, c->slots);
    free(at);
    return c->slots != NULL ? STATUS_OK : error_memory(err, "making clusters");
}

enum status clusters_new(const struct centres *centres, const struct placement *placements, size_t n,
                         const struct resident *r, const struct clusters *old, struct clusters **out,
                         struct error *err)
{
    struct clusters *c = calloc(1, sizeof *c);
    if (c == NULL)
        return error_memory(err, "making clusters");
    c->count = centres->count;
    c->width = centres->width;
    c->made = time_now_ms();
    enum status status = set_centres(c, centres, err);
    if (status == STATUS_OK)
        status = set_lists(c, placements, n, r, old, err);
    if (status == STATUS_OK)
        *out = c;
    else
        clusters_free(c);
    return status;
}

/* ---- placing ---- */

uint16_t clusters_second(const struct centres *c, const struct near_centre *near, float scale)
{
    const float *first = c->vectors + near[0].centre * c->width;
    float to_first = scale * near[0].product, away = 2 - 2 * to_first, least = 0;
    uint16_t best = (uint16_t)near[0].centre;
    for (size_t i = 1; i < CLUSTERS_NEAREST && near[i].centre != near[0].centre; i++) {
        const float *other = c->vectors + near[i].centre * c->width;
        float to_other = scale * near[i].product;
        float along = 1 - to_first - to_other + kmeans_dot(first, other, c->width);
        float cost = 2 - 2 * to_other + along * along / (away > 1e-6f ? away : 1e-6f);
        if (i == 1 || cost < least) {
            least = cost;
            best = (uint16_t)near[i].centre;
        }
    }
    return best;
}
_Static_assert(CLUSTERS_MOST <= UINT16_MAX, "their numbers have sixteen bits");

/* ---- searching ---- */

void clusters_cosines(const struct clusters *c, const struct scan_kernels *kernels,
                      const struct scan_query *query, float *cosines)
{
    int32_t sums[1][SCAN_BLOCK];
    for (size_t first = 0; first < c->count; first += SCAN_BLOCK) {
        size_t n = c->count - first < SCAN_BLOCK ? c->count - first : SCAN_BLOCK;
        kernels->dot(kmeans_codes(c->codes, first, c->width), NULL, n, &query, 1, sums);
        for (size_t i = 0; i < n; i++)
            cosines[first + i] = (float)query->unit * c->scales[first + i] * (float)sums[0][i];
    }
}
