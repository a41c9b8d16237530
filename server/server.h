/* Serves the API over HTTP until told to stop.
 *
 *     struct server_options options = {.host = "127.0.0.1", .port = 8088, .socket_path = "docs.db.sock"};
 *     if (server_run(engine, &options, &err) != STATUS_OK) …      // returns after SIGTERM or SIGINT and the
 * drain
 */
#ifndef COGNATE_SERVER_SERVER_H
#define COGNATE_SERVER_SERVER_H

#include <stdint.h>

#include "common/status.h"
#include "server/engine.h"

struct server_options {
    const char *host;        /* address to listen on; anything but loopback needs key_file */
    uint16_t port;           /* 0: one that is free, printed in the log */
    const char *socket_path; /* Unix socket (mode 0600) beside it; NULL for none */
    const char *key_file;    /* API keys, one line each; NULL for none */
};

enum status server_run(struct engine *e, const struct server_options *options, struct error *err);

#endif
