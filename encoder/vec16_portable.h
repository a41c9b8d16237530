/* Sixteen floats in plain C. The other vec16_*.h give the same functions with the same results. */
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

/* 16 rows of 16 floats at `in` become the columns of 16 rows at `out`. */
static inline void v16_transpose(const float *in, size_t in_stride, float *out, size_t out_stride)
{
    for (size_t i = 0; i < 16; i++)
        for (size_t j = 0; j < 16; j++)
            out[j * out_stride + i] = in[i * in_stride + j];
}

#endif
