/* The float kernels, written once. An instruction set's source includes its vec16_*.h, then this, and fills a
 * table with the functions; the rules they follow are in kernels.h. */
#ifndef COGNATE_ENCODER_KERNELS_BODY_H
#define COGNATE_ENCODER_KERNELS_BODY_H

#include "encoder/kernels_attend.h"

#define STEPS     254.0f /* from a row's smallest value to its largest; the 255th is room for rounding */
#define NORM_ROWS 4

/* exp for x ≤ 0; below -87 as at -87 (1.6e-38). Relative error < 3e-7. x = n ln 2 + r, |r| ≤ ln 2 / 2, and a
 * polynomial of degree 6 in r. */
ALWAYS_INLINE v16 exp16(v16 x)
{
    x = v16_max(x, v16_all(-87.0f));
    v16 u = v16_fma(x, v16_all(0x1.715476p+0f), v16_all(WHOLE));
    v16 n = v16_sub(u, v16_all(WHOLE));
    v16 r = v16_fma(n, v16_all(-0x1.62e4p-1f), x);
    r = v16_fma(n, v16_all(-0x1.7f7d1cp-20f), r);
    v16 p = v16_all(0x1.6c16c2p-10f);
    p = v16_fma(p, r, v16_all(0x1.111112p-7f));
    p = v16_fma(p, r, v16_all(0x1.555556p-5f));
    p = v16_fma(p, r, v16_all(0x1.555556p-3f));
    p = v16_fma(p, r, v16_all(0.5f));
    p = v16_fma(p, r, v16_all(1.0f));
    p = v16_fma(p, r, v16_all(1.0f));
    return v16_mul(p, v16_power(u));
}

/* tanh through exp(-2 |x|). Absolute error < 3e-7. */
ALWAYS_INLINE v16 tanh16(v16 x)
{
    v16 one = v16_all(1.0f), e = exp16(v16_mul(v16_abs(x), v16_all(-2.0f)));
    return v16_copysign(v16_div(v16_sub(one, e), v16_add(one, e)), x);
}

/* x · (½ + ½ erf(x / √2)), the half erf as an odd polynomial fitted on ±4.375 and constant beyond. Absolute
 * error < 4.1e-5 up to |x| = 9, then < 3e-7 · |x|. */
ALWAYS_INLINE v16 gelu16(v16 x)
{
    v16 y = v16_max(v16_min(x, v16_all(4.375f)), v16_all(-4.375f));
    v16 s = v16_mul(y, y);
    v16 p = v16_all(0x1.483574p-35f);
    p = v16_fma(p, s, v16_all(-0x1.0ae4f0p-28f));
    p = v16_fma(p, s, v16_all(0x1.7f1624p-23f));
    p = v16_fma(p, s, v16_all(-0x1.423312p-18f));
    p = v16_fma(p, s, v16_all(0x1.64d110p-14f));
    p = v16_fma(p, s, v16_all(-0x1.15c3a4p-10f));
    p = v16_fma(p, s, v16_all(0x1.3c781ap-7f));
    p = v16_fma(p, s, v16_all(-0x1.0ebe2ep-4f));
    p = v16_fma(p, s, v16_all(0x1.985816p-2f));
    return v16_mul(x, v16_fma(y, p, v16_all(0.5f)));
}

/* x · ½ (1 + tanh(√(2/π) (x + 0.044715 x³))). Absolute error < 2e-7 · |x|. */
ALWAYS_INLINE v16 gelu_tanh16(v16 x)
{
    v16 slope = v16_fma(v16_mul(x, x), v16_all(0x1.2444f2p-5f), v16_all(0x1.988454p-1f));
    v16 half = v16_all(0.5f);
    return v16_mul(x, v16_fma(tanh16(v16_mul(x, slope)), half, half));
}

/* How a row becomes bytes, and where: low byte of x · up + zero. */
struct coding {
    v16 up, zero;
    uint8_t *bytes;
};

/* For values from `low` ≤ 0 to `high` ≥ 0, of which a unit counts `unit`. */
ALWAYS_INLINE struct coding begin_codes(v16 low, v16 high, float unit, const struct codes *codes, size_t row)
{
    float least = -v16_top(v16_sub(v16_all(0), low)), range = v16_top(high) - least;
    bool zero = !(range >= TINY);
    float up = zero ? 0 : STEPS / range, scale = zero ? 0 : range * unit / STEPS;
    float whole = fmaf(-least, up, WHOLE);
    codes->scale[row] = scale;
    codes->least[row] = -(whole - WHOLE) * scale;
    return (struct coding){v16_all(up), v16_all(whole), codes->bytes + row * codes->stride};
}

ALWAYS_INLINE void store_codes(const struct coding *coding, size_t i, v16 x)
{
    v16_store_low_bytes(coding->bytes + i, v16_fma(x, coding->up, coding->zero));
}

static void quantize(const float *x, size_t stride, size_t width, size_t first, size_t end,
                     const struct ranges *ranges, const struct codes *codes)
{
    for (size_t r = first; r < end; r++) {
        const float *row = x + r * stride;
        v16 low = v16_all(0), high = v16_all(0);
        for (size_t i = 0; ranges == NULL && i < width; i += 16) {
            low = v16_min(v16_load(row + i), low);
            high = v16_max(v16_load(row + i), high);
        }
        for (size_t i = 0; ranges != NULL && i < ranges->parts; i++) {
            const float *range = ranges->stripes + (i * ranges->rows + r) * 2 * STRIPES;
            low = v16_min(v16_load(range), low);
            high = v16_max(v16_load(range + STRIPES), high);
        }
        struct coding coding = begin_codes(low, high, 1, codes, r);
        for (size_t i = 0; i < width; i += 16)
            store_codes(&coding, i, v16_load(row + i));
    }
}

/* R rows at a time, so that one row's chain of additions fills the pauses of another's. */
ALWAYS_INLINE void norm_rows(const size_t R, const struct norm *w, float *x, const float *add, size_t r,
                             const struct codes *codes)
{
    size_t stride = w->stride, whole = w->width / 16 * 16, rest = w->width - whole;
    v16 sum[NORM_ROWS], squares[NORM_ROWS], low[NORM_ROWS], high[NORM_ROWS], mean[NORM_ROWS];
    const float *weight = w->weight, *bias = w->bias, *spread = w->spread;
    x += r * stride;
    UNROLL
    for (size_t j = 0; j < R; j++)
        sum[j] = squares[j] = low[j] = high[j] = v16_all(0);
    for (size_t i = 0; i < stride; i += 16) {
        UNROLL
        for (size_t j = 0; j < R; j++) {
            v16 v = v16_load(x + j * stride + i);
            if (add != NULL)
                v = v16_add(v, v16_load(add + (r + j) * stride + i));
            sum[j] = v16_add(sum[j], v);
            v16_store(x + j * stride + i, v);
        }
    }
    UNROLL
    for (size_t j = 0; j < R; j++)
        mean[j] = v16_all(v16_sum(sum[j]) / (float)w->width);
    for (size_t i = 0; i < w->width; i += 16) {
        UNROLL
        for (size_t j = 0; j < R; j++) {
            v16 v = v16_sub(v16_load(x + j * stride + i), mean[j]);
            if (rest != 0 && i == whole)
                v = v16_keep(v, rest, 0);
            squares[j] = v16_fma(v, v, squares[j]);
            if (codes != NULL) {
                v16 y = v16_mul(v, v16_load(spread + i));
                low[j] = v16_min(y, low[j]);
                high[j] = v16_max(y, high[j]);
            }
            v16_store(x + j * stride + i, v);
        }
    }
    UNROLL
    for (size_t j = 0; j < R; j++) {
        float unit = 1.0f / sqrtf(v16_sum(squares[j]) / (float)w->width + w->epsilon);
        v16 scale = v16_all(unit);
        float *row = x + j * stride;
        struct coding coding;
        if (codes != NULL)
            coding = begin_codes(low[j], high[j], unit, codes, r + j);
        for (size_t i = 0; i < stride; i += 16) {
            v16 v = v16_load(row + i);
            if (codes != NULL)
                store_codes(&coding, i, v16_mul(v, v16_load(spread + i)));
            v16_store(row + i, v16_fma(v16_mul(v, scale), v16_load(weight + i), v16_load(bias + i)));
        }
    }
}

static void norm(const struct norm *w, float *x, const float *add, size_t first, size_t end,
                 const struct codes *codes)
{
    size_t r = first;
    for (; r + NORM_ROWS <= end; r += NORM_ROWS)
        norm_rows(NORM_ROWS, w, x, add, r, codes);
    for (; r < end; r++)
        norm_rows(1, w, x, add, r, codes);
}

ALWAYS_INLINE v16 active16(enum activation f, v16 x)
{
    switch (f) {
    case ACTIVATION_GELU:
        return gelu16(x);
    case ACTIVATION_GELU_TANH:
        return gelu_tanh16(x);
    case ACTIVATION_RELU:
        return v16_max(x, v16_all(0));
    case ACTIVATION_TANH:
        return tanh16(x);
    default:
        return x;
    }
}

/* With `range`, the rows' ranges too: begun here or, where `again`, gone on with. */
ALWAYS_INLINE void activate_rows(const enum activation f, float *x, size_t stride, size_t width, size_t rows,
                                 float *range, bool again)
{
    for (size_t r = 0; r < rows; r++, x += stride) {
        v16 low = v16_all(0), high = v16_all(0);
        for (size_t i = 0; i < width; i += 16) {
            v16 v = active16(f, v16_load(x + i));
            low = v16_min(v, low);
            high = v16_max(v, high);
            v16_store(x + i, v);
        }
        if (range == NULL)
            continue;
        v16_store(range, again ? v16_min(v16_load(range), low) : low);
        v16_store(range + STRIPES, again ? v16_max(v16_load(range + STRIPES), high) : high);
        range += 2 * STRIPES;
    }
}

/* A loop for each, so that none asks for its function at every step. */
static void activate_by(enum activation f, float *x, size_t stride, size_t width, size_t rows, float *range,
                        bool again)
{
    switch (f) {
    case ACTIVATION_GELU:
        activate_rows(ACTIVATION_GELU, x, stride, width, rows, range, again);
        break;
    case ACTIVATION_GELU_TANH:
        activate_rows(ACTIVATION_GELU_TANH, x, stride, width, rows, range, again);
        break;
    case ACTIVATION_RELU:
        activate_rows(ACTIVATION_RELU, x, stride, width, rows, range, again);
        break;
    case ACTIVATION_TANH:
        activate_rows(ACTIVATION_TANH, x, stride, width, rows, range, again);
        break;
    default:
        activate_rows(ACTIVATION_NONE, x, stride, width, rows, range, again);
        break;
    }
}

static void activate(enum activation f, float *x, size_t stride, size_t width, size_t first, size_t end)
{
    activate_by(f, x + first * stride, stride, width, end - first, NULL, false);
}

/* Behind a tile of a product whose share begins with column `begin`. */
ALWAYS_INLINE void after_tile(const struct after *after, const struct linear *w, size_t row, size_t rows,
                              size_t column, size_t columns, size_t begin, float *out)
{
    if (after != NULL)
        activate_by(after->f, out + row * w->out + column, w->out, columns, rows,
                    after->range + row * 2 * STRIPES, column != begin);
}

#define PRODUCT_SUMS (PRODUCT_ROWS * PRODUCT_COLUMNS) /* what the registers hold */

/* R rows and C vectors of columns of a · b. */
ALWAYS_INLINE void product_tile(const size_t R, const size_t C, const float *a, size_t a_stride,
                                const float *b, size_t b_stride, size_t inner, const float *start, float *c,
                                size_t c_stride)
{
    v16 sum[PRODUCT_SUMS];
    UNROLL
    for (size_t i = 0; i < R; i++) {
        UNROLL
        for (size_t j = 0; j < C; j++)
            sum[i * C + j] = start == NULL ? v16_all(0) : v16_load(start + 16 * j);
    }
    for (size_t k = 0; k < inner; k++)
        UNROLL
    for (size_t j = 0; j < C; j++) {
        v16 column = v16_load(b + k * b_stride + 16 * j);
        UNROLL
        for (size_t i = 0; i < R; i++)
            sum[i * C + j] = v16_fma(v16_all(a[i * a_stride + k]), column, sum[i * C + j]);
    }
    UNROLL
    for (size_t i = 0; i < R; i++) {
        UNROLL
        for (size_t j = 0; j < C; j++)
            v16_store(c + i * c_stride + 16 * j, sum[i * C + j]);
    }
}

ALWAYS_INLINE void product_rows(const size_t R, const float *a, size_t a_stride, const float *b,
                                size_t b_stride, size_t inner, size_t columns, const float *start, float *c,
                                size_t c_stride)
{
    const size_t wide = PRODUCT_SUMS / R; /* few rows: all registers, and long stretches of b */
    size_t j = 0;
    for (; wide > PRODUCT_COLUMNS && j + 16 * wide <= columns; j += 16 * wide)
        product_tile(R, wide, a, a_stride, b + j, b_stride, inner, start == NULL ? NULL : start + j, c + j,
                     c_stride);
    for (; j + 16 * PRODUCT_COLUMNS <= columns; j += 16 * PRODUCT_COLUMNS)
        product_tile(R, PRODUCT_COLUMNS, a, a_stride, b + j, b_stride, inner,
                     start == NULL ? NULL : start + j, c + j, c_stride);
    for (; j < columns; j += 16)
        product_tile(R, 1, a, a_stride, b + j, b_stride, inner, start == NULL ? NULL : start + j, c + j,
                     c_stride);
}

static void product(const float *a, size_t a_stride, size_t rows, const float *b, size_t b_stride,
                    size_t inner, size_t columns, const float *start, float *c, size_t c_stride)
{
    size_t i = 0;
    for (; i + PRODUCT_ROWS <= rows; i += PRODUCT_ROWS)
        product_rows(PRODUCT_ROWS, a + i * a_stride, a_stride, b, b_stride, inner, columns, start,
                     c + i * c_stride, c_stride);
    UNROLL
    for (size_t R = 1; R < PRODUCT_ROWS; R++)
        if (R == rows - i)
            product_rows(R, a + i * a_stride, a_stride, b, b_stride, inner, columns, start, c + i * c_stride,
                         c_stride);
}

static void pool(enum pooling kind, const float *x, size_t stride, size_t n, size_t width, float *out)
{
    const float *from = kind == POOL_LAST ? x + (n - 1) * stride : x;
    bool sum = kind == POOL_MEAN || kind == POOL_MEAN_SQRT;
    float count = (float)n;
    v16 share = v16_all(kind == POOL_MEAN        ? count
                        : kind == POOL_MEAN_SQRT ? sqrtf(count)
                                                 : count * (count + 1) / 2);
    for (size_t d = 0; d < width; d += 16) {
        v16 v = v16_load(from + d);
        for (size_t i = 1; sum && i < n; i++)
            v = v16_add(v, v16_load(x + i * stride + d));
        for (size_t i = 1; kind == POOL_WEIGHTED && i < n; i++)
            v = v16_fma(v16_load(x + i * stride + d), v16_all((float)(i + 1)), v);
        for (size_t i = 1; kind == POOL_MAX && i < n; i++)
            v = v16_max(v16_load(x + i * stride + d), v);
        v16_store(out + d, sum || kind == POOL_WEIGHTED ? v16_div(v, share) : v);
    }
}

static bool unit(float *x, size_t n)
{
    v16 squares = v16_all(0);
    for (size_t i = 0; i < n; i += 16)
        squares = v16_fma(v16_load(x + i), v16_load(x + i), squares);
    float sum = v16_sum(squares);
    if (!(sum >= TINY && sum <= 1 / TINY))
        return false;
    v16 length = v16_all(sqrtf(sum));
    for (size_t i = 0; i < n; i += 16)
        v16_store(x + i, v16_div(v16_load(x + i), length));
    return true;
}

#define KERNELS_BODY                                                                                         \
    .norm = norm, .quantize = quantize, .activate = activate, .attend = attend,                              \
    .attend_float = attend_float, .product = product, .pool = pool, .unit = unit

#endif
