#include "unit.h"

#include "encoder/peak.h"

#define SECONDS 0.01

/* Rates are positive and finite, whatever else runs here: how high they are is for people to judge. */
static void assert_rate(double rate)
{
    assert_true(rate > 1e3);
    assert_true(rate < 1e18);
}

static void every_instruction_set_has_its_rates(void **state)
{
    (void)state;
    for (int i = 0; i < ISA_COUNT; i++) {
        enum isa isa = (enum isa)i;
        double ops = -1, reads = -1, linear = -1;
        if (!cpu_has(isa))
            continue;
        assert_int_equal(peak_arithmetic(isa, PRECISION_INT8, 1, SECONDS, &ops, NULL), STATUS_OK);
        if (isa == ISA_REFERENCE)
            assert_true(ops == 0); /* no instruction to name */
        else
            assert_rate(ops);
        assert_int_equal(peak_read(isa, 1 << 20, 1, SECONDS, &reads, NULL), STATUS_OK);
        assert_rate(reads);
        assert_int_equal(peak_linear(isa, 128, 64, 7, SECONDS, &linear, NULL), STATUS_OK);
        assert_rate(linear);
    }
}

static void floats_have_a_peak_where_there_are_wide_ones(void **state)
{
    double ops = -1;
    (void)state;
    assert_int_equal(peak_arithmetic(ISA_REFERENCE, PRECISION_F32, 1, SECONDS, &ops, NULL), STATUS_OK);
    if (cpu_best() == ISA_REFERENCE)
        assert_true(ops == 0);
    else
        assert_rate(ops);
}

/* More threads than bytes, and memory that does not divide evenly. */
static void threads_share_the_memory(void **state)
{
    double rate = -1;
    (void)state;
    assert_int_equal(peak_read(cpu_best(), 1, 3, SECONDS, &rate, NULL), STATUS_OK);
    assert_rate(rate);
    assert_int_equal(peak_read(cpu_best(), (20 << 20) + 1, 2, SECONDS, &rate, NULL), STATUS_OK);
    assert_rate(rate);
    assert_int_equal(peak_arithmetic(cpu_best(), PRECISION_INT8, 3, SECONDS, &rate, NULL), STATUS_OK);
}

static void memory_that_does_not_exist_is_an_error(void **state)
{
    double rate = -1;
    struct error err = {0};
    (void)state;
    assert_int_equal(peak_read(cpu_best(), SIZE_MAX - 4096, 1, SECONDS, &rate, &err), STATUS_NO_MEMORY);
    assert_true(rate == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_instruction_set_has_its_rates),
        cmocka_unit_test(floats_have_a_peak_where_there_are_wide_ones),
        cmocka_unit_test(threads_share_the_memory),
        cmocka_unit_test(memory_that_does_not_exist_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
