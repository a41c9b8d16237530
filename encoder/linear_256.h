/* What the 256-bit int8 products share: how eight sums become eight floats of a row. */
#ifndef COGNATE_ENCODER_LINEAR_256_H
#define COGNATE_ENCODER_LINEAR_256_H

#include "encoder/vec16_avx2.h"

#include "encoder/kernels_body.h"
#include "encoder/kernels_attend_float.h"

ALWAYS_INLINE void store_sums(const struct linear *w, const struct codes *codes, size_t row, size_t column,
                              __m256i sum, float *out)
{
    __m256 value = _mm256_mul_ps(_mm256_cvtepi32_ps(sum), _mm256_set1_ps(codes->scale[row]));
    value = _mm256_fmadd_ps(_mm256_set1_ps(codes->least[row]), _mm256_loadu_ps(w->sum + column), value);
    __m256 scale = _mm256_loadu_ps(w->scale + column), bias = _mm256_loadu_ps(w->bias + column);
    _mm256_storeu_ps(out + row * w->out + column, _mm256_fmadd_ps(value, scale, bias));
}

ALWAYS_INLINE int32_t four_codes(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return four;
}

#endif
