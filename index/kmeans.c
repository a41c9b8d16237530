#include "index/kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "index/store.h"

#define ROUNDS 6
#define STRIPES 16

/* Vigna's xorshift64*: centres must not change from run to run. */
static uint32_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545F4914F6CDD1Du >> 32);
}

/* ---- centres ---- */

enum status centres_init(struct centres *c, size_t count, size_t width, struct error *err)
{
    *c = (struct centres){.count = count, .width = width};
    c->vectors = calloc(count, width * sizeof *c->vectors);
    c->queries = calloc(count, sizeof *c->queries);
    c->memory = big_alloc(count * scan_query_bytes(width));
    if (c->vectors != NULL && c->queries != NULL && c->memory != NULL)
        return STATUS_OK;
    centres_release(c);
    return error_memory(err, "finding clusters");
}

void centres_release(struct centres *c)
{
    big_free(c->memory);
    free(c->queries);
    free(c->vectors);
    *c = (struct centres){0};
}

void centres_set(struct centres *c, size_t at, const float *vector)
{
    float *mine = c->vectors + at * c->width;
    scan_query_init(&c->queries[at], vector, c->width, c->memory + at * scan_query_bytes(c->width));
    for (size_t j = 0; j < c->width; j++)
        mine[j] = (float)c->queries[at].normalized[j];
}

/* ---- rows ---- */

struct scan_codes kmeans_codes(struct scan_codes codes, size_t first, size_t width)
{
    size_t head = scan_head(width);
    return (struct scan_codes){codes.heads + first * head, codes.rests + first * (scan_stride(width) - head)};
}

void kmeans_vector(struct scan_codes codes, size_t at, float scale, size_t width, float *out)
{
    struct scan_codes row = kmeans_codes(codes, at, width);
    size_t head = scan_head(width);
    for (size_t j = 0; j < width; j++)
        out[j] = scale * (float)((j < head ? row.heads[j] : row.rests[j - head]) - 128);
}

float kmeans_dot(const float *a, const float *b, size_t n)
{
    float sums[STRIPES] = {0}, sum = 0;
    size_t whole = n / STRIPES * STRIPES;
    for (size_t i = 0; i < whole; i += STRIPES)
        for (size_t j = 0; j < STRIPES; j++)
            sums[j] += a[i + j] * b[i + j];
    for (size_t i = whole; i < n; i++)
        sum += a[i] * b[i];
    for (size_t j = 0; j < STRIPES; j++)
        sum += sums[j];
    return sum;
}

/* ---- the nearest ---- */

/* Takes a centre's products with the rows. Few are among the nearest: which, is told in one sweep. */
static void take(const int32_t *sums, size_t n, float unit, uint32_t centre, size_t most,
                 struct near_centre *out, float *floors)
{
    unsigned char nearer[SCAN_BLOCK + sizeof(uint64_t)] = {0};
    for (size_t i = 0; i < n; i++)
        nearer[i] = unit * (float)sums[i] > floors[i];
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t any;
        memcpy(&any, nearer + i, sizeof any);
        for (; any != 0; any &= any - 1) {
            size_t row = i + (size_t)__builtin_ctzll(any) / 8;
            near_insert(out + row * most, most, (struct near_centre){unit * (float)sums[row], centre});
            floors[row] = out[row * most + most - 1].product;
        }
    }
}

void centres_nearest(const struct centres *c, const struct scan_kernels *kernels, struct scan_codes codes,
                     size_t n, size_t most, struct near_centre *out)
{
    int32_t sums[SCAN_QUERIES][SCAN_BLOCK];
    float floors[SCAN_BLOCK];
    for (size_t i = 0; i < n * most; i++)
        out[i] = (struct near_centre){-INFINITY, 0};
    for (size_t i = 0; i < n; i++)
        floors[i] = -INFINITY;
    for (size_t first = 0; first < c->count; first += SCAN_QUERIES) {
        size_t together = c->count - first < SCAN_QUERIES ? c->count - first : SCAN_QUERIES;
        const struct scan_query *queries[SCAN_QUERIES] = {0};
        for (size_t q = 0; q < together; q++)
            queries[q] = &c->queries[first + q];
        kernels->dot(codes, NULL, n, queries, together, sums);
        for (size_t q = 0; q < together; q++)
            take(sums[q], n, (float)queries[q]->unit, (uint32_t)(first + q), most, out, floors);
    }
    for (size_t i = 0; i < n; i++) /* where there are fewer */
        for (size_t j = c->count; j < most; j++)
            out[i * most + j] = out[i * most + c->count - 1];
}

/* ---- training ---- */

static void start(struct centres *c, const struct kmeans_rows *rows, float *vector)
{
    for (size_t i = 0; i < c->count; i++) { /* rows at even distances */
        size_t at = (size_t)((unsigned __int128)i * rows->count / c->count);
        kmeans_vector(rows->codes, at, rows->scales[at], c->width, vector);
        centres_set(c, i, vector);
    }
}

/* Moves the centres into the middle of their rows; one without any starts anew from a row by chance. */
static void move(struct centres *c, const struct kmeans_rows *rows, const uint32_t *nearest, float *sums,
                 uint64_t *random)
{
    float *vector = sums + c->count * c->width;
    memset(sums, 0, c->count * c->width * sizeof *sums);
    for (size_t i = 0; i < rows->count; i++) {
        float *sum = sums + nearest[i] * c->width;
        kmeans_vector(rows->codes, i, rows->scales[i], c->width, vector);
        for (size_t j = 0; j < c->width; j++)
            sum[j] += vector[j];
    }
    for (size_t i = 0; i < c->count; i++) {
        float *sum = sums + i * c->width, square = 0;
        for (size_t j = 0; j < c->width; j++)
            square += sum[j] * sum[j];
        if (!(square > 1e-12f)) {
            size_t at = (size_t)((uint64_t)next_random(random) * rows->count >> 32);
            kmeans_vector(rows->codes, at, rows->scales[at], c->width, sum);
        }
        centres_set(c, i, sum);
    }
}

enum status kmeans_train(struct centres *c, const struct kmeans_rows *rows,
                         const struct scan_kernels *kernels, const struct watcher *w, struct error *err)
{
    uint64_t random = 0x9E3779B97F4A7C15u;
    float *sums = calloc(c->count + 1, c->width * sizeof *sums); /* and one vector */
    uint32_t *nearest = calloc(rows->count + 1, sizeof *nearest);
    enum status status = sums == NULL || nearest == NULL ? error_memory(err, "finding clusters") : STATUS_OK;
    if (status == STATUS_OK)
        start(c, rows, sums);
    for (int round = 0; round < ROUNDS && status == STATUS_OK; round++) {
        for (size_t first = 0; first < rows->count && status == STATUS_OK; first += SCAN_BLOCK) {
            struct near_centre near[SCAN_BLOCK];
            size_t n = rows->count - first < SCAN_BLOCK ? rows->count - first : SCAN_BLOCK;
            centres_nearest(c, kernels, kmeans_codes(rows->codes, first, c->width), n, 1, near);
            for (size_t i = 0; i < n; i++)
                nearest[first + i] = near[i].centre;
            status = watcher_tell(w, 0, 0, err);
        }
        if (status == STATUS_OK)
            move(c, rows, nearest, sums, &random);
    }
    free(nearest);
    free(sums);
    return status;
}
