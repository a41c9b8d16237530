/* What there is to filter by: languages, and the values that fields of the metadata have. */
#include "server/routes.h"

#define VALUES 20 /* of a field */

static const struct field language_fields[] = {
    {.name = "lang", .kind = FIELD_TEXT, .required = true, .about = "BCP 47; und when unknown."},
    {.name = "documents", .kind = FIELD_INTEGER, .required = true, .about = "Documents in it."},
};
static const struct shape shape_stats_language =
    SHAPE("StatsLanguage", "A language of the documents.", language_fields);

static const struct field value_fields[] = {
    {.name = "value", .kind = FIELD_ANY, .required = true, .about = "A text, a number, true or false."},
    {.name = "documents", .kind = FIELD_INTEGER, .required = true, .about = "Documents that have it."},
};
static const struct shape shape_stats_value = SHAPE("StatsValue", "A value of a field.", value_fields);

static const struct field facet_fields[] = {
    {.name = "name", .kind = FIELD_TEXT, .required = true, .about = "The field of the metadata."},
    {.name = "distinct", .kind = FIELD_INTEGER, .required = true, .about = "Different values it has."},
    {.name = "values",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_stats_value,
     .about = "The most frequent ones, at most 20."},
};
static const struct shape shape_stats_field = SHAPE("StatsField", "A field of the metadata.", facet_fields);

static const struct field stats_fields[] = {
    {.name = "documents", .kind = FIELD_INTEGER, .required = true, .about = "Documents in the collection."},
    {.name = "passages", .kind = FIELD_INTEGER, .required = true, .about = "Passages of them."},
    {.name = "languages",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_stats_language,
     .about = "Most documents first."},
    {.name = "fields",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_stats_field,
     .about = "By name; lists and objects in the metadata are not counted."},
};
const struct shape shape_stats = SHAPE("Stats", "What a collection can be filtered by.", stats_fields);

/* The list with a further value, which it takes; NULL, out of memory, stays NULL to the end. */
static json_t *appended(json_t *list, json_t *value)
{
    if (list != NULL && value != NULL && json_array_append(list, value) == 0) {
        json_decref(value);
        return list;
    }
    json_decref(value);
    json_decref(list);
    return NULL;
}

static json_t *facet_json(const struct facet *facet)
{
    json_t *values = json_array();
    for (size_t i = 0; i < facet->count; i++) {
        const struct facet_value *value = &facet->values[i];
        json_t *json = json_loadb(value->json.data, value->json.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        values = appended(values,
                          json_pack("{s:o, s:I}", "value", json, "documents", (json_int_t)value->documents));
    }
    return json_pack("{s:o, s:I, s:o}", "name", text_json(facet->field), "distinct",
                     (json_int_t)facet->distinct, "values", values);
}

static json_t *facets_json(const struct facet *facets, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        list = appended(list, facet_json(&facets[i]));
    return list;
}

void handle_stats(struct api_call *call)
{
    struct collection *c = NULL;
    struct collection_info info = {0};
    struct language_count *languages = NULL;
    struct facet *facets = NULL;
    size_t language_count = 0, facet_count = 0;
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = collection_info(c, &info, &call->err);
    if (status == STATUS_OK)
        status = collection_languages(c, &languages, &language_count, &call->err);
    if (status == STATUS_OK)
        status = collection_facets(c, VALUES, &facets, &facet_count, &call->err);
    if (status == STATUS_OK)
        call_answer(call, 200,
                    json_pack("{s:I, s:I, s:o, s:o}", "documents", (json_int_t)info.documents, "passages",
                              (json_int_t)info.passages, "languages",
                              languages_json(languages, language_count), "fields",
                              facets_json(facets, facet_count)));
    facets_free(facets, facet_count);
    language_counts_free(languages, language_count);
    collection_info_release(&info);
    collection_release(c);
}
