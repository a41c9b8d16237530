#include "index/scan_rate.h"

#include <stdlib.h>
#include <time.h>

#include "common/arena.h"
#include "index/store.h"

#define MOST_PASSES 4096

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double pass(const struct collection *c, const struct scan_query *query)
{
    const struct resident *r = &c->resident;
    int32_t sums[1][SCAN_BLOCK];
    double start = now();
    for (size_t first = 0; first < r->slots; first += SCAN_BLOCK) {
        size_t n = r->slots - first < SCAN_BLOCK ? r->slots - first : SCAN_BLOCK;
        c->store->kernels->dot(r->blocks[first / SCAN_BLOCK].codes, NULL, n, &query, 1, sums);
    }
    return now() - start;
}

enum status collection_scan_rate(struct collection *c, const float *vector, double seconds,
                                 struct scan_rate *out, struct error *err)
{
    struct collection_view view;
    struct scan_query query;
    void *memory = big_alloc(scan_query_bytes(c->width));
    double *times = calloc(MOST_PASSES, sizeof *times);
    enum status status = STATUS_OK;
    if (memory == NULL || times == NULL)
        status = error_memory(err, "measuring the scan");
    if (status == STATUS_OK)
        status = collection_view(c, &view, err);
    if (status != STATUS_OK)
        goto done;
    if (c->resident.live == 0) {
        status = error_set(err, STATUS_NOT_FOUND, "the collection %s is empty; add documents first", c->name);
    } else {
        scan_query_init(&query, vector, c->width, memory);
        double until = now() + seconds;
        size_t n = 0;
        do
            times[n++] = pass(c, &query);
        while (n < MOST_PASSES && now() < until);
        qsort(times, n, sizeof *times, by_size);
        *out = (struct scan_rate){.passages = c->resident.live,
                                  .bytes = (size_t)c->resident.slots * c->resident.stride,
                                  .best = times[0],
                                  .median = times[n / 2]};
    }
    collection_view_end(c, &view);
done:
    free(times);
    big_free(memory);
    return status;
}
