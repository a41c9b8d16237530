/* What the tests of API routes share: an engine with the shipped model over a scratch store, and calls that
 * hold every answer against what its route describes. */
#ifndef COGNATE_TESTS_API_CALLS_H
#define COGNATE_TESTS_API_CALLS_H

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "server/api.h"
#include "server/json_edge.h"
#include "server/json_shape.h"

static char folder[] = "/tmp/cognate-api-XXXXXX";
static char db[128];
static struct engine *engine;

static inline int start(void **state)
{
    (void)state;
    struct error err = {0};
    assert_non_null(mkdtemp(folder));
    snprintf(db, sizeof db, "%s/test.db", folder);
    struct engine_options options = {.db = db, .mode = STORE_WRITE, .isa = cpu_best(), .threads = 1};
    if (engine_open(&options, &engine, &err) != STATUS_OK) {
        print_error("%s\n", err.text);
        return -1;
    }
    return 0;
}

static inline int stop(void **state)
{
    (void)state;
    engine_close(engine);
    for (const char *const *end = (const char *const[]){"", "-wal", "-shm", ".lock", NULL}; *end != NULL;
         end++) {
        char file[160];
        snprintf(file, sizeof file, "%s%s", db, *end);
        unlink(file);
    }
    return rmdir(folder);
}

/* ---- calling ---- */

static char allowed[64]; /* Allow of the last call */

/* Calls "METHOD path?query" with a JSON body (NULL for none) or with JSON lines, expects `status`, and
 * returns the answer. A success is held against the shape that the route describes, an error against its
 * family's. */
static inline json_t *ask(const char *what, const char *body, const char *lines, int status)
{
    char method[8], path[512], *query;
    struct api_reply reply;
    struct text text;
    struct error err = {0};
    json_t *answer = NULL;
    const char *allow = NULL;
    assert_int_equal(sscanf(what, "%7s %511s", method, path), 2);
    query = strchr(path, '?');
    if (query != NULL)
        *query++ = '\0';
    struct api_request request = {.method = method, .path = path, .query = query};
    if (lines != NULL)
        request.ndjson = text_of(lines);
    if (body != NULL && api_parse_body(body, strlen(body), &request.body, &err) != STATUS_OK)
        fail_msg("%s: %s", body, err.text);
    api_call(engine, &request, &reply);
    json_decref(request.body);
    assert_int_equal(api_reply_text(&reply, &text, NULL), STATUS_OK);
    if (reply.status != status)
        fail_msg("%s %s: %d, not %d: %.*s", what, body != NULL ? body : "", reply.status, status,
                 (int)text.len, text.data);
    if (reply.media_type == NULL && api_parse_body(text.data, text.len, &answer, &err) != STATUS_OK)
        fail_msg("%s: not JSON: %s", what, err.text);
    const struct api_route *route = api_route_find(method, path, &allow);
    const struct shape *shape = route == NULL ? NULL : status == 202 ? route->accepted : route->answer;
    if (status < 300 && shape != NULL && shape_check(shape, answer, "", &err) != STATUS_OK)
        fail_msg("%s: the answer is not as described: %s", what, err.text);
    if (status >= 300 && (route == NULL || route->family == API_COGNATE)) {
        assert_int_equal(json_integer_value(json_object_get(answer, "status")), status);
        assert_true(json_is_string(json_object_get(answer, "code")));
        assert_true(json_string_length(json_object_get(answer, "detail")) > 0);
    }
    snprintf(allowed, sizeof allowed, "%s", reply.allow != NULL ? reply.allow : "");
    api_reply_release(&reply);
    return answer;
}

static inline const json_t *get(const json_t *value, const char *path)
{
    char copy[128], *rest = NULL;
    snprintf(copy, sizeof copy, "%s", path);
    for (char *key = strtok_r(copy, ".", &rest); key != NULL; key = strtok_r(NULL, ".", &rest)) {
        value = key[0] >= '0' && key[0] <= '9' ? json_array_get(value, strtoul(key, NULL, 10))
                                               : json_object_get(value, key);
        if (value == NULL)
            fail_msg("no %s in %s", key, path);
    }
    return value;
}

static inline void is_text(const json_t *answer, const char *path, const char *text)
{
    assert_string_equal(json_string_value(get(answer, path)), text);
}

static inline void is_number(const json_t *answer, const char *path, double number)
{
    assert_true(fabs(json_number_value(get(answer, path)) - number) < 1e-6);
}

/* An error with this code that names this field ("" for none, NULL for any) and says this. */
static inline void refuses(const char *what, const char *body, int status, const char *code,
                           const char *field, const char *says)
{
    json_t *answer = ask(what, body, NULL, status);
    is_text(answer, "code", code);
    const char *named = json_string_value(json_object_get(answer, "field"));
    if ((field != NULL && strcmp(named != NULL ? named : "", field) != 0) ||
        strstr(json_string_value(get(answer, "detail")), says) == NULL)
        fail_msg("%s: %s: %s", what, named, json_string_value(get(answer, "detail")));
    json_decref(answer);
}

static inline void ok(const char *what, const char *body, int status)
{
    json_decref(ask(what, body, NULL, status));
}

#endif
