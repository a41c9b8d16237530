#include "unit.h"

#include <stdbool.h>

#include "cli/suggest.h"

static unsigned distance_of(const char *typed, const char *candidate)
{
    unsigned distance = SUGGEST_START;
    suggest_nearer(typed, candidate, &distance);
    return distance;
}

static void counts_the_changes(void **state)
{
    (void)state;
    assert_int_equal(distance_of("search", "search"), 0);
    assert_int_equal(distance_of("serch", "search"), 1);
    assert_int_equal(distance_of("seaarch", "search"), 1);
    assert_int_equal(distance_of("saerch", "search"), 1); /* neighbours swapped */
    assert_int_equal(distance_of("soarhc", "search"), 2);
    assert_int_equal(distance_of("coll", "collection"), 1); /* a beginning stands for the word */
}

static void far_words_are_no_suggestion(void **state)
{
    (void)state;
    assert_int_equal(distance_of("x", "search"), SUGGEST_START);
    assert_int_equal(distance_of("zzz", "index"), SUGGEST_START);
    assert_int_equal(distance_of("", "index"), SUGGEST_START);
    assert_int_equal(distance_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "index"), SUGGEST_START);
}

static void the_nearest_wins(void **state)
{
    (void)state;
    unsigned distance = SUGGEST_START;
    assert_true(suggest_nearer("statsu", "stats", &distance));
    assert_false(suggest_nearer("statsu", "states", &distance)); /* as far */
    assert_int_equal(distance, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_the_changes),
        cmocka_unit_test(far_words_are_no_suggestion),
        cmocka_unit_test(the_nearest_wins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
