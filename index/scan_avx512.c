#include "index/scan.h"

#include <immintrin.h>

#define TOGETHER 4 /* rows whose sums are folded in one tree */

static inline __m512i dot(const unsigned char *row, const struct scan_query *query)
{
    __m512i high = _mm512_setzero_si512(), low = _mm512_setzero_si512();
    for (size_t j = 0; j < query->stride; j += 64) {
        __m512i a = _mm512_load_si512(row + j);
        high = _mm512_dpbusd_epi32(high, a, _mm512_load_si512(query->high + j));
        low = _mm512_dpbusd_epi32(low, a, _mm512_load_si512(query->low + j));
    }
    return _mm512_add_epi32(_mm512_slli_epi32(high, 7), low);
}

/* Sums of the sixteen parts of a, b, c and d. */
static inline __m128i fold(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i v = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i w = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
}

void scan_dot_avx512(const unsigned char *codes, const uint16_t *rows, size_t n,
                     const struct scan_query *query, int32_t *sums)
{
    size_t stride = query->stride, i = 0;
    __m128i offset = _mm_set1_epi32(query->offset);
    for (; i + TOGETHER <= n; i += TOGETHER) {
        __m512i part[TOGETHER];
        for (size_t t = 0; t < TOGETHER; t++)
            part[t] = dot(codes + (rows != NULL ? rows[i + t] : i + t) * stride, query);
        __m128i sum = fold(part[0], part[1], part[2], part[3]);
        _mm_storeu_si128((__m128i *)(sums + i), _mm_sub_epi32(sum, offset));
    }
    for (; i < n; i++) {
        __m512i part = dot(codes + (rows != NULL ? rows[i] : i) * stride, query);
        sums[i] = (int32_t)((uint32_t)_mm512_reduce_add_epi32(part) - (uint32_t)query->offset);
    }
}
