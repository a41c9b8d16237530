#include "server/api.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/json_edge.h"
#include "server/json_write.h"
#include "server/mcp.h"
#include "server/percent.h"
#include "server/routes.h"

/* ---- the parts of a request ---- */

static enum status read_captures(struct api_call *call, char *buffer)
{
    enum status status = STATUS_OK;
    route_match(call->route->pattern, call->request->path, call->captures);
    for (size_t i = 0; i < CALL_CAPTURES && status == STATUS_OK; i++) {
        size_t raw = call->captures[i].len;
        status = percent_decode(&call->captures[i], buffer, false, &call->err);
        buffer += raw;
    }
    return status;
}

static const struct field *find_field(const struct shape *shape, struct text name)
{
    for (size_t i = 0; shape != NULL && i < shape->count; i++)
        if (text_is(name, shape->fields[i].name))
            return &shape->fields[i];
    return NULL;
}

/* One "name=value". */
static enum status read_parameter(struct api_call *call, struct text pair, char *buffer, json_t *query)
{
    const char *equals = memchr(pair.data, '=', pair.len);
    struct text name = {pair.data, equals != NULL ? (size_t)(equals - pair.data) : pair.len};
    struct text value = {equals != NULL ? equals + 1 : "", equals != NULL ? pair.len - name.len - 1 : 0};
    json_t *parsed = NULL;
    enum status status = percent_decode(&name, buffer, true, &call->err);
    if (status == STATUS_OK)
        status = percent_decode(&value, buffer + name.len, true, &call->err);
    if (status != STATUS_OK)
        return status;
    const struct field *field = find_field(call->route->query, name);
    if (field == NULL)
        return error_set(&call->err, STATUS_INVALID,
                         "unknown parameter \"%.*s\" in the address; /openapi.json lists "
                         "those of this route",
                         (int)(name.len < 40 ? name.len : 40), name.data);
    if (json_object_get(query, field->name) != NULL)
        return error_field(&call->err, STATUS_INVALID, field->name, "%s is given twice", field->name);
    status = field_parse(field, value, &parsed, &call->err);
    if (status == STATUS_OK && json_object_set_new(query, field->name, parsed) != 0)
        status = error_memory(&call->err, "reading the address");
    return status;
}

static enum status read_query(struct api_call *call, char *buffer, json_t *query)
{
    enum status status = STATUS_OK;
    const char *at = call->request->query;
    while (at != NULL && *at != '\0' && status == STATUS_OK) {
        size_t len = strcspn(at, "&");
        if (len > 0)
            status = read_parameter(call, (struct text){at, len}, buffer, query);
        buffer += len;
        at += len + (at[len] == '&');
    }
    if (status == STATUS_OK && call->route->query != NULL)
        status = shape_check(call->route->query, query, "", &call->err);
    return status;
}

static enum status read_body(struct api_call *call)
{
    const struct api_request *request = call->request;
    const struct shape *shape = call->route->request;
    bool lines = request->ndjson.data != NULL;
    if (lines && !call->route->ndjson)
        return error_set(&call->err, STATUS_MEDIA_TYPE, "this route takes application/json, not JSON lines");
    if (shape == NULL && request->body != NULL)
        return error_set(&call->err, STATUS_INVALID, "%s %s takes no body", call->route->method,
                         call->route->pattern);
    if (shape == NULL || lines || (shape->empty && request->body == NULL))
        return STATUS_OK;
    if (request->body == NULL)
        return error_set(&call->err, STATUS_INVALID, "%s %s needs a JSON body", call->route->method,
                         call->route->pattern);
    call->body = request->body;
    return shape->rows ? STATUS_OK : shape_check(shape, request->body, "", &call->err);
}

/* ---- calls ---- */

static void run(struct api_call *call)
{
    size_t path = strlen(call->request->path),
           query = call->request->query != NULL ? strlen(call->request->query) : 0;
    char *buffer = malloc(path + query + 1);
    json_t *parameters = json_object();
    enum status status = STATUS_OK;
    if (buffer == NULL || parameters == NULL)
        status = error_memory(&call->err, "reading the address");
    if (status == STATUS_OK)
        status = read_captures(call, buffer);
    if (status == STATUS_OK)
        status = read_query(call, buffer + path, parameters);
    if (status == STATUS_OK)
        status = read_body(call);
    call->query = parameters;
    if (status == STATUS_OK)
        call->route->handle(call);
    engine_let_go(call->engine, call->model);
    json_decref(parameters);
    free(buffer);
}

void api_call(struct engine *e, const struct api_request *request, struct api_reply *reply)
{
    struct api_call call = {.engine = e, .request = request, .reply = reply};
    const char *allow = NULL;
    *reply = (struct api_reply){0};
    call.route = api_route_find(request->method, request->path, &allow);
    if (call.route == NULL && allow != NULL)
        error_set(&call.err, STATUS_METHOD, "%.16s is not a method of this address; there are %s",
                  request->method, allow);
    else if (call.route == NULL)
        error_set(&call.err, STATUS_NOT_FOUND,
                  "there is nothing at %.128s; /openapi.json lists what there is", request->path);
    else
        run(&call);
    if (reply->status == 0) {
        if (call.err.status == STATUS_OK)
            error_set(&call.err, STATUS_INTERNAL, "the request was not answered");
        api_reply_error(call.route != NULL ? call.route->family : API_COGNATE, &call.err, 0, reply);
    }
    reply->allow = allow;
}

/* ---- errors ---- */

/* "invalid_argument" → "Invalid argument" */
static json_t *title_of(enum status status)
{
    char title[64];
    snprintf(title, sizeof title, "%s", status_code(status));
    title[0] = (char)toupper((unsigned char)title[0]);
    for (char *c = title; *c != '\0'; c++)
        if (*c == '_')
            *c = ' ';
    return json_string(title);
}

static json_t *problem(const struct error *err, int http)
{
    json_t *body = json_pack("{s:o, s:i, s:s}", "title", title_of(err->status), "status", http, "code",
                             status_code(err->status));
    if (body != NULL && json_object_set_new(body, "detail", message_json(err->text)) == 0 &&
        (err->field[0] == '\0' || json_object_set_new(body, "field", message_json(err->field)) == 0))
        return body;
    json_decref(body);
    return NULL;
}

static json_t *openai_error(const struct error *err, int http)
{
    const char *type = http == 429   ? "rate_limit_error"
                       : http >= 500 ? "server_error"
                                     : "invalid_request_error";
    const char *code = err->status == STATUS_UNAUTHORIZED ? "invalid_api_key"
                       : err->status == STATUS_NOT_FOUND && strcmp(err->field, "model") == 0
                           ? "model_not_found"
                           : status_code(err->status);
    return json_pack("{s:{s:o, s:s, s:o, s:s}}", "error", "message", message_json(err->text), "type", type,
                     "param", err->field[0] != '\0' ? message_json(err->field) : json_null(), "code", code);
}

/* TEI knows these kinds of failure, each with its status. */
static json_t *tei_error(const struct error *err, int http)
{
    const char *type = http == 429   ? "overloaded"
                       : http == 503 ? "unhealthy"
                       : http >= 424 ? "backend"
                                     : "validation";
    return json_pack("{s:o, s:s}", "error", message_json(err->text), "error_type",
                     http == 422 ? "validation" : type);
}

int api_family_http(enum api_family family, enum status status)
{
    int http = status_http(status);
    switch (family) {
    case API_TEI:
        return status == STATUS_INVALID ? 422 : http >= 500 && http != 503 ? 424 : http;
    case API_TF:
        return status == STATUS_TOO_LARGE || status == STATUS_UNSUPPORTED ? 400 : http;
    default:
        return http;
    }
}

void api_reply_error(enum api_family family, const struct error *err, int http, struct api_reply *reply)
{
    api_reply_release(reply);
    reply->status = http != 0 ? http : api_family_http(family, err->status);
    switch (family) {
    case API_COGNATE:
        reply->body = problem(err, reply->status);
        break;
    case API_OPENAI:
        reply->body = openai_error(err, reply->status);
        break;
    case API_TEI:
        reply->body = tei_error(err, reply->status);
        break;
    case API_COHERE:
        reply->body = json_pack("{s:o}", "message", message_json(err->text));
        break;
    case API_JINA:
        reply->body = json_pack("{s:o}", "detail", message_json(err->text));
        break;
    case API_TF:
        reply->body = json_pack("{s:o}", "error", message_json(err->text));
        break;
    case API_MCP:
        reply->body = mcp_refusal(err, reply->status);
        break;
    }
}

/* ---- replies ---- */

void api_reply_release(struct api_reply *reply)
{
    json_decref(reply->body);
    free(reply->text);
    if (reply->has_file)
        close(reply->file);
    *reply = (struct api_reply){0};
}

enum status api_problem(int http, const json_t *body, struct error *err)
{
    static const struct {
        enum status status;
        const char *code;
    } codes[] = {
#define X(name, code, number) {STATUS_##name, code},
        STATUS_TABLE(X)
#undef X
    };
    enum status status = STATUS_INTERNAL;
    struct text code = shape_text(body, "code"), detail = shape_text(body, "detail");
    for (size_t i = 1; i < sizeof codes / sizeof *codes; i++)
        if (text_is(code, codes[i].code))
            status = codes[i].status;
    if (detail.len == 0)
        return error_set(err, status, "the answer was %d, without a reason", http);
    return error_set(err, status, "%.*s", (int)detail.len, detail.data);
}

enum status api_reply_take(struct api_reply *reply, json_t **answer, struct error *err)
{
    enum status status = STATUS_OK;
    if (reply->body == NULL && reply->text != NULL)
        status = api_parse_body(reply->text, strlen(reply->text), &reply->body, err);
    if (status == STATUS_OK && (reply->status < 200 || reply->status > 299))
        status = api_problem(reply->status, reply->body, err);
    if (status == STATUS_OK) {
        *answer = reply->body;
        reply->body = NULL;
    }
    api_reply_release(reply);
    return status;
}

enum status api_reply_text(struct api_reply *reply, struct text *out, struct error *err)
{
    struct buf text;
    enum status status = STATUS_OK;
    if (reply->text == NULL && reply->body != NULL) {
        buf_init(&text, JSON_WRITE_CEILING);
        status = json_write(reply->body, &text, err);
        if (status != STATUS_OK) {
            buf_release(&text);
            return status;
        }
        reply->text = text.data;
    }
    *out = reply->text != NULL ? text_of(reply->text) : (struct text){0};
    return status;
}
