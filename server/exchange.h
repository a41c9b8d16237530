/* One request and its answer, between the HTTP library and the API: head through the gate, key, body,
 * api_call, answer, log line.
 *
 * The library calls the three functions below in the connection's own thread: exchange_begin with the request
 * line, exchange_step once with the head, then with each piece of the body and a last time without one, and
 * exchange_end when the answer has gone or the client has.
 */
#ifndef COGNATE_SERVER_EXCHANGE_H
#define COGNATE_SERVER_EXCHANGE_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/connection.h"
#include "server/engine.h"
#include "server/gate.h"
#include "server/keys.h"

struct metrics;
struct tls;

/* What all requests share. */
struct service {
    struct engine *engine;
    struct metrics *metrics;
    struct connections connections;
    struct gate_policy policy;
    pthread_rwlock_t reload_lock; /* over the two that SIGHUP replaces: */
    struct keys *keys;            /* NULL: no key needed */
    struct tls *tls;              /* NULL: no TLS */
    unsigned deadline_ms, slow_ms;
    atomic_bool draining;
    int log; /* descriptor that log lines go to */
};

void *exchange_begin(void *service, const char *target, struct MHD_Connection *library);
enum MHD_Result exchange_step(void *service, struct MHD_Connection *library, const char *url,
                              const char *method, const char *version, const char *piece, size_t *piece_len,
                              void **exchange);
void exchange_end(void *service, struct MHD_Connection *library, void **exchange,
                  enum MHD_RequestTerminationCode code);

/* Ties the library's connection to ours when it takes it over, and ends ours before the socket is closed. */
void exchange_connection(void *service, struct MHD_Connection *library, void **connection,
                         enum MHD_ConnectionNotificationCode code);

#endif
