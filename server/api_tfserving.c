/* The REST API of TensorFlow Serving (tensorflow.org/tfx/serving/api_rest): a model with one signature,
 * serving_default, from texts to vectors. Its version is the one that the model file names, where that is a
 * number, else 1; its label is "stable". */
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include "common/utf8.h"
#include "server/embed_call.h"
#include "server/json_schema.h"
#include "server/json_write.h"
#include "server/routes.h"

#define SIGNATURE "serving_default"

#define TF_INPUT                                                                                             \
    "{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"object\",\"minProperties\":1,\"maxProperties\":1}]}"

static const char *const signatures[] = {SIGNATURE, NULL};
static const struct field predict_fields[] = {
    {.name = "signature_name", .kind = FIELD_TEXT, .choices = signatures, .about = SIGNATURE "."},
    {.name = "instances",
     .kind = FIELD_ANY,
     .count = FIELD_LIST,
     .items = EMBED_INPUTS,
     .schema = TF_INPUT,
     .about = "Rows: texts, {\"b64\": …}, or objects with one such input."},
    {.name = "inputs",
     .kind = FIELD_ANY,
     .schema = "{\"anyOf\":[" TF_INPUT ",{\"type\":\"array\",\"items\":" TF_INPUT "}]}",
     .about = "In place of instances: a text, a list, or an object with one such input."},
};
const struct shape shape_tf_predict =
    SHAPE("TfPredict", "Exactly one of instances and inputs.", predict_fields,
          .example = "{\"instances\":[\"Guten Morgen\",\"good morning\"]}");

static const struct field answer_fields[] = {
    {.name = "predictions",
     .kind = FIELD_ANY,
     .schema = SCHEMA_ROWS,
     .about = "For instances: a vector for each."},
    {.name = "outputs", .kind = FIELD_ANY, .schema = SCHEMA_ROWS, .about = "For inputs: a vector for each."},
};
const struct shape shape_tf_answer = SHAPE("TfPredictAnswer", "Vectors.", answer_fields);

static const struct field metadata_fields[] = {
    {.name = "model_spec", .kind = FIELD_OBJECT, .required = true, .about = "name, signature_name, version."},
    {.name = "metadata", .kind = FIELD_OBJECT, .required = true, .about = "signature_def."},
};
const struct shape shape_tf_metadata = SHAPE("TfMetadata", "The signature of a model.", metadata_fields);

static const struct field status_fields[] = {
    {.name = "model_version_status",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .about = "version, state and status of each version."},
};
const struct shape shape_tf_status = SHAPE("TfStatus", "The state of a model.", status_fields);

static struct text version_of(const struct engine_model *m)
{
    struct text version = m->info->version;
    bool number = version.len > 0 && version.len < 10;
    for (size_t i = 0; i < version.len && number; i++)
        number = version.data[i] >= '0' && version.data[i] <= '9';
    return number ? version : text_of("1");
}

/* The model that the path names, with its version or label where it names one. */
static enum status tf_model(struct api_call *call, const struct engine_model **out)
{
    struct text wanted = call->captures[1];
    enum status status = call_model(call, call->captures[0], out);
    bool label = strstr(call->route->pattern, "/labels/") != NULL;
    if (status != STATUS_OK || wanted.len == 0 ||
        text_equal(wanted, label ? text_of("stable") : version_of(*out)))
        return status;
    return error_set(&call->err, STATUS_NOT_FOUND,
                     "%s \"%.*s\" of model %s is not here; there is version %.*s, labelled stable",
                     label ? "label" : "version", (int)(wanted.len < 64 ? wanted.len : 64), wanted.data,
                     (*out)->name, (int)version_of(*out).len, version_of(*out).data);
}

json_t *tf_status_json(const struct engine_model *model)
{
    return json_pack("[{s:o, s:s, s:{s:s, s:s}}]", "version", text_json(version_of(model)), "state",
                     "AVAILABLE", "status", "error_code", "OK", "error_message", "");
}

void handle_tf_status(struct api_call *call)
{
    const struct engine_model *model;
    if (tf_model(call, &model) == STATUS_OK)
        call_answer(call, 200, json_pack("{s:o}", "model_version_status", tf_status_json(model)));
}

/* A tensor of rows of `width` (0: of scalars). */
static json_t *tensor_json(const char *type, const char *name, uint32_t width)
{
    char size[16];
    snprintf(size, sizeof size, "%u", (unsigned)width);
    json_t *dimensions = json_pack("[{s:s, s:s}]", "size", "-1", "name", "");
    if (width > 0 &&
        json_array_append_new(dimensions, json_pack("{s:s, s:s}", "size", size, "name", "")) != 0) {
        json_decref(dimensions);
        return NULL;
    }
    return json_pack("{s:s, s:{s:o, s:b}, s:s}", "dtype", type, "tensor_shape", "dim", dimensions,
                     "unknown_rank", 0, "name", name);
}

void handle_tf_metadata(struct api_call *call)
{
    const struct engine_model *m;
    if (tf_model(call, &m) != STATUS_OK)
        return;
    json_t *signature =
        json_pack("{s:{s:o}, s:{s:o}, s:s}", "inputs", "inputs",
                  tensor_json("DT_STRING", "serving_default_inputs:0", 0), "outputs", "outputs",
                  tensor_json("DT_FLOAT", "StatefulPartitionedCall:0", m->info->width), "method_name",
                  "tensorflow/serving/predict");
    call_answer(call, 200,
                json_pack("{s:{s:s, s:s, s:o}, s:{s:{s:{s:o}}}}", "model_spec", "name", m->name,
                          "signature_name", "", "version", text_json(version_of(m)), "metadata",
                          "signature_def", "signature_def", SIGNATURE, signature));
}

/* ---- predict ---- */

/* {"b64": "…"} to the text it encodes; NULL when it encodes none. */
static json_t *decode_base64(const json_t *encoded)
{
    struct base64_decode_ctx base64;
    size_t len = json_string_length(encoded), n = BASE64_DECODE_LENGTH(len);
    uint8_t *bytes = json_is_string(encoded) ? malloc(n + 1) : NULL;
    json_t *text = NULL;
    base64_decode_init(&base64);
    if (bytes != NULL && base64_decode_update(&base64, &n, bytes, len, json_string_value(encoded)) &&
        base64_decode_final(&base64))
        text = json_stringn((const char *)bytes, n);
    free(bytes);
    return text;
}

/* One input: a text, {"b64": …}, or an object whose only member is one. A new reference, NULL for anything
 * else. */
static json_t *text_of_input(json_t *value)
{
    if (json_object_size(value) == 1 && json_object_get(value, "b64") != NULL)
        return decode_base64(json_object_get(value, "b64"));
    if (json_object_size(value) == 1)
        value = json_object_iter_value(json_object_iter(value));
    if (json_object_size(value) == 1 && json_object_get(value, "b64") != NULL)
        return decode_base64(json_object_get(value, "b64"));
    return json_is_string(value) ? json_incref(value) : NULL;
}

/* The texts of the request as a list. */
static enum status read_inputs(const json_t *body, json_t *out, struct error *err)
{
    const json_t *instances = shape_get(body, "instances"), *inputs = shape_get(body, "inputs");
    json_t *list = json_object_get(body, instances != NULL ? "instances" : "inputs");
    if ((instances != NULL) == (inputs != NULL))
        return error_set(err, STATUS_INVALID, "give exactly one of instances and inputs");
    if (inputs != NULL && json_object_size(list) == 1 && json_object_get(list, "b64") == NULL)
        list = json_object_iter_value(json_object_iter(list));
    size_t n = json_is_array(list) ? json_array_size(list) : 1;
    if (n == 0)
        return error_set(err, STATUS_INVALID, "there are no inputs");
    if (n > EMBED_INPUTS)
        return error_set(err, STATUS_TOO_LARGE, "there are %zu inputs; at most %d", n, EMBED_INPUTS);
    for (size_t i = 0; i < n; i++) {
        json_t *text = text_of_input(json_is_array(list) ? json_array_get(list, i) : list);
        if (text == NULL)
            return error_set(err, STATUS_INVALID,
                             "input %zu is not a text in UTF-8, plain or as {\"b64\": …}", i);
        if (json_array_append_new(out, text) != 0)
            return error_memory(err, "reading the inputs");
    }
    return STATUS_OK;
}

void handle_tf_predict(struct api_call *call)
{
    const struct engine_model *model;
    struct embed_call m = {0};
    struct buf text;
    json_t *inputs = json_array();
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status = tf_model(call, &model);
    if (status == STATUS_OK)
        status = read_inputs(call->body, inputs, &call->err);
    if (status == STATUS_OK)
        status = embed_call_texts(&m, call, "inputs", inputs, INPUT_QUERY);
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK)
        status = buf_printf(&text, &call->err,
                            "{\"%s\":", shape_get(call->body, "inputs") != NULL ? "outputs" : "predictions");
    if (status == STATUS_OK)
        status = embed_call_write_rows(&m, &text, &call->err);
    if (status == STATUS_OK)
        status = buf_append(&text, "}", 1, &call->err);
    if (status == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
    embed_call_release(&m);
    json_decref(inputs);
}
