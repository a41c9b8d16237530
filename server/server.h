/* Serves the API over HTTP until told to stop.
 *
 *     struct server_options options = {.host = "127.0.0.1", .port = 8088, .socket_path = "docs.db.sock"};
 *     if (server_run(engine, &options, &err) != STATUS_OK) …      // returns at SIGTERM or SIGINT
 *
 * It listens, answers /livez, loads the model, says "listening on http://…" (or https) on stderr (and READY=1
 * to a service manager), and serves. SIGTERM and SIGINT: it is not ready any more, takes no new connection,
 * finishes what runs (30 seconds at most, or each request's own deadline) and returns OK; a second one ends
 * the process at once. SIGHUP reads the keys and the certificate again, and which model is in use. Call it
 * from the main thread.
 */
#ifndef COGNATE_SERVER_SERVER_H
#define COGNATE_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "server/engine.h"

/* In brackets what the command line calls it, as the messages do. */
struct server_options {
    const char *host;        /* (--host) to listen on; beyond loopback needs key_file, or `keyless` */
    uint16_t port;           /* (--port) 0: one that is free, printed in the log */
    const char *socket_path; /* (--socket) a Unix socket (mode 0600) beside it, which needs no key; or NULL */
    const char *key_file;    /* (--keys) API keys (keys.h); NULL for none */
    const char *certificate, *certificate_key; /* (--tls-certificate, --tls-key) PEM files (tls.h): TLS on
                                                  TCP; both or neither */
    bool keyless;             /* (--keyless) serve other machines without keys all the same */
    const char *const *hosts; /* (--allow-host) names Host may hold beside addresses and localhost */
    size_t host_count;
    const char *const *origins; /* (--allow-origin) "https://app.example": other sites whose pages may call */
    size_t origin_count;
    unsigned connections;             /* (--connections) open at a time; 0: 1,200 */
    unsigned connections_per_address; /* (--connections-per-address) of one not this machine; 0: 64 */
    unsigned deadline_ms; /* (--deadline-ms) of a request that does not say; 0: each route's own */
    unsigned canary_s; /* (--canary-interval) between two checks of the models' known answers; 0: at the start
                          alone */
    unsigned slow_ms;     /* (--slow-ms) from which on a request is marked in the log; 0: 1,000 */
};

enum status server_run(struct engine *e, const struct server_options *options, struct error *err);

#endif
