#include "unit.h"

#include <string.h>

#include "common/buf.h"

static void grows_to_its_ceiling_and_no_further(void **state)
{
    (void)state;
    struct buf b;
    struct error err = {0};
    buf_init(&b, 1000);
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_append(&b, "0123456789", 10, &err), STATUS_OK);
    assert_int_equal(buf_append(&b, "x", 1, &err), STATUS_TOO_LARGE);
    assert_int_equal(b.len, 1000);
    assert_int_equal(b.data[999], '9');
    assert_int_equal(b.data[1000], '\0');
    assert_int_equal(buf_reserve(&b, (size_t)-1, NULL), STATUS_TOO_LARGE);
    buf_clear(&b);
    assert_int_equal(buf_append(&b, NULL, 0, NULL), STATUS_OK);
    assert_int_equal(b.len, 0);
    buf_release(&b);
    buf_release(&b);
    assert_null(b.data);
}

static void prints(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 16);
    assert_int_equal(buf_printf(&b, NULL, "%s-%d", "abc", 12), STATUS_OK);
    assert_true(text_is(buf_text(&b), "abc-12"));
    assert_int_equal(buf_printf(&b, NULL, "%020d", 1), STATUS_TOO_LARGE);
    assert_true(text_is(buf_text(&b), "abc-12"));
    buf_release(&b);
}

static void texts_compare_by_bytes(void **state)
{
    (void)state;
    assert_true(text_compare(text_of("a"), text_of("b")) < 0);
    assert_true(text_compare(text_of("a"), text_of("ab")) < 0);
    assert_true(text_compare(text_of("\xff"), text_of("a")) > 0);
    assert_true(text_equal((struct text){NULL, 0}, text_of("")));
    assert_false(text_is((struct text){"ab", 1}, "ab"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grows_to_its_ceiling_and_no_further),
        cmocka_unit_test(prints),
        cmocka_unit_test(texts_compare_by_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
