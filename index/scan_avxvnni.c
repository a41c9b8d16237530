#include "index/scan.h"

#include <immintrin.h>
#include <stdbool.h>

#define PAIR 2 /* queries that share the loads of a row */

static inline int32_t fold(__m256i v)
{
    __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
    x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
    return _mm_cvtsi128_si32(x);
}

struct sums {
    __m256i h0, h1, l0, l1;
};

/* Adds the products of a part of a row, numbers from … until of it. `count` and `glance` are constants where
 * it is called. */
static inline __attribute__((always_inline)) void add(const unsigned char *row, const unsigned char *later,
                                                      size_t from, size_t until,
                                                      const struct scan_query *const *queries, size_t count,
                                                      bool glance, struct sums *sums)
{
    for (size_t j = 0; j < until - from; j += 64) {
        if (later != NULL)
            _mm_prefetch((const char *)later + j, _MM_HINT_T0);
        __m256i a = _mm256_load_si256((const __m256i *)(row + j));
        __m256i b = _mm256_load_si256((const __m256i *)(row + j + 32));
#pragma GCC unroll 2
        for (size_t q = 0; q < count; q++) {
            const __m256i *high = (const __m256i *)(queries[q]->high + from + j);
            const __m256i *low = (const __m256i *)(queries[q]->low + from + j);
            struct sums *s = &sums[q];
            s->h0 = _mm256_dpbusd_avx_epi32(s->h0, a, _mm256_load_si256(high));
            s->h1 = _mm256_dpbusd_avx_epi32(s->h1, b, _mm256_load_si256(high + 1));
            if (glance)
                continue;
            s->l0 = _mm256_dpbusd_avx_epi32(s->l0, a, _mm256_load_si256(low));
            s->l1 = _mm256_dpbusd_avx_epi32(s->l1, b, _mm256_load_si256(low + 1));
        }
    }
}

static inline __attribute__((always_inline)) void tile(const unsigned char *const *row,
                                                       const unsigned char *const *later,
                                                       const struct scan_query *const *queries, size_t count,
                                                       bool glance, __m256i *out)
{
    size_t head = queries[0]->head;
    struct sums sums[PAIR];
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++)
        sums[q].h0 = sums[q].h1 = sums[q].l0 = sums[q].l1 = _mm256_setzero_si256();
    add(row[0], later[0], 0, head, queries, count, glance, sums);
    if (!glance)
        add(row[1], later[1], head, queries[0]->stride, queries, count, false, sums);
#pragma GCC unroll 2
    for (size_t q = 0; q < count; q++) {
        __m256i high = _mm256_add_epi32(sums[q].h0, sums[q].h1);
        __m256i low = _mm256_add_epi32(sums[q].l0, sums[q].l1);
        out[q] = glance ? high : _mm256_add_epi32(_mm256_slli_epi32(high, 7), low);
    }
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
            __m256i out[PAIR];
            together = count - q < PAIR ? count - q : PAIR;
            if (together == PAIR)
                tile(row, later, queries + q, PAIR, glance, out);
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

void scan_dot_avxvnni(struct scan_codes codes, const uint16_t *rows, size_t n,
                      const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    scan(codes, rows, n, queries, count, false, sums);
}

void scan_glance_avxvnni(struct scan_codes codes, const uint16_t *rows, size_t n,
                         const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    scan(codes, rows, n, queries, count, true, sums);
}
