#include "index/reach.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "index/clusters.h"

#define QUERIES 256
#define BEST    10    /* rows of each */
#define LEFT    0.004 /* share of the pairs that lie below the lowest */

struct pair {
    float kth;    /* of the query */
    float centre; /* cosine of the query and the nearer of the row's centres */
};

struct measuring {
    const struct centres *c;
    const struct kmeans_rows *rows;
    const struct scan_kernels *kernels;
    struct centres queries;
    struct near_centre best[QUERIES]
                           [BEST + 1]; /* rows, with the product of their codes; the query itself too */
    struct pair pairs[QUERIES * BEST];
    size_t pair_count;
    double near; /* sum, of the pairs */
};

static void find_best(struct measuring *m)
{
    int32_t sums[SCAN_QUERIES][SCAN_BLOCK];
    for (size_t i = 0; i < m->queries.count; i++)
        for (size_t j = 0; j <= BEST; j++)
            m->best[i][j].product = -INFINITY;
    for (size_t first = 0; first < m->rows->count; first += SCAN_BLOCK) {
        size_t n = m->rows->count - first < SCAN_BLOCK ? m->rows->count - first : SCAN_BLOCK;
        struct scan_codes codes = kmeans_codes(m->rows->codes, first, m->c->width);
        for (size_t group = 0; group < m->queries.count; group += SCAN_QUERIES) {
            const struct scan_query *queries[SCAN_QUERIES] = {0};
            size_t together =
                m->queries.count - group < SCAN_QUERIES ? m->queries.count - group : SCAN_QUERIES;
            for (size_t q = 0; q < together; q++)
                queries[q] = &m->queries.queries[group + q];
            m->kernels->dot(codes, NULL, n, queries, together, sums);
            for (size_t q = 0; q < together; q++)
                for (size_t i = 0; i < n; i++) {
                    float cosine = (float)queries[q]->unit * m->rows->scales[first + i] * (float)sums[q][i];
                    if (cosine > m->best[group + q][BEST].product)
                        near_insert(m->best[group + q], BEST + 1,
                                    (struct near_centre){cosine, (uint32_t)(first + i)});
                }
        }
    }
}

/* Of a query and its best rows. The first of them is itself, or equal to it. */
static void add_pairs(struct measuring *m, size_t query)
{
    const struct centres *c = m->c;
    const float *vector = m->queries.vectors + query * c->width;
    float kth = m->best[query][BEST].product;
    for (size_t j = 1; j <= BEST && kth < 0.99f; j++) {
        uint32_t row = m->best[query][j].centre;
        struct near_centre near[CLUSTERS_NEAREST];
        float scale = m->rows->scales[row];
        centres_nearest(c, m->kernels, kmeans_codes(m->rows->codes, row, c->width), 1, CLUSTERS_NEAREST,
                        near);
        size_t second = clusters_second(c, near, scale);
        float one = kmeans_dot(vector, c->vectors + near[0].centre * c->width, c->width);
        float other = kmeans_dot(vector, c->vectors + second * c->width, c->width);
        m->pairs[m->pair_count++] = (struct pair){kth, fmaxf(one, other)};
        m->near += scale * near[0].product;
    }
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float aside(float cosine)
{
    return sqrtf(fmaxf(1 - cosine * cosine, 1e-4f));
}

static struct reach conclude(const struct measuring *m)
{
    float values[QUERIES * BEST];
    struct reach reach = {.near = 1, .lowest = -1}; /* nothing to go by but equal rows */
    if (m->pair_count == 0)
        return reach;
    reach.near = (float)(m->near / (double)m->pair_count);
    for (size_t i = 0; i < m->pair_count; i++)
        values[i] = (m->pairs[i].centre - m->pairs[i].kth * reach.near) /
                    (aside(m->pairs[i].kth) * aside(reach.near));
    qsort(values, m->pair_count, sizeof *values, by_size);
    reach.lowest = values[(size_t)(LEFT * (double)m->pair_count)];
    return reach;
}

enum status reach_measure(const struct centres *c, const struct kmeans_rows *rows,
                          const struct scan_kernels *kernels, struct reach *out, struct error *err)
{
    struct measuring *m = calloc(1, sizeof *m);
    float *vector = calloc(c->width, sizeof *vector);
    size_t n = rows->count / (2 * BEST) < QUERIES ? rows->count / (2 * BEST) : QUERIES;
    enum status status = STATUS_OK;
    if (m == NULL || vector == NULL)
        status = error_memory(err, "making clusters");
    if (status == STATUS_OK && n > 0)
        status = centres_init(&m->queries, n, c->width, err);
    if (status == STATUS_OK) {
        m->c = c;
        m->rows = rows;
        m->kernels = kernels;
        for (size_t i = 0; i < n; i++) {
            size_t at = i * rows->count / n;
            kmeans_vector(rows->codes, at, rows->scales[at], c->width, vector);
            centres_set(&m->queries, i, vector);
        }
        find_best(m);
        for (size_t i = 0; i < n; i++)
            add_pairs(m, i);
        *out = conclude(m);
        centres_release(&m->queries);
    }
    free(vector);
    free(m);
    return status;
}

float reach_floor(const struct reach *r, float kth)
{
    return kth * r->near + r->lowest * aside(kth) * aside(r->near);
}
