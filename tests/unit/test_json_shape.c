#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "server/json_shape.h"

static const char *const colours[] = {"red", "green", NULL};
static const struct field inner_fields[] = {
    {.name = "n", .kind = FIELD_INTEGER, .required = true, .about = "A number."},
};
static const struct shape inner = SHAPE("Inner", "", inner_fields);
static const struct field fields[] = {
    {.name = "text", .kind = FIELD_TEXT, .required = true, .least = 1, .most = 8, .about = "Some text."},
    {.name = "texts", .kind = FIELD_TEXT, .count = FIELD_ONE_OR_LIST, .items = 3, .about = ""},
    {.name = "k", .kind = FIELD_INTEGER, .least = 1, .most = 10, .about = ""},
    {.name = "ratio", .kind = FIELD_NUMBER, .least = 0, .most = 1, .about = ""},
    {.name = "flag", .kind = FIELD_BOOLEAN, .about = ""},
    {.name = "colour", .kind = FIELD_TEXT, .choices = colours, .about = ""},
    {.name = "vector", .kind = FIELD_NUMBER, .count = FIELD_LIST, .about = ""},
    {.name = "inner", .kind = FIELD_OBJECT, .of = &inner, .about = ""},
    {.name = "inners", .kind = FIELD_OBJECT, .count = FIELD_LIST, .of = &inner, .about = ""},
    {.name = "any", .kind = FIELD_ANY, .about = ""},
};
static const struct shape shape = SHAPE("Test", "", fields);

static enum status check(const char *text, struct error *err)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    *err = (struct error){0};
    enum status status = shape_check(&shape, value, "", err);
    json_decref(value);
    return status;
}

static void accepts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{\"text\":\"a\"}",
        "{\"text\":\"12345678\",\"texts\":\"x\",\"k\":1,\"ratio\":1,\"flag\":false,\"colour\":\"green\"}",
        "{\"text\":\"a\",\"texts\":[\"x\",\"y\"],\"vector\":[1,2.5],\"inner\":{\"n\":3}}",
        "{\"text\":\"a\",\"inners\":[{\"n\":1}],\"any\":[[]]}",
        "{\"text\":\"a\",\"k\":null,\"inner\":null}",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct error err;
        if (check(good[i], &err) != STATUS_OK)
            fail_msg("%s: %s", good[i], err.text);
    }
}

static void refuses_and_names_the_field(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
        const char *field, *message;
    } cases[] = {
        {"[]", STATUS_INVALID, "", "must be an object, not a list"},
        {"{}", STATUS_INVALID, "text", "text is missing: Some text."},
        {"{\"text\":null}", STATUS_INVALID, "text", "missing"},
        {"{\"text\":5}", STATUS_INVALID, "text", "must be a text, not a number"},
        {"{\"text\":\"\"}", STATUS_INVALID, "text", "must not be empty"},
        {"{\"text\":\"123456789\"}", STATUS_TOO_LARGE, "text", "9 bytes; at most 8"},
        {"{\"text\":\"a\",\"colr\":1}", STATUS_INVALID, "colr", "known are: text, texts, k"},
        {"{\"text\":\"a\",\"k\":0}", STATUS_INVALID, "k", "1 to 10, not 0"},
        {"{\"text\":\"a\",\"k\":1.5}", STATUS_INVALID, "k", "must be an integer, not a number"},
        {"{\"text\":\"a\",\"ratio\":1.01}", STATUS_INVALID, "ratio", "0 to 1"},
        {"{\"text\":\"a\",\"flag\":1}", STATUS_INVALID, "flag", "true or false"},
        {"{\"text\":\"a\",\"colour\":\"blue\"}", STATUS_INVALID, "colour", "one of red, green, not \"blue\""},
        {"{\"text\":\"a\",\"texts\":[\"x\",1]}", STATUS_INVALID, "texts[1]", "must be a text"},
        {"{\"text\":\"a\",\"texts\":{}}", STATUS_INVALID, "texts",
         "a text or a list of texts, not an object"},
        {"{\"text\":\"a\",\"texts\":[\"\",\"\",\"\",\"\"]}", STATUS_TOO_LARGE, "texts", "4 items; at most 3"},
        {"{\"text\":\"a\",\"vector\":[1,null]}", STATUS_INVALID, "vector[1]", "must be a number, not null"},
        {"{\"text\":\"a\",\"vector\":1}", STATUS_INVALID, "vector", "list of numbers"},
        {"{\"text\":\"a\",\"inner\":{}}", STATUS_INVALID, "inner.n", "missing"},
        {"{\"text\":\"a\",\"inners\":[{\"n\":1},{\"m\":1}]}", STATUS_INVALID, "inners[1].m",
         "unknown field \"m\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        assert_int_equal(check(cases[i].text, &err), cases[i].status);
        assert_string_equal(err.field, cases[i].field);
        if (strstr(err.text, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

static void parses_query_strings(void **state)
{
    (void)state;
    static const struct {
        size_t field;
        const char *value, *json; /* NULL: refused */
    } cases[] = {
        {0, "a,b", "\"a,b\""},
        {1, "a,b", "[\"a\",\"b\"]"},
        {1, "", "[\"\"]"},
        {2, "5", "5"},
        {2, "-5", "-5"},
        {2, "5x", NULL},
        {2, "", NULL},
        {2, " 5", NULL},
        {3, "0.25", "0.25"},
        {3, "inf", NULL},
        {3, "0x10", NULL},
        {4, "true", "true"},
        {4, "0", "false"},
        {4, "yes", NULL},
        {6, "1,2.5", "[1.0,2.5]"},
        {7, "{\"n\":1}", "{\"n\":1}"},
        {7, "{", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        json_t *value = NULL;
        enum status status = field_parse(&fields[cases[i].field], text_of(cases[i].value), &value, &err);
        assert_int_equal(status, cases[i].json != NULL ? STATUS_OK : STATUS_INVALID);
        if (cases[i].json != NULL) {
            char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
            assert_string_equal(text, cases[i].json);
            free(text);
            json_decref(value);
        }
    }
}

static void reads(void **state)
{
    (void)state;
    struct text *texts = NULL;
    size_t n = 0;
    json_t *o = json_pack("{s:s, s:[s,s], s:i, s:f, s:b, s:n}", "text", "t", "texts", "a", "b", "k", 3,
                          "ratio", 0.5, "flag", 1, "colour");
    assert_true(text_is(shape_text(o, "text"), "t"));
    assert_int_equal(shape_text(o, "none").len, 0);
    assert_int_equal(shape_integer(o, "k", 7), 3);
    assert_int_equal(shape_integer(o, "none", 7), 7);
    assert_true(shape_number(o, "ratio", 0) == 0.5 && shape_number(o, "colour", 2) == 2);
    assert_true(shape_boolean(o, "flag", false));
    assert_int_equal(shape_choice(o, "colour", colours, 1), 1);
    assert_int_equal(json_texts(shape_get(o, "texts"), &texts, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_true(text_is(texts[1], "b"));
    free(texts);
    assert_int_equal(json_texts(shape_get(o, "text"), &texts, &n, NULL), STATUS_OK);
    assert_int_equal(n, 1);
    free(texts);
    assert_int_equal(json_texts(NULL, &texts, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);
    free(texts);
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses_and_names_the_field),
        cmocka_unit_test(parses_query_strings),
        cmocka_unit_test(reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
