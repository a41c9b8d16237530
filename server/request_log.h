/* One line of JSON for each request, on a file descriptor: what was asked of which route and how it went.
 *
 *     struct request_log_entry entry = {.id = id, .method = "POST", .route = "/v1/embed", .status = 200, …};
 *     request_log_write(STDERR_FILENO, &entry);
 *
 *     {"ts":"2026-01-31T12:00:00.123Z","event":"request","id":"…","method":"POST","route":"/v1/embed",
 *      "status":200,"ms":12.3,"bytes_in":120,"bytes_out":4321,"client":"127.0.0.1"}
 *
 * Never a text, a query string or a path with its parameters: the route is the pattern. "key" is its name. A
 * slow request has "slow":true and, where it embedded or searched, "encode_ms" and "search_ms".
 */
#ifndef COGNATE_SERVER_REQUEST_LOG_H
#define COGNATE_SERVER_REQUEST_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/status.h"

struct request_log_entry {
    int64_t time_ms; /* Unix, of the answer */
    const char *id, *method;
    const char *route; /* NULL for a request that reached none */
    int status;        /* 499 when the client left before its answer */
    double ms;
    double encode_ms, search_ms;  /* of it, for a slow one */
    uint64_t bytes_in, bytes_out; /* of the bodies */
    const char *client;           /* address without port, or "unix" */
    const char *key;              /* NULL for none */
    bool slow;
};

/* Appends the line with its line end. */
enum status request_log_format(const struct request_log_entry *entry, struct buf *out, struct error *err);

/* Writes it in one piece. A line that cannot be written is lost: there is nowhere to say so. */
void request_log_write(int fd, const struct request_log_entry *entry);

#endif
