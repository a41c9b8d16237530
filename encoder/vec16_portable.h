/* Sixteen floats, or whole numbers, in plain C. The other vec16_*.h give the same functions with the same
 * results. */
#ifndef COGNATE_ENCODER_VEC16_PORTABLE_H
#define COGNATE_ENCODER_VEC16_PORTABLE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Rows and vectors of accumulators that `product` keeps in registers. */
#define PRODUCT_ROWS    4
#define PRODUCT_COLUMNS 1

typedef struct {
    float v[16];
} v16;

typedef struct {
    int32_t v[16];
} v16i;

static inline v16 v16_load(const float *p)
{
    v16 r;
    memcpy(r.v, p, sizeof r.v);
    return r;
}

static inline void v16_store(float *p, v16 a)
{
    memcpy(p, a.v, sizeof a.v);
}

static inline v16 v16_all(float x)
{
    v16 r;
    for (size_t i = 0; i < 16; i++)
        r.v[i] = x;
    return r;
}

static inline v16 v16_add(v16 a, v16 b)
{
    for (size_t i = 0; i < 16; i++)
        a.v[i] += b.v[i];
    return a;
}

static inline v16 v16_sub(v16 a, v16 b)
{
    for (size_t i = 0; i < 16; i++)
        a.v[i] -= b.v[i];
    return a;
}

static inline v16 v16_mul(v16 a, v16 b)
{
    for (size_t i = 0; i < 16; i++)
        a.v[i] *= b.v[i];
    return a;
}

static inline v16 v16_div(v16 a, v16 b)
{
    for (size_t i = 0; i < 16; i++)
        a.v[i] /= b.v[i];
    return a;
}

/* a · b + c, rounded once. */
static inline v16 v16_fma(v16 a, v16 b, v16 c)
{
    for (size_t i = 0; i < 16; i++)
        c.v[i] = fmaf(a.v[i], b.v[i], c.v[i]);
    return c;
}

/* The second operand where either is not a number, as maxps. */
static inline v16 v16_max(v16 a, v16 b)
{
    for (size_t i = 0; i < 16; i++)
        b.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return b;
}

static inline v16 v16_min(v16 a, v16 b)
{
    for (size_t i = 0; i < 16; i++)
        b.v[i] = a.v[i] < b.v[i] ? a.v[i] : b.v[i];
    return b;
}

static inline v16 v16_abs(v16 a)
{
    for (size_t i = 0; i < 16; i++)
        a.v[i] = fabsf(a.v[i]);
    return a;
}

/* The size of a with the sign of b. */
static inline v16 v16_copysign(v16 a, v16 b)
{
    for (size_t i = 0; i < 16; i++)
        a.v[i] = copysignf(a.v[i], b.v[i]);
    return a;
}

/* The first `count` elements of a, `other` in the rest. */
static inline v16 v16_keep(v16 a, size_t count, float other)
{
    for (size_t i = count; i < 16; i++)
        a.v[i] = other;
    return a;
}

/* 2ⁿ for u = n + 1.5 · 2²³, n in -126 … 127. */
static inline v16 v16_power(v16 u)
{
    uint32_t bits[16];
    memcpy(bits, u.v, sizeof bits);
    for (size_t i = 0; i < 16; i++)
        bits[i] = (bits[i] << 23) + 0x3f800000;
    memcpy(u.v, bits, sizeof bits);
    return u;
}

/* The low bytes of the bits of a. */
static inline void v16_store_low_bytes(uint8_t *p, v16 a)
{
    uint32_t bits[16];
    memcpy(bits, a.v, sizeof bits);
    for (size_t i = 0; i < 16; i++)
        p[i] = (uint8_t)bits[i];
}

static inline float v16_sum(v16 a)
{
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            a.v[i] += a.v[i + half];
    return a.v[0];
}

static inline float v16_top(v16 a)
{
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t i = 0; i < half; i++)
            a.v[i] = a.v[i] > a.v[i + half] ? a.v[i] : a.v[i + half];
    return a.v[0];
}

static inline v16i v16i_load(const int32_t *p)
{
    v16i r;
    memcpy(r.v, p, sizeof r.v);
    return r;
}

static inline void v16i_store(int32_t *p, v16i a)
{
    memcpy(p, a.v, sizeof a.v);
}

static inline v16i v16i_all(int32_t x)
{
    v16i r;
    for (size_t i = 0; i < 16; i++)
        r.v[i] = x;
    return r;
}

static inline v16i v16i_max(v16i a, v16i b)
{
    for (size_t i = 0; i < 16; i++)
        a.v[i] = a.v[i] > b.v[i] ? a.v[i] : b.v[i];
    return a;
}

static inline v16 v16i_floats(v16i a)
{
    v16 r;
    for (size_t i = 0; i < 16; i++)
        r.v[i] = (float)a.v[i];
    return r;
}

/* The low halves of the bits of a, and of b above them: pairs of numbers of sixteen bits. */
static inline v16i v16i_pairs(v16 a, v16 b)
{
    uint32_t low[16], high[16];
    v16i r;
    memcpy(low, a.v, sizeof low);
    memcpy(high, b.v, sizeof high);
    for (size_t i = 0; i < 16; i++)
        low[i] = (low[i] & 0xffff) | high[i] << 16;
    memcpy(r.v, low, sizeof r.v);
    return r;
}

/* sum + the products of both numbers of the pairs. */
static inline v16i v16i_dot(v16i sum, v16i a, v16i b)
{
    for (size_t i = 0; i < 16; i++) {
        uint32_t low = (uint32_t)((int16_t)a.v[i] * (int16_t)b.v[i]);
        sum.v[i] = (int32_t)((uint32_t)sum.v[i] + low + (uint32_t)((a.v[i] >> 16) * (b.v[i] >> 16)));
    }
    return sum;
}

/* 16 rows of 16 numbers of four bytes at `in` become the columns of 16 rows at `out`. */
static inline void v16_transpose(const void *in, size_t in_stride, void *out, size_t out_stride)
{
    const unsigned char *from = in;
    unsigned char *to = out;
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < 16; j++)
            memcpy(to + 4 * (j * out_stride + i), from + 4 * (i * in_stride + j), 4);
}

#endif
