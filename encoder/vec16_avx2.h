/* Sixteen floats, or whole numbers, in two 256-bit registers. */
#ifndef COGNATE_ENCODER_VEC16_AVX2_H
#define COGNATE_ENCODER_VEC16_AVX2_H

#include <immintrin.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PRODUCT_ROWS    4
#define PRODUCT_COLUMNS 1

typedef struct {
    __m256 low, high;
} v16;

typedef struct {
    __m256i low, high;
} v16i;

static inline v16 v16_load(const float *p)
{
    return (v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}

static inline void v16_store(float *p, v16 a)
{
    _mm256_storeu_ps(p, a.low);
    _mm256_storeu_ps(p + 8, a.high);
}

static inline v16 v16_all(float x)
{
    return (v16){_mm256_set1_ps(x), _mm256_set1_ps(x)};
}

static inline v16 v16_add(v16 a, v16 b)
{
    return (v16){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}

static inline v16 v16_sub(v16 a, v16 b)
{
    return (v16){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}

static inline v16 v16_mul(v16 a, v16 b)
{
    return (v16){_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}

static inline v16 v16_div(v16 a, v16 b)
{
    return (v16){_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}

static inline v16 v16_fma(v16 a, v16 b, v16 c)
{
    return (v16){_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}

static inline v16 v16_max(v16 a, v16 b)
{
    return (v16){_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}

static inline v16 v16_min(v16 a, v16 b)
{
    return (v16){_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}

static inline v16 v16_abs(v16 a)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (v16){_mm256_andnot_ps(sign, a.low), _mm256_andnot_ps(sign, a.high)};
}

static inline v16 v16_copysign(v16 a, v16 b)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    v16 size = v16_abs(a);
    return (v16){_mm256_or_ps(size.low, _mm256_and_ps(sign, b.low)),
                 _mm256_or_ps(size.high, _mm256_and_ps(sign, b.high))};
}

static inline v16 v16_keep(v16 a, size_t count, float other)
{
    __m256i order = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), kept = _mm256_set1_epi32((int)count);
    __m256 low = _mm256_castsi256_ps(_mm256_cmpgt_epi32(kept, order));
    __m256 high =
        _mm256_castsi256_ps(_mm256_cmpgt_epi32(kept, _mm256_add_epi32(order, _mm256_set1_epi32(8))));
    return (v16){_mm256_blendv_ps(_mm256_set1_ps(other), a.low, low),
                 _mm256_blendv_ps(_mm256_set1_ps(other), a.high, high)};
}

static inline __m256 v16_half_power(__m256 u)
{
    __m256i bits = _mm256_slli_epi32(_mm256_castps_si256(u), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_set1_epi32(0x3f800000)));
}

static inline v16 v16_power(v16 u)
{
    return (v16){v16_half_power(u.low), v16_half_power(u.high)};
}

static inline void v16_store_low_bytes(uint8_t *p, v16 a)
{
    __m256i mask = _mm256_set1_epi32(255);
    __m256i low = _mm256_and_si256(_mm256_castps_si256(a.low), mask);
    __m256i high = _mm256_and_si256(_mm256_castps_si256(a.high), mask);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, high), 0xd8);
    _mm_storeu_si128((__m128i *)p,
                     _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}

static inline float v16_sum(v16 a)
{
    __m256 b = _mm256_add_ps(a.low, a.high);
    __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_add_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}

static inline float v16_top(v16 a)
{
    __m256 b = _mm256_max_ps(a.low, a.high);
    __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
    c = _mm_max_ps(c, _mm_movehl_ps(c, c));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

static inline v16i v16i_load(const int32_t *p)
{
    return (v16i){_mm256_loadu_si256((const __m256i *)p), _mm256_loadu_si256((const __m256i *)(p + 8))};
}

static inline void v16i_store(int32_t *p, v16i a)
{
    _mm256_storeu_si256((__m256i *)p, a.low);
    _mm256_storeu_si256((__m256i *)(p + 8), a.high);
}

static inline v16i v16i_all(int32_t x)
{
    return (v16i){_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}

static inline v16i v16i_max(v16i a, v16i b)
{
    return (v16i){_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)};
}

static inline v16 v16i_floats(v16i a)
{
    return (v16){_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)};
}

static inline __m256i v16i_half_pairs(__m256 a, __m256 b)
{
    return _mm256_blend_epi16(_mm256_castps_si256(a), _mm256_slli_epi32(_mm256_castps_si256(b), 16), 0xaa);
}

static inline v16i v16i_pairs(v16 a, v16 b)
{
    return (v16i){v16i_half_pairs(a.low, b.low), v16i_half_pairs(a.high, b.high)};
}

static inline __m256i v16i_half_dot(__m256i sum, __m256i a, __m256i b)
{
#if defined(__AVXVNNI__)
    __asm__("%{vex%} vpdpwssd %2, %1, %0" : "+x"(sum) : "x"(a), "x"(b));
    return sum;
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
#endif
}

static inline v16i v16i_dot(v16i sum, v16i a, v16i b)
{
    return (v16i){v16i_half_dot(sum.low, a.low, b.low), v16i_half_dot(sum.high, a.high, b.high)};
}

/* Four rows of four at a time. */
static inline void v16_transpose(const void *in, size_t in_stride, void *out, size_t out_stride)
{
    const int32_t *from = in;
    int32_t *to = out;
    for (size_t i = 0; i < 16; i += 4)
        for (size_t j = 0; j < 16; j += 4) {
            const int32_t *p = from + i * in_stride + j;
            int32_t *q = to + j * out_stride + i;
            __m128i a = _mm_loadu_si128((const __m128i *)p);
            __m128i b = _mm_loadu_si128((const __m128i *)(p + in_stride));
            __m128i c = _mm_loadu_si128((const __m128i *)(p + 2 * in_stride));
            __m128i d = _mm_loadu_si128((const __m128i *)(p + 3 * in_stride));
            __m128i low = _mm_unpacklo_epi32(a, b), high = _mm_unpackhi_epi32(a, b);
            __m128i low2 = _mm_unpacklo_epi32(c, d), high2 = _mm_unpackhi_epi32(c, d);
            _mm_storeu_si128((__m128i *)q, _mm_unpacklo_epi64(low, low2));
            _mm_storeu_si128((__m128i *)(q + out_stride), _mm_unpackhi_epi64(low, low2));
            _mm_storeu_si128((__m128i *)(q + 2 * out_stride), _mm_unpacklo_epi64(high, high2));
            _mm_storeu_si128((__m128i *)(q + 3 * out_stride), _mm_unpackhi_epi64(high, high2));
        }
}

#endif
