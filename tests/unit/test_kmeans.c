/* Centres of vectors that lie around known directions; the nearest against products in double. */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "index/kmeans.h"

#define WIDTH  72
#define TOPICS 12
#define ROWS   3000

static float vectors[ROWS][WIDTH], scales[ROWS];

/* Vigna's splitmix64, from -0.5 to 0.5. */
static double uniform(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 40) / (double)(1 << 24) - 0.5;
}

static void make_vector(size_t i, double noise, float *out)
{
    uint64_t topic = (i % TOPICS + 1) << 32, own = (i + 1) << 40;
    for (size_t j = 0; j < WIDTH; j++)
        out[j] = (float)(uniform(&topic) + noise * uniform(&own));
}

static double cosine(const float *a, const float *b)
{
    double dot = 0, aa = 0, bb = 0;
    for (size_t j = 0; j < WIDTH; j++) {
        dot += (double)a[j] * b[j];
        aa += (double)a[j] * a[j];
        bb += (double)b[j] * b[j];
    }
    return dot / sqrt(aa * bb);
}

static struct kmeans_rows make_rows(void)
{
    size_t head = scan_head(WIDTH), rest = scan_stride(WIDTH) - head;
    unsigned char *memory = big_alloc(ROWS * scan_stride(WIDTH));
    struct kmeans_rows rows = {{memory, memory + ROWS * head}, scales, ROWS};
    float error, tail;
    assert_non_null(memory);
    for (size_t i = 0; i < ROWS; i++) {
        make_vector(i, 0.3, vectors[i]);
        assert_true(scan_row_init(rows.codes.heads + i * head, rows.codes.rests + i * rest, &scales[i],
                                  &error, &tail, vectors[i], WIDTH));
    }
    return rows;
}

static void centres_lie_in_the_middle_of_their_rows(void **state)
{
    (void)state;
    struct kmeans_rows rows = make_rows();
    struct centres c, again;
    assert_int_equal(centres_init(&c, 3 * TOPICS, WIDTH, NULL), STATUS_OK);
    assert_int_equal(centres_init(&again, 3 * TOPICS, WIDTH, NULL), STATUS_OK);
    assert_int_equal(kmeans_train(&c, &rows, scan_kernels(cpu_best()), NULL, NULL), STATUS_OK);
    assert_int_equal(kmeans_train(&again, &rows, scan_kernels(ISA_REFERENCE), NULL, NULL), STATUS_OK);
    assert_memory_equal(c.vectors, again.vectors, 3 * TOPICS * WIDTH * sizeof(float));
    for (size_t topic = 0; topic < TOPICS; topic++) {
        float direction[WIDTH];
        double best = -1;
        make_vector(topic, 0, direction);
        for (size_t i = 0; i < c.count; i++)
            best = fmax(best, cosine(direction, c.vectors + i * WIDTH));
        assert_true(best > 0.98);
    }
    centres_release(&again);
    centres_release(&c);
    big_free(rows.codes.heads);
}

static void nearest_are_the_nearest(void **state)
{
    (void)state;
    static struct near_centre near[SCAN_BLOCK * 5];
    struct kmeans_rows rows = make_rows();
    struct centres c;
    size_t n = 517, first = 100;
    assert_int_equal(centres_init(&c, 29, WIDTH, NULL), STATUS_OK);
    for (size_t i = 0; i < c.count; i++)
        centres_set(&c, i, vectors[i * 31]);
    centres_nearest(&c, scan_kernels(cpu_best()), kmeans_codes(rows.codes, first, WIDTH), n, 5, near);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 5; j++) {
            const struct near_centre *one = &near[i * 5 + j];
            double own = cosine(vectors[first + i], c.vectors + one->centre * WIDTH);
            size_t nearer = 0;
            assert_true(fabs(own - (double)scales[first + i] * one->product) < 0.02);
            for (size_t k = 0; k < c.count; k++)
                nearer += cosine(vectors[first + i], c.vectors + k * WIDTH) > own + 0.02;
            assert_true(nearer <= j);
        }
    centres_release(&c);
    assert_int_equal(centres_init(&c, 2, WIDTH, NULL), STATUS_OK);
    centres_set(&c, 0, vectors[0]);
    centres_set(&c, 1, vectors[1]);
    centres_nearest(&c, scan_kernels(cpu_best()), rows.codes, 1, 5, near); /* fewer than are asked for */
    assert_int_equal(near[0].centre, 0);
    for (size_t j = 1; j < 5; j++)
        assert_int_equal(near[j].centre, 1);
    centres_release(&c);
    big_free(rows.codes.heads);
}

static void equal_rows_make_no_trouble(void **state)
{
    (void)state;
    struct kmeans_rows rows = make_rows();
    struct centres c;
    size_t stride = scan_stride(WIDTH), head = scan_head(WIDTH);
    for (size_t i = 1; i < ROWS; i++) {
        memcpy(rows.codes.heads + i * head, rows.codes.heads, head);
        memcpy(rows.codes.rests + i * (stride - head), rows.codes.rests, stride - head);
        scales[i] = scales[0];
    }
    assert_int_equal(centres_init(&c, 10, WIDTH, NULL), STATUS_OK);
    assert_int_equal(kmeans_train(&c, &rows, scan_kernels(cpu_best()), NULL, NULL), STATUS_OK);
    for (size_t i = 0; i < 10; i++)
        assert_true(cosine(c.vectors + i * WIDTH, vectors[0]) > 0.999);
    centres_release(&c);
    big_free(rows.codes.heads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(centres_lie_in_the_middle_of_their_rows),
        cmocka_unit_test(nearest_are_the_nearest),
        cmocka_unit_test(equal_rows_make_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
