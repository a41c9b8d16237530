#include "unit.h"

#include <stdatomic.h>

#include "encoder/team.h"

#define STEPS 2000

struct count {
    struct team *team;
    atomic_int done[STEPS];
    atomic_int wrong;
};

/* Every part adds to a step, and after the barrier all parts must have. */
static void walk(void *context, size_t part, size_t parts)
{
    struct count *c = context;
    for (size_t i = 0; i < STEPS; i++) {
        atomic_fetch_add(&c->done[i], 1);
        team_barrier(c->team, part);
        if (atomic_load(&c->done[i]) != (int)parts)
            atomic_fetch_add(&c->wrong, 1);
    }
}

static void all_parts_meet(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 4; threads++) {
        struct count c = {0};
        assert_int_equal(team_new(threads, &c.team, NULL), STATUS_OK);
        assert_int_equal(team_size(c.team), threads);
        for (int job = 0; job < 3; job++) {
            for (size_t i = 0; i < STEPS; i++)
                atomic_store(&c.done[i], 0);
            team_run(c.team, walk, &c);
            assert_int_equal(atomic_load(&c.done[STEPS - 1]), threads);
        }
        assert_int_equal(atomic_load(&c.wrong), 0);
        team_free(c.team);
    }
}

static void nobody_is_a_team_of_one(void **state)
{
    (void)state;
    struct count c = {0};
    struct error err = {0};
    struct team *team = NULL;
    team_run(NULL, walk, &c);
    assert_int_equal(atomic_load(&c.done[0]), 1);
    assert_int_equal(team_size(NULL), 1);
    assert_int_equal(team_new(0, &team, &err), STATUS_INVALID);
    assert_int_equal(team_new(65, &team, NULL), STATUS_INVALID);
    assert_null(team);
    team_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_parts_meet),
        cmocka_unit_test(nobody_is_a_team_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
