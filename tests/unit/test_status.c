#include "unit.h"

#include <errno.h>
#include <string.h>

#include "common/status.h"
#include "common/utf8.h"

static void first_error_wins(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_field(&err, STATUS_INVALID, "k", "k is %d", -1), STATUS_INVALID);
    assert_int_equal(error_set(&err, STATUS_IO, "later"), STATUS_IO);
    assert_int_equal(err.status, STATUS_INVALID);
    assert_string_equal(err.text, "k is -1");
    assert_string_equal(err.field, "k");
    assert_int_equal(error_set(NULL, STATUS_GONE, "nobody listens"), STATUS_GONE);
}

static void long_text_is_cut_at_a_character(void **state)
{
    (void)state;
    char text[1200] = "";
    for (size_t shift = 0; shift < 3; shift++) {
        struct error err = {0};
        memset(text, 'a', shift);
        for (size_t i = shift; i + 3 < sizeof text; i += 3)
            memcpy(text + i, "\u20ac", 4);
        error_set(&err, STATUS_INVALID, "%s", text);
        assert_true(strlen(err.text) > 500);
        assert_int_equal(utf8_invalid(err.text, strlen(err.text)), strlen(err.text));
    }
}

static void system_errors_are_classed(void **state)
{
    (void)state;
    const struct {
        int number;
        enum status status;
    } cases[] = {
        {ENOENT, STATUS_NOT_FOUND}, {EACCES, STATUS_FORBIDDEN}, {ENOSPC, STATUS_DISK_FULL}, {EIO, STATUS_IO}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = {0};
        assert_int_equal(error_system(&err, cases[i].number, "open", "/x/y"), cases[i].status);
        assert_non_null(strstr(err.text, "cannot open /x/y: "));
    }
}

static void codes_are_distinct(void **state)
{
    (void)state;
    const enum status all[] = {
#define X(name, code, http) STATUS_##name,
        STATUS_TABLE(X)
#undef X
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        assert_in_range(status_http(all[i]), 200, 599);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(status_code(all[i]), status_code(all[j]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_error_wins),
        cmocka_unit_test(long_text_is_cut_at_a_character),
        cmocka_unit_test(system_errors_are_classed),
        cmocka_unit_test(codes_are_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
