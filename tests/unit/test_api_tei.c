/* The shapes of Text Embeddings Inference. */
#include "api_calls.h"

static void fails(const char *what, const char *body, int status, const char *type)
{
    json_t *answer = ask(what, body, NULL, status);
    is_text(answer, "error_type", type);
    assert_true(json_string_length(get(answer, "error")) > 5);
    assert_int_equal(json_object_size(answer), 2);
    json_decref(answer);
}

/* {"KEYS": ["hello", a text of more tokens than the model takes]} */
static char *long_body(const char *keys)
{
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_printf(&body, NULL, "{\"%s\":[\"hello\",\"", keys);
    for (int i = 0; i < 700; i++)
        buf_printf(&body, NULL, "garden %d ", i);
    buf_printf(&body, NULL, "\"]}");
    return body.data;
}

static void embeds(void **state)
{
    (void)state;
    json_t *answer = ask("POST /embed", "{\"inputs\":\"hello\"}", NULL, 200);
    assert_int_equal(json_array_size(answer), 1);
    assert_int_equal(json_array_size(get(answer, "0")), 512);
    json_decref(answer);
    answer = ask("POST /embed",
                 "{\"inputs\":[\"a\",\"b\"],\"truncate\":true,\"truncation_direction\":\"Right\",\"prompt_"
                 "name\":\"document\","
                 "\"normalize\":true,\"dimensions\":64}",
                 NULL, 200);
    assert_int_equal(json_array_size(answer), 2);
    assert_int_equal(json_array_size(get(answer, "1")), 64);
    json_decref(answer);
    fails("POST /embed", "{\"inputs\":[]}", 400, "empty");
    fails("POST /embed", "{\"inputs\":[1]}", 422, "validation");
    fails("POST /embed", "{\"inputs\":\"a\",\"truncation_direction\":\"up\"}", 422, "validation");
    fails("POST /embed", "{\"input\":\"a\"}", 422, "validation");
}

/* Vectors that are not normalized are those that are, times their length. */
static void gives_raw_vectors(void **state)
{
    (void)state;
    char *body = long_body("normalize\":true,\"inputs");
    json_t *unit = ask("POST /embed", body, NULL, 200);
    free(body);
    body = long_body("normalize\":false,\"inputs");
    json_t *raw = ask("POST /embed", body, NULL, 200);
    free(body);
    for (size_t t = 0; t < 2; t++) { /* a short text, and one of several windows */
        const json_t *u = json_array_get(unit, t), *r = json_array_get(raw, t);
        double square = 0, dot = 0;
        for (size_t i = 0; i < 512; i++) {
            double x = json_number_value(json_array_get(r, i));
            square += x * x;
            dot += x * json_number_value(json_array_get(u, i));
        }
        assert_true(fabs(square - 1) > 0.01);
        assert_true(dot / sqrt(square) > (t == 0 ? 0.999999 : 0.999));
    }
    json_decref(unit);
    json_decref(raw);
    raw = ask("POST /embed", "{\"inputs\":\"a\",\"normalize\":false,\"dimensions\":3}", NULL, 200);
    assert_int_equal(json_array_size(get(raw, "0")), 3);
    json_decref(raw);
}

static void gives_every_token(void **state)
{
    (void)state;
    json_t *tokens =
        ask("POST /tokenize", "{\"inputs\":[\"Guten Morgen\",\"a\"],\"prompt_name\":\"query\"}", NULL, 200);
    json_t *both = ask("POST /embed_all", "{\"inputs\":[\"Guten Morgen\",\"a\"]}", NULL, 200);
    json_t *one = ask("POST /embed_all", "{\"inputs\":\"a\"}", NULL, 200);
    for (size_t t = 0; t < 2; t++)
        assert_int_equal(json_array_size(json_array_get(both, t)),
                         json_array_size(json_array_get(tokens, t)));
    assert_int_equal(json_array_size(get(both, "0.0")), 384);
    assert_true(json_equal((json_t *)get(both, "1"), (json_t *)get(one, "0"))); /* alone as in company */
    assert_false(json_equal((json_t *)get(one, "0.0"), (json_t *)get(one, "0.1")));
    json_decref(one);
    json_decref(both);
    json_decref(tokens);
    char *body = long_body("truncate\":true,\"inputs");
    both = ask("POST /embed_all", body, NULL, 200);
    assert_int_equal(json_array_size(get(both, "1")), 512);
    json_decref(both);
    free(body);
    fails("POST /embed_all", "{\"inputs\":[]}", 400, "empty");
    fails("POST /embed_all", "{\"inputs\":\"a\",\"normalize\":false}", 422, "validation");
}

static void compares(void **state)
{
    (void)state;
    json_t *answer =
        ask("POST /similarity",
            "{\"inputs\":{\"source_sentence\":\"Good morning\",\"sentences\":[\"Guten Morgen\",\"chess\"]}}",
            NULL, 200);
    assert_int_equal(json_array_size(answer), 2);
    assert_true(json_number_value(get(answer, "0")) > json_number_value(get(answer, "1")));
    json_decref(answer);
    answer = ask(
        "POST /similarity",
        "{\"inputs\":{\"source_sentence\":\"a\",\"sentences\":[\"a\"]},\"parameters\":{\"truncate\":true}}",
        NULL, 200);
    is_number(answer, "0", 1);
    json_decref(answer);
    fails("POST /similarity", "{\"inputs\":{\"source_sentence\":\"a\",\"sentences\":[]}}", 400, "empty");
    fails("POST /similarity", "{\"inputs\":{\"sentences\":[\"a\"]}}", 422, "validation");
}

static void tokenizes_and_back(void **state)
{
    (void)state;
    json_t *answer = ask("POST /tokenize", "{\"inputs\":\"Grüße, Welt\"}", NULL, 200);
    const json_t *tokens = get(answer, "0");
    size_t n = json_array_size(tokens);
    is_text(tokens, "0.text", "<s>");
    assert_true(json_is_null(get(tokens, "0.start")));
    json_t *last = json_array_get(tokens, n - 2);
    is_number(last, "stop", 11); /* characters */
    assert_true(json_is_false(get(last, "special")));
    json_t *ids = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append(ids, json_object_get(json_array_get(tokens, i), "id"));
    json_t *body = json_pack("{s:O}", "ids", ids);
    char *text = json_dumps(body, 0);
    json_decref(answer);
    answer = ask("POST /decode", text, NULL, 200);
    is_text(answer, "0", "Grüße, Welt");
    json_decref(answer);
    free(text);
    json_object_set_new(body, "skip_special_tokens", json_false());
    json_object_set_new(body, "ids", json_pack("[O,O]", ids, ids));
    text = json_dumps(body, 0);
    answer = ask("POST /decode", text, NULL, 200);
    assert_int_equal(json_array_size(answer), 2);
    assert_non_null(strstr(json_string_value(get(answer, "1")), "</s>"));
    json_decref(answer);
    free(text);
    json_decref(body);
    json_decref(ids);
    answer =
        ask("POST /tokenize",
            "{\"inputs\":[\"a\",\"b\"],\"add_special_tokens\":false,\"prompt_name\":\"query\"}", NULL, 200);
    assert_int_equal(json_array_size(answer), 2);
    json_decref(answer);
    fails("POST /tokenize", "{\"inputs\":[]}", 400, "empty");
    fails("POST /decode", "{\"ids\":[]}", 400, "empty");
    fails("POST /decode", "{\"ids\":[99999999]}", 422, "validation");
    fails("POST /decode", "{\"ids\":\"x\"}", 422, "validation");
    fails("POST /decode", "{\"ids\":[[1],2]}", 422, "validation");
}

static void informs(void **state)
{
    (void)state;
    json_t *answer = ask("GET /info", NULL, NULL, 200);
    is_text(answer, "model_id", "cognate-e5-512");
    is_number(answer, "max_input_length", 512);
    get(answer, "model_type.embedding.pooling");
    assert_true(json_is_null(get(answer, "model_sha")));
    json_decref(answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(embeds),   cmocka_unit_test(gives_raw_vectors),  cmocka_unit_test(gives_every_token),
        cmocka_unit_test(compares), cmocka_unit_test(tokenizes_and_back), cmocka_unit_test(informs),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
