#include "index/scan.h"

#include <immintrin.h>

/* Multiplying bytes with vpmaddubsw would saturate, so rows are widened to 16 bits and multiplied with the
 * whole 15-bit query at once. */
static inline __m256i dot(const unsigned char *row, const struct scan_query *query)
{
    __m256i a = _mm256_setzero_si256(), b = _mm256_setzero_si256();
    for (size_t j = 0; j < query->stride; j += 32) {
        __m256i low = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(row + j)));
        __m256i high = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(row + j + 16)));
        const __m256i *q = (const __m256i *)(query->values + j);
        a = _mm256_add_epi32(a, _mm256_madd_epi16(low, _mm256_load_si256(q)));
        b = _mm256_add_epi32(b, _mm256_madd_epi16(high, _mm256_load_si256(q + 1)));
    }
    return _mm256_add_epi32(a, b);
}

static inline int32_t fold(__m256i v)
{
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
    return _mm_cvtsi128_si32(x);
}

void scan_dot_avx2(const unsigned char *codes, const uint16_t *rows, size_t n, const struct scan_query *query,
                   int32_t *sums)
{
    for (size_t i = 0; i < n; i++) {
        const unsigned char *row = codes + (rows != NULL ? rows[i] : i) * query->stride;
        sums[i] = (int32_t)((uint32_t)fold(dot(row, query)) - (uint32_t)query->offset);
    }
}
