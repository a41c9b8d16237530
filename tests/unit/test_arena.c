#include "unit.h"

#include <string.h>

#include "common/arena.h"

static void hands_out_aligned_and_disjoint_memory(void **state)
{
    (void)state;
    struct arena a;
    assert_int_equal(arena_init(&a, 4096, NULL), STATUS_OK);
    unsigned char *last = NULL;
    size_t taken = 0;
    for (unsigned char *p; (p = arena_take(&a, 100)) != NULL; last = p) {
        assert_int_equal((uintptr_t)p % ARENA_ALIGN, 0);
        assert_true(last == NULL || p >= last + 100);
        memset(p, 1, 100);
        taken++;
    }
    assert_int_equal(taken, 4096 / arena_rounded(100));
    assert_null(arena_take(&a, (size_t)-1));
    arena_reset(&a);
    assert_non_null(arena_take(&a, 4096));
    assert_null(arena_take(&a, 1));
    arena_release(&a);
    arena_release(&a);
}

static void big_memory_is_zero(void **state)
{
    (void)state;
    size_t sizes[] = {0, 1, 4097, (2 << 20) + 5};
    for (size_t i = 0; i < 4; i++) {
        unsigned char *p = big_alloc(sizes[i]);
        assert_non_null(p);
        for (size_t j = 0; j < sizes[i]; j++)
            assert_int_equal(p[j], 0);
        big_free(p);
    }
    assert_null(big_alloc((size_t)-10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_aligned_and_disjoint_memory),
        cmocka_unit_test(big_memory_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
