#include "server/openapi.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "server/json_schema.h"
#include "server/routes.h"

/* ---- operations ---- */

/* An example of each {name}. */
static const char *const path_examples[][2] = {{"collection", "default"},
                                               {"id", "a"},
                                               {"model", "cognate-e5-512"},
                                               {"version", "1"},
                                               {"label", "stable"}};

static json_t *path_example(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof path_examples / sizeof *path_examples; i++)
        if (text_is((struct text){name, len}, path_examples[i][0]))
            return json_string(path_examples[i][1]);
    return NULL;
}

static json_t *path_parameters(struct schemas *w, const char *pattern)
{
    json_t *list = json_array();
    for (const char *open = strchr(pattern, '{'); open != NULL; open = strchr(open + 1, '{')) {
        size_t len = strcspn(open + 1, "}");
        json_t *parameter =
            json_pack("{s:s%, s:s, s:b, s:{s:s, s:i}, s:o*}", "name", open + 1, len, "in", "path", "required",
                      1, "schema", "type", "string", "minLength", 1, "example", path_example(open + 1, len));
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
    json_t *schema = schemas_shape(w, shape);
    if (shape->rows)
        schema = json_pack("{s:[o,{s:s,s:o}]}", "oneOf", schema, "type", "array", "items",
                           schemas_shape(w, shape));
    json_t *json = json_pack("{s:o}", "schema", schema);
    if (shape->example != NULL)
        schemas_put(w, json, "example", schemas_text(w, shape->example));
    json_t *content = json_pack("{s:o}", "application/json", json);
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

static bool is_cause(const struct api_route *route, enum status status)
{
    bool body = route->body_limit > 0;
    switch (status) {
    case STATUS_UNAUTHORIZED:
        return route->access != API_OPEN;
    case STATUS_NOT_FOUND:
        return strchr(route->pattern, '{') != NULL || (route->storeless && body);
    case STATUS_CONFLICT:
    case STATUS_MODEL_MISMATCH:
        return !route->storeless && body;
    case STATUS_TOO_LARGE:
    case STATUS_MEDIA_TYPE:
    case STATUS_OVERLOADED:
        return body;
    case STATUS_DISK_FULL:
        return route->access == API_WRITE;
    case STATUS_INVALID:
    case STATUS_FORBIDDEN:
    case STATUS_INTERNAL:
    case STATUS_UNAVAILABLE:
    case STATUS_DEADLINE:
        return true;
    default:
        return false;
    }
}

/* The codes of what a family answers with a status, in words. */
static void list_codes(enum api_family family, int http, char out[128])
{
    size_t used = 0;
    out[0] = '\0';
    for (enum status s = STATUS_OK + 1; s <= STATUS_CANCELLED; s++) {
        if (api_family_http(family, s) != http)
            continue;
        int n = snprintf(out + used, 128 - used, "%s%s", used > 0 ? ", " : "", status_code(s));
        if (n < 0 || (size_t)n >= 128 - used)
            break;
        used += (size_t)n;
    }
}

/* Adds the response of a family with a status to `shared`, and a reference to it to `all`. */
static void add_error(struct schemas *w, enum api_family family, int http, json_t *shared, json_t *all)
{
    char name[64], codes[128], key[8];
    snprintf(key, sizeof key, "%d", http);
    snprintf(name, sizeof name, "%s%d", family_errors[family].name, http);
    if (json_object_get(shared, name) == NULL) {
        list_codes(family, http, codes);
        json_t *response = json_pack("{s:s, s:o}", "description", codes, "content", error_content(w, family));
        if (http == 429 || http == 503)
            schemas_put(w, response, "headers",
                        json_pack("{s:{s:s, s:{s:s}}}", "Retry-After", "description", "Seconds to wait.",
                                  "schema", "type", "integer"));
        schemas_put(w, shared, name, response);
    }
    schemas_put(w, all, key, json_pack("{s:s+}", "$ref", "#/components/responses/", name));
}

static json_t *responses(struct schemas *w, const struct api_route *route, json_t *shared)
{
    json_t *content;
    if (route->answer != NULL) {
        content = json_pack("{s:{s:o}}", "application/json", "schema", schemas_shape(w, route->answer));
    } else {
        content = json_pack("{s:{s:{s:s}}}", route->media_type != NULL ? route->media_type : "text/plain",
                            "schema", "type", "string");
    }
    json_t *all = json_pack("{s:{s:s, s:o}, s:{s:s, s:o}}", "200", "description", "Done.", "content", content,
                            "default", "description", "What else went wrong.", "content",
                            error_content(w, route->family));
    if (route->accepted != NULL)
        schemas_put(w, all, "202",
                    json_pack("{s:s, s:{s:{s:o}}}", "description", "Started in the background.", "content",
                              "application/json", "schema", schemas_shape(w, route->accepted)));
    if (route->accepted != NULL && route->answer == NULL)
        json_object_del(all, "200");
    if (strcmp(route->method, "PUT") == 0)
        schemas_put(w, all, "201", json_incref(json_object_get(all, "200")));
    if (route->family == API_MCP)
        schemas_put(w, all, "202", json_pack("{s:s}", "description", "A notification was taken."));
    for (enum status s = STATUS_OK + 1; s <= STATUS_CANCELLED; s++)
        if (is_cause(route, s))
            add_error(w, route->family, api_family_http(route->family, s), shared, all);
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

static json_t *operation(struct schemas *w, const struct api_route *route, json_t *shared)
{
    static const char *const access[] = {"open", "read", "write", "admin"};
    json_t *parameters = path_parameters(w, route->pattern);
    json_t *op = json_pack("{s:o, s:s, s:s, s:i, s:o}", "operationId", operation_id(route), "summary",
                           route->summary, "x-access", access[route->access], "x-deadline-ms",
                           (int)(route->deadline_ms != 0 ? route->deadline_ms : API_DEADLINE_MS),
                           "parameters", parameters);
    add_query(w, parameters, route->query);
    if (route->request != NULL)
        schemas_put(w, op, "requestBody", request_body(w, route));
    schemas_put(w, op, "responses", responses(w, route, shared));
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
    json_t *paths = json_object(), *shared = json_object();
    json_t *document = json_pack(
        "{s:s, s:{s:s, s:s, s:s}, s:o, s:{s:o, s:o, s:{s:{s:s, s:s}}}, s:[{s:[]}, {}]}", "openapi", "3.1.0",
        "info", "title", "Cognate", "version", COGNATE_VERSION, "description",
        "Semantic search over documents in many languages. Bodies are JSON in UTF-8; unknown fields are "
        "errors; offsets are bytes of UTF-8. Limits of texts (maxLength) are bytes. A request ends after "
        "x-deadline-ms unless its header X-Request-Timeout-Ms says otherwise. Addresses have at most 8 KiB.",
        "paths", paths, "components", "schemas", w.defined, "responses", shared, "securitySchemes", "key",
        "type", "http", "scheme", "bearer", "security", "key");
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
        schemas_put(&w, json_object_get(paths, routes[i].pattern), method, operation(&w, &routes[i], shared));
    }
    if (document == NULL || !w.good) {
        json_decref(document);
        return NULL;
    }
    return document;
}
