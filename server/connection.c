#include "server/connection.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "server/engine.h"
#include "server/tls.h"

enum status connections_init(struct connections *set, unsigned most, unsigned per_address, struct error *err)
{
    *set = (struct connections){.most = most, .most_per_address = per_address};
    if (pthread_mutex_init(&set->lock, NULL) != 0)
        return error_memory(err, "starting the server");
    return STATUS_OK;
}

void connections_release(struct connections *set)
{
    pthread_mutex_destroy(&set->lock);
}

/* ---- addresses ---- */

static void client_name(const struct sockaddr *address, char out[INET6_ADDRSTRLEN])
{
    if (address->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr, out, INET6_ADDRSTRLEN);
    else if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, out, INET6_ADDRSTRLEN);
    else
        snprintf(out, INET6_ADDRSTRLEN, "unix");
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* May `fresh` join? Under the lock. */
static bool admitted(const struct connections *set, const struct connection *fresh, bool loopback)
{
    unsigned local = 0, same = 0;
    for (const struct connection *c = set->first; c != NULL; c = c->next) {
        local += c->local;
        same += strcmp(c->client, fresh->client) == 0;
    }
    if (fresh->local)
        return local < CONNECTIONS_LOCAL;
    return set->count - local < set->most && (loopback || same < set->most_per_address);
}

/* ---- one connection ---- */

/* Bytes that the kernel has received on the connection; 0 where it does not count. */
static uint64_t bytes_received(const struct connection *c)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    if (!c->over_tcp || getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0)
        return 0;
    return info.tcpi_bytes_received;
}

/* Under the lock. */
static void unlink_connection(struct connections *set, struct connection *c)
{
    if (c->previous != NULL)
        c->previous->next = c->next;
    else
        set->first = c->next;
    if (c->next != NULL)
        c->next->previous = c->previous;
    set->count--;
}

/* Under the lock. */
static struct connection *find(const struct connections *set, int fd)
{
    struct connection *c = set->first;
    while (c != NULL && c->fd != fd)
        c = c->next;
    return c;
}

static void drop(struct connection *c)
{
    if (c != NULL)
        tls_release(c->tls);
    free(c);
}

struct connection *connection_start(struct connections *set, int fd, const struct sockaddr *address,
                                    bool plain)
{
    struct connection *stale, *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->fd = fd;
    c->plain = plain;
    c->over_tcp = address->sa_family == AF_INET || address->sa_family == AF_INET6;
    c->local = !c->over_tcp;
    c->started_ms = monotonic_ms();
    c->deadline_ms = c->started_ms + CONNECTION_HEAD_MS;
    client_name(address, c->client);
    pthread_mutex_lock(&set->lock);
    stale = find(set, fd);
    if (stale != NULL)
        unlink_connection(set, stale);
    bool joins = admitted(set, c, is_loopback(address));
    if (joins) {
        c->next = set->first;
        if (c->next != NULL)
            c->next->previous = c;
        set->first = c;
        set->count++;
    }
    pthread_mutex_unlock(&set->lock);
    drop(stale);
    if (joins)
        return c;
    drop(c);
    return NULL;
}

struct connection *connection_find(struct connections *set, int fd)
{
    pthread_mutex_lock(&set->lock);
    struct connection *c = find(set, fd);
    pthread_mutex_unlock(&set->lock);
    return c;
}

void connection_end(struct connections *set, struct connection *c)
{
    if (c == NULL)
        return;
    pthread_mutex_lock(&set->lock);
    unlink_connection(set, c);
    pthread_mutex_unlock(&set->lock);
    drop(c);
}

void connection_secure(struct connection *c, void *session, struct tls *tls)
{
    c->session = session;
    c->tls = tls;
}

bool connection_enter(struct connections *set, struct connection *c, enum connection_state state,
                      int64_t deadline_ms)
{
    pthread_mutex_lock(&set->lock);
    bool in_time = c->state != CONNECTION_EXPIRED;
    if (in_time) {
        c->state = state;
        c->deadline_ms = deadline_ms;
        c->active_ms = monotonic_ms();
        atomic_store(&c->left, false);
    }
    pthread_mutex_unlock(&set->lock);
    return in_time;
}

void connection_active(struct connections *set, struct connection *c, int64_t deadline_ms)
{
    connection_enter(set, c, CONNECTION_BODY, deadline_ms);
}

/* What the library has read beyond the request, as clients that pipeline send it, is counted as received: the
 * head that it begins is on the clock from its next byte on. */
void connection_rest(struct connections *set, struct connection *c)
{
    uint64_t received = bytes_received(c);
    pthread_mutex_lock(&set->lock);
    if (c->state != CONNECTION_EXPIRED) {
        c->state = CONNECTION_HEAD;
        c->deadline_ms = 0;
        c->received = received;
        c->served = true;
    }
    pthread_mutex_unlock(&set->lock);
}

bool connection_expired(struct connections *set, struct connection *c)
{
    pthread_mutex_lock(&set->lock);
    bool expired = c->state == CONNECTION_EXPIRED;
    pthread_mutex_unlock(&set->lock);
    return expired;
}

void connection_say(const struct connection *c, int http, enum status status, const char *text)
{
    char body[512], answer[1024];
    if (!c->plain && c->session == NULL)
        return;
    int n = snprintf(
        body, sizeof body,
        "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"code\":\"%s\",\"detail\":\"%s\"}", text,
        http, status_code(status), text);
    if (n < 0 || n >= (int)sizeof body)
        return;
    n = snprintf(
        answer, sizeof answer,
        "HTTP/1.1 %d Refused\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n%sConnection: close\r\n\r\n%s",
        http, n, http == 503 ? "Retry-After: 1\r\n" : "", body);
    if (n < 0 || n >= (int)sizeof answer)
        return;
    if (c->session != NULL) {
        tls_send(c->session, (struct text){answer, (size_t)n});
    } else {
        ssize_t sent = send(c->fd, answer, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
        (void)sent; /* a client that does not read misses the reason, nothing else */
    }
    shutdown(c->fd, SHUT_WR);
}

/* ---- all of them ---- */

/* Has a byte of the request that `c` waits for come? */
static bool begun(const struct connection *c)
{
    int unread = 0;
    return bytes_received(c) > c->received || (ioctl(c->fd, FIONREAD, &unread) == 0 && unread > 0);
}

static bool has_left(const struct connection *c)
{
    struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};
    return poll(&p, 1, 0) > 0 && p.revents != 0;
}

void connections_sweep(struct connections *set, int64_t now_ms)
{
    pthread_mutex_lock(&set->lock);
    for (struct connection *c = set->first; c != NULL; c = c->next) {
        if (c->state == CONNECTION_HEAD && c->deadline_ms == 0 && begun(c))
            c->deadline_ms = now_ms + CONNECTION_HEAD_MS;
        if (set->draining && c->state == CONNECTION_HEAD && !begun(c) &&
            (c->served || now_ms > c->started_ms + CONNECTION_GRACE_MS))
            shutdown(c->fd, SHUT_RD);
        if (c->state == CONNECTION_WORK && !atomic_load(&c->left) && has_left(c))
            atomic_store(&c->left, true);
        bool late = c->deadline_ms != 0 && now_ms > c->deadline_ms;
        bool silent = c->state == CONNECTION_BODY && now_ms > c->active_ms + CONNECTION_INACTIVE_MS;
        if (c->state == CONNECTION_EXPIRED || (!late && !silent))
            continue;
        if (c->plain && c->state != CONNECTION_ANSWER)
            connection_say(c, 408, STATUS_DEADLINE, "the request did not come in time");
        c->state = CONNECTION_EXPIRED;
        shutdown(c->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&set->lock);
}

void connections_drain(struct connections *set)
{
    pthread_mutex_lock(&set->lock);
    set->draining = true;
    pthread_mutex_unlock(&set->lock);
}

unsigned connections_busy(struct connections *set)
{
    unsigned busy = 0;
    pthread_mutex_lock(&set->lock);
    for (const struct connection *c = set->first; c != NULL; c = c->next)
        busy += c->state != CONNECTION_HEAD && c->state != CONNECTION_EXPIRED;
    pthread_mutex_unlock(&set->lock);
    return busy;
}

unsigned connections_count(struct connections *set)
{
    pthread_mutex_lock(&set->lock);
    unsigned count = set->count;
    pthread_mutex_unlock(&set->lock);
    return count;
}
