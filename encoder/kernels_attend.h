/* Attention. Written once like the other kernels (kernels_body.h), but in whole numbers of sixteen bits, two
 * to a pair, whose products add up exactly in any order and at twice the rate of floats:
 *
 *     keys      (pairs / 16, rows, 16)   dimensions d and d + 16 of a key side by side
 *     queries   (pairs, columns)         the same, turned on their side
 *     values    ((n + 1) / 2, head)      keys 2k and 2k + 1 of a dimension side by side
 *     weights   (rows, ATTEND_LANES)     of some queries: the score of every key; then, in the first half of
 *                                        the rows, the weights of keys 2k and 2k + 1
 *
 *     scores    = keys · queries         a query is a lane, so no maximum and no sum crosses a vector
 *     weights   = 2¹⁴ · exp(score - the query's largest score), rounded
 *     context   = weights · values / the sum of the weights
 *
 *     (1) one head of one sequence has one unit for its queries, one for its keys and one for its values, so
 *         its numbers depend on nothing outside the sequence;
 *     (2) no sum of products leaves 32 bits: queries and keys are small enough for a head's width, and
 *         weights times values are added up for SUMMED_KEYS keys, then as floats.
 *
 * With float linear layers around it, the cosine of a text's vector with that of float attention stays above
 * 0.99999.
 */
#ifndef COGNATE_ENCODER_KERNELS_ATTEND_H
#define COGNATE_ENCODER_KERNELS_ATTEND_H

#include "encoder/kernels_tools.h"

#define TOP_VALUE   2047
#define SUMMED_KEYS 64 /* 64 · 2¹⁴ · 2047 < 2³¹ */

struct whole_head {
    size_t n, head, pairs, rows, columns; /* rows and columns: n, padded */
    int32_t *keys, *queries, *values, *weights;
    float score, value; /* what a unit of a score, times log₂ e, and of a value counts */
};

/* The largest query or key: a score has `head` products and stays below 2³⁰. */
static float top_query(size_t head)
{
    return fminf(4095, floorf(sqrtf(1073000000.0f / (float)head)));
}

/* The largest size in n rows; of two rows at a time, so that one's chain fills the pauses of the other's. */
ALWAYS_INLINE float largest(const float *x, size_t stride, size_t width, size_t n)
{
    v16 top = v16_all(0), other = v16_all(0);
    for (size_t i = 0; i + 1 < n; i += 2)
        for (size_t d = 0; d < width; d += 16) {
            top = v16_max(v16_abs(v16_load(x + i * stride + d)), top);
            other = v16_max(v16_abs(v16_load(x + (i + 1) * stride + d)), other);
        }
    for (size_t d = 0; n % 2 != 0 && d < width; d += 16)
        top = v16_max(v16_abs(v16_load(x + (n - 1) * stride + d)), top);
    return v16_top(v16_max(top, other));
}

/* What values of size `top` at most are multiplied with to become whole numbers up to `unit`. */
ALWAYS_INLINE v16 to_units(float top, float unit)
{
    return v16_all(top >= TINY ? unit / top : 0);
}

ALWAYS_INLINE v16 rounded(const float *x, v16 up)
{
    return v16_fma(v16_load(x), up, v16_all(WHOLE));
}

/* Dimensions d … d + 15 and d + 16 … d + 31 of a row, in pairs; a head may end after the first. */
ALWAYS_INLINE v16i dimension_pairs(const float *row, size_t d, size_t head, v16 up)
{
    return v16i_pairs(rounded(row + d, up), d + 16 < head ? rounded(row + d + 16, up) : v16_all(0));
}

static void make_keys(const struct whole_head *h, const float *keys, size_t stride, v16 up)
{
    for (size_t p = 0; p < h->pairs; p += 16)
        for (size_t i = 0; i < h->rows; i++)
            v16i_store(h->keys + p * h->rows + 16 * i,
                       i < h->n ? dimension_pairs(keys + i * stride, 2 * p, h->head, up) : v16i_all(0));
}

static void make_queries(const struct whole_head *h, const float *queries, size_t stride, v16 up)
{
    for (size_t p = 0; p < h->pairs; p += 16)
        for (size_t i = 0; i < h->columns; i += 16) {
            int32_t rows[16 * 16];
            for (size_t r = 0; r < 16; r++) {
                const float *row = queries + (i + r) * stride;
                v16i_store(rows + 16 * r,
                           i + r < h->n ? dimension_pairs(row, 2 * p, h->head, up) : v16i_all(0));
            }
            v16_transpose(rows, 16, h->queries + p * h->columns + i, h->columns);
        }
}

static void make_values(const struct whole_head *h, const float *values, size_t stride, v16 up)
{
    for (size_t i = 0; i < h->n; i += 2)
        for (size_t d = 0; d < h->head; d += 16) {
            const float *x = values + i * stride + d;
            v16 next = i + 1 < h->n ? rounded(x + stride, up) : v16_all(0);
            v16i_store(h->values + i / 2 * h->head + d, v16i_pairs(rounded(x, up), next));
        }
}

/* sum = 0 */
ALWAYS_INLINE void clear(const size_t count, v16i *sum)
{
    UNROLL
    for (size_t i = 0; i < count; i++)
        sum[i] = v16i_all(0);
}

/* sum += a · b of pairs, R rows and C vectors of columns. From row to row and from step to step of the inner
 * index there are `a_stride` and `a_step` numbers of a: constants both, so that one register is enough. */
ALWAYS_INLINE void add_pairs(const size_t R, const size_t C, const int32_t *a, const size_t a_stride,
                             const size_t a_step, const int32_t *b, size_t b_stride, size_t inner, v16i *sum)
{
    for (size_t k = 0; k < inner; k++) {
        v16i column[PRODUCT_COLUMNS];
        UNROLL
        for (size_t j = 0; j < C; j++)
            column[j] = v16i_load(b + k * b_stride + 16 * j);
        UNROLL
        for (size_t i = 0; i < R; i++) {
            v16i both = v16i_all(a[k * a_step + i * a_stride]);
            UNROLL
            for (size_t j = 0; j < C; j++)
                sum[i * C + j] = v16i_dot(sum[i * C + j], both, column[j]);
        }
    }
}

/* 2ˣ for x = scale · score + start, which is 14 at the largest score: a whole number in the low half of the
 * bits. Relative error < 8e-5, of a polynomial of degree 3, before it is rounded. */
ALWAYS_INLINE v16 weight16(v16i score, v16 scale, v16 start)
{
    v16 x = v16_max(v16_fma(v16i_floats(score), scale, start), v16_all(-2));
    v16 u = v16_add(x, v16_all(WHOLE));
    v16 r = v16_sub(x, v16_sub(u, v16_all(WHOLE)));
    v16 p = v16_all(0x1.c3f798p-5f);
    p = v16_fma(p, r, v16_all(0x1.f0de3cp-3f));
    p = v16_fma(p, r, v16_all(0x1.62f31ap-1f));
    p = v16_fma(p, r, v16_all(0x1.fff69p-1f));
    return v16_fma(p, v16_power(u), v16_all(WHOLE));
}

/* The scores of 16 queries, `top` the largest of each, become weights; returns their sums. */
ALWAYS_INLINE v16 softmax(const struct whole_head *h, v16i top, int32_t *weights)
{
    v16 scale = v16_all(h->score), start = v16_sub(v16_all(14), v16_mul(v16i_floats(top), scale));
    v16i sum = v16i_all(0);
    for (size_t k = 0; k < h->n; k += 2) {
        v16 first = weight16(v16i_load(weights + k * ATTEND_LANES), scale, start), next = v16_all(0);
        if (k + 1 < h->n)
            next = weight16(v16i_load(weights + (k + 1) * ATTEND_LANES), scale, start);
        v16i both = v16i_pairs(first, next);
        sum = v16i_dot(sum, both, v16i_all(1 << 16 | 1));
        v16i_store(weights + k / 2 * ATTEND_LANES, both);
    }
    return v16i_floats(sum);
}

/* C vectors of the context of PRODUCT_ROWS queries, the first `rows` of which exist. */
ALWAYS_INLINE void mix(const size_t C, const struct whole_head *h, const int32_t *weights,
                       const int32_t *values, const float *share, size_t rows, float *out, size_t stride)
{
    size_t inner = (h->n + 1) / 2;
    for (size_t k = 0; k < inner; k += SUMMED_KEYS / 2) {
        size_t some = inner - k < SUMMED_KEYS / 2 ? inner - k : SUMMED_KEYS / 2;
        v16i sum[PRODUCT_ROWS * PRODUCT_COLUMNS];
        clear(PRODUCT_ROWS * C, sum);
        add_pairs(PRODUCT_ROWS, C, weights + k * ATTEND_LANES, 1, ATTEND_LANES, values + k * h->head, h->head,
                  some, sum);
        UNROLL
        for (size_t i = 0; i < PRODUCT_ROWS; i++) {
            UNROLL
            for (size_t j = 0; j < C; j++)
                if (i < rows) {
                    float *to = out + i * stride + 16 * j;
                    v16 part = v16_mul(v16i_floats(sum[i * C + j]), v16_all(share[i]));
                    v16_store(to, k == 0 ? part : v16_add(v16_load(to), part));
                }
        }
    }
}

/* Queries first … first + 16 C - 1. */
ALWAYS_INLINE void attend_some(const size_t C, const struct whole_head *h, size_t first, float *out,
                               size_t stride)
{
    size_t queries = h->n - first < 16 * C ? h->n - first : 16 * C;
    float share[16 * PRODUCT_COLUMNS];
    v16i top[PRODUCT_COLUMNS];
    UNROLL
    for (size_t j = 0; j < C; j++)
        top[j] = v16i_all(INT32_MIN);
    for (size_t k = 0; k < h->n; k += PRODUCT_ROWS) {
        v16i sum[PRODUCT_ROWS * PRODUCT_COLUMNS];
        clear(PRODUCT_ROWS * C, sum);
        for (size_t p = 0; p < h->pairs; p += 16)
            add_pairs(PRODUCT_ROWS, C, h->keys + p * h->rows + 16 * k, 16, 1,
                      h->queries + p * h->columns + first, h->columns, 16, sum);
        UNROLL
        for (size_t i = 0; i < PRODUCT_ROWS; i++) {
            UNROLL
            for (size_t j = 0; j < C; j++) {
                top[j] = k + i < h->n ? v16i_max(top[j], sum[i * C + j]) : top[j];
                v16i_store(h->weights + (k + i) * ATTEND_LANES + 16 * j, sum[i * C + j]);
            }
        }
    }
    UNROLL
    for (size_t j = 0; j < C; j++)
        v16_store(share + 16 * j, v16_div(v16_all(h->value), softmax(h, top[j], h->weights + 16 * j)));
    for (size_t i = 0; i < queries; i += PRODUCT_ROWS) {
        float *to = out + (first + i) * stride;
        size_t d = 0;
        for (; d + 16 * PRODUCT_COLUMNS <= h->head; d += 16 * PRODUCT_COLUMNS)
            mix(PRODUCT_COLUMNS, h, h->weights + i, h->values + d, share + i, queries - i, to + d, stride);
        for (; d < h->head; d += 16)
            mix(1, h, h->weights + i, h->values + d, share + i, queries - i, to + d, stride);
    }
}

static void attend(float *qkv, size_t stride, size_t width, size_t head, size_t n, void *scratch)
{
    const float *keys = qkv + width, *values = keys + width;
    float query = largest(qkv, stride, head, n), key = largest(keys, stride, head, n);
    float value = largest(values, stride, head, n), unit = top_query(head);
    struct whole_head h = {.n = n,
                           .head = head,
                           .pairs = padded(head, 32) / 2,
                           .rows = padded(n, ATTEND_ROWS),
                           .columns = padded(n, 16),
                           .score = query / unit * (key / unit) * 0x1.715476p+0f,
                           .value = value / TOP_VALUE};
    size_t first = 0;
    h.keys = scratch;
    h.queries = h.keys + h.pairs * h.rows;
    h.values = h.queries + h.pairs * h.columns;
    h.weights = h.values + (n + 1) / 2 * head;
    make_keys(&h, keys, stride, to_units(key, unit));
    make_queries(&h, qkv, stride, to_units(query, unit));
    make_values(&h, values, stride, to_units(value, TOP_VALUE));
    for (; first + 16 * PRODUCT_COLUMNS <= h.columns; first += 16 * PRODUCT_COLUMNS)
        attend_some(PRODUCT_COLUMNS, &h, first, qkv, stride);
    for (; first < h.columns; first += 16)
        attend_some(1, &h, first, qkv, stride);
}

#endif
