#include "index/scan.h"

#include <immintrin.h>
#include <stdbool.h>

#include "index/scan_reach.h"

#define TOGETHER 4 /* queries for which a row is widened once */

static inline int32_t fold(__m256i v)
{
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
    return _mm_cvtsi128_si32(x);
}

/* Adds the products of a part of a row, numbers from … until of it.
 *
 * Multiplying bytes with vpmaddubsw would saturate, so rows are widened to 16 bits and multiplied with the
 * whole 15-bit query at once. `count` and `glance` are constants where it is called. */
static inline __attribute__((always_inline)) void add(const unsigned char *row, const unsigned char *later,
                                                      size_t from, size_t until,
                                                      const struct scan_query *const *queries, size_t count,
                                                      bool glance, __m256i *a, __m256i *b)
{
    for (size_t j = 0; j < until - from; j += 32) {
        if (later != NULL)
            _mm_prefetch((const char *)later + j, _MM_HINT_T0);
        __m256i low = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(row + j)));
        __m256i high = _mm256_cvtepu8_epi16(_mm_load_si128((const __m128i *)(row + j + 16)));
#pragma GCC unroll 4
        for (size_t q = 0; q < count; q++) {
            const __m256i *values =
                (const __m256i *)((glance ? queries[q]->tops : queries[q]->values) + from + j);
            a[q] = _mm256_add_epi32(a[q], _mm256_madd_epi16(low, _mm256_load_si256(values)));
            b[q] = _mm256_add_epi32(b[q], _mm256_madd_epi16(high, _mm256_load_si256(values + 1)));
        }
    }
}

static inline __attribute__((always_inline)) void tile(const unsigned char *const *row,
                                                       const unsigned char *const *later,
                                                       const struct scan_query *const *queries, size_t count,
                                                       bool glance, __m256i *out)
{
    size_t head = queries[0]->head;
    __m256i a[TOGETHER], b[TOGETHER];
#pragma GCC unroll 4
    for (size_t q = 0; q < count; q++)
        a[q] = b[q] = _mm256_setzero_si256();
    add(row[0], later[0], 0, head, queries, count, glance, a, b);
    if (!glance)
        add(row[1], later[1], head, queries[0]->stride, queries, count, false, a, b);
#pragma GCC unroll 4
    for (size_t q = 0; q < count; q++)
        out[q] = _mm256_add_epi32(a[q], b[q]);
}

static inline __attribute__((always_inline)) void scan(struct scan_codes codes, const uint16_t *rows,
                                                       size_t n, const struct scan_query *const *queries,
                                                       size_t count, bool glance, int32_t (*sums)[SCAN_BLOCK])
{
    static const unsigned char *const none[2] = {0};
    for (size_t i = 0; i < n; i++) {
        const unsigned char *row[2], *ahead[2];
        scan_parts(codes, rows, i, queries[0], &row[0], &row[1]);
        scan_parts(codes, rows, i + SCAN_AHEAD < n ? i + SCAN_AHEAD : i, queries[0], &ahead[0], &ahead[1]);
        for (size_t q = 0, together; q < count; q += together) {
            const unsigned char *const *later = q == 0 ? ahead : none;
            __m256i out[TOGETHER];
            together = count - q >= TOGETHER ? TOGETHER : 1;
            if (together == TOGETHER)
                tile(row, later, queries + q, TOGETHER, glance, out);
            else
                tile(row, later, queries + q, 1, glance, out);
            for (size_t p = 0; p < together; p++) {
                const struct scan_query *query = queries[q + p];
                int32_t offset = glance ? query->glance.offset : query->offset;
                sums[q + p][i] = (int32_t)((uint32_t)fold(out[p]) - (uint32_t)offset);
            }
        }
    }
}

void scan_dot_avx2(struct scan_codes codes, const uint16_t *rows, size_t n,
                   const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    scan(codes, rows, n, queries, count, false, sums);
}

void scan_glance_avx2(struct scan_codes codes, const uint16_t *rows, size_t n,
                      const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    scan(codes, rows, n, queries, count, true, sums);
}

void scan_reach_avx2(const struct scan_query *query, const int32_t *sums, struct scan_bounds bounds, size_t n,
                     unsigned char *out)
{
    find_reach(query, sums, bounds, n, out);
}
