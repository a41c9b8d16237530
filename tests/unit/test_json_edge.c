#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/json_edge.h"

static enum status parse(const char *text, struct error *err)
{
    json_t *body = NULL;
    *err = (struct error){0};
    enum status status = api_parse_body(text, strlen(text), &body, err);
    assert_true((status == STATUS_OK) == (body != NULL));
    json_decref(body);
    return status;
}

static void takes_json(void **state)
{
    (void)state;
    struct error err;
    json_t *body = NULL;
    assert_int_equal(parse("{\"a\": [1, 2.5, \"é\", null, true]}", &err), STATUS_OK);
    assert_int_equal(parse(" [ ] ", &err), STATUS_OK);
    assert_int_equal(parse("{\"a\":{\"b\":1},\"b\":{\"b\":1}}", &err), STATUS_OK);
    assert_int_equal(api_parse_body("{\"a\":\"x\\u0000y\"}", 16, &body, &err), STATUS_OK);
    assert_int_equal(json_string_length(json_object_get(body, "a")), 3);
    json_decref(body);
}

static void refuses_what_is_not_json(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "empty"},
        {"{", "line 1"},
        {"\"text\"", "line 1"},
        {"{\"a\":1,}", "line 1"},
        {"{\"a\":1} x", "line 1"},
        {"{\n \"a\": nope}", "line 2, column"},
        {"{\"a\":1,\"a\":2}", "duplicate"},
        {"{\"a\":NaN}", "line 1"},
        {"{\"a\":1e999}", "line 1"},
        {"{\"a\":99999999999999999999}", "line 1"},
        {"{\"a\":\"\\ud800\"}", "line 1"},
        {"{\"a\\u0000b\":1}", "line 1"},
        {"{\n\"ä\": \"\xff\"}", "line 2, column 7: byte 9 is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err;
        assert_int_equal(parse(cases[i].text, &err), STATUS_INVALID);
        if (strstr(err.text, cases[i].message) == NULL)
            fail_msg("%s: %s", cases[i].text, err.text);
    }
}

static char *nested(size_t depth)
{
    char *text = calloc(1, 2 * depth + 1);
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    return text;
}

static void keeps_the_limits(void **state)
{
    (void)state;
    struct error err;
    char *text = nested(JSON_EDGE_DEPTH);
    assert_int_equal(parse(text, &err), STATUS_OK);
    free(text);
    text = nested(JSON_EDGE_DEPTH + 1);
    assert_int_equal(parse(text, &err), STATUS_TOO_LARGE);
    assert_non_null(strstr(err.text, "32 deep"));
    free(text);
    text = nested(1000000);
    assert_int_equal(parse(text, &err), STATUS_TOO_LARGE);
    free(text);
    assert_int_equal(parse("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\"}", &err), STATUS_OK);

    char object[JSON_EDGE_KEYS * 12 + 64], *at = object + 1;
    object[0] = '{';
    for (int i = 0; i < JSON_EDGE_KEYS; i++)
        at += snprintf(at, 16, "\"k%d\":%d,", i, i);
    at[-1] = '}';
    at[0] = '\0';
    assert_int_equal(parse(object, &err), STATUS_OK);
    memcpy(at - 1, ",\"more\":1}", 11);
    assert_int_equal(parse(object, &err), STATUS_TOO_LARGE);
    assert_non_null(strstr(err.text, "257 keys"));

    size_t n = JSON_EDGE_CONTAINERS;
    text = calloc(3, n + 2);
    text[0] = '[';
    for (size_t i = 0; i < n; i++)
        memcpy(text + 1 + 3 * i, "[],", 3);
    text[3 * n] = ']';
    assert_int_equal(parse(text, &err), STATUS_TOO_LARGE);
    free(text);
    n = JSON_EDGE_VALUES + 1;
    text = calloc(2, n + 2);
    text[0] = '[';
    for (size_t i = 0; i < n; i++)
        memcpy(text + 1 + 2 * i, "1,", 2);
    text[2 * n] = ']';
    assert_int_equal(parse(text, &err), STATUS_TOO_LARGE);
    free(text);
}

static void walks_lines(void **state)
{
    (void)state;
    struct text rest = text_of("{\"a\":1}\n\n  \r\n[2]\r\nlast"), line;
    size_t number = 0;
    assert_true(ndjson_next(&rest, &line, &number));
    assert_true(text_is(line, "{\"a\":1}"));
    assert_int_equal(number, 1);
    assert_true(ndjson_next(&rest, &line, &number));
    assert_true(text_is(line, "[2]\r"));
    assert_int_equal(number, 4);
    assert_true(ndjson_next(&rest, &line, &number));
    assert_true(text_is(line, "last"));
    assert_int_equal(number, 5);
    assert_false(ndjson_next(&rest, &line, &number));
    rest = (struct text){0};
    assert_false(ndjson_next(&rest, &line, &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_json),
        cmocka_unit_test(refuses_what_is_not_json),
        cmocka_unit_test(keeps_the_limits),
        cmocka_unit_test(walks_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
