#include "index/layout.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/blas.h"

#define ROUNDS    24    /* of the power iteration */
#define ROWS      256   /* of a block of distances */
#define NEGATIVES 4     /* random points that each edge pushes away */
#define UPDATES   3.0e7 /* edges times epochs, in all */
#define MOST_STEP 4.0f

/* Vigna's xorshift64*: the layout must not change from run to run. */
static uint32_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return (uint32_t)(*state * 0x2545F4914F6CDD1Du >> 32);
}

static bool stopped(const struct layout_options *options)
{
    return options->go_on != NULL && !options->go_on(options->context);
}

static enum status stop(struct error *err)
{
    return error_set(err, STATUS_CANCELLED, "the layout of the map was stopped before it was done");
}

/* ---- principal components ---- */

static float dot(const float *a, const float *b, size_t n)
{
    float sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

/* a += factor * b */
static void add(float *a, float factor, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] += factor * b[i];
}

static void take_mean_out(float *x, size_t n, size_t width, float *mean)
{
    for (size_t i = 0; i < n; i++)
        add(mean, 1.0f / (float)n, x + i * width, width);
    for (size_t i = 0; i < n; i++)
        add(x + i * width, -1, mean, width);
}

/* Gram-Schmidt on the rows of q, twice, as rounding wants it; a row that vanishes becomes zero. */
static void make_orthonormal(float *q, size_t rows, size_t width)
{
    for (size_t i = 0; i < rows; i++) {
        float *row = q + i * width;
        for (size_t j = 0; j < 2 * i; j++) {
            const float *other = q + j % i * width;
            add(row, -dot(other, row, width), other, width);
        }
        float length = sqrtf(dot(row, row, width));
        for (size_t j = 0; j < width; j++)
            row[j] *= length > 1e-12f ? 1 / length : 0;
    }
}

/* Power iteration of a block of rows on the covariance; the rows of q come out as the leading directions,
 * longest first. */
static void find_directions(sgemm_function *sgemm, const float *x, size_t n, size_t width, float *covariance,
                            float *q, float *moved)
{
    uint64_t random = 0x9E3779B97F4A7C15u;
    int w = (int)width;
    sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, w, w, (int)n, 1.0f / (float)n, x, w, x, w, 0, covariance,
          w);
    for (size_t i = 0; i < LAYOUT_COMPONENTS * width; i++)
        q[i] = (float)next_random(&random) / 4294967296.0f - 0.5f;
    for (int round = 0; round < ROUNDS; round++) {
        make_orthonormal(q, LAYOUT_COMPONENTS, width);
        sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, LAYOUT_COMPONENTS, w, w, 1, q, w, covariance, w, 0,
              moved, w);
        memcpy(q, moved, LAYOUT_COMPONENTS * width * sizeof *q);
    }
    make_orthonormal(q, LAYOUT_COMPONENTS, width);
}

/* y[n][LAYOUT_COMPONENTS] */
static enum status principal_components(sgemm_function *sgemm, float *x, size_t n, size_t width, float *y,
                                        struct error *err)
{
    float *mean = calloc(width, sizeof *mean);
    float *covariance = calloc(width * width, sizeof *covariance);
    float *q = calloc(LAYOUT_COMPONENTS * width, sizeof *q);
    float *moved = calloc(LAYOUT_COMPONENTS * width, sizeof *moved);
    enum status status = STATUS_OK;
    if (mean == NULL || covariance == NULL || q == NULL || moved == NULL) {
        status = error_memory(err, "laying out the map");
    } else {
        take_mean_out(x, n, width, mean);
        find_directions(sgemm, x, n, width, covariance, q, moved);
        sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)n, LAYOUT_COMPONENTS, (int)width, 1, x,
              (int)width, q, (int)width, 0, y, LAYOUT_COMPONENTS);
    }
    free(moved);
    free(q);
    free(covariance);
    free(mean);
    return status;
}

/* ---- neighbours ---- */

struct neighbours {
    uint32_t *ids;  /* [n][k], nearest first */
    float *weights; /* [n][k]: squared distances, then weights */
    size_t k;
};

static void keep_nearest(uint32_t *ids, float *distances, size_t k, size_t *held, uint32_t id, float distance)
{
    if (*held == k && distance >= distances[k - 1])
        return;
    size_t at = *held < k ? (*held)++ : k - 1;
    for (; at > 0 && distances[at - 1] > distance; at--) {
        distances[at] = distances[at - 1];
        ids[at] = ids[at - 1];
    }
    distances[at] = distance;
    ids[at] = id;
}

/* Blocks of dot products: |a - b|² = |a|² + |b|² - 2ab. */
static enum status find_neighbours(sgemm_function *sgemm, const float *y, size_t n,
                                   const struct layout_options *options, struct neighbours *out,
                                   struct error *err)
{
    float *dots = calloc(ROWS * n, sizeof *dots), *lengths = calloc(n, sizeof *lengths);
    enum status status =
        dots == NULL || lengths == NULL ? error_memory(err, "laying out the map") : STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        lengths[i] = dot(y + i * LAYOUT_COMPONENTS, y + i * LAYOUT_COMPONENTS, LAYOUT_COMPONENTS);
    for (size_t first = 0; first < n && status == STATUS_OK; first += ROWS) {
        size_t rows = n - first < ROWS ? n - first : ROWS;
        sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)n, LAYOUT_COMPONENTS, -2,
              y + first * LAYOUT_COMPONENTS, LAYOUT_COMPONENTS, y, LAYOUT_COMPONENTS, 0, dots, (int)n);
        for (size_t i = 0; i < rows; i++) {
            size_t row = first + i, held = 0;
            for (size_t j = 0; j < n; j++)
                if (j != row)
                    keep_nearest(out->ids + row * out->k, out->weights + row * out->k, out->k, &held,
                                 (uint32_t)j, dots[i * n + j] + lengths[j] + lengths[row]);
        }
        if (stopped(options))
            status = stop(err);
    }
    free(lengths);
    free(dots);
    return status;
}

/* Section 3.1: exp(-(d - nearest) / σ), with σ such that a point's weights sum to log₂ k. */
static void weigh(struct neighbours *near, size_t n)
{
    double wanted = log2((double)near->k > 2 ? (double)near->k : 2);
    for (size_t i = 0; i < n; i++) {
        float *row = near->weights + i * near->k;
        for (size_t j = 0; j < near->k; j++)
            row[j] = sqrtf(row[j] > 0 ? row[j] : 0);
        double low = 0, high = 1e6, sigma = 1;
        for (int step = 0; step < 40; step++) {
            double sum = 0;
            for (size_t j = 0; j < near->k; j++)
                sum += exp(-(double)(row[j] - row[0]) / sigma);
            if (sum > wanted)
                high = sigma;
            else
                low = sigma;
            sigma = high == 1e6 ? sigma * 2 : (low + high) / 2;
        }
        for (size_t j = near->k; j-- > 0;)
            row[j] = (float)exp(-(double)(row[j] - row[0]) / sigma);
    }
}

/* ---- the plane ---- */

/* The first two components, ten units wide, as UMAP starts; a breath of noise parts what is equal. */
static void begin_plane(const float *y, size_t n, float *xy)
{
    uint64_t random = 0xD1B54A32D192ED03u;
    float widest = 1e-12f;
    for (size_t i = 0; i < 2 * n; i++)
        widest = fmaxf(widest, fabsf(y[i / 2 * LAYOUT_COMPONENTS + i % 2]));
    for (size_t i = 0; i < 2 * n; i++)
        xy[i] = 10 * y[i / 2 * LAYOUT_COMPONENTS + i % 2] / widest +
                1e-3f * ((float)next_random(&random) / 4294967296.0f - 0.5f);
}

static float clamped(float step)
{
    return step > MOST_STEP ? MOST_STEP : step < -MOST_STEP ? -MOST_STEP : step;
}

/* Section 3.2, gradients of the attracting and the repelling term for a = b = 1. */
static void attract(float *a, float *b, float rate)
{
    float dx = a[0] - b[0], dy = a[1] - b[1];
    float pull = -2 / (1 + dx * dx + dy * dy) * rate;
    a[0] += clamped(pull * dx);
    a[1] += clamped(pull * dy);
    b[0] -= clamped(pull * dx);
    b[1] -= clamped(pull * dy);
}

static void repel(float *a, const float *b, float rate)
{
    float dx = a[0] - b[0], dy = a[1] - b[1], d2 = dx * dx + dy * dy;
    float push = 2 / ((0.001f + d2) * (1 + d2)) * rate;
    a[0] += clamped(push * dx);
    a[1] += clamped(push * dy);
}

static enum status move_points(const struct neighbours *near, size_t n, const struct layout_options *options,
                               float *xy, struct error *err)
{
    uint64_t random = 0xA0761D6478BD642Fu;
    double edges = (double)n * (double)near->k;
    int epochs = (int)fmin(200, fmax(30, UPDATES / fmax(edges, 1)));
    for (int epoch = 0; epoch < epochs; epoch++) {
        float rate = 1 - (float)epoch / (float)epochs;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < near->k; j++) {
                size_t edge = i * near->k + j;
                if ((float)next_random(&random) / 4294967296.0f > near->weights[edge])
                    continue; /* an edge's turn comes as often as its weight says */
                attract(xy + 2 * i, xy + 2 * (size_t)near->ids[edge], rate);
                for (int k = 0; k < NEGATIVES; k++)
                    repel(xy + 2 * i, xy + 2 * ((uint64_t)next_random(&random) * n >> 32), rate);
            }
        if (stopped(options))
            return stop(err);
    }
    return STATUS_OK;
}

static void centre(float *xy, size_t n)
{
    float mean[2] = {0, 0};
    for (size_t i = 0; i < 2 * n; i++)
        mean[i % 2] += xy[i] / (float)n;
    for (size_t i = 0; i < 2 * n; i++)
        xy[i] -= mean[i % 2];
}

enum status layout_plane(float *vectors, size_t n, size_t width, const struct layout_options *options,
                         float *xy, struct error *err)
{
    struct neighbours near = {.k = n > LAYOUT_NEIGHBOURS ? LAYOUT_NEIGHBOURS : n - (n > 0)};
    float *y = calloc(n * LAYOUT_COMPONENTS + 1, sizeof *y);
    near.ids = calloc(n * near.k + 1, sizeof *near.ids);
    near.weights = calloc(n * near.k + 1, sizeof *near.weights);
    sgemm_function *sgemm = NULL;
    enum status status = n == 0 ? STATUS_OK : blas_open("a map", &sgemm, err);
    if (n == 0 || status != STATUS_OK)
        goto done;
    if (y == NULL || near.ids == NULL || near.weights == NULL)
        status = error_memory(err, "laying out the map");
    if (status == STATUS_OK)
        status = principal_components(sgemm, vectors, n, width, y, err);
    if (status == STATUS_OK)
        status = find_neighbours(sgemm, y, n, options, &near, err);
    if (status != STATUS_OK)
        goto done;
    weigh(&near, n);
    begin_plane(y, n, xy);
    status = move_points(&near, n, options, xy, err);
    centre(xy, n);
done:
    free(near.weights);
    free(near.ids);
    free(y);
    return status;
}
