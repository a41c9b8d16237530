#include "unit.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "encoder/team.h"

#define STEPS 500

struct count {
    atomic_int done[STEPS];
    atomic_int twice[STEPS][7];
    atomic_int wrong;
};

static size_t pieces_of(size_t step)
{
    return 1 + step % 7;
}

/* In every step each piece comes once, and only when all pieces before it are done. */
static void walk(void *context, struct turn *turn)
{
    struct count *c = context;
    for (size_t step = 0; step < STEPS; step++)
        for (size_t i; team_next(turn, pieces_of(step), &i);) {
            if (i >= pieces_of(step) || atomic_fetch_add(&c->twice[step][i], 1) != 0 ||
                (step > 0 && atomic_load(&c->done[step - 1]) != (int)pieces_of(step - 1)))
                atomic_fetch_add(&c->wrong, 1);
            atomic_fetch_add(&c->done[step], 1);
        }
}

static void check(struct team *team)
{
    struct count *c = calloc(1, sizeof *c);
    assert_non_null(c);
    team_run(team, walk, c);
    assert_int_equal(atomic_load(&c->wrong), 0);
    for (size_t step = 0; step < STEPS; step++)
        assert_int_equal(atomic_load(&c->done[step]), pieces_of(step));
    free(c); /* nobody may come late */
}

static void every_piece_once_and_in_order(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 5; threads++) {
        struct team *team = NULL;
        assert_int_equal(team_new(threads, &team, NULL), STATUS_OK);
        assert_int_equal(team_size(team), threads);
        for (int job = 0; job < 40; job++)
            check(team);
        team_free(team);
    }
}

static void nobody_is_a_team_of_one(void **state)
{
    (void)state;
    struct error err = {0};
    struct team *team = NULL;
    check(NULL);
    assert_int_equal(team_size(NULL), 1);
    assert_int_equal(team_new(0, &team, &err), STATUS_INVALID);
    assert_int_equal(team_new(65, &team, NULL), STATUS_INVALID);
    assert_null(team);
    team_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_piece_once_and_in_order),
        cmocka_unit_test(nobody_is_a_team_of_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
