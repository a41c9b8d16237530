/* Kernels give the reference's integers on every width and row list, and bounds hold for every kind of
 * vector. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "common/arena.h"
#include "index/scan.h"

static uint64_t seed = 9;

static double uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (double)(seed >> 40) / (double)(1 << 24) - 0.5;
}

/* Plain, one large number, all equal, tiny, huge, nearly all zero. */
static void make(size_t kind, size_t width, float *out)
{
    for (size_t i = 0; i < width; i++) {
        out[i] = (float)uniform();
        if (kind == 1)
            out[i] = (float)(i == 3 % width ? 1 : 1e-4 * uniform());
        else if (kind == 2)
            out[i] = i % 2 == 0 ? 1 : -1;
        else if (kind == 3)
            out[i] *= 1e-12f;
        else if (kind == 4)
            out[i] *= 1e15f;
        else if (kind == 5 && i % 97 != 0)
            out[i] = 0;
    }
}

static void kernels_agree(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 7, 63, 64, 65, 384, 512, 1000, SCAN_MAX_WIDTH};
    static const uint16_t some[] = {0, 2, 3, 7, 8, 12, 12, 16};
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        size_t width = widths[w], stride = scan_stride(width), n = 17;
        float *vector = big_alloc(width * sizeof *vector);
        unsigned char *codes = big_alloc(n * stride);
        struct scan_query query;
        void *memory = big_alloc(scan_query_bytes(width));
        for (size_t i = 0; i < n; i++) {
            float scale, error;
            make(i % 6, width, vector);
            assert_true(scan_row_init(codes + i * stride, &scale, &error, vector, width));
        }
        for (size_t kind = 0; kind < 6; kind++) {
            int32_t wanted[17], sums[17];
            make(kind, width, vector);
            scan_query_init(&query, vector, width, memory);
            for (enum isa isa = ISA_REFERENCE; isa < ISA_COUNT; isa++) {
                if (!cpu_has(isa))
                    continue;
                scan_dot_reference(codes, NULL, n, &query, wanted);
                scan_kernels(isa)->dot(codes, NULL, n, &query, sums);
                assert_memory_equal(sums, wanted, sizeof sums);
                scan_dot_reference(codes, some, 8, &query, wanted);
                scan_kernels(isa)->dot(codes, some, 8, &query, sums);
                assert_memory_equal(sums, wanted, 8 * sizeof *sums);
            }
        }
        big_free(memory);
        big_free(codes);
        big_free(vector);
    }
}

/* Sums in 64 bits: what 32 bits hold is what there is. */
static void sums_do_not_wrap(void **state)
{
    (void)state;
    static float vector[SCAN_MAX_WIDTH];
    static unsigned char row[SCAN_MAX_WIDTH] __attribute__((aligned(SCAN_ALIGN)));
    struct scan_query query;
    void *memory = big_alloc(scan_query_bytes(SCAN_MAX_WIDTH));
    float scale, error;
    int32_t sum;
    for (size_t i = 0; i < SCAN_MAX_WIDTH; i++)
        vector[i] = 1;
    assert_true(scan_row_init(row, &scale, &error, vector, SCAN_MAX_WIDTH));
    scan_query_init(&query, vector, SCAN_MAX_WIDTH, memory);
    int64_t exact = 0;
    for (size_t i = 0; i < SCAN_MAX_WIDTH; i++)
        exact += (int64_t)(row[i] - 128) * query.values[i];
    scan_dot_reference(row, NULL, 1, &query, &sum);
    assert_true(exact == sum);
    big_free(memory);
}

static void bounds_hold(void **state)
{
    (void)state;
    for (size_t round = 0; round < 3000; round++) {
        size_t width = 1 + round * 37 % 600;
        static float row[600], query[600];
        static unsigned char codes[640] __attribute__((aligned(SCAN_ALIGN)));
        struct scan_query q;
        void *memory = big_alloc(scan_query_bytes(width));
        float scale, error;
        int32_t sum;
        make(round % 6, width, row);
        make(round / 6 % 6, width, query);
        if (round % 4 == 0)
            memcpy(query, row, width * sizeof *row);
        assert_true(scan_row_init(codes, &scale, &error, row, width));
        scan_query_init(&q, query, width, memory);
        scan_dot_reference(codes, NULL, 1, &q, &sum);
        long double dot = 0, rows = 0, queries = 0, left = 0;
        for (size_t i = 0; i < width; i++) {
            dot += (long double)row[i] * query[i];
            rows += (long double)row[i] * row[i];
            queries += (long double)query[i] * query[i];
        }
        for (size_t i = 0; i < width; i++) {
            long double d = row[i] / sqrtl(rows) - (long double)scale * (codes[i] - 128);
            left += d * d;
        }
        assert_true(sqrtl(left) <= error);
        long double off = fabsl(dot / sqrtl(rows) / sqrtl(queries) - q.unit * (long double)scale * sum);
        assert_true(off <= q.error + error * (1 + q.error) + 1e-12L);
        assert_true(error < 0.09f); /* and are worth having */
        big_free(memory);
    }
}

static void refuses_what_has_no_direction(void **state)
{
    (void)state;
    unsigned char row[64] = {7};
    float scale = 5, error = 5, vector[4] = {0};
    assert_false(scan_row_init(row, &scale, &error, vector, 4));
    vector[1] = NAN;
    assert_false(scan_row_init(row, &scale, &error, vector, 4));
    vector[1] = INFINITY;
    assert_false(scan_row_init(row, &scale, &error, vector, 4));
    assert_true(row[0] == 7 && scale == 5 && error == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree),
        cmocka_unit_test(sums_do_not_wrap),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(refuses_what_has_no_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
