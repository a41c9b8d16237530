/* The API as a function: method, path and JSON in, status and JSON out. HTTP serves it over a socket; the
 * command line calls it in the process, so both give the same objects.
 *
 *     struct api_reply reply = {0};
 *     json_t *body = json_pack("{s:s, s:i}", "query", "late train", "k", 5);
 *     api_call(engine, &(struct api_request){.method = "POST", .path = "/v1/collections/default/search",
 * .body = body}, &reply); if (reply.status == 200) …                       // reply.body is the answer else …
 * // reply.body is a problem object (RFC 9457): title, status, code, detail api_reply_release(&reply);
 */
#ifndef COGNATE_SERVER_API_H
#define COGNATE_SERVER_API_H

#include <jansson.h>
#include <stdint.h>

#include "common/text.h"
#include "server/engine.h"

struct api_request {
    const char *method;  /* "GET", "POST", … */
    const char *path;    /* percent-encoded, without the query string */
    const char *query;   /* "mode=create&limit=10", or NULL */
    json_t *body;        /* borrowed; NULL for none */
    struct text ndjson;  /* a body of JSON lines instead of `body`, where a route takes one */
    int64_t deadline_ms; /* CLOCK_MONOTONIC milliseconds; 0 for none */
};

struct api_reply {
    int status;   /* as in HTTP */
    json_t *body; /* owned; NULL when there is none or `text` is set */
    char *text;   /* owned; a body that is not JSON, with its media type */
    const char *media_type;
    const char *allow; /* of a 405: the methods there are */
};

void api_call(struct engine *e, const struct api_request *request, struct api_reply *reply);
void api_reply_release(struct api_reply *reply);

#endif
