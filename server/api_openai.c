/* The routes of OpenAI's embeddings API: platform.openai.com/docs/api-reference/embeddings and /models. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "server/embed_call.h"
#include "server/json_schema.h"
#include "server/json_write.h"
#include "server/model_store.h"
#include "server/routes.h"

static const struct field embeddings_fields[] = {
    EMBED_FIELDS,
    {.name = "user", .kind = FIELD_TEXT, .about = "Not used and not kept."},
};
const struct shape shape_openai_embeddings =
    SHAPE("OpenAIEmbeddings", "Texts to be embedded, as OpenAI takes them.", embeddings_fields,
          .example = "{\"model\":\"cognate-e5-512\",\"input\":[\"Guten Morgen\",\"good morning\"]}");

static const struct field row_fields[] = {
    {.name = "object", .kind = FIELD_TEXT, .required = true, .about = "embedding"},
    {.name = "index", .kind = FIELD_INTEGER, .required = true, .about = "Which input."},
    {.name = "embedding",
     .kind = FIELD_ANY,
     .required = true,
     .schema = SCHEMA_EMBEDDING,
     .about = "Numbers, or base64 of their float32 bytes."},
};
static const struct shape shape_row = SHAPE("OpenAIEmbedding", "The vector of a text.", row_fields);

static const struct field usage_fields[] = {
    {.name = "prompt_tokens", .kind = FIELD_INTEGER, .required = true, .about = "Tokens the encoder saw."},
    {.name = "total_tokens", .kind = FIELD_INTEGER, .required = true, .about = "The same."},
};
static const struct shape shape_usage = SHAPE("OpenAIUsage", "Tokens of a call.", usage_fields);

static const struct field answer_fields[] = {
    {.name = "object", .kind = FIELD_TEXT, .required = true, .about = "list"},
    {.name = "data",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_row,
     .about = "In the order of input."},
    {.name = "model", .kind = FIELD_TEXT, .required = true, .about = "The model's name."},
    {.name = "usage", .kind = FIELD_OBJECT, .required = true, .of = &shape_usage, .about = "Tokens."},
};
const struct shape shape_openai_answer =
    SHAPE("OpenAIEmbeddingsAnswer", "Vectors, as OpenAI gives them.", answer_fields);

static const struct field model_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "The model's name."},
    {.name = "object", .kind = FIELD_TEXT, .required = true, .about = "model"},
    {.name = "created", .kind = FIELD_INTEGER, .required = true, .about = "Unix seconds of its file."},
    {.name = "owned_by", .kind = FIELD_TEXT, .required = true, .about = "cognate"},
    {.name = "version",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "The version that the name alone calls."},
    {.name = "in_use",
     .kind = FIELD_BOOLEAN,
     .required = true,
     .about = "Whether it answers who asks for no model."},
    {.name = "reranks", .kind = FIELD_BOOLEAN, .required = true, .about = "Whether it is the reranker."},
};
const struct shape shape_model = SHAPE("Model", "A model.", model_fields, .open = true);

static const struct field models_fields[] = {
    {.name = "object", .kind = FIELD_TEXT, .required = true, .about = "list"},
    {.name = "data",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_model,
     .about = "Those installed."},
};
const struct shape shape_models = SHAPE("Models", "The models here.", models_fields);

/* OpenAI refuses what is empty. */
static enum status check_input(const json_t *input, struct error *err)
{
    if (json_is_array(input) && json_array_size(input) == 0)
        return error_field(err, STATUS_INVALID, "input", "input must not be empty");
    if (json_is_string(input) && json_string_length(input) == 0)
        return error_field(err, STATUS_INVALID, "input", "input must not be an empty text");
    for (size_t i = 0; i < json_array_size(input); i++)
        if (json_is_string(json_array_get(input, i)) && json_string_length(json_array_get(input, i)) == 0)
            return error_field(err, STATUS_INVALID, "input",
                               "input must not hold an empty text; item %zu is one", i);
    return STATUS_OK;
}

static enum status write_embeddings(const struct embed_call *m, struct buf *out, struct error *err)
{
    unsigned long long tokens = embed_call_tokens(m);
    enum status status = buf_printf(out, err, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < m->n && status == STATUS_OK; i++) {
        status = buf_printf(out, err,
                            "%s{\"object\":\"embedding\",\"index\":%zu,\"embedding\":", i > 0 ? "," : "", i);
        if (status == STATUS_OK)
            status = embed_call_write(m, m->rows.texts[i].first, out, err);
        if (status == STATUS_OK)
            status = buf_append(out, "}", 1, err);
    }
    if (status == STATUS_OK)
        status = buf_printf(out, err, "],\"model\":");
    if (status == STATUS_OK)
        status = json_write_text(text_of(m->model->name), out, err);
    return status == STATUS_OK
               ? buf_printf(out, err, ",\"usage\":{\"prompt_tokens\":%llu,\"total_tokens\":%llu}}", tokens,
                            tokens)
               : status;
}

void handle_openai_embeddings(struct api_call *call)
{
    struct embed_call m = {0};
    struct buf text;
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status = check_input(shape_get(call->body, "input"), &call->err);
    if (status == STATUS_OK)
        status = embed_call_read(&m, call);
    if (status == STATUS_OK && m.long_text == LONG_TEXT_PASSAGES)
        status = error_field(&call->err, STATUS_INVALID, "long_text",
                             "this route gives one vector a text; POST /v1/embed gives passages");
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK)
        status = write_embeddings(&m, &text, &call->err);
    if (status == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
    embed_call_release(&m);
}

static bool is_reranker(const char *name, unsigned version)
{
    struct model_ref found = {0};
    bool same = model_store_reranker(&found, NULL) == STATUS_OK && found.version == version &&
                strcmp(found.name, name) == 0;
    model_ref_release(&found);
    return same;
}

/* A model as OpenAI lists it, and which of its name it is. */
static json_t *model_json(const char *name, unsigned version, const char *path, bool own)
{
    struct stat st;
    return json_pack("{s:s, s:s, s:I, s:s, s:I, s:b, s:b}", "id", name, "object", "model", "created",
                     stat(path, &st) == 0 ? (json_int_t)st.st_mtime : 0, "owned_by", "cognate", "version",
                     (json_int_t)version, "in_use", own, "reranks", is_reranker(name, version));
}

static bool is_own(const struct engine_model *own, const struct model_ref *ref)
{
    return own->installed && own->version == ref->version && strcmp(own->name, ref->name) == 0;
}

/* Every name once, with the version that the name alone calls. */
static enum status add_models(struct api_call *call, const struct engine_model *own, json_t *list)
{
    struct model_ref *refs = NULL, found = {0};
    size_t n = 0;
    enum status status = model_store_list(&refs, &n, &call->err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        bool again = i > 0 && strcmp(refs[i].name, refs[i - 1].name) == 0;
        if (again || (!own->installed && strcmp(refs[i].name, own->name) == 0) ||
            model_store_find(refs[i].name, &found, NULL) != STATUS_OK)
            continue;
        if (json_array_append_new(
                list, model_json(found.name, found.version, found.path, is_own(own, &found))) != 0)
            status = error_memory(&call->err, "listing the models");
        model_ref_release(&found);
    }
    model_refs_free(refs, n);
    return status;
}

void handle_models(struct api_call *call)
{
    const struct engine_model *own;
    json_t *list = json_array();
    enum status status = call_model(call, (struct text){0}, &own);
    if (status == STATUS_OK && !own->installed &&
        json_array_append_new(list, model_json(own->name, own->version, own->path, true)) != 0)
        status = error_memory(&call->err, "listing the models");
    if (status == STATUS_OK)
        status = add_models(call, own, list);
    if (status == STATUS_OK)
        call_answer(call, 200, json_pack("{s:s, s:O}", "object", "list", "data", list));
    json_decref(list);
}

/* The model that the path names, without loading it. */
static enum status named_json(struct api_call *call, json_t **out)
{
    const struct engine_model *own;
    struct model_ref found = {0};
    struct text name = call->captures[0];
    char spec[MODEL_SPEC];
    enum status status = call_model(call, (struct text){0}, &own);
    if (status != STATUS_OK)
        return status;
    if (text_is(name, own->name) || text_is(name, own->bound)) {
        *out = model_json(own->name, own->version, own->path, true);
        return STATUS_OK;
    }
    snprintf(spec, sizeof spec, "%.*s", (int)(name.len < MODEL_SPEC ? name.len : MODEL_SPEC - 1), name.data);
    status = model_store_find(spec, &found, &call->err);
    if (status == STATUS_OK && found.name[0] == '\0')
        status =
            error_field(&call->err, STATUS_NOT_FOUND, "model", "there is no model \"%.128s\" here", spec);
    if (status == STATUS_OK)
        *out = model_json(found.name, found.version, found.path, is_own(own, &found));
    model_ref_release(&found);
    return status;
}

/* One object for the clients of OpenAI and of TensorFlow Serving, which both ask here. */
void handle_model(struct api_call *call)
{
    json_t *body = NULL, *versions = NULL;
    enum status status = named_json(call, &body);
    if (status == STATUS_OK)
        status = tf_status_json(call, &versions);
    if (status == STATUS_OK && json_object_set(body, "model_version_status", versions) != 0)
        status = error_memory(&call->err, "describing a model");
    if (status == STATUS_OK)
        call_answer(call, 200, json_incref(body));
    json_decref(versions);
    json_decref(body);
}
