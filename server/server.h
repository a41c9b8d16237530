/* Serves the API over HTTP until told to stop.
 *
 *     struct server_options options = {.host = "127.0.0.1", .port = 8088, .socket_path = "docs.db.sock"};
 *     if (server_run(engine, &options, &err) != STATUS_OK) …      // returns after SIGTERM or SIGINT and the
 * drain
 *
 * It listens, answers /livez, loads the model, says "listening on http://…" on stderr (and READY=1 to a
 * service manager), and serves. SIGTERM and SIGINT: it is not ready any more, takes no new connection,
 * finishes what runs (30 seconds at most, or each request's own deadline) and returns OK; a second one ends
 * the process at once. SIGHUP reads the keys again. It must be called before other threads are started, so
 * that none of them takes the signals.
 */
#ifndef COGNATE_SERVER_SERVER_H
#define COGNATE_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "server/engine.h"

struct server_options {
    const char *host;         /* address to listen on; anything but loopback needs key_file, or `keyless` */
    uint16_t port;            /* 0: one that is free, printed in the log */
    const char *socket_path;  /* Unix socket (mode 0600) beside it, which needs no key; NULL for none */
    const char *key_file;     /* API keys (keys.h); NULL for none */
    bool keyless;             /* serve other machines without keys all the same */
    const char *const *hosts; /* names a request's Host may hold beside addresses and localhost */
    size_t host_count;
    const char *const *origins; /* "https://app.example": other sites whose pages may call */
    size_t origin_count;
    unsigned connections;             /* open at a time; 0: 1,200 */
    unsigned connections_per_address; /* of one that is not this machine; 0: 64 */
    unsigned deadline_ms;             /* of a request that does not say; 0: 5,000 for searches, 30,000 else */
    unsigned slow_ms;                 /* a request of at least this is marked in the log; 0: 1,000 */
};

enum status server_run(struct engine *e, const struct server_options *options, struct error *err);

#endif
