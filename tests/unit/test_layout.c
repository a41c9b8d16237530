/* Layouts: what is near stays near, what is far stays far, and nothing depends on luck. */
#include "unit.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "index/layout.h"

enum { WIDTH = 48, GROUPS = 6, EACH = 40, POINTS = GROUPS * EACH };

/* Groups around directions of their own, with a little noise. */
static void grouped(float *x)
{
    unsigned random = 7;
    for (size_t i = 0; i < POINTS; i++)
        for (size_t j = 0; j < WIDTH; j++) {
            random = random * 1664525u + 1013904223u;
            x[i * WIDTH + j] = 0.1f * ((float)random / 4294967296.0f - 0.5f) + (j / 8 == i % GROUPS ? 1 : 0);
        }
}

static float distance(const float *xy, size_t a, size_t b)
{
    return hypotf(xy[2 * a] - xy[2 * b], xy[2 * a + 1] - xy[2 * b + 1]);
}

static void nearest_is_of_the_same_group(void **state)
{
    (void)state;
    static float x[POINTS * WIDTH], xy[2 * POINTS], again[2 * POINTS];
    struct layout_options options = {0};
    grouped(x);
    assert_int_equal(layout_plane(x, POINTS, WIDTH, &options, xy, NULL), STATUS_OK);
    size_t right = 0;
    for (size_t i = 0; i < POINTS; i++) {
        size_t best = i == 0;
        for (size_t j = 0; j < POINTS; j++)
            if (j != i && distance(xy, i, j) < distance(xy, i, best))
                best = j;
        right += best % GROUPS == i % GROUPS;
        assert_true(isfinite(xy[2 * i]) && isfinite(xy[2 * i + 1]));
    }
    assert_true(right > POINTS * 95 / 100);
    grouped(x);
    assert_int_equal(layout_plane(x, POINTS, WIDTH, &options, again, NULL), STATUS_OK);
    assert_memory_equal(xy, again, sizeof xy);
}

static void few_and_equal_points(void **state)
{
    (void)state;
    struct layout_options options = {0};
    for (size_t n = 0; n <= 4; n++) {
        float x[4 * WIDTH], xy[8] = {0};
        for (size_t i = 0; i < 4 * WIDTH; i++)
            x[i] = 0.25f;
        assert_int_equal(layout_plane(x, n, WIDTH, &options, xy, NULL), STATUS_OK);
        for (size_t i = 0; i < 2 * n; i++)
            assert_true(isfinite(xy[i]));
    }
}

static bool twice(void *context)
{
    int *asked = context;
    return ++*asked < 2;
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static void stops(void **state)
{
    (void)state;
    static float x[POINTS * WIDTH], xy[2 * POINTS];
    int asked = 0;
    struct layout_options options = {.go_on = twice, .context = &asked};
    struct error err = {0};
    grouped(x);
    assert_int_equal(layout_plane(x, POINTS, WIDTH, &options, xy, &err), STATUS_CANCELLED);
    assert_int_equal(asked, 2);
    memset(xy, 0, sizeof xy); /* who gave up before the points began to move finds them where they were */
    options.go_on = never;
    grouped(x);
    assert_int_equal(layout_plane(x, POINTS, WIDTH, &options, xy, NULL), STATUS_CANCELLED);
    for (size_t i = 0; i < 2 * POINTS; i++)
        assert_true(xy[i] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nearest_is_of_the_same_group),
                                       cmocka_unit_test(few_and_equal_points), cmocka_unit_test(stops)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
