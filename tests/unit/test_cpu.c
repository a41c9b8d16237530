#include "unit.h"

#include "common/cpu.h"

static void names_parse_back(void **state)
{
    (void)state;
    for (int i = 0; i < ISA_COUNT; i++) {
        enum isa isa = ISA_REFERENCE;
        enum status status = isa_parse(isa_name((enum isa)i), &isa, NULL);
        assert_int_equal(status, cpu_has((enum isa)i) ? STATUS_OK : STATUS_UNSUPPORTED);
        if (status == STATUS_OK)
            assert_int_equal(isa, i);
    }
    enum isa best = ISA_REFERENCE;
    assert_int_equal(isa_parse("auto", &best, NULL), STATUS_OK);
    assert_int_equal(best, cpu_best());
    assert_true(cpu_has(best));
    struct error err = {0};
    assert_int_equal(isa_parse("sse9", &best, &err), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names_parse_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
