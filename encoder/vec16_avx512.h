/* Sixteen floats, or whole numbers, in one 512-bit register. */
#ifndef COGNATE_ENCODER_VEC16_AVX512_H
#define COGNATE_ENCODER_VEC16_AVX512_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PRODUCT_ROWS    8
#define PRODUCT_COLUMNS 2

typedef __m512 v16;
typedef __m512i v16i;

static inline v16 v16_load(const float *p)
{
    return _mm512_loadu_ps(p);
}

static inline void v16_store(float *p, v16 a)
{
    _mm512_storeu_ps(p, a);
}

static inline v16 v16_all(float x)
{
    return _mm512_set1_ps(x);
}

static inline v16 v16_add(v16 a, v16 b)
{
    return _mm512_add_ps(a, b);
}

static inline v16 v16_sub(v16 a, v16 b)
{
    return _mm512_sub_ps(a, b);
}

static inline v16 v16_mul(v16 a, v16 b)
{
    return _mm512_mul_ps(a, b);
}

static inline v16 v16_div(v16 a, v16 b)
{
    return _mm512_div_ps(a, b);
}

static inline v16 v16_fma(v16 a, v16 b, v16 c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline v16 v16_max(v16 a, v16 b)
{
    return _mm512_max_ps(a, b);
}

static inline v16 v16_min(v16 a, v16 b)
{
    return _mm512_min_ps(a, b);
}

static inline v16 v16_abs(v16 a)
{
    return _mm512_abs_ps(a);
}

static inline v16 v16_copysign(v16 a, v16 b)
{
    __m512i sign = _mm512_set1_epi32((int)0x80000000);
    __m512i bits = _mm512_ternarylogic_epi32(sign, _mm512_castps_si512(b), _mm512_castps_si512(a), 0xca);
    return _mm512_castsi512_ps(bits); /* sign ? b : a, bit by bit */
}

static inline v16 v16_keep(v16 a, size_t count, float other)
{
    return _mm512_mask_mov_ps(_mm512_set1_ps(other), (__mmask16)((1u << count) - 1), a);
}

static inline v16 v16_power(v16 u)
{
    __m512i bits = _mm512_slli_epi32(_mm512_castps_si512(u), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(bits, _mm512_set1_epi32(0x3f800000)));
}

static inline void v16_store_low_bytes(uint8_t *p, v16 a)
{
    _mm_storeu_si128((__m128i *)p, _mm512_cvtepi32_epi8(_mm512_castps_si512(a)));
}

static inline float v16_sum(v16 a)
{
    __m256 b = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}

static inline float v16_top(v16 a)
{
    __m256 b = _mm256_max_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

static inline v16i v16i_load(const int32_t *p)
{
    return _mm512_loadu_si512(p);
}

static inline void v16i_store(int32_t *p, v16i a)
{
    _mm512_storeu_si512(p, a);
}

static inline v16i v16i_all(int32_t x)
{
    return _mm512_set1_epi32(x);
}

static inline v16i v16i_max(v16i a, v16i b)
{
    return _mm512_max_epi32(a, b);
}

static inline v16 v16i_floats(v16i a)
{
    return _mm512_cvtepi32_ps(a);
}

static inline v16i v16i_pairs(v16 a, v16 b)
{
    __m512i high = _mm512_slli_epi32(_mm512_castps_si512(b), 16);
    return _mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_castps_si512(a), high);
}

/* An asm statement for the reason given in kernels_avx512.c. */
static inline v16i v16i_dot(v16i sum, v16i a, v16i b)
{
    __asm__("vpdpwssd %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
    return sum;
}

/* Four rows' quarters side by side, then four 4 × 4 transpositions at once. */
static inline void v16_transpose(const void *in, size_t in_stride, void *out, size_t out_stride)
{
    const int32_t *from = in;
    int32_t *to = out;
    for (size_t j = 0; j < 16; j += 4) {
        __m512i a[4];
        for (size_t i = 0; i < 4; i++) {
            const int32_t *p = from + i * in_stride + j;
            a[i] = _mm512_castsi128_si512(_mm_loadu_si128((const __m128i *)p));
            a[i] = _mm512_inserti32x4(a[i], _mm_loadu_si128((const __m128i *)(p + 4 * in_stride)), 1);
            a[i] = _mm512_inserti32x4(a[i], _mm_loadu_si128((const __m128i *)(p + 8 * in_stride)), 2);
            a[i] = _mm512_inserti32x4(a[i], _mm_loadu_si128((const __m128i *)(p + 12 * in_stride)), 3);
        }
        __m512i low = _mm512_unpacklo_epi32(a[0], a[1]), high = _mm512_unpackhi_epi32(a[0], a[1]);
        __m512i low2 = _mm512_unpacklo_epi32(a[2], a[3]), high2 = _mm512_unpackhi_epi32(a[2], a[3]);
        _mm512_storeu_si512(to + j * out_stride, _mm512_unpacklo_epi64(low, low2));
        _mm512_storeu_si512(to + (j + 1) * out_stride, _mm512_unpackhi_epi64(low, low2));
        _mm512_storeu_si512(to + (j + 2) * out_stride, _mm512_unpacklo_epi64(high, high2));
        _mm512_storeu_si512(to + (j + 3) * out_stride, _mm512_unpackhi_epi64(high, high2));
    }
}

#endif
