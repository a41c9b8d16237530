/* What the server counts, as Prometheus reads it (text format 0.0.4,
 * prometheus.io/docs/instrumenting/exposition_formats).
 *
 *     struct metrics *m = metrics_new();
 *     metrics_begin(m);                                            // a request came in
 *     metrics_end(m, route, status, seconds, bytes_in, bytes_out); // and was answered
 *     metrics_write(m, engine, &text, &err);
 *     metrics_free(m);
 *
 * Any number of threads may count and write at a time. server/ops/README.md lists the names; a test holds the
 * two together.
 *
 * Routes that were not asked for yet have no line; the route "none" stands for addresses that do not exist.
 * The order of lines never changes.
 */
#ifndef COGNATE_SERVER_METRICS_H
#define COGNATE_SERVER_METRICS_H

#include "common/buf.h"
#include "server/api.h"

#define METRICS_CEILING ((size_t)16 << 20)

struct metrics *metrics_new(void);    /* NULL when there is no memory */
void metrics_free(struct metrics *m); /* accepts NULL */

void metrics_begin(struct metrics *m);

/* Counts an answer; `route` is NULL for an address or method that does not exist. Pairs with metrics_begin.
 */
void metrics_end(struct metrics *m, const struct api_route *route, int status, double seconds,
                 size_t received, size_t sent);

/* What the server's loop sees: connections that are open and how many of them are inside a request, a
 * connection beyond the limits, the end of the TLS certificate in Unix time. */
void metrics_connections(struct metrics *m, unsigned open, unsigned busy);
void metrics_refused(struct metrics *m);
void metrics_certificate(struct metrics *m, int64_t expires);

/* Appends all figures; without those of HTTP when m is NULL. */
enum status metrics_write(const struct metrics *m, struct engine *e, struct buf *out, struct error *err);

#endif
