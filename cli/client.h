/* The way to a store: through the server that has it open, when there is one, and in this process otherwise.
 *
 *     struct client *c = NULL;
 *     json_t *answer = NULL;
 *     if (client_open(s, STORE_READ, &c, &err) == STATUS_OK &&
 *         client_call(c, "GET", "/v1/collections", NULL, NULL, &answer, &err) == STATUS_OK)
 *         use(answer);
 *     json_decref(answer);
 *     client_close(c);
 *
 * A server listens on STORE.sock beside its store. A call gives the same answer either way; a problem of the
 * API becomes the error it was.
 */
#ifndef COGNATE_CLI_CLIENT_H
#define COGNATE_CLI_CLIENT_H

#include <jansson.h>

#include "cli/session.h"

struct client;

/* `mode` is what the caller will do. For writing, the folder of a store in the default place is made. */
enum status client_open(struct session *s, enum store_mode mode, struct client **out, struct error *err);

/* As client_open for what needs a model and no store: embed, similarity, tokenize. A server of the store does
 * the work when one runs, unless the command line chooses the model, its threads, precision or instruction
 * set; a missing store is no error. */
enum status client_open_model(struct session *s, struct client **out, struct error *err);
void client_close(struct client *c); /* accepts NULL */

/* One call of the API. `query` and `body` may be NULL; the answer is the caller's, NULL when it is empty. */
enum status client_call(struct client *c, const char *method, const char *path, const char *query,
                        json_t *body, json_t **answer, struct error *err);

/* A call without a body whose answer is not JSON; it is appended to `out`. */
enum status client_text(struct client *c, const char *method, const char *path, const char *query,
                        struct buf *out, struct error *err);

/* "/v1/collections/NAME" + rest. */
enum status client_collection_path(struct buf *out, const char *collection, const char *rest,
                                   struct error *err);

bool client_remote(const struct client *c); /* a server does the work */

/* Appends the path of the store's socket; whether a server answers there. */
bool client_server_running(const struct session *s, struct buf *socket_path);

#endif
