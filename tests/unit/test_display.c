#include "unit.h"

#include <string.h>

#include "cli/display.h"

#define FAMILY "\U0001F468\u200D\U0001F469\u200D\U0001F467"

static void widths_are_columns(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t columns;
    } cases[] = {
        {"", 0},
        {"abc", 3},
        {"é", 1},
        {"e\u0301", 1},
        {"日本", 4},
        {"한글", 4},
        {"\U0001F600", 2},
        {FAMILY, 2},
        {"\U0001F1E9\U0001F1EA", 2},
        {"\u2764\uFE0F", 2},
        {"שלום", 4},
        {"\u200B", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (display_width(text_of(cases[i].text)) != cases[i].columns)
            fail_msg("\"%s\" is %zu columns wide, not %zu", cases[i].text,
                     display_width(text_of(cases[i].text)), cases[i].columns);
}

static void cuts_fall_on_borders(void **state)
{
    (void)state;
    assert_int_equal(display_fit(text_of("日本語"), 5), 6);
    assert_int_equal(display_fit(text_of("日本語"), 6), 9);
    assert_int_equal(display_fit(text_of("xe\u0301y"), 2), 4);
    assert_int_equal(display_fit(text_of("a" FAMILY), 2), 1); /* half of a family does not fit */
    assert_int_equal(display_fit(text_of("abc"), 0), 0);
    assert_int_equal(display_line(text_of("one two three"), 9), 8); /* "one two " */
    assert_int_equal(display_line(text_of("one two"), 7), 7);
    assert_int_equal(display_line(text_of("one two"), 3), 3);
    assert_int_equal(display_line(text_of("undividable"), 4), 4);
}

static void cleans(const char *text, bool isolate, const char *wanted)
{
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(display_clean(&out, text_of(text), isolate, NULL), STATUS_OK);
    assert_int_equal(out.len, strlen(wanted));
    assert_memory_equal(out.data != NULL ? out.data : "", wanted, out.len);
    buf_release(&out);
}

static void nothing_of_it_acts_on_a_terminal(void **state)
{
    (void)state;
    cleans("plain", false, "plain");
    cleans("\x1B[31mred\x1B]0;title\x07", false, "\uFFFD[31mred\uFFFD]0;title\uFFFD");
    cleans("c1 \xC2\x9B\x33\x31m", false, "c1 \uFFFD31m");
    cleans("a\r\n\tb  c\u2028d", false, "a b c d");
    cleans("bad \xFF\xC3", false, "bad \uFFFD\uFFFD");
    cleans("over\u202Eturned\u2069", false, "overturned");
    cleans("\uFFFD stays", false, "\uFFFD stays");
}

static void right_to_left_stands_alone(void **state)
{
    (void)state;
    cleans("שלום", true, "\u2068שלום\u2069");
    cleans("مرحبا", true, "\u2068مرحبا\u2069");
    cleans("שלום", false, "שלום");
    cleans("left", true, "left");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(widths_are_columns),
        cmocka_unit_test(cuts_fall_on_borders),
        cmocka_unit_test(nothing_of_it_acts_on_a_terminal),
        cmocka_unit_test(right_to_left_stands_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
