#include "server/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/routes.h"

/* json_object_set_new on a NULL object or with a NULL value fails and frees the value, so a tree is built
 * without a check at each step: `good` collects the outcome, and the document is dropped if one was missing.
 */
struct writer {
    json_t *schemas; /* components.schemas */
    bool good;
};

static void put(struct writer *w, json_t *object, const char *key, json_t *value)
{
    w->good = json_object_set_new(object, key, value) == 0 && w->good;
}

static json_t *reference(const char *name)
{
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", name);
}

/* ---- schemas ---- */

static void add_shape(struct writer *w, const struct shape *shape);

/* {"type": …}, with null beside it where that may be. */
static json_t *type_schema(const char *type, bool nullable)
{
    return nullable ? json_pack("{s:[s,s]}", "type", type, "null") : json_pack("{s:s}", "type", type);
}

static json_t *object_schema(struct writer *w, const struct field *f)
{
    if (f->of == NULL)
        return type_schema("object", f->nullable);
    add_shape(w, f->of);
    return f->nullable ? json_pack("{s:[o,{s:s}]}", "oneOf", reference(f->of->name), "type", "null")
                       : reference(f->of->name);
}

static json_t *number_schema(struct writer *w, const struct field *f)
{
    bool integer = f->kind == FIELD_INTEGER;
    json_t *schema = type_schema(integer ? "integer" : "number", f->nullable);
    if (f->least == 0 && f->most == 0)
        return schema;
    put(w, schema, "minimum", integer ? json_integer((json_int_t)f->least) : json_real(f->least));
    put(w, schema, "maximum", integer ? json_integer((json_int_t)f->most) : json_real(f->most));
    return schema;
}

/* Limits of texts are bytes here and characters there: only the lower one means the same. */
static json_t *text_schema(struct writer *w, const struct field *f)
{
    json_t *schema = type_schema("string", f->nullable);
    if (f->least > 0)
        put(w, schema, "minLength", json_integer(1));
    if (f->most > 0)
        put(w, schema, "maxLength", json_integer((json_int_t)f->most));
    if (f->choices == NULL)
        return schema;
    json_t *choices = json_array();
    for (size_t i = 0; f->choices[i] != NULL; i++)
        w->good = json_array_append_new(choices, json_string(f->choices[i])) == 0 && w->good;
    put(w, schema, "enum", choices);
    return schema;
}

/* A text, or the token ids of one. */
static json_t *input_schema(struct writer *w, const struct field *f)
{
    return json_pack("{s:[o, {s:s, s:{s:s}, s:i}]}", "anyOf", text_schema(w, f), "type", "array", "items",
                     "type", "integer", "minItems", 1);
}

static json_t *one_schema(struct writer *w, const struct field *f)
{
    switch (f->kind) {
    case FIELD_TEXT:
        return text_schema(w, f);
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return number_schema(w, f);
    case FIELD_BOOLEAN:
        return type_schema("boolean", f->nullable);
    case FIELD_OBJECT:
        return object_schema(w, f);
    case FIELD_INPUT:
        return input_schema(w, f);
    default:
        return json_object();
    }
}

static json_t *field_schema(struct writer *w, const struct field *f)
{
    json_t *schema = one_schema(w, f);
    if (f->count != FIELD_ONE) {
        json_t *list = json_pack("{s:s, s:o}", "type", "array", "items", schema);
        if (f->items > 0)
            put(w, list, "maxItems", json_integer((json_int_t)f->items));
        schema = f->count == FIELD_LIST ? list : json_pack("{s:[o,o]}", "anyOf", one_schema(w, f), list);
    }
    put(w, schema, "description", json_string(f->about));
    return schema;
}

static void add_shape(struct writer *w, const struct shape *shape)
{
    if (json_object_get(w->schemas, shape->name) != NULL)
        return;
    json_t *properties = json_object(), *required = json_array();
    json_t *schema = json_pack("{s:s, s:s, s:o, s:b}", "type", "object", "description", shape->about,
                               "properties", properties, "additionalProperties", shape->open);
    put(w, w->schemas, shape->name, schema);
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *f = &shape->fields[i];
        put(w, properties, f->name, field_schema(w, f));
        if (f->required)
            w->good = json_array_append_new(required, json_string(f->name)) == 0 && w->good;
    }
    if (json_array_size(required) > 0)
        put(w, schema, "required", required);
    else
        json_decref(required);
}

/* ---- operations ---- */

static json_t *path_parameters(struct writer *w, const char *pattern)
{
    json_t *list = json_array();
    for (const char *open = strchr(pattern, '{'); open != NULL; open = strchr(open + 1, '{')) {
        size_t len = strcspn(open + 1, "}");
        json_t *parameter = json_pack("{s:s%, s:s, s:b, s:{s:s, s:i}}", "name", open + 1, len, "in", "path",
                                      "required", 1, "schema", "type", "string", "minLength", 1);
        w->good = json_array_append_new(list, parameter) == 0 && w->good;
    }
    return list;
}

static void add_query(struct writer *w, json_t *list, const struct shape *query)
{
    for (size_t i = 0; query != NULL && i < query->count; i++) {
        const struct field *f = &query->fields[i];
        json_t *parameter = json_pack("{s:s, s:s, s:b, s:s}", "name", f->name, "in", "query", "required",
                                      f->required, "description", f->about);
        if (f->kind == FIELD_OBJECT)
            put(w, parameter, "content",
                json_pack("{s:{s:o}}", "application/json", "schema", field_schema(w, f)));
        else
            put(w, parameter, "schema", field_schema(w, f));
        if (f->count != FIELD_ONE)
            put(w, parameter, "explode", json_false());
        w->good = json_array_append_new(list, parameter) == 0 && w->good;
    }
}

static json_t *request_body(struct writer *w, const struct api_route *route)
{
    const struct shape *shape = route->request;
    add_shape(w, shape);
    json_t *schema = reference(shape->name);
    if (shape->rows)
        schema =
            json_pack("{s:[o,{s:s,s:o}]}", "oneOf", schema, "type", "array", "items", reference(shape->name));
    json_t *content = json_pack("{s:{s:o}}", "application/json", "schema", schema);
    if (route->ndjson)
        put(w, content, "application/x-ndjson", json_pack("{s:{s:s}}", "schema", "type", "string"));
    char about[96];
    snprintf(about, sizeof about, "At most %zu bytes.", route->body_limit);
    return json_pack("{s:b, s:s, s:o}", "required", !shape->empty, "description", about, "content", content);
}

/* The error object of each family. */
static const struct {
    const char *name;
    const char *keys[2]; /* texts */
} family_errors[] = {
    [API_COGNATE] = {"Problem", {NULL}},
    [API_OPENAI] = {"OpenAIError", {NULL}},
    [API_TEI] = {"TeiError", {"error", "error_type"}},
    [API_COHERE] = {"CohereError", {"message"}},
    [API_JINA] = {"JinaError", {"detail"}},
    [API_TF] = {"TfServingError", {"error"}},
};

static json_t *error_content(enum api_family family)
{
    return json_pack("{s:{s:o}}", family == API_COGNATE ? "application/problem+json" : "application/json",
                     "schema", reference(family_errors[family].name));
}

static json_t *answer_schema(struct writer *w, const struct shape *shape)
{
    if (shape->list && shape->count == 0)
        return json_pack("{s:s, s:s}", "type", "array", "description", shape->about);
    if (shape->anything)
        return json_pack("{s:s}", "description", shape->about);
    add_shape(w, shape);
    return shape->list ? json_pack("{s:s, s:o}", "type", "array", "items", reference(shape->name))
                       : reference(shape->name);
}

static json_t *responses(struct writer *w, const struct api_route *route)
{
    json_t *content;
    if (route->answer != NULL) {
        content = json_pack("{s:{s:o}}", "application/json", "schema", answer_schema(w, route->answer));
    } else {
        content = json_pack("{s:{s:{s:s}}}", route->media_type != NULL ? route->media_type : "text/plain",
                            "schema", "type", "string");
    }
    json_t *all =
        json_pack("{s:{s:s, s:o}, s:{s:s, s:o}}", "200", "description", "Done.", "content", content,
                  "default", "description", "What went wrong.", "content", error_content(route->family));
    if (strcmp(route->method, "PUT") == 0)
        put(w, all, "201", json_incref(json_object_get(all, "200")));
    return all;
}

/* "POST /v1/collections/{c}/search" → "post_v1_collections_c_search" */
static json_t *operation_id(const struct api_route *route)
{
    char id[160];
    size_t n = 0;
    for (const char *c = route->method; *c != '\0' && n < sizeof id - 1; c++)
        id[n++] = (char)tolower((unsigned char)*c);
    for (const char *c = route->pattern; *c != '\0' && n < sizeof id - 1; c++)
        if (isalnum((unsigned char)*c))
            id[n++] = *c;
        else if (id[n - 1] != '_')
            id[n++] = '_';
    return json_stringn(id, n > 0 && id[n - 1] == '_' ? n - 1 : n);
}

static json_t *operation(struct writer *w, const struct api_route *route)
{
    static const char *const access[] = {"open", "read", "write", "admin"};
    json_t *parameters = path_parameters(w, route->pattern);
    json_t *op = json_pack("{s:o, s:s, s:s, s:o}", "operationId", operation_id(route), "summary",
                           route->summary, "x-access", access[route->access], "parameters", parameters);
    add_query(w, parameters, route->query);
    if (route->request != NULL)
        put(w, op, "requestBody", request_body(w, route));
    put(w, op, "responses", responses(w, route));
    if (route->access == API_OPEN)
        put(w, op, "security", json_array());
    return op;
}

/* ---- the document ---- */

static json_t *problem_schema(struct writer *w)
{
    json_t *codes = json_array();
#define X(name, code, http)                                                                                  \
    if (STATUS_##name != STATUS_OK)                                                                          \
        w->good = json_array_append_new(codes, json_string(code)) == 0 && w->good;
    STATUS_TABLE(X)
#undef X
    return json_pack("{s:s, s:s, s:{s:{s:s}, s:{s:s}, s:{s:s, s:o}, s:{s:s}, s:{s:s, s:s}}, s:[s,s,s,s]}",
                     "type", "object", "description", "RFC 9457.", "properties", "title", "type", "string",
                     "status", "type", "integer", "code", "type", "string", "enum", codes, "detail", "type",
                     "string", "field", "type", "string", "description", "Which field is at fault.",
                     "required", "title", "status", "code", "detail");
}

static json_t *openai_error_schema(void)
{
    return json_pack("{s:s, s:{s:{s:s, s:{s:{s:s}, s:{s:s}, s:{s:[s,s]}, s:{s:[s,s]}}}}, s:[s]}", "type",
                     "object", "properties", "error", "type", "object", "properties", "message", "type",
                     "string", "type", "type", "string", "param", "type", "string", "null", "code", "type",
                     "string", "null", "required", "error");
}

/* The error objects that are texts by name. */
static void add_plain_errors(struct writer *w)
{
    for (size_t i = 0; i < sizeof family_errors / sizeof *family_errors; i++) {
        json_t *properties = json_object(), *required = json_array();
        for (size_t j = 0; j < 2 && family_errors[i].keys[j] != NULL; j++) {
            put(w, properties, family_errors[i].keys[j], type_schema("string", false));
            w->good = json_array_append_new(required, json_string(family_errors[i].keys[j])) == 0 && w->good;
        }
        json_t *schema =
            json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required", required);
        if (family_errors[i].keys[0] != NULL)
            put(w, w->schemas, family_errors[i].name, schema);
        else
            json_decref(schema);
    }
}

json_t *openapi_document(void)
{
    struct writer w = {.schemas = json_object(), .good = true};
    json_t *paths = json_object();
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s}}}, s:[{s:[]}, {}]}", "openapi", "3.1.0",
        "info", "title", "Cognate", "version", COGNATE_VERSION, "description",
        "Semantic search over documents in many languages. Bodies are JSON in UTF-8; unknown fields are "
        "errors; offsets are bytes of UTF-8. Limits of texts (maxLength) are bytes.",
        "paths", paths, "components", "schemas", w.schemas, "securitySchemes", "key", "type", "http",
        "scheme", "bearer", "security", "key");
    size_t n;
    const struct api_route *routes = api_routes(&n);
    put(&w, w.schemas, "Problem", problem_schema(&w));
    put(&w, w.schemas, "OpenAIError", openai_error_schema());
    add_plain_errors(&w);
    for (size_t i = 0; i < n; i++) {
        char method[8];
        size_t len = 0;
        for (; routes[i].method[len] != '\0' && len < sizeof method - 1; len++)
            method[len] = (char)tolower((unsigned char)routes[i].method[len]);
        method[len] = '\0';
        if (json_object_get(paths, routes[i].pattern) == NULL)
            put(&w, paths, routes[i].pattern, json_object());
        put(&w, json_object_get(paths, routes[i].pattern), method, operation(&w, &routes[i]));
    }
    if (document == NULL || !w.good) {
        json_decref(document);
        return NULL;
    }
    return document;
}
