#include <stdlib.h>
#include <string.h>

#include "server/routes.h"

#define FILTERABLE_FIELD                                                                                     \
    {                                                                                                        \
        .name = "filterable", .kind = FIELD_TEXT, .count = FIELD_LIST, .items = FIELDS_MOST, .least = 1,     \
        .most = 256,                                                                                         \
        .about =                                                                                             \
            "Fields of the metadata to keep an index of, so that filters on them are fast; these and no "    \
            "others. Filters on other fields work too, by reading the metadata of every document."           \
    }

static const struct field settings_fields[] = {
    {.name = "model",
     .kind = FIELD_TEXT,
     .least = 1,
     .most = 128,
     .about = "The installed model that makes its vectors, as NAME, NAME@VERSION or NAME@LABEL; the one in "
              "use when "
              "absent."},
    {.name = "passage_tokens",
     .kind = FIELD_INTEGER,
     .least = 32,
     .most = 65536,
     .about = "Most tokens of a passage, prompt and title included; 200 when absent. At most the model's "
              "context."},
    {.name = "passage_overlap",
     .kind = FIELD_INTEGER,
     .least = 0,
     .most = 32768,
     .about =
         "Most tokens that neighbouring passages share; 40 when absent. At most half of passage_tokens."},
    {.name = "keyword",
     .kind = FIELD_BOOLEAN,
     .about = "Keep a keyword index, for the modes keyword and hybrid of searches; true when absent."},
    FILTERABLE_FIELD,
};
const struct shape shape_collection_settings = SHAPE("CollectionSettings", "Settings of a new collection.",
                                                     settings_fields, .empty = true, .example = "{}");

static const struct field change_fields[] = {
    {.name = "keyword",
     .kind = FIELD_BOOLEAN,
     .about = "Whether to keep a keyword index; making one takes about a second for 10,000 passages, in which other "
              "writes wait."},
    FILTERABLE_FIELD,
};
const struct shape shape_collection_change =
    SHAPE("CollectionChange", "New settings of a collection.", change_fields, .example = "{\"filterable\":[\"year\",\"kind\"]}");

static const struct field language_fields[] = {
    {.name = "lang", .kind = FIELD_TEXT, .required = true, .about = "BCP 47; und when unknown."},
    {.name = "documents", .kind = FIELD_INTEGER, .required = true, .about = "Documents in it."},
};
static const struct shape shape_language =
    SHAPE("LanguageCount", "Documents of a language.", language_fields);

static const struct field collection_fields[] = {
    {.name = "name", .kind = FIELD_TEXT, .required = true, .about = "The collection's name."},
    {.name = "model", .kind = FIELD_TEXT, .required = true, .about = "The model that made its vectors."},
    {.name = "space_id",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "Vectors of equal space_id can be compared."},
    {.name = "dimensions", .kind = FIELD_INTEGER, .required = true, .about = "Numbers in a vector."},
    {.name = "metric", .kind = FIELD_TEXT, .required = true, .about = "cosine"},
    {.name = "passage_tokens", .kind = FIELD_INTEGER, .required = true, .about = "Most tokens of a passage."},
    {.name = "passage_overlap",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Most tokens shared by neighbours."},
    {.name = "keyword", .kind = FIELD_BOOLEAN, .required = true, .about = "Whether it has a keyword index."},
    {.name = "documents", .kind = FIELD_INTEGER, .required = true, .about = "Documents in it."},
    {.name = "passages", .kind = FIELD_INTEGER, .required = true, .about = "Passages of them."},
    {.name = "created", .kind = FIELD_TEXT, .required = true, .about = "RFC 3339."},
    {.name = "updated", .kind = FIELD_TEXT, .required = true, .about = "RFC 3339."},
    {.name = "clusters",
     .kind = FIELD_INTEGER,
     .about = "Clusters of its passages, which a server makes of large collections and searches use (of one collection "
              "only)."},
    {.name = "clusters_made", .kind = FIELD_TEXT, .nullable = true, .about = "RFC 3339; null without clusters."},
    {.name = "unclustered",
     .kind = FIELD_INTEGER,
     .about = "Passages in none of them, which every search looks at (of one collection only)."},
    {.name = "languages",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .of = &shape_language,
     .about = "Documents by language, most first (of one collection only)."},
    {.name = "filterable",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .about = "Fields of the metadata with an index (of one collection only)."},
};
const struct shape shape_collection = SHAPE("Collection", "A collection.", collection_fields);

static const struct field collections_fields[] = {
    {.name = "collections",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_collection,
     .about = "By name."},
};
const struct shape shape_collections = SHAPE("Collections", "All collections.", collections_fields);

static const struct field deleted_fields[] = {
    {.name = "deleted", .kind = FIELD_INTEGER, .required = true, .about = "How many were deleted."},
};
const struct shape shape_deleted = SHAPE("Deleted", "What a deletion did.", deleted_fields);

static json_t *collection_json(const struct collection_info *info)
{
    const struct collection_settings *s = &info->settings;
    char space[65];
    hex_text(s->space_id, sizeof s->space_id, space);
    return json_pack("{s:o, s:o, s:s, s:I, s:s, s:I, s:I, s:b, s:I, s:I, s:o, s:o}", "name", text_json(s->name),
                     "model", text_json(s->model), "space_id", space, "dimensions", (json_int_t)s->width,
                     "metric", "cosine", "passage_tokens", (json_int_t)s->passage_tokens, "passage_overlap",
                     (json_int_t)s->passage_overlap, "keyword", !s->no_keywords, "documents", (json_int_t)info->documents, "passages",
                     (json_int_t)info->passages, "created", time_json(info->created), "updated",
                     time_json(info->updated));
}

static json_t *texts_json(const struct text *texts, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        if (json_array_append_new(list, text_json(texts[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static bool set_clusters(json_t *body, struct collection *c, uint64_t passages)
{
    struct cluster_info info;
    collection_clusters(c, &info);
    uint64_t loose = info.clusters > 0 ? info.loose : passages; /* as long as nothing is loaded, too */
    return json_object_set_new(body, "clusters", json_integer((json_int_t)info.clusters)) == 0 &&
           json_object_set_new(body, "clusters_made", info.clusters > 0 ? time_json(info.made) : json_null()) ==
               0 &&
           json_object_set_new(body, "unclustered", json_integer((json_int_t)loose)) == 0;
}

/* Answers with the collection that the path names. */
static void answer_collection(struct api_call *call, int http)
{
    struct collection *c = NULL;
    struct collection_info info = {0};
    struct language_count *counts = NULL;
    struct text *fields = NULL;
    size_t n = 0, field_count = 0;
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = collection_info(c, &info, &call->err);
    if (status == STATUS_OK)
        status = collection_languages(c, &counts, &n, &call->err);
    if (status == STATUS_OK)
        status = collection_filterable(c, &fields, &field_count, &call->err);
    if (status == STATUS_OK) {
        json_t *body = collection_json(&info);
        if (body != NULL && (!set_clusters(body, c, info.passages) ||
                             json_object_set_new(body, "languages", languages_json(counts, n)) != 0 ||
                             json_object_set_new(body, "filterable", texts_json(fields, field_count)) != 0)) {
            json_decref(body);
            body = NULL;
        }
        call_answer(call, http, body);
    }
    collection_filterable_free(fields, field_count);
    language_counts_free(counts, n);
    collection_info_release(&info);
    collection_release(c);
}

/* Sets what may change of the settings that a body names. */
static enum status change_settings(struct api_call *call)
{
    const json_t *filterable = shape_get(call->body, "filterable"), *keyword = shape_get(call->body, "keyword");
    struct collection *c = NULL;
    struct text *fields = NULL;
    size_t n = 0;
    if (filterable == NULL && keyword == NULL)
        return STATUS_OK;
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK && filterable != NULL)
        status = json_texts(filterable, &fields, &n, &call->err);
    if (status == STATUS_OK && filterable != NULL)
        status = collection_declare(c, fields, n, &call->err);
    if (status == STATUS_OK && keyword != NULL)
        status = collection_keep_keywords(c, json_is_true(keyword), &call->err);
    free(fields);
    collection_release(c);
    return status;
}

void handle_collection_patch(struct api_call *call)
{
    if (change_settings(call) == STATUS_OK)
        answer_collection(call, 200);
}

void handle_collection_get(struct api_call *call)
{
    answer_collection(call, 200);
}

/* Whether the model that a PUT names is that of the collection there is. */
static enum status same_model(struct api_call *call, const struct collection_settings *s)
{
    const struct engine_model *m = NULL;
    struct text name = shape_text(call->body, "model");
    enum status status = name.len > 0 ? call_model(call, name, &m) : STATUS_OK;
    if (status == STATUS_OK && m != NULL && memcmp(m->space_id, s->space_id, sizeof s->space_id) != 0)
        status = error_field(
            &call->err, STATUS_CONFLICT, "model",
            "the collection is there with the model %.*s; POST /v1/admin/reembed (cognate collection "
            "reembed) changes that",
            (int)s->model.len, s->model.data);
    return status;
}

/* Whether the settings that a PUT names are those of the collection there is. */
static enum status same_settings(struct api_call *call)
{
    struct collection *c = NULL;
    struct collection_info info = {0};
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = collection_info(c, &info, &call->err);
    const struct collection_settings *s = &info.settings;
    if (status == STATUS_OK)
        status = same_model(call, s);
    if (status == STATUS_OK &&
        (shape_integer(call->body, "passage_tokens", s->passage_tokens) != s->passage_tokens ||
         shape_integer(call->body, "passage_overlap", s->passage_overlap) != s->passage_overlap ||
         shape_boolean(call->body, "keyword", !s->no_keywords) == s->no_keywords))
        status = error_set(&call->err, STATUS_CONFLICT,
                           "the collection is there with passage_tokens %u, passage_overlap %u and keyword %s; PATCH "
                           "changes keyword, the others cannot be changed: delete it, or take another name",
                           (unsigned)s->passage_tokens, (unsigned)s->passage_overlap,
                           s->no_keywords ? "false" : "true");
    collection_info_release(&info);
    collection_release(c);
    return status;
}

void handle_collection_put(struct api_call *call)
{
    struct error err = {0};
    long long overlap = shape_integer(call->body, "passage_overlap", -1);
    struct passage_options passages = {
        .max_tokens = (uint32_t)shape_integer(call->body, "passage_tokens", 0),
        .overlap_tokens = overlap == 0  ? UINT32_MAX
                          : overlap < 0 ? 0
                                        : (uint32_t)overlap,
    };
    enum status status =
        engine_collection_create(call->engine, call->captures[0], shape_text(call->body, "model"), &passages,
                                 shape_boolean(call->body, "keyword", true), &err);
    bool there = status == STATUS_CONFLICT;
    if (there)
        status = same_settings(call);
    else if (status != STATUS_OK)
        call->err = err;
    if (status == STATUS_OK && change_settings(call) == STATUS_OK)
        answer_collection(call, there ? 200 : 201);
}

void handle_collections(struct api_call *call)
{
    struct store *s = NULL;
    struct collection_info *infos = NULL;
    size_t n = 0;
    enum status status = call_store(call, &s);
    if (status == STATUS_OK)
        status = store_collections(s, &infos, &n, &call->err);
    if (status != STATUS_OK)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < n && list != NULL; i++)
        if (json_array_append_new(list, collection_json(&infos[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    call_answer(call, 200, list != NULL ? json_pack("{s:o}", "collections", list) : NULL);
    collection_infos_free(infos, n);
}

void handle_collection_delete(struct api_call *call)
{
    struct store *s = NULL;
    enum status status = call_store(call, &s);
    if (status == STATUS_OK)
        status = store_collection_delete(s, call->captures[0], &call->err);
    if (status == STATUS_OK)
        call_answer(call, 200, json_pack("{s:i}", "deleted", 1));
}
