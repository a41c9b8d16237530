/* The REST API of TensorFlow Serving. */
#include "api_calls.h"

#define MODEL "/v1/models/cognate-e5-512"

static void predicts(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"instances\":[\"hello\",\"bye\"]}",
        "{\"signature_name\":\"serving_default\",\"instances\":[{\"text\":\"hello\"},{\"b64\":\"Ynll\"}]}",
        "{\"instances\":[{\"inputs\":{\"b64\":\"aGVsbG8=\"}},\"bye\"]}",
    };
    static const char *const columns[] = {"{\"inputs\":[\"hello\"]}", "{\"inputs\":{\"inputs\":[\"hello\"]}}",
                                          "{\"inputs\":\"hello\"}", "{\"inputs\":{\"text\":\"hello\"}}",
                                          "{\"inputs\":{\"b64\":\"aGVsbG8=\"}}"};
    json_t *first = ask("POST " MODEL ":predict", rows[0], NULL, 200);
    assert_int_equal(json_array_size(get(first, "predictions")), 2);
    assert_int_equal(json_array_size(get(first, "predictions.1")), 512);
    for (size_t i = 1; i < 3; i++) {
        json_t *answer = ask("POST " MODEL "/versions/1:predict", rows[i], NULL, 200);
        assert_true(json_equal(answer, first));
        json_decref(answer);
    }
    for (size_t i = 0; i < 5; i++) {
        json_t *answer = ask("POST " MODEL "/labels/stable:predict", columns[i], NULL, 200);
        assert_true(json_equal(get(answer, "outputs.0"), get(first, "predictions.0")));
        assert_null(json_object_get(answer, "predictions"));
        json_decref(answer);
    }
    json_decref(first);
}

static void describes(void **state)
{
    (void)state;
    static const char *const paths[] = {"GET " MODEL "/metadata", "GET " MODEL "/versions/1/metadata",
                                        "GET " MODEL "/labels/stable/metadata"};
    static const char *const states[] = {"GET " MODEL, "GET " MODEL "/versions/1",
                                         "GET " MODEL "/labels/stable"};
    for (size_t i = 0; i < 3; i++) {
        json_t *answer = ask(paths[i], NULL, NULL, 200);
        is_text(answer, "model_spec.version", "1");
        const json_t *signature = get(answer, "metadata.signature_def.signature_def.serving_default");
        is_text(signature, "inputs.inputs.dtype", "DT_STRING");
        is_text(signature, "outputs.outputs.tensor_shape.dim.1.size", "512");
        is_text(signature, "method_name", "tensorflow/serving/predict");
        json_decref(answer);
        answer = ask(states[i], NULL, NULL, 200);
        is_text(answer, "model_version_status.0.state", "AVAILABLE");
        is_text(answer, "model_version_status.0.status.error_code", "OK");
        is_text(answer, "model_version_status.0.version", "1");
        json_decref(answer);
    }
}

static void fails(const char *what, const char *body, int status, const char *says)
{
    json_t *answer = ask(what, body, NULL, status);
    assert_int_equal(json_object_size(answer), 1);
    if (strstr(json_string_value(get(answer, "error")), says) == NULL)
        fail_msg("%s: %s", what, json_string_value(get(answer, "error")));
    json_decref(answer);
}

static void refuses_in_its_shape(void **state)
{
    (void)state;
    fails("POST /v1/models/other:predict", "{\"instances\":[\"a\"]}", 404, "other");
    fails("POST " MODEL "/versions/7:predict", "{\"instances\":[\"a\"]}", 404, "version \"7\"");
    fails("POST " MODEL "/labels/canary:predict", "{\"instances\":[\"a\"]}", 404, "label \"canary\"");
    fails("GET " MODEL "/versions/x/metadata", NULL, 404, "version");
    fails("POST " MODEL ":predict", "{}", 400, "exactly one");
    fails("POST " MODEL ":predict", "{\"instances\":[\"a\"],\"inputs\":[\"a\"]}", 400, "exactly one");
    fails("POST " MODEL ":predict", "{\"instances\":[]}", 400, "no inputs");
    fails("POST " MODEL ":predict", "{\"instances\":[5]}", 400, "input 0");
    fails("POST " MODEL ":predict", "{\"instances\":[{\"a\":\"x\",\"b\":\"y\"}]}", 400, "input 0");
    fails("POST " MODEL ":predict", "{\"instances\":[{\"b64\":\"/w==\"}]}", 400, "input 0");
    fails("POST " MODEL ":predict", "{\"instances\":[{\"b64\":\"!\"}]}", 400, "input 0");
    fails("POST " MODEL ":predict", "{\"signature_name\":\"other\",\"instances\":[\"a\"]}", 400,
          "serving_default");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(predicts),
        cmocka_unit_test(describes),
        cmocka_unit_test(refuses_in_its_shape),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
