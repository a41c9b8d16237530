/* What the handlers of the API (api_*.c) share: the call they answer, and how to answer it.
 *
 *     void handle_livez(struct api_call *call)
 *     {
 *         call_answer(call, 200, json_pack("{s:s}", "status", "ok"));
 *     }
 *
 * A handler either answers, or leaves its error in call->err and returns; api_call turns that into a problem.
 * When it runs, the query string and the body have passed shape_check against the route's shapes (a route
 * with `rows` checks its rows itself).
 */
#ifndef COGNATE_SERVER_HANDLER_H
#define COGNATE_SERVER_HANDLER_H

#include <jansson.h>

#include "common/buf.h"
#include "server/api.h"
#include "server/json_shape.h"

#define CALL_CAPTURES 2

struct api_call {
    struct engine *engine;
    const struct api_request *request;
    const struct api_route *route;
    struct api_reply *reply;
    const json_t
        *query;         /* the query string, typed by the route's shape; an empty object when there is none */
    const json_t *body; /* the request's; NULL for none */
    struct text captures[CALL_CAPTURES]; /* the {…} of the pattern, percent-decoded */
    const struct engine_model *model;    /* after call_model, held until the call has been answered */
    struct error err;
};

/* ---- answers ---- */

/* Answers with `body`, which it takes; NULL means that making it ran out of memory. */
void call_answer(struct api_call *call, int status, json_t *body);

/* Answers 200 with the text of `buf`, which it takes. */
void call_answer_text(struct api_call *call, struct buf *text, const char *media_type);

/* Whether the client has the answer of this tag already (RFC 9110 section 13.1.2); then it has been answered
 * with 304. The tag is quoted and digests what the answer depends on, so that one found anywhere in the
 * client's list is one that matches. */
bool call_is_known(struct api_call *call, const char *etag);

/* Answers 200 with the first `bytes` of an open file, which it takes. */
void call_answer_file(struct api_call *call, int fd, uint64_t bytes, const char *media_type);

/* A text of the engine as JSON; null when it is empty. */
json_t *text_json(struct text text);
json_t *text_or_null(struct text text);
json_t *number_or_null(double number);       /* null for NAN */
json_t *time_json(int64_t unix_ms);          /* "2026-11-24T20:27:20.123Z" */
json_t *metadata_json(struct text metadata); /* the object that the text holds; {} when it is empty */
json_t *languages_json(const struct language_count *counts, size_t n); /* [{"lang", "documents"}] */
json_t *error_json(const struct error *err); /* {"code", "detail", "field"?} */
json_t *message_json(const char *message);   /* what a message cut out of a character becomes "?" */
void hex_text(const unsigned char *bytes, size_t n, char *out); /* 2n + 1 */

void uuid_text(char out[37]); /* a random one */
double clock_ms(void);        /* CLOCK_MONOTONIC, with fractions */

/* ---- parts of requests ---- */

/* The value of a header; NULL when there is none. */
const char *call_header(const struct api_call *call, const char *name);

/* The store of the engine; UNAVAILABLE when it has none. */
enum status call_store(struct api_call *call, struct store **out);

/* The model that the call is about: the one that `name` calls, or the engine's own when it is empty. Whoever
 * asks again without a name gets the same one. */
enum status call_model(struct api_call *call, struct text name, const struct engine_model **out);

/* The model that orders texts by a query: the one that `name` calls, of either kind; when it is empty the reranker
 * in use, and the engine's own where there is none. */
enum status call_reranker(struct api_call *call, struct text name, const struct engine_model **out);

/* The same by the space of its vectors, as engine_hold_space. */
enum status call_model_of(struct api_call *call, const unsigned char space_id[32],
                          const struct engine_model **out);

/* The collection that the first capture names. */
enum status call_collection(struct api_call *call, struct collection **out);

extern const char *const input_type_names[]; /* "query", "document" and their synonyms */
enum input_type input_type_of(const json_t *body, const char *name);

#endif
