#include "index/scan.h"

#include <immintrin.h>
#include <stdbool.h>

#include "index/scan_reach.h"

#define ROWS 4 /* whose sums are folded in one tree */
#define PAIR 2 /* queries that share the loads of those rows: sixteen sums stay in registers */
#define FOUR 4 /* likewise at a glance, which takes half of the sums */

/* Sums of the sixteen parts of a, b, c and d. */
static inline __m128i fold(__m512i a, __m512i b, __m512i c, __m512i d)
{
    __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    __m512i v = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    __m256i w = _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    return _mm_add_epi32(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
}

/* Four rows, and those that are asked for meanwhile (NULL: none): their heads or their rests. */
struct four {
    const unsigned char *row[ROWS], *later[ROWS];
};

/* Adds the products of a part of four rows, numbers from … until of them. `count` and `ahead` are constants
 * where these are called. */
static inline __attribute__((always_inline)) void add(const struct four *four, bool ahead, size_t from,
                                                      size_t until, const struct scan_query *const *queries,
                                                      size_t count, __m512i (*high)[ROWS],
                                                      __m512i (*low)[ROWS])
{
    for (size_t j = 0; j < until - from; j += 64) {
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS && ahead; t++)
            _mm_prefetch((const char *)four->later[t] + j, _MM_HINT_T0);
#pragma GCC unroll 2
        for (size_t q = 0; q < count; q++) {
            __m512i h = _mm512_load_si512(queries[q]->high + from + j);
            __m512i l = _mm512_load_si512(queries[q]->low + from + j);
#pragma GCC unroll 4
            for (size_t t = 0; t < ROWS; t++) {
                __m512i codes = _mm512_load_si512(four->row[t] + j);
                high[q][t] = _mm512_dpbusd_epi32(high[q][t], codes, h);
                low[q][t] = _mm512_dpbusd_epi32(low[q][t], codes, l);
            }
        }
    }
}

/* out[q] = sums of four rows with query q. */
static inline __attribute__((always_inline)) void dot(const struct four *parts, bool ahead,
                                                      const struct scan_query *const *queries, size_t count,
                                                      __m128i *out)
{
    size_t head = queries[0]->head;
    __m512i high[PAIR][ROWS], low[PAIR][ROWS];
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS; t++)
            high[q][t] = low[q][t] = _mm512_setzero_si512();
    add(&parts[0], ahead, 0, head, queries, count, high, low);
    add(&parts[1], ahead, head, queries[0]->stride, queries, count, high, low);
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++) {
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS; t++)
            low[q][t] = _mm512_add_epi32(_mm512_slli_epi32(high[q][t], 7), low[q][t]);
        out[q] = _mm_sub_epi32(fold(low[q][0], low[q][1], low[q][2], low[q][3]),
                               _mm_set1_epi32(queries[q]->offset));
    }
}

/* The same of the high bytes and the heads alone. */
static inline __attribute__((always_inline)) void glance(const struct four *heads, bool ahead,
                                                         const struct scan_query *const *queries,
                                                         size_t count, __m128i *out)
{
    __m512i sums[FOUR][ROWS];
#pragma GCC unroll 4
    for (size_t q = 0; q < count; q++)
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS; t++)
            sums[q][t] = _mm512_setzero_si512();
    for (size_t j = 0; j < queries[0]->head; j += 64) {
#pragma GCC unroll 4
        for (size_t t = 0; t < ROWS && ahead; t++)
            _mm_prefetch((const char *)heads->later[t] + j, _MM_HINT_T0);
#pragma GCC unroll 4
        for (size_t q = 0; q < count; q++) {
            __m512i high = _mm512_load_si512(queries[q]->high + j);
#pragma GCC unroll 4
            for (size_t t = 0; t < ROWS; t++)
                sums[q][t] = _mm512_dpbusd_epi32(sums[q][t], _mm512_load_si512(heads->row[t] + j), high);
        }
    }
#pragma GCC unroll 4
    for (size_t q = 0; q < count; q++)
        out[q] = _mm_sub_epi32(fold(sums[q][0], sums[q][1], sums[q][2], sums[q][3]),
                               _mm_set1_epi32(queries[q]->glance.offset));
}

/* Rows from number i on; the last stands in for those that are not there. */
static inline void find_rows(struct scan_codes codes, const uint16_t *rows, size_t i, size_t n,
                             const struct scan_query *query, struct four *parts)
{
    for (size_t t = 0; t < ROWS; t++) {
        size_t at = i + t < n ? i + t : n - 1;
        scan_parts(codes, rows, at, query, &parts[0].row[t], &parts[1].row[t]);
        scan_parts(codes, rows, at + SCAN_AHEAD < n ? at + SCAN_AHEAD : at, query, &parts[0].later[t],
                   &parts[1].later[t]);
    }
}

static inline void store(int32_t *sums, size_t left, __m128i out)
{
    _mm_mask_storeu_epi32(sums, left < ROWS ? (__mmask8)((1u << left) - 1) : 15, out);
}

void scan_dot_avx512(struct scan_codes codes, const uint16_t *rows, size_t n,
                     const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    for (size_t i = 0; i < n; i += ROWS) {
        struct four parts[2];
        find_rows(codes, rows, i, n, queries[0], parts);
        for (size_t q = 0, together; q < count; q += together) {
            __m128i out[PAIR];
            together = count - q < PAIR ? count - q : PAIR;
            if (together == PAIR)
                dot(parts, q == 0, queries + q, PAIR, out);
            else
                dot(parts, q == 0, queries + q, 1, out);
            for (size_t p = 0; p < together; p++)
                store(sums[q + p] + i, n - i, out[p]);
        }
    }
}

void scan_glance_avx512(struct scan_codes codes, const uint16_t *rows, size_t n,
                        const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    for (size_t i = 0; i < n; i += ROWS) {
        struct four parts[2];
        find_rows(codes, rows, i, n, queries[0], parts);
        for (size_t q = 0, together; q < count; q += together) {
            __m128i out[FOUR];
            together = count - q < FOUR ? count - q : FOUR;
            if (together == FOUR)
                glance(parts, q == 0, queries + q, FOUR, out);
            else if (together == 3)
                glance(parts, q == 0, queries + q, 3, out);
            else if (together == 2)
                glance(parts, q == 0, queries + q, 2, out);
            else
                glance(parts, q == 0, queries + q, 1, out);
            for (size_t p = 0; p < together; p++)
                store(sums[q + p] + i, n - i, out[p]);
        }
    }
}

void scan_reach_avx512(const struct scan_query *query, const int32_t *sums, struct scan_bounds bounds,
                       size_t n, unsigned char *out)
{
    find_reach(query, sums, bounds, n, out);
}
