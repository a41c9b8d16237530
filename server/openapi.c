#include "server/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/json_schema.h"
#include "server/routes.h"

/* ---- operations ---- */

static json_t *path_parameters(struct schemas *w, const char *pattern)
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

static void add_query(struct schemas *w, json_t *list, const struct shape *query)
{
    for (size_t i = 0; query != NULL && i < query->count; i++) {
        const struct field *f = &query->fields[i];
        json_t *parameter = json_pack("{s:s, s:s, s:b, s:s}", "name", f->name, "in", "query", "required",
                                      f->required, "description", f->about);
        if (f->kind == FIELD_OBJECT)
            schemas_put(w, parameter, "content",
                        json_pack("{s:{s:o}}", "application/json", "schema", schemas_field(w, f)));
        else
            schemas_put(w, parameter, "schema", schemas_field(w, f));
        if (f->count != FIELD_ONE)
            schemas_put(w, parameter, "explode", json_false());
        w->good = json_array_append_new(list, parameter) == 0 && w->good;
    }
}

static json_t *request_body(struct schemas *w, const struct api_route *route)
{
    const struct shape *shape = route->request;
    schemas_add(w, shape);
    json_t *schema = schemas_reference(w, shape->name);
    if (shape->rows)
        schema = json_pack("{s:[o,{s:s,s:o}]}", "oneOf", schema, "type", "array", "items",
                           schemas_reference(w, shape->name));
    json_t *content = json_pack("{s:{s:o}}", "application/json", "schema", schema);
    if (route->ndjson)
        schemas_put(w, content, "application/x-ndjson", json_pack("{s:{s:s}}", "schema", "type", "string"));
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
    [API_MCP] = {"McpAnswer", {NULL}},
};

static json_t *error_content(const struct schemas *w, enum api_family family)
{
    return json_pack("{s:{s:o}}", family == API_COGNATE ? "application/problem+json" : "application/json",
                     "schema", schemas_reference(w, family_errors[family].name));
}

static json_t *answer_schema(struct schemas *w, const struct shape *shape)
{
    if (shape->list && shape->count == 0)
        return json_pack("{s:s, s:s}", "type", "array", "description", shape->about);
    if (shape->anything)
        return json_pack("{s:s}", "description", shape->about);
    schemas_add(w, shape);
    return shape->list ? json_pack("{s:s, s:o}", "type", "array", "items", schemas_reference(w, shape->name))
                       : schemas_reference(w, shape->name);
}

static json_t *responses(struct schemas *w, const struct api_route *route)
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
                  "default", "description", "What went wrong.", "content", error_content(w, route->family));
    if (strcmp(route->method, "PUT") == 0)
        schemas_put(w, all, "201", json_incref(json_object_get(all, "200")));
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

static json_t *operation(struct schemas *w, const struct api_route *route)
{
    static const char *const access[] = {"open", "read", "write", "admin"};
    json_t *parameters = path_parameters(w, route->pattern);
    json_t *op = json_pack("{s:o, s:s, s:s, s:o}", "operationId", operation_id(route), "summary",
                           route->summary, "x-access", access[route->access], "parameters", parameters);
    add_query(w, parameters, route->query);
    if (route->request != NULL)
        schemas_put(w, op, "requestBody", request_body(w, route));
    schemas_put(w, op, "responses", responses(w, route));
    if (route->access == API_OPEN)
        schemas_put(w, op, "security", json_array());
    return op;
}

/* ---- the document ---- */

static json_t *problem_schema(struct schemas *w)
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
static void add_plain_errors(struct schemas *w)
{
    for (size_t i = 0; i < sizeof family_errors / sizeof *family_errors; i++) {
        json_t *properties = json_object(), *required = json_array();
        for (size_t j = 0; j < 2 && family_errors[i].keys[j] != NULL; j++) {
            schemas_put(w, properties, family_errors[i].keys[j], json_pack("{s:s}", "type", "string"));
            w->good = json_array_append_new(required, json_string(family_errors[i].keys[j])) == 0 && w->good;
        }
        json_t *schema =
            json_pack("{s:s, s:o, s:o}", "type", "object", "properties", properties, "required", required);
        if (family_errors[i].keys[0] != NULL)
            schemas_put(w, w->defined, family_errors[i].name, schema);
        else
            json_decref(schema);
    }
}

json_t *openapi_document(void)
{
    struct schemas w = {.defined = json_object(), .prefix = "#/components/schemas/", .good = true};
    json_t *paths = json_object();
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:{s:{s:s, s:s}}}, s:[{s:[]}, {}]}", "openapi", "3.1.0",
        "info", "title", "Cognate", "version", COGNATE_VERSION, "description",
        "Semantic search over documents in many languages. Bodies are JSON in UTF-8; unknown fields are "
        "errors; offsets are bytes of UTF-8. Limits of texts (maxLength) are bytes.",
        "paths", paths, "components", "schemas", w.defined, "securitySchemes", "key", "type", "http",
        "scheme", "bearer", "security", "key");
    size_t n;
    const struct api_route *routes = api_routes(&n);
    schemas_put(&w, w.defined, "Problem", problem_schema(&w));
    schemas_put(&w, w.defined, "OpenAIError", openai_error_schema());
    add_plain_errors(&w);
    for (size_t i = 0; i < n; i++) {
        char method[8];
        size_t len = 0;
        for (; routes[i].method[len] != '\0' && len < sizeof method - 1; len++)
            method[len] = (char)tolower((unsigned char)routes[i].method[len]);
        method[len] = '\0';
        if (json_object_get(paths, routes[i].pattern) == NULL)
            schemas_put(&w, paths, routes[i].pattern, json_object());
        schemas_put(&w, json_object_get(paths, routes[i].pattern), method, operation(&w, &routes[i]));
    }
    if (document == NULL || !w.good) {
        json_decref(document);
        return NULL;
    }
    return document;
}
