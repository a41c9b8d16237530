/* Which hits maximal marginal relevance takes, in a plane where one can see it. */
#include "unit.h"

#include <math.h>

#include "index/diversity.h"

#define N 6

static const double angles[N] = {0.10, 0.11, 0.12, -0.30, 0.50, 1.40}; /* from the query, along x */
static float vectors[N][2];
static double cosines[N];

static int place(void **state)
{
    (void)state;
    for (size_t i = 0; i < N; i++) {
        vectors[i][0] = (float)cos(angles[i]);
        vectors[i][1] = (float)sin(angles[i]);
        cosines[i] = cos(angles[i]);
    }
    return 0;
}

static void zero_keeps_the_order(void **state)
{
    (void)state;
    size_t chosen[N];
    assert_int_equal(diversity_choose(cosines, vectors[0], N, 2, 0, N, chosen, NULL), STATUS_OK);
    for (size_t i = 0; i < N; i++)
        assert_int_equal(chosen[i], i);
}

static void near_ones_stand_back(void **state)
{
    (void)state;
    size_t chosen[N];
    assert_int_equal(diversity_choose(cosines, vectors[0], N, 2, 0.5, 2, chosen, NULL), STATUS_OK);
    assert_int_equal(chosen[0], 0);
    assert_int_equal(chosen[1], 3); /* on the other side of the query; not one of the two copies */
    assert_int_equal(diversity_choose(cosines, vectors[0], N, 2, 1, 2, chosen, NULL), STATUS_OK);
    assert_int_equal(chosen[1], 5); /* the farthest from the first */
}

static void each_once(void **state)
{
    (void)state;
    for (double d = 0; d <= 1; d += 0.25) {
        size_t chosen[N], seen = 0;
        assert_int_equal(diversity_choose(cosines, vectors[0], N, 2, d, N + 3, chosen, NULL), STATUS_OK);
        for (size_t i = 0; i < N; i++)
            seen |= (size_t)1 << chosen[i];
        assert_int_equal(seen, ((size_t)1 << N) - 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_keeps_the_order),
        cmocka_unit_test(near_ones_stand_back),
        cmocka_unit_test(each_once),
    };
    return cmocka_run_group_tests(tests, place, NULL);
}
