/* Conditions on fields, looked up in JSON as people write it and in what is no JSON. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "index/metadata.h"

static bool met(const char *field, enum filter_operator op, struct filter_value value, const char *metadata)
{
    struct field_condition *c = NULL;
    struct error err = {0};
    struct filter f = {
        .kind = FILTER_FIELD, .field = text_of(field), .op = op, .values = &value, .value_count = 1};
    if (field_condition_new(&f, &c, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    bool yes = field_condition_met(c, text_of(metadata));
    field_condition_free(c);
    return yes;
}

static struct filter_value string(const char *s)
{
    return (struct filter_value){.type = FILTER_STRING, .string = text_of(s)};
}

static struct filter_value number(double n)
{
    return (struct filter_value){.type = FILTER_NUMBER, .number = n};
}

static struct filter_value boolean(bool b)
{
    return (struct filter_value){.type = FILTER_BOOL, .number = b};
}

static const struct filter_value null = {.type = FILTER_NULL};

static void types_do_not_mix(void **state)
{
    (void)state;
    static const char m[] =
        " { \"n\" : 12.5e1 , \"s\":\"125\",\"t\":true,\"f\":false,\"z\":null,\"o\":{\"n\":3} } ";
    assert_true(met("n", OP_IN, number(125), m));
    assert_false(met("n", OP_IN, string("125"), m));
    assert_true(met("s", OP_IN, string("125"), m));
    assert_false(met("s", OP_IN, number(125), m));
    assert_true(met("t", OP_IN, boolean(true), m));
    assert_false(met("t", OP_IN, boolean(false), m));
    assert_false(met("t", OP_IN, number(1), m));
    assert_true(met("f", OP_IN, boolean(false), m));
    assert_true(met("z", OP_IN, null, m));
    assert_true(met("z", OP_EXISTS, null, m));
    assert_false(met("x", OP_IN, null, m));
    assert_false(met("x", OP_EXISTS, null, m));
    assert_true(met("o", OP_EXISTS, null, m));
    assert_true(met("z", OP_EXISTS, boolean(true), m));
    assert_false(met("z", OP_EXISTS, boolean(false), m)); /* must not exist */
    assert_true(met("x", OP_EXISTS, boolean(false), m));
    assert_false(met("x", OP_EXISTS, boolean(true), m));
    assert_false(met("o", OP_IN, number(3), m)); /* only the top level has fields */
}

static void ranges_and_prefixes(void **state)
{
    (void)state;
    static const char m[] =
        "{\"year\":1990,\"day\":\"2024-05-06\",\"name\":\"M\\u00fcnchen \\ud83d\\ude00\"}";
    assert_true(met("year", OP_GT, number(1989.5), m));
    assert_false(met("year", OP_GT, number(1990), m));
    assert_true(met("year", OP_GTE, number(1990), m));
    assert_true(met("year", OP_LT, number(1990.5), m));
    assert_true(met("year", OP_LTE, number(1990), m));
    assert_false(met("year", OP_LT, number(1990), m));
    assert_false(met("year", OP_GT, string(""), m)); /* a number is not a string */
    assert_true(met("day", OP_GTE, string("2024-05"), m));
    assert_true(met("day", OP_LT, string("2024-06"), m));
    assert_true(met("day", OP_PREFIX, string("2024-"), m));
    assert_false(met("day", OP_PREFIX, string("2024-05-06T"), m));
    assert_true(met("name", OP_PREFIX, string("M\xc3\xbcn"), m));
    assert_true(met("name", OP_IN, string("M\xc3\xbcnchen \xf0\x9f\x98\x80"), m));
    assert_false(met("name", OP_IN, string("Munchen"), m));
}

static void arrays_meet_by_an_element(void **state)
{
    (void)state;
    static const char m[] = "{\"tags\":[\"a\",[\"deep\"],{\"b\":1},7,null,\"last\"],\"none\":[]}";
    assert_true(met("tags", OP_IN, string("a"), m));
    assert_true(met("tags", OP_IN, string("last"), m));
    assert_true(met("tags", OP_GT, number(6), m));
    assert_true(met("tags", OP_IN, null, m));
    assert_false(met("tags", OP_IN, string("deep"), m));
    assert_false(met("tags", OP_IN, number(1), m));
    assert_false(met("none", OP_IN, null, m));
    assert_true(met("none", OP_EXISTS, null, m));
}

static void keys_are_read_as_written(void **state)
{
    (void)state;
    static const char m[] = "{\"a\\\"b\":1,\"\\u0061\\/c\":2,\"\":3,\"k\":\"}\\\\\",\"end\":4}";
    assert_true(met("a\"b", OP_IN, number(1), m));
    assert_true(met("a/c", OP_IN, number(2), m));
    assert_true(met("", OP_IN, number(3), m));
    assert_true(met("k", OP_IN, string("}\\"), m));
    assert_true(met("end", OP_IN, number(4), m));
}

static void what_is_no_json_meets_nothing(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "{",
                                      "[]",
                                      "null",
                                      "{\"a\"",
                                      "{\"a\":",
                                      "{\"a\":}",
                                      "{\"a\":1x}",
                                      "{a:1}",
                                      "{\"a\" 1}",
                                      "{\"a\":tru}",
                                      "{\"a\":\"1}",
                                      "{\"a\":\"\\",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":[",
                                      "{\"a\":[1",
                                      "{\"b\":[}",
                                      "{\"b\":\"\\u12\",\"a\":",
                                      NULL};
    for (size_t i = 0; bad[i] != NULL; i++) {
        assert_false(met("a", OP_IN, boolean(true), bad[i]));
        assert_false(met("a", OP_LT, number(9), bad[i]) && strstr(bad[i], "1") == NULL);
        assert_false(met("a", OP_PREFIX, string(""), bad[i]));
    }
}

static void long_lists(void **state)
{
    (void)state;
    struct filter_value values[300];
    char words[100][8];
    struct field_condition *c = NULL;
    for (size_t i = 0; i < 100; i++) {
        snprintf(words[i], sizeof words[i], "w%zu", i * 7 % 100);
        values[3 * i] = string(words[i]);
        values[3 * i + 1] = number((double)i / 2);
        values[3 * i + 2] = null;
    }
    struct filter f = {
        .kind = FILTER_FIELD, .field = text_of("x"), .op = OP_IN, .values = values, .value_count = 300};
    assert_int_equal(field_condition_new(&f, &c, NULL), STATUS_OK);
    for (size_t i = 0; i < 120; i++) {
        char m[32];
        snprintf(m, sizeof m, "{\"x\":\"w%zu\"}", i);
        assert_int_equal(field_condition_met(c, text_of(m)), i < 100);
        snprintf(m, sizeof m, "{\"x\":%zu.5}", i);
        assert_int_equal(field_condition_met(c, text_of(m)), i < 50);
    }
    assert_false(field_condition_met(c, text_of("{\"x\":true}")));
    assert_true(field_condition_met(c, text_of("{\"x\":null}")));
    field_condition_free(c);
}

static void operators_say_what_they_take(void **state)
{
    (void)state;
    struct filter_value values[] = {number(1), number(2)}, text = string("x"), yes = boolean(true);
    const struct filter bad[] = {
        {.kind = FILTER_FIELD, .op = OP_GT, .values = values, .value_count = 2},
        {.kind = FILTER_FIELD, .op = OP_LTE, .values = &yes, .value_count = 1},
        {.kind = FILTER_FIELD, .op = OP_GTE},
        {.kind = FILTER_FIELD, .op = OP_PREFIX, .values = values, .value_count = 1},
        {.kind = FILTER_FIELD, .op = (enum filter_operator)99, .values = &text, .value_count = 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct field_condition *c = NULL;
        struct error err = {0};
        assert_int_equal(field_condition_new(&bad[i], &c, &err), STATUS_INVALID);
        assert_string_equal(err.field, "filter");
        assert_null(c);
    }
}

static void values_one_by_one(void **state)
{
    (void)state;
    struct metadata_reader *r = NULL;
    struct filter_value v;
    struct text m = text_of("{\"a\":[1,\"\\u0041\",{\"x\":2},[3],true,null,1],\"b\":[],\"c\":7.5,\"d\":{}}");
    assert_int_equal(metadata_reader_new(&r, NULL), STATUS_OK);
    assert_false(metadata_value(r, &v));
    assert_true(metadata_field(r, m, text_of("a")));
    assert_true(metadata_value(r, &v) && v.type == FILTER_NUMBER && v.number == 1);
    assert_true(metadata_value(r, &v) && v.type == FILTER_STRING && text_is(v.string, "A"));
    assert_true(metadata_value(r, &v) && v.type == FILTER_BOOL && v.number == 1);
    assert_true(metadata_value(r, &v) && v.type == FILTER_NULL);
    assert_true(metadata_value(r, &v) && v.type == FILTER_NUMBER);
    assert_false(metadata_value(r, &v));
    assert_true(metadata_field(r, m, text_of("b")));
    assert_false(metadata_value(r, &v));
    assert_true(metadata_field(r, m, text_of("c")));
    assert_true(metadata_value(r, &v) && v.number == 7.5);
    assert_false(metadata_value(r, &v));
    assert_true(metadata_field(r, m, text_of("d")));
    assert_false(metadata_value(r, &v));
    assert_false(metadata_field(r, m, text_of("e")));
    metadata_reader_free(r);
    metadata_reader_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_do_not_mix),
        cmocka_unit_test(ranges_and_prefixes),
        cmocka_unit_test(arrays_meet_by_an_element),
        cmocka_unit_test(keys_are_read_as_written),
        cmocka_unit_test(what_is_no_json_meets_nothing),
        cmocka_unit_test(long_lists),
        cmocka_unit_test(operators_say_what_they_take),
        cmocka_unit_test(values_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
