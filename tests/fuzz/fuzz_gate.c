/* A request's head through the gate: "METHOD target version", then a line "name:value" for each header. What
 * passes keeps the gate's promises.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/gate.h"

#define MOST (GATE_HEADERS + 2)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes up to the next `end`, which is taken too. */
static struct text next(struct text *rest, char end)
{
    const char *at = rest->len == 0 ? NULL : memchr(rest->data, end, rest->len);
    size_t n = at == NULL ? rest->len : (size_t)(at - rest->data);
    struct text part = {rest->data, n};
    rest->data += at == NULL ? n : n + 1;
    rest->len -= at == NULL ? n : n + 1;
    return part;
}

static bool inside(struct text part, struct text whole)
{
    return part.len == 0 || (part.data >= whole.data && part.data + part.len <= whole.data + whole.len);
}

static void check(const struct gate_pass *pass, const struct gate_request *request, struct text all)
{
    if (pass->path.len == 0 || (pass->path.data[0] != '/' && !pass->asterisk))
        abort();
    for (size_t i = 0; i < pass->path.len; i++)
        if ((unsigned char)pass->path.data[i] <= 0x20 || (unsigned char)pass->path.data[i] >= 0x7f)
            abort();
    if (request->target.len > GATE_TARGET_BYTES || !inside(pass->query, request->target) ||
        !inside(pass->bearer, all) || !inside(pass->request_id, all) || !inside(pass->origin, all))
        abort();
    if (pass->chunked && (!pass->has_body || pass->content_length != 0))
        abort();
    if (!pass->chunked && pass->has_body != (pass->content_length > 0))
        abort();
    if (pass->timeout_ms < 0 || pass->timeout_ms > GATE_TIMEOUT_MS || pass->request_id.len > 128)
        abort();
    if (gate_body(pass, 1000, true, NULL) == 0 && pass->has_body &&
        (pass->encoded || pass->content_length > 1000 || pass->media == GATE_MEDIA_OTHER ||
         pass->media == GATE_MEDIA_NONE))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const hosts[] = {"search.example"};
    static const char *const origins[] = {"https://app.example"};
    const struct gate_policy policy = {hosts, 1, origins, 1};
    struct gate_header headers[MOST];
    struct text all = {(const char *)data, size}, rest = all;
    struct gate_request request = {.headers = headers, .header_bytes = size};
    struct gate_pass pass;
    struct error err = {0};
    request.method = next(&rest, ' ');
    request.target = next(&rest, ' ');
    request.version = next(&rest, '\n');
    while (rest.len > 0 && request.header_count < MOST) {
        struct gate_header *h = &headers[request.header_count++];
        h->value = next(&rest, '\n');
        h->name = next(&h->value, ':');
    }
    int http = gate_head(&policy, &request, &pass, &err);
    if ((http == 0) != (err.status == STATUS_OK) || (http != 0 && (http < 400 || http > 505)))
        abort();
    if (http == 0)
        check(&pass, &request, all);
    return 0;
}
