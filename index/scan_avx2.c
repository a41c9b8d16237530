#include "index/scan.h"

#include <immintrin.h>

#define TOGETHER 4 /* queries for which a row is widened once */

static inline int32_t fold(__m256i v)
{
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
    return _mm_cvtsi128_si32(x);
}

/* Multiplying bytes with vpmaddubsw would saturate, so rows are widened to 16 bits and multiplied with the
 * whole 15-bit query at once. `count` is a constant where it is called. */
static inline __attribute__((always_inline)) void tile(const unsigned char *row, const unsigned char *later,
                                                       const struct scan_query *const *queries, size_t count,
                                                       __m256i *out)
{
    __m256i a[TOGETHER], b[TOGETHER];
#pragma GCC unroll 4
    for (size_t q = 0; q < count; q++)
        a[q] = b[q] = _mm256_setzero_si256();
    for (size_t j = 0; j < queries[0]->stride; j += 32) {
        if (later != NULL)
            _mm_prefetch((const char *)later + j, _MM_HINT_T0);
        __m256i low = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(row + j)));
        __m256i high = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(row + j + 16)));
#pragma GCC unroll 4
        for (size_t q = 0; q < count; q++) {
            const __m256i *values = (const __m256i *)(queries[q]->values + j);
            a[q] = _mm256_add_epi32(a[q], _mm256_madd_epi16(low, _mm256_load_si256(values)));
            b[q] = _mm256_add_epi32(b[q], _mm256_madd_epi16(high, _mm256_load_si256(values + 1)));
        }
    }
#pragma GCC unroll 4
    for (size_t q = 0; q < count; q++)
        out[q] = _mm256_add_epi32(a[q], b[q]);
}

void scan_dot_avx2(const unsigned char *codes, const uint16_t *rows, size_t n,
                   const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    size_t stride = queries[0]->stride;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *row = scan_row(codes, rows, i, stride);
        const unsigned char *later = scan_row(codes, rows, i + SCAN_AHEAD < n ? i + SCAN_AHEAD : i, stride);
        for (size_t q = 0, together; q < count; q += together) {
            __m256i out[TOGETHER];
            together = count - q >= TOGETHER ? TOGETHER : 1;
            if (together == TOGETHER)
                tile(row, q == 0 ? later : NULL, queries + q, TOGETHER, out);
            else
                tile(row, q == 0 ? later : NULL, queries + q, 1, out);
            for (size_t p = 0; p < together; p++)
                sums[q + p][i] = (int32_t)((uint32_t)fold(out[p]) - (uint32_t)queries[q + p]->offset);
        }
    }
}
