/* Cohere's embed route. */
#include "api_calls.h"

static void gives_each_type(void **state)
{
    (void)state;
    json_t *answer =
        ask("POST /v2/embed",
            "{\"model\":\"cognate-e5-512\",\"texts\":[\"a\",\"b\"],\"input_type\":\"search_document\","
            "\"embedding_types\":[\"float\",\"int8\",\"uint8\",\"binary\",\"ubinary\",\"base64\"]}",
            NULL, 200);
    assert_int_equal(json_object_size(get(answer, "embeddings")), 6);
    assert_int_equal(json_array_size(get(answer, "embeddings.float")), 2);
    assert_int_equal(json_array_size(get(answer, "embeddings.float.1")), 512);
    assert_int_equal(json_array_size(get(answer, "embeddings.ubinary.0")), 64);
    assert_int_equal(json_string_length(get(answer, "embeddings.base64.0")), 2732);
    for (size_t i = 0; i < 64; i++) {
        json_int_t plain = json_integer_value(json_array_get(get(answer, "embeddings.ubinary.0"), i));
        assert_int_equal(json_integer_value(json_array_get(get(answer, "embeddings.binary.0"), i)),
                         plain - 128);
    }
    for (size_t i = 0; i < 512; i++) {
        json_int_t plain = json_integer_value(json_array_get(get(answer, "embeddings.int8.0"), i));
        assert_int_equal(json_integer_value(json_array_get(get(answer, "embeddings.uint8.0"), i)),
                         plain + 128);
    }
    is_text(answer, "texts.1", "b");
    is_text(answer, "meta.api_version.version", "2");
    assert_true(json_integer_value(get(answer, "meta.billed_units.input_tokens")) > 2);
    json_decref(answer);
    answer = ask("POST /v2/embed",
                 "{\"model\":\"cognate-e5-512\",\"texts\":[\"a\"],\"input_type\":\"clustering\",\"output_"
                 "dimension\":100}",
                 NULL, 200);
    assert_int_equal(json_object_size(get(answer, "embeddings")), 1);
    assert_int_equal(json_array_size(get(answer, "embeddings.float.0")), 100);
    json_decref(answer);
}

static void fails(const char *body, int status, const char *says)
{
    json_t *answer = ask("POST /v2/embed", body, NULL, status);
    assert_int_equal(json_object_size(answer), 1);
    if (strstr(json_string_value(get(answer, "message")), says) == NULL)
        fail_msg("%s", json_string_value(get(answer, "message")));
    json_decref(answer);
}

static void refuses_in_its_shape(void **state)
{
    (void)state;
    fails("{\"model\":\"x\",\"texts\":[\"a\"],\"input_type\":\"clustering\"}", 404, "cognate-e5-512");
    fails("{\"texts\":[\"a\"],\"input_type\":\"clustering\"}", 400, "model is missing");
    fails("{\"model\":\"cognate-e5-512\",\"texts\":[\"a\"]}", 400, "input_type is missing");
    fails("{\"model\":\"cognate-e5-512\",\"texts\":[],\"input_type\":\"clustering\"}", 400, "empty");
    fails("{\"model\":\"cognate-e5-512\",\"texts\":[\"a\"],\"input_type\":\"clustering\",\"truncate\":"
          "\"MIDDLE\"}",
          400, "NONE, END, START");
    fails("{\"model\":\"cognate-e5-512\",\"texts\":[\"a\"],\"input_type\":\"clustering\",\"output_"
          "dimension\":513}",
          400, "1 to 512");
}

static void truncates_when_told(void **state)
{
    (void)state;
    struct buf words, body;
    buf_init(&words, 1 << 20);
    buf_init(&body, 1 << 20);
    for (int i = 0; i < 700; i++)
        buf_printf(&words, NULL, "garden ");
    buf_printf(&body, NULL,
               "{\"model\":\"cognate-e5-512\",\"texts\":[\"%s\"],\"input_type\":\"search_query\","
               "\"truncate\":\"NONE\"}",
               words.data);
    fails(body.data, 400, "long_text");
    buf_clear(&body);
    buf_printf(&body, NULL,
               "{\"model\":\"cognate-e5-512\",\"texts\":[\"%s\"],\"input_type\":\"search_query\","
               "\"truncate\":\"END\"}",
               words.data);
    json_t *answer = ask("POST /v2/embed", body.data, NULL, 200);
    is_number(answer, "meta.billed_units.input_tokens", 512);
    json_decref(answer);
    buf_release(&words);
    buf_release(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_each_type),
        cmocka_unit_test(refuses_in_its_shape),
        cmocka_unit_test(truncates_when_told),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
