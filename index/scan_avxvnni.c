#include "index/scan.h"

#include <immintrin.h>

static inline __m256i dot(const unsigned char *row, const struct scan_query *query)
{
    __m256i h0 = _mm256_setzero_si256(), h1 = h0, l0 = h0, l1 = h0;
    for (size_t j = 0; j < query->stride; j += 64) {
        __m256i a = _mm256_load_si256((const __m256i *)(row + j));
        __m256i b = _mm256_load_si256((const __m256i *)(row + j + 32));
        const __m256i *high = (const __m256i *)(query->high + j);
        const __m256i *low = (const __m256i *)(query->low + j);
        h0 = _mm256_dpbusd_avx_epi32(h0, a, _mm256_load_si256(high));
        h1 = _mm256_dpbusd_avx_epi32(h1, b, _mm256_load_si256(high + 1));
        l0 = _mm256_dpbusd_avx_epi32(l0, a, _mm256_load_si256(low));
        l1 = _mm256_dpbusd_avx_epi32(l1, b, _mm256_load_si256(low + 1));
    }
    return _mm256_add_epi32(_mm256_slli_epi32(_mm256_add_epi32(h0, h1), 7), _mm256_add_epi32(l0, l1));
}

static inline int32_t fold(__m256i v)
{
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
    return _mm_cvtsi128_si32(x);
}

void scan_dot_avxvnni(const unsigned char *codes, const uint16_t *rows, size_t n,
                      const struct scan_query *query, int32_t *sums)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char *row = codes + (rows != NULL ? rows[i] : i) * query->stride;
        sums[i] = (int32_t)((uint32_t)fold(dot(row, query)) - (uint32_t)query->offset);
    }
}
