/* Attention in floats, for models whose scores depend on distance; written once as kernels_body.h is, which
 * must be included before. */
#ifndef COGNATE_ENCODER_KERNELS_ATTEND_FLOAT_H
#define COGNATE_ENCODER_KERNELS_ATTEND_FLOAT_H

#include "encoder/kernels_body.h"

/* exp(score - largest) in place; returns one over their sum. */
ALWAYS_INLINE float softmax_row(float *scores, size_t n)
{
    size_t whole = n / 16 * 16, rest = n - whole;
    v16 top = v16_all(-INFINITY), sum = v16_all(0);
    for (size_t j = 0; j < whole; j += 16)
        top = v16_max(v16_load(scores + j), top);
    if (rest != 0)
        top = v16_max(v16_keep(v16_load(scores + whole), rest, -INFINITY), top);
    v16 limit = v16_all(v16_top(top));
    for (size_t j = 0; j < whole; j += 16) {
        v16 e = exp16(v16_sub(v16_load(scores + j), limit));
        sum = v16_add(sum, e);
        v16_store(scores + j, e);
    }
    if (rest != 0) {
        v16 e = v16_keep(exp16(v16_sub(v16_load(scores + whole), limit)), rest, 0);
        sum = v16_add(sum, e);
        v16_store(scores + whole, e);
    }
    return 1.0f / v16_sum(sum);
}

/* Row of scores of query i += what its distance to each key counts. */
ALWAYS_INLINE void add_bias(float *scores, const float *bias, size_t n)
{
    for (size_t j = 0; j < n; j += 16)
        v16_store(scores + j, v16_add(v16_load(scores + j), v16_load(bias + j)));
}

static void attend_float(float *qkv, size_t stride, size_t width, size_t head, size_t n, const float *bias,
                         void *scratch)
{
    size_t columns = padded(n, 16), pitch = attend_pitch(n);
    const float *keys = qkv + width, *values = keys + width;
    float *turned = scratch, *scores = turned + head * pitch;
    for (size_t d = 0; d < head; d += 16)
        for (size_t j = 0; j < columns; j += 16)
            v16_transpose(keys + j * stride + d, stride, turned + d * pitch + j, pitch);
    for (size_t i = 0; i < n; i += QUERIES) {
        size_t rows = n - i < QUERIES ? n - i : QUERIES;
        float *out = qkv + i * stride, share[QUERIES];
        product(out, stride, rows, turned, pitch, head, columns, NULL, scores, pitch);
        for (size_t r = 0; r < rows; r++) {
            add_bias(scores + r * pitch, bias - (i + r), n);
            share[r] = softmax_row(scores + r * pitch, n);
        }
        product(scores, pitch, rows, values, stride, n, head, NULL, out, stride);
        for (size_t r = 0; r < rows; r++)
            for (size_t d = 0; d < head; d += 16)
                v16_store(out + r * stride + d, v16_mul(v16_load(out + r * stride + d), v16_all(share[r])));
    }
}

#endif
