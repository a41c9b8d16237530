/* Any bytes as a request body: what is accepted keeps the limits, is the same after writing and reading it
 * again, and is answered by every route that takes a body, as far as it gets without a store and a model. */
#include <stdint.h>
#include <stdlib.h>

#include "server/api.h"
#include "server/json_edge.h"
#include "server/json_shape.h"
#include "server/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_depth(const json_t *value, int depth)
{
    if (depth > JSON_EDGE_DEPTH || json_object_size(value) > JSON_EDGE_KEYS)
        abort();
    for (void *i = json_object_iter((json_t *)(uintptr_t)value); i != NULL;
         i = json_object_iter_next((json_t *)(uintptr_t)value, i))
        check_depth(json_object_iter_value(i), depth + 1);
    for (size_t i = 0; i < json_array_size(value); i++)
        check_depth(json_array_get(value, i), depth + 1);
}

static void check_writing(const json_t *body)
{
    struct buf text;
    json_t *again = NULL;
    buf_init(&text, 64 << 20);
    if (json_write(body, &text, NULL) != STATUS_OK ||
        api_parse_body(text.data, text.len, &again, NULL) != STATUS_OK || !json_equal(body, again))
        abort();
    json_decref(again);
    buf_release(&text);
}

/* Its calls end where they need the model or the store. */
static struct engine *bare_engine(void)
{
    struct engine *e = NULL;
    const struct engine_options options = {.model = "/nonexistent/model.gguf", .mode = STORE_READ};
    if (engine_open(&options, &e, NULL) != STATUS_OK)
        abort();
    return e;
}

/* A pattern matches itself. */
static void check_call(struct engine *e, const struct api_route *route, json_t *body)
{
    struct api_reply reply;
    struct api_request request = {.method = route->method, .path = route->pattern, .body = body};
    api_call(e, &request, &reply);
    if (reply.status < 200 || reply.status == 500 || (reply.status >= 300 && reply.body == NULL))
        abort();
    api_reply_release(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *body = NULL;
    struct error err = {0};
    size_t n;
    const struct api_route *routes = api_routes(&n);
    if (api_parse_body(data, size, &body, &err) != STATUS_OK) {
        if (body != NULL || err.text[0] == '\0')
            abort();
        return 0;
    }
    check_depth(body, 0);
    check_writing(body);
    struct engine *e = bare_engine();
    for (size_t i = 0; i < n; i++)
        if (routes[i].request != NULL)
            check_call(e, &routes[i], body);
    engine_close(e);
    json_decref(body);
    return 0;
}
