/* The REST API of TensorFlow Serving (tensorflow.org/tfx/serving/api_rest): models with one signature,
 * serving_default, from texts to vectors. Versions and labels are those of the model store. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include "common/utf8.h"
#include "server/embed_call.h"
#include "server/json_schema.h"
#include "server/json_write.h"
#include "server/model_store.h"
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

/* What the path calls, as the model store does: NAME, NAME@VERSION or NAME@LABEL. */
static enum status called(struct api_call *call, char out[MODEL_SPEC])
{
    struct text name = call->captures[0], what = call->captures[1];
    if (name.len + what.len + 2 > MODEL_SPEC)
        return error_set(&call->err, STATUS_NOT_FOUND, "there is no model of so long a name");
    snprintf(out, MODEL_SPEC, "%.*s%s%.*s", (int)name.len, name.data, what.len > 0 ? "@" : "", (int)what.len,
             what.data);
    return STATUS_OK;
}

/* Whether what stands behind the name is a number where the path has a version, and none where it has a
 * label. */
static bool fits(const struct api_call *call)
{
    struct text what = call->captures[1];
    bool digits = what.len > 0;
    for (size_t i = 0; i < what.len; i++)
        digits &= what.data[i] >= '0' && what.data[i] <= '9';
    return what.len == 0 || digits == (strstr(call->route->pattern, "/versions/") != NULL);
}

static enum status not_here(struct api_call *call)
{
    struct text name = call->captures[0], what = call->captures[1];
    bool label = strstr(call->route->pattern, "/labels/") != NULL;
    return error_set(&call->err, STATUS_NOT_FOUND,
                     "%s \"%.*s\" of model %.*s is not here; GET /v1/models lists what is",
                     label ? "label" : "version", (int)(what.len < 64 ? what.len : 64), what.data,
                     (int)(name.len < 128 ? name.len : 128), name.data);
}

/* A loaded model that is not installed, when the path calls it: the engine's own, given as a file. */
static bool is_own_file(struct api_call *call, const struct engine_model *m)
{
    char version[16];
    snprintf(version, sizeof version, "%u", m->version);
    return !m->installed && text_is(call->captures[0], m->name) &&
           (call->captures[1].len == 0 || text_is(call->captures[1], version) ||
            (strstr(call->route->pattern, "/labels/") != NULL && text_is(call->captures[1], "stable")));
}

/* The model that the path names, with its version or label where it names one; loads it. */
static enum status tf_model(struct api_call *call, const struct engine_model **out)
{
    char spec[MODEL_SPEC];
    const struct engine_model *own = NULL;
    if (call->captures[1].len == 0)
        return call_model(call, call->captures[0], out);
    enum status status = call_model(call, (struct text){0}, &own);
    if (status == STATUS_OK && is_own_file(call, own)) {
        *out = own;
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        status = called(call, spec);
    struct error none = {0};
    struct model_ref found = {0};
    if (status == STATUS_OK && (!fits(call) || model_store_find(spec, &found, &none) != STATUS_OK))
        status = not_here(call);
    model_ref_release(&found);
    return status == STATUS_OK ? call_model(call, text_of(spec), out) : status;
}

static const char *const state_names[] = {[MODEL_START] = "START",
                                          [MODEL_LOADING] = "LOADING",
                                          [MODEL_AVAILABLE] = "AVAILABLE",
                                          [MODEL_UNLOADING] = "UNLOADING"};

static enum status add_state(struct api_call *call, const char *name, unsigned version, json_t *list)
{
    char number[16];
    snprintf(number, sizeof number, "%u", version);
    json_t *state = json_pack("{s:s, s:s, s:{s:s, s:s}}", "version", number, "state",
                              state_names[engine_model_state(call->engine, name, version)], "status",
                              "error_code", "OK", "error_message", "");
    return json_array_append_new(list, state) == 0 ? STATUS_OK : error_memory(&call->err, "listing versions");
}

/* The versions of a name that are installed, the highest first as TensorFlow Serving lists them. */
static enum status add_versions(struct api_call *call, struct text name, json_t *list)
{
    struct model_ref *refs = NULL;
    size_t n = 0;
    enum status status = model_store_list(&refs, &n, &call->err);
    for (size_t i = n; i > 0 && status == STATUS_OK; i--)
        if (text_is(name, refs[i - 1].name))
            status = add_state(call, refs[i - 1].name, refs[i - 1].version, list);
    model_refs_free(refs, n);
    return status;
}

enum status tf_status_json(struct api_call *call, json_t **out)
{
    char spec[MODEL_SPEC];
    const struct engine_model *own = NULL;
    struct model_ref found = {0};
    json_t *list = json_array();
    enum status status = list != NULL ? call_model(call, (struct text){0}, &own)
                                      : error_memory(&call->err, "listing versions");
    if (status == STATUS_OK && is_own_file(call, own)) {
        status = add_state(call, own->name, own->version, list);
    } else if (status == STATUS_OK && call->captures[1].len == 0) {
        status = add_versions(call, call->captures[0], list);
        if (status == STATUS_OK && json_array_size(list) == 0)
            status = call_model(call, call->captures[0], &own); /* which says what there is */
    } else if (status == STATUS_OK) {
        status = called(call, spec);
        if (status == STATUS_OK && (!fits(call) || model_store_find(spec, &found, NULL) != STATUS_OK))
            status = not_here(call);
        if (status == STATUS_OK)
            status = add_state(call, found.name, found.version, list);
    }
    model_ref_release(&found);
    if (status == STATUS_OK)
        *out = list;
    else
        json_decref(list);
    return status;
}

void handle_tf_status(struct api_call *call)
{
    json_t *list = NULL;
    if (tf_status_json(call, &list) == STATUS_OK)
        call_answer(call, 200, json_pack("{s:o}", "model_version_status", list));
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
    char version[16];
    if (tf_model(call, &m) != STATUS_OK || engine_need_vectors(m, &call->err) != STATUS_OK)
        return;
    snprintf(version, sizeof version, "%u", m->version);
    json_t *signature =
        json_pack("{s:{s:o}, s:{s:o}, s:s}", "inputs", "inputs",
                  tensor_json("DT_STRING", "serving_default_inputs:0", 0), "outputs", "outputs",
                  tensor_json("DT_FLOAT", "StatefulPartitionedCall:0", m->info->width), "method_name",
                  "tensorflow/serving/predict");
    call_answer(call, 200,
                json_pack("{s:{s:s, s:s, s:s}, s:{s:{s:{s:o}}}}", "model_spec", "name", m->name,
                          "signature_name", "", "version", version, "metadata", "signature_def",
                          "signature_def", SIGNATURE, signature));
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
