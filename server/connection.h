/* The connections a server has open, what each is doing, and until when it may.
 *
 *     start ─▶ HEAD ── the gate ──▶ BODY ── all of it came ──▶ WORK ── answered ──▶ ANSWER ─┐
 *               ▲                                                                           │ sent
 *               └───────────────────────────────────────────────────────────────────────────┘
 *     HEAD, BODY, ANSWER ── deadline passed ──▶ EXPIRED: the socket is shut (HEAD and BODY: a 408 is sent
 * first); the connection's thread sees that and ends
 *
 * The HTTP library's own timeout counts inactivity only, so a client that sends a byte now and then would
 * hold a thread for ever. A sweep, once in a while, holds every connection to absolute deadlines. Between
 * requests a connection has none until the first byte of the next head has come, which the kernel's count of
 * received bytes tells.
 *
 * The sweep also looks who has left: a client that closes its connection, or its half of it, while its
 * request is at WORK does not wait for the answer, and the flag that the engine watches is set. The two
 * cannot be told apart before something is sent.
 *
 * One mutex guards the list and all states: they change a handful of times a request.
 */
#ifndef COGNATE_SERVER_CONNECTION_H
#define COGNATE_SERVER_CONNECTION_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/status.h"

#define CONNECTION_HEAD_MS       10000
#define CONNECTION_BODY_MS       30000 /* of a body or an answer, and a second for each … */
#define CONNECTION_BODY_RATE     65536 /* … bytes of it */
#define CONNECTION_INACTIVE_MS   15000 /* inside a request */
#define CONNECTION_GRACE_MS      1000
#define CONNECTIONS_LOCAL        64     /* over the Unix socket */
#define CONNECTION_KEEP_ALIVE_MS 120000 /* between requests */

enum connection_state {
    CONNECTION_HEAD,
    CONNECTION_BODY,
    CONNECTION_WORK,
    CONNECTION_ANSWER,
    CONNECTION_EXPIRED
};

struct tls; /* server/tls.h */

struct connection {
    struct connection *next, *previous;
    int fd;
    bool local;      /* over the Unix socket: the user who runs the server */
    bool plain;      /* no TLS: an answer can be written past the library */
    void *session;   /* of GnuTLS; NULL on a plain connection */
    struct tls *tls; /* what it shows, a share of ours; or NULL */
    bool over_tcp;
    char client[INET6_ADDRSTRLEN]; /* address, or "unix" */
    enum connection_state state;
    bool served;      /* it has had an answer */
    atomic_bool left; /* during WORK: read without the lock */
    int64_t started_ms;
    int64_t deadline_ms; /* 0: none */
    int64_t active_ms;   /* last byte of a body */
    uint64_t received;   /* by the kernel's count, when the last request ended */
};

struct connections {
    pthread_mutex_t lock;
    struct connection *first;
    unsigned count; /* those over the Unix socket included */
    unsigned most, most_per_address;
    bool draining;
};

enum status connections_init(struct connections *set, unsigned most, unsigned per_address, struct error *err);
void connections_release(struct connections *set);

/* Adds a connection that was accepted, from the one thread that accepts. NULL when this address may have no
 * more (connections of this machine are bound by the total alone, those over the Unix socket by a number of
 * their own, so that the user can always get in), or when there is no memory. Removed and freed by
 * connection_end, which must come before its socket is closed; one whose socket was closed without it goes
 * when the number of the socket comes back. */
struct connection *connection_start(struct connections *set, int fd, const struct sockaddr *address,
                                    bool plain);
struct connection *connection_find(struct connections *set, int fd);
void connection_end(struct connections *set, struct connection *c); /* accepts NULL */

/* Moves on to `state`, where it may stay until deadline_ms (0: for ever); false when its time was up already.
 */
bool connection_enter(struct connections *set, struct connection *c, enum connection_state state,
                      int64_t deadline_ms);
void connection_rest(struct connections *set,
                     struct connection *c); /* answered: waits for the next request */
void connection_active(struct connections *set, struct connection *c,
                       int64_t deadline_ms); /* a piece of a body came */
bool connection_expired(struct connections *set, struct connection *c);

/* Ties a TLS session to the connection, and a share of what it shows. */
void connection_secure(struct connection *c, void *session, struct tls *tls);

/* Answers with a bare problem and shuts the socket for writing, past the library: for a request whose body is
 * still coming. On a connection that is not plain only the thread that reads it may do so. */
void connection_say(const struct connection *c, int http, enum status status, const char *text);

/* Ends what has exceeded its time, and marks those whose client has left while their request is at work. */
void connections_sweep(struct connections *set, int64_t now_ms);

/* From now on the sweep closes, for reading, what waits for a request of which no byte has come; a connection
 * that was never answered gets CONNECTION_GRACE_MS from its start to begin. */
void connections_drain(struct connections *set);
unsigned connections_busy(struct connections *set); /* how many are inside a request */
unsigned connections_count(struct connections *set);

#endif
