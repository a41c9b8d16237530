/* The API as a function: method, path and JSON in, status and JSON out. HTTP serves it over a socket; the
 * command line calls it in the process, so both give the same objects.
 *
 *     struct api_reply reply = {0};
 *     json_t *body = json_pack("{s:s, s:i}", "query", "late train", "k", 5);
 *     struct api_request request = {.method = "POST", .path = "/v1/collections/a/search", .body = body};
 *     api_call(engine, &request, &reply);
 *     if (reply.status == 200) …     // reply.body is the answer, else a problem object (RFC 9457)
 *     api_reply_release(&reply);
 *
 * One table (routes.c) lists every route with its access, limits and description: dispatch, the gate of the
 * HTTP server and the OpenAPI document all read it.
 */
#ifndef COGNATE_SERVER_API_H
#define COGNATE_SERVER_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"
#include "server/engine.h"

struct metrics; /* server/metrics.h */
struct shape;   /* server/json_shape.h */

#define API_DEADLINE_MS 30000

enum api_access {
    API_OPEN, /* needs no key */
    API_READ,
    API_WRITE,
    API_ADMIN
};

/* Whose error shape a route answers with. */
enum api_family {
    API_COGNATE, /* RFC 9457 problem details */
    API_OPENAI,  /* {"error": {"message", "type", "param", "code"}} */
    API_TEI,     /* Text Embeddings Inference: {"error", "error_type"} */
    API_COHERE,  /* {"message"} */
    API_JINA,    /* {"detail"} */
    API_TF,      /* TensorFlow Serving: {"error"} */
    API_MCP      /* JSON-RPC: {"jsonrpc", "error": {"code", "message"}} */
};

struct api_request {
    const char *method;            /* "GET", "POST", … */
    const char *path;              /* percent-encoded, without the query string */
    const char *query;             /* "mode=create&limit=10", or NULL */
    json_t *body;                  /* borrowed; NULL for none */
    struct text ndjson;            /* a body of JSON lines instead of `body`, where a route takes one */
    int64_t deadline_ms;           /* CLOCK_MONOTONIC milliseconds; 0 for none */
    const atomic_bool *cancelled;  /* set when nobody waits for the reply any more; NULL: somebody does */
    const struct metrics *metrics; /* of the server; NULL in the command line */
    const char *(*header)(void *context, const char *name); /* the value of a header, NULL when it is not
                                                               there; NULL in the command line */
    void *header_context;
    bool draining; /* the server is about to end: not ready */
};

struct api_reply {
    int status;   /* as in HTTP */
    json_t *body; /* owned; NULL when there is none or `text` is set */
    char *text;   /* owned; the answer as text: what is not JSON, and JSON that holds vectors (a node a number
                     would take longer than encoding) */
    bool has_file; /* the answer is the content of `file`, a descriptor that the reply owns */
    int file;
    uint64_t file_bytes;
    const char *media_type; /* static; NULL: application/json, or application/problem+json of a problem */
    char etag[64];          /* quoted; empty: the answer is not to be kept by anyone */
    const char *allow;      /* of a 405: the methods there are */
    double encode_ms, search_ms; /* where the time went, for Server-Timing */
    uint64_t tokens, characters; /* of the texts that were embedded */
};

struct api_call; /* one call on its way through a handler: server/handler.h */

struct api_route {
    const char *method;
    const char *pattern; /* "/v1/collections/{c}/documents/{id}": a {name} is one percent-decoded segment */
    enum api_access access;
    enum api_family family;
    size_t body_limit; /* bytes; 0: takes no body */
    bool ndjson;       /* also takes application/x-ndjson */
    const char *summary;
    void (*handle)(struct api_call *call);
    const struct shape *query;   /* of the query string; NULL: takes none */
    const struct shape *request; /* of the body; NULL: takes none */
    const struct shape *answer;  /* of a success; NULL: not JSON */
    const struct shape *accepted; /* of a 202: a job that was started; NULL: starts none */
    const char *media_type;      /* of a success that is not JSON; NULL: text/plain */
    uint32_t deadline_ms;        /* a request may take when it does not say; 0: API_DEADLINE_MS */
    bool storeless;              /* reads no collection: open to keys that are scoped to some */
};

/* The whole table. */
const struct api_route *api_routes(size_t *n);

/* The route of a request, NULL when there is none; *allow is then the methods of the path (for a 405), or
 * NULL (for a 404). A HEAD request finds the GET route. */
const struct api_route *api_route_find(const char *method, const char *path, const char **allow);

/* Never fails: what goes wrong is in the reply. */
void api_call(struct engine *e, const struct api_request *request, struct api_reply *reply);

/* The HTTP status that a family gives an error. */
int api_family_http(enum api_family family, enum status status);

/* The reply that says `err`, in the shape of `family`, with `http` in place of the status's own code unless
 * it is 0. */
void api_reply_error(enum api_family family, const struct error *err, int http, struct api_reply *reply);
void api_reply_release(struct api_reply *reply); /* accepts a zeroed one */

/* The answer to a success, taken out of the reply; a problem as the error that it was. Releases the reply. */
enum status api_reply_take(struct api_reply *reply, json_t **answer, struct error *err);

/* The error that a problem object (RFC 9457), answered with `http`, tells of. */
enum status api_problem(int http, const json_t *body, struct error *err);

/* The bytes of the answer: `text`, or `body` written as compact JSON (into `text`, so they live as long as
 * the reply). Empty when there is no answer body. */
enum status api_reply_text(struct api_reply *reply, struct text *out, struct error *err);

#endif
