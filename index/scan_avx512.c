#include "index/scan.h"

#include <immintrin.h>

#define ROWS 4 /* whose sums are folded in one tree */
#define PAIR 2 /* queries that share the loads of those rows: sixteen sums stay in registers */

/* Sums of the sixteen parts of a, b, c and d. */
static inline __m128i fold(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i v = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i w = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
}

/* out[q] = sums of four rows with query q; `count` is a constant where it is called. */
static inline __attribute__((always_inline)) void tile(const unsigned char *const *row,
                                                       const unsigned char *const *later,
                                                       const struct scan_query *const *queries, size_t count,
                                                       __m128i *out)
{
    __m512i high[PAIR][ROWS], low[PAIR][ROWS];
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS; t++)
            high[q][t] = low[q][t] = _mm512_setzero_si512();
    for (size_t j = 0; j < queries[0]->stride; j += 64) {
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS && later != NULL; t++)
            _mm_prefetch((const char *)later[t] + j, _MM_HINT_T0);
#pragma GCC unroll 2
        for (size_t q = 0; q < count; q++) {
            __m512i h = _mm512_load_si512(queries[q]->high + j), l = _mm512_load_si512(queries[q]->low + j);
#pragma GCC unroll 4
            for (size_t t = 0; t < ROWS; t++) {
                __m512i codes = _mm512_load_si512(row[t] + j);
                high[q][t] = _mm512_dpbusd_epi32(high[q][t], codes, h);
                low[q][t] = _mm512_dpbusd_epi32(low[q][t], codes, l);
            }
        }
    }
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++) {
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS; t++)
            low[q][t] = _mm512_add_epi32(_mm512_slli_epi32(high[q][t], 7), low[q][t]);
        out[q] = _mm_sub_epi32(fold(low[q][0], low[q][1], low[q][2], low[q][3]),
                               _mm_set1_epi32(queries[q]->offset));
    }
}

void scan_dot_avx512(const unsigned char *codes, const uint16_t *rows, size_t n,
                     const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    size_t stride = queries[0]->stride;
    for (size_t i = 0; i < n; i += ROWS) {
        const unsigned char *row[ROWS], *later[ROWS];
        size_t left = n - i < ROWS ? n - i : ROWS; /* the last row stands in for those that are not there */
        for (size_t t = 0; t < ROWS; t++) {
            size_t at = i + (t < left ? t : left - 1);
            row[t] = scan_row(codes, rows, at, stride);
            later[t] = scan_row(codes, rows, at + SCAN_AHEAD < n ? at + SCAN_AHEAD : at, stride);
        }
        for (size_t q = 0; q < count; q += PAIR) {
            size_t together = count - q < PAIR ? count - q : PAIR;
            __m128i out[PAIR];
            if (together == PAIR)
                tile(row, q == 0 ? later : NULL, queries + q, PAIR, out);
            else
                tile(row, q == 0 ? later : NULL, queries + q, 1, out);
            for (size_t p = 0; p < together; p++)
                _mm_mask_storeu_epi32(sums[q + p] + i, (__mmask8)((1u << left) - 1), out[p]);
        }
    }
}
