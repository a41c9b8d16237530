#include "index/scan.h"

#include <immintrin.h>

#define PAIR 2 /* queries that share the loads of a row */

static inline int32_t fold(__m256i v)
{
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
    return _mm_cvtsi128_si32(x);
}

/* `count` is a constant where it is called. */
static inline __attribute__((always_inline)) void tile(const unsigned char *row, const unsigned char *later,
                                                       const struct scan_query *const *queries, size_t count,
                                                       __m256i *out)
{
    __m256i h0[PAIR], h1[PAIR], l0[PAIR], l1[PAIR];
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++)
        h0[q] = h1[q] = l0[q] = l1[q] = _mm256_setzero_si256();
    for (size_t j = 0; j < queries[0]->stride; j += 64) {
        if (later != NULL)
            _mm_prefetch((const char *)later + j, _MM_HINT_T0);
        __m256i a = _mm256_load_si256((const __m256i *)(row + j));
        __m256i b = _mm256_load_si256((const __m256i *)(row + j + 32));
#pragma GCC unroll 2
        for (size_t q = 0; q < count; q++) {
            const __m256i *high = (const __m256i *)(queries[q]->high + j);
            const __m256i *low = (const __m256i *)(queries[q]->low + j);
            h0[q] = _mm256_dpbusd_avx_epi32(h0[q], a, _mm256_load_si256(high));
            h1[q] = _mm256_dpbusd_avx_epi32(h1[q], b, _mm256_load_si256(high + 1));
            l0[q] = _mm256_dpbusd_avx_epi32(l0[q], a, _mm256_load_si256(low));
            l1[q] = _mm256_dpbusd_avx_epi32(l1[q], b, _mm256_load_si256(low + 1));
        }
    }
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++)
        out[q] = _mm256_add_epi32(_mm256_slli_epi32(_mm256_add_epi32(h0[q], h1[q]), 7),
                                  _mm256_add_epi32(l0[q], l1[q]));
}

void scan_dot_avxvnni(const unsigned char *codes, const uint16_t *rows, size_t n,
                      const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    size_t stride = queries[0]->stride;
    for (size_t i = 0; i < n; i++) {
        const unsigned char *row = scan_row(codes, rows, i, stride);
        const unsigned char *later = scan_row(codes, rows, i + SCAN_AHEAD < n ? i + SCAN_AHEAD : i, stride);
        for (size_t q = 0, together; q < count; q += together) {
            __m256i out[PAIR];
            together = count - q < PAIR ? count - q : PAIR;
            if (together == PAIR)
                tile(row, q == 0 ? later : NULL, queries + q, PAIR, out);
            else
                tile(row, q == 0 ? later : NULL, queries + q, 1, out);
            for (size_t p = 0; p < together; p++)
                sums[q + p][i] = (int32_t)((uint32_t)fold(out[p]) - (uint32_t)queries[q + p]->offset);
        }
    }
}
