/* A set of numbers against an array of flags. */
#include "unit.h"

#include <string.h>

#include "index/document_set.h"

#define NUMBERS 20000

static void same_as_flags(void **state)
{
    (void)state;
    static bool flags[NUMBERS + 1];
    struct document_set set = {0};
    uint64_t seed = 5, count = 0;
    assert_false(document_set_has(&set, 1));
    document_set_remove(&set, 1);
    for (size_t round = 0; round < 30000; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        int64_t n = 1 + (int64_t)(seed >> 33) % NUMBERS;
        bool add = seed >> 62 != 0;
        if (add)
            assert_int_equal(document_set_add(&set, n, NULL), STATUS_OK);
        else
            document_set_remove(&set, n);
        count += (uint64_t)add - flags[n];
        flags[n] = add;
        assert_int_equal(set.count, count);
    }
    for (int64_t n = 1; n <= NUMBERS; n++)
        assert_int_equal(document_set_has(&set, n), flags[n]);
    document_set_clear(&set);
    for (int64_t n = 1; n <= NUMBERS; n++)
        assert_false(document_set_has(&set, n));
    assert_int_equal(set.count, 0);
    document_set_release(&set);
    document_set_release(&set);
}

static void any_number_from_one(void **state)
{
    (void)state;
    static const int64_t numbers[] = {1, 511, 512, 513, (int64_t)1 << 40, INT64_MAX - 1, INT64_MAX};
    struct document_set set = {0};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_false(document_set_has(&set, numbers[i]));
        assert_int_equal(document_set_add(&set, numbers[i], NULL), STATUS_OK);
        assert_true(document_set_has(&set, numbers[i]));
    }
    assert_false(document_set_has(&set, 2));
    assert_int_equal(document_set_add(&set, 0, NULL), STATUS_CORRUPT);
    assert_int_equal(document_set_add(&set, -5, NULL), STATUS_CORRUPT);
    document_set_release(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_as_flags),
        cmocka_unit_test(any_number_from_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
