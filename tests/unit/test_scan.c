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

static void check(scan_dot *kernel, struct scan_codes codes, const uint16_t *rows, size_t n,
                  const struct scan_query *const *queries, size_t count, int32_t (*wanted)[SCAN_BLOCK])
{
    static int32_t sums[SCAN_QUERIES][SCAN_BLOCK];
    memset(sums, 7, sizeof sums);
    kernel(codes, rows, n, queries, count, sums);
    for (size_t q = 0; q < count; q++)
        assert_memory_equal(sums[q], wanted[q], n * sizeof *sums[q]);
    assert_int_equal(sums[count - 1][n], 0x07070707); /* and nothing behind it */
}

/* Every number of queries, every number of rows left over, rows in order and by list. */
static void kernels_agree(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 7, 63, 64, 65, 384, 512, 1000, SCAN_MAX_WIDTH};
    static const uint16_t some[] = {0, 2, 3, 7, 8, 12, 12, 16, 5, 1, 4, 6, 9, 10, 11, 13, 14, 15, 0, 2, 3};
    static int32_t wanted[SCAN_QUERIES][SCAN_BLOCK], glances[SCAN_QUERIES][SCAN_BLOCK];
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        size_t width = widths[w], head = scan_head(width), rest = scan_stride(width) - head, n = 17;
        float *vector = big_alloc(width * sizeof *vector);
        struct scan_codes codes = {big_alloc(n * head), big_alloc(n * rest + 1)};
        struct scan_query scans[SCAN_QUERIES];
        const struct scan_query *queries[SCAN_QUERIES];
        void *memory[SCAN_QUERIES];
        for (size_t i = 0; i < n; i++) {
            float scale, error, tail;
            make(i % 6, width, vector);
            assert_true(scan_row_init(codes.heads + i * head, codes.rests + i * rest, &scale, &error, &tail,
                                      vector, width));
        }
        for (size_t q = 0; q < SCAN_QUERIES; q++) {
            memory[q] = big_alloc(scan_query_bytes(width));
            make(q % 6, width, vector);
            scan_query_init(&scans[q], vector, width, memory[q]);
            queries[q] = &scans[q];
        }
        for (size_t count = 1; count <= SCAN_QUERIES; count++)
            for (size_t rows = 12; rows <= 2 * n; rows += rows < n ? 1 : 4) {
                bool list = rows > n;
                size_t taken = list ? 21 - rows % 5 : rows;
                scan_dot_reference(codes, list ? some : NULL, taken, queries, count, wanted);
                scan_glance_reference(codes, list ? some : NULL, taken, queries, count, glances);
                for (enum isa isa = ISA_REFERENCE; isa < ISA_COUNT; isa++) {
                    if (!cpu_has(isa))
                        continue;
                    const struct scan_kernels *kernels = scan_kernels(isa);
                    check(kernels->dot, codes, list ? some : NULL, taken, queries, count, wanted);
                    check(kernels->glance, codes, list ? some : NULL, taken, queries, count, glances);
                }
            }
        for (size_t q = 0; q < SCAN_QUERIES; q++)
            big_free(memory[q]);
        big_free(codes.heads);
        big_free(codes.rests);
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
    float scale, error, tail;
    int32_t sum, sums[1][SCAN_BLOCK];
    for (size_t i = 0; i < SCAN_MAX_WIDTH; i++)
        vector[i] = 1;
    struct scan_codes codes = {row,
                               row + scan_head(SCAN_MAX_WIDTH)}; /* one row: its parts may lie together */
    assert_true(scan_row_init(codes.heads, codes.rests, &scale, &error, &tail, vector, SCAN_MAX_WIDTH));
    scan_query_init(&query, vector, SCAN_MAX_WIDTH, memory);
    int64_t exact = 0;
    for (size_t i = 0; i < SCAN_MAX_WIDTH; i++)
        exact += (int64_t)(row[i] - 128) * query.values[i];
    scan_dot_reference(codes, NULL, 1, &(const struct scan_query *){&query}, 1, sums);
    sum = sums[0][0];
    assert_true(exact == sum);
    big_free(memory);
}

static void bounds_hold(void **state)
{
    (void)state;
    for (size_t round = 0; round < 3000; round++) {
        size_t width = 1 + round * 37 % 600;
        static float row[600], query[600];
        static unsigned char bytes[640] __attribute__((aligned(SCAN_ALIGN)));
        struct scan_codes codes = {bytes, bytes + scan_head(width)};
        struct scan_query q;
        void *memory = big_alloc(scan_query_bytes(width));
        float scale, error, tail;
        int32_t sum, sums[1][SCAN_BLOCK];
        make(round % 6, width, row);
        make(round / 6 % 6, width, query);
        if (round % 4 == 0)
            memcpy(query, row, width * sizeof *row);
        assert_true(scan_row_init(codes.heads, codes.rests, &scale, &error, &tail, row, width));
        scan_query_init(&q, query, width, memory);
        scan_dot_reference(codes, NULL, 1, &(const struct scan_query *){&q}, 1, sums);
        sum = sums[0][0];
        long double dot = 0, rows = 0, queries = 0, left = 0, behind = 0;
        for (size_t i = 0; i < width; i++) {
            dot += (long double)row[i] * query[i];
            rows += (long double)row[i] * row[i];
            queries += (long double)query[i] * query[i];
        }
        for (size_t i = 0; i < width; i++) {
            long double d = row[i] / sqrtl(rows) - (long double)scale * (bytes[i] - 128);
            left += d * d;
            behind += i < scan_head(width) ? 0 : (long double)row[i] * row[i] / rows;
        }
        assert_true(sqrtl(left) <= error);
        long double off = fabsl(dot / sqrtl(rows) / sqrtl(queries) - q.unit * (long double)scale * sum);
        assert_true(off <= q.error + error * (1 + q.error) + 1e-12L);
        assert_true(error < 0.09f); /* and are worth having */
        assert_true(sqrtl(behind) <= tail && tail <= sqrtl(behind) * 1.001L);
        scan_glance_reference(codes, NULL, 1, &(const struct scan_query *){&q}, 1, sums);
        off = fabsl(dot / sqrtl(rows) / sqrtl(queries) - q.glance.unit * (long double)scale * sums[0][0]);
        assert_true(off <= q.glance.error + q.glance.length * error + q.glance.tail * tail + 1e-12L);
        assert_true(q.glance.error < 0.09);
        unsigned char reach;
        long double cosine = dot / sqrtl(rows) / sqrtl(queries);
        scan_reach_reference(&q, sums[0], (struct scan_bounds){&scale, &error, &tail}, 1, &reach);
        assert_true(reach >= 1 && reach >= scan_reach_floor((double)cosine));
        assert_true(reach <= 2 + SCAN_REACH * fmaxl(0, cosine + 2 * (off + q.glance.tail * tail + 0.1L)));
        big_free(memory);
    }
}

/* Every instruction set tells the same reach, whatever the number of rows. */
static void reaches_agree(void **state)
{
    (void)state;
    static float scales[SCAN_BLOCK], errors[SCAN_BLOCK], tails[SCAN_BLOCK];
    static int32_t sums[SCAN_BLOCK];
    static unsigned char wanted[SCAN_BLOCK], out[SCAN_BLOCK + 1];
    struct scan_query q = {.glance = {.unit = 0.0013, .error = 0.004, .length = 0.83, .tail = 0.55}};
    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        scales[i] = (float)(0.001 + 0.0005 * uniform());
        errors[i] = i % 50 == 7 ? -INFINITY : (float)(0.008 + 0.004 * uniform());
        tails[i] = (float)(0.5 + 0.3 * uniform());
        sums[i] = (int32_t)(uniform() * 2e6);
    }
    struct scan_bounds bounds = {scales, errors, tails};
    for (size_t n = 0; n <= SCAN_BLOCK; n += n < 70 ? 1 : 159) {
        scan_reach_reference(&q, sums, bounds, n, wanted);
        for (enum isa isa = ISA_REFERENCE; isa < ISA_COUNT; isa++) {
            if (!cpu_has(isa))
                continue;
            memset(out, 0, sizeof out);
            scan_kernels(isa)->reach(&q, sums, bounds, n, out);
            assert_memory_equal(out, wanted, n);
            assert_int_equal(out[n], 0);
        }
    }
    assert_int_equal(wanted[7], 1); /* a free slot */
    unsigned least = 255, most = 0;
    for (size_t i = 0; i < SCAN_BLOCK; i++) {
        least = wanted[i] < least ? wanted[i] : least;
        most = wanted[i] > most ? wanted[i] : most;
    }
    assert_true(least == 1 && most == SCAN_REACH);
    assert_int_equal(scan_reach_floor(-2), 1);
    assert_int_equal(scan_reach_floor(0.5), 127);
    assert_int_equal(scan_reach_floor(1.5), SCAN_REACH);
}

/* A turn leaves lengths and angles, head and rest apart, and comes back when it is done twice. */
static void turns_keep_angles(void **state)
{
    (void)state;
    for (size_t width = 1; width <= 1100; width += width < 130 ? 1 : 97) {
        static float a[1100], b[1100], turned[1100], other[1100];
        size_t head = scan_head(width) < width ? scan_head(width) : width;
        double dot = 0, same = 0, aa = 0, bb = 0, front = 0, kept = 0;
        make(0, width, a);
        make(1, width, b);
        memcpy(turned, a, width * sizeof *a);
        memcpy(other, b, width * sizeof *b);
        scan_turn(turned, width);
        scan_turn(other, width);
        for (size_t i = 0; i < width; i++) {
            dot += (double)a[i] * b[i];
            same += (double)turned[i] * other[i];
            aa += (double)a[i] * a[i];
            bb += (double)b[i] * b[i];
            front += i < head ? (double)a[i] * a[i] : 0;
            kept += i < head ? (double)turned[i] * turned[i] : 0;
        }
        assert_true(fabs(dot - same) <= 2 * SCAN_TURN_ERROR * sqrt(aa * bb));
        assert_true(fabs(sqrt(front) - sqrt(kept)) <= SCAN_TURN_ERROR * sqrt(aa));
        scan_turn(turned, width);
        for (size_t i = 0; i < width; i++)
            assert_true(fabs((double)turned[i] - a[i]) <= 2 * SCAN_TURN_ERROR * sqrt(aa));
    }
    float outlier[512] = {[378] = 1};
    scan_turn(outlier, 512);
    for (size_t i = 0; i < 512; i++)
        assert_true(outlier[i] == 0 || fabsf(outlier[i]) == 0.125f);
}

static void refuses_what_has_no_direction(void **state)
{
    (void)state;
    unsigned char row[64] = {7};
    float scale = 5, error = 5, tail = 5, vector[4] = {0};
    assert_false(scan_row_init(row, row + 64, &scale, &error, &tail, vector, 4));
    vector[1] = NAN;
    assert_false(scan_row_init(row, row + 64, &scale, &error, &tail, vector, 4));
    vector[1] = INFINITY;
    assert_false(scan_row_init(row, row + 64, &scale, &error, &tail, vector, 4));
    assert_true(row[0] == 7 && scale == 5 && error == 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kernels_agree),     cmocka_unit_test(sums_do_not_wrap),
        cmocka_unit_test(bounds_hold),       cmocka_unit_test(reaches_agree),
        cmocka_unit_test(turns_keep_angles), cmocka_unit_test(refuses_what_has_no_direction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
