#include "server/exchange.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "server/api.h"
#include "server/json_edge.h"
#include "server/metrics.h"
#include "server/request_log.h"
#include "server/routes.h"
#include "server/tls.h"

#define LINGER_MS   2000
#define CLIENT_LEFT 499 /* before its answer had gone */

struct exchange {
    char *target, *path, *query; /* path and query are NULL until the head has passed */
    const char *method;          /* the library's, for the time of the request */
    char id[129];
    char key_name[65];
    struct gate_pass pass;
    const struct api_route *route;
    struct buf body;
    struct api_reply reply; /* status 0: none yet; holds the answer's bytes until they have gone */
    int status;             /* 0: no answer was made here */
    uint64_t bytes_in, bytes_out;
    int64_t began_us;
    bool passed;   /* the head was seen */
    bool complete; /* the body has come in full */
    bool close;    /* after the answer */
};

static int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct connection *connection_of(struct MHD_Connection *library)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* The library's own timeout, which counts inactivity; 0 switches it off. Switching it on again counts from
 * now. */
static void inactivity(struct MHD_Connection *library, unsigned seconds)
{
    MHD_set_connection_option(library, MHD_CONNECTION_OPTION_TIMEOUT, seconds);
}

/* ---- begin and end ---- */

void exchange_connection(void *service, struct MHD_Connection *library, void **connection,
                         enum MHD_ConnectionNotificationCode code)
{
    struct service *s = service;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        connection_end(&s->connections, *connection);
        *connection = NULL;
        return;
    }
    const union MHD_ConnectionInfo *fd = MHD_get_connection_info(library, MHD_CONNECTION_INFO_CONNECTION_FD);
    const union MHD_ConnectionInfo *tls =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    struct connection *c = fd == NULL ? NULL : connection_find(&s->connections, fd->connect_fd);
    *connection = c;
    if (c == NULL || c->plain || tls == NULL)
        return;
    /* Before the handshake: the library's own certificate is the one there was at the start. */
    pthread_rwlock_rdlock(&s->reload_lock);
    bool shown = tls_use(s->tls, tls->tls_session, NULL) == STATUS_OK;
    connection_secure(c, tls->tls_session, shown ? s->tls : NULL);
    pthread_rwlock_unlock(&s->reload_lock);
}

void *exchange_begin(void *service, const char *target, struct MHD_Connection *library)
{
    struct service *s = service;
    struct exchange *x = connection_of(library) == NULL ? NULL : calloc(1, sizeof *x);
    if (x == NULL || (x->target = strdup(target)) == NULL) {
        free(x);
        return NULL;
    }
    metrics_begin(s->metrics);
    x->began_us = monotonic_us();
    inactivity(library, CONNECTION_INACTIVE_MS / 1000);
    return x;
}

/* Reads on for a moment what a refused client still sends: closing at once would throw the answer away with
 * it. */
static void linger(int fd)
{
    char waste[4096];
    int64_t end = monotonic_ms() + LINGER_MS, now;
    shutdown(fd, SHUT_WR);
    while ((now = monotonic_ms()) < end) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, (int)(end - now)) <= 0 || recv(fd, waste, sizeof waste, MSG_DONTWAIT) <= 0)
            return;
    }
}

/* What is counted and logged of a request that is over. */
static void account(const struct service *s, const struct exchange *x, const struct connection *c)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double ms = (double)(monotonic_us() - x->began_us) / 1000;
    struct request_log_entry entry = {
        .time_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
        .id = x->id,
        .method = x->method,
        .route = x->route == NULL ? NULL : x->route->pattern,
        .status = x->status,
        .ms = ms,
        .encode_ms = x->reply.encode_ms,
        .search_ms = x->reply.search_ms,
        .bytes_in = x->bytes_in,
        .bytes_out = x->bytes_out,
        .client = c->client,
        .key = x->key_name[0] == '\0' ? NULL : x->key_name,
        .slow = ms >= (double)s->slow_ms,
    };
    request_log_write(s->log, &entry);
    metrics_end(s->metrics, x->route, x->status, ms / 1000, x->bytes_in, x->bytes_out);
}

void exchange_end(void *service, struct MHD_Connection *library, void **exchange,
                  enum MHD_RequestTerminationCode code)
{
    struct service *s = service;
    struct exchange *x = *exchange;
    struct connection *c = connection_of(library);
    *exchange = NULL;
    if (x == NULL)
        return;
    const union MHD_ConnectionInfo *own = MHD_get_connection_info(library, MHD_CONNECTION_INFO_HTTP_STATUS);
    if (connection_expired(&s->connections, c))
        x->status = 408;
    else if (x->status == 0 && own != NULL && own->http_status >= 400)
        x->status = (int)own->http_status; /* the library refused it on its own */
    else if (x->status == 0 || (code != MHD_REQUEST_TERMINATED_COMPLETED_OK && x->status < 400))
        x->status = CLIENT_LEFT;
    account(s, x, c);
    if (!x->complete)
        linger(c->fd);
    connection_rest(&s->connections, c);
    inactivity(library, CONNECTION_KEEP_ALIVE_MS / 1000);
    buf_release(&x->body);
    api_reply_release(&x->reply);
    free(x->target);
    free(x->path);
    free(x->query);
    free(x);
}

/* ---- answering ---- */

static void add_header(struct MHD_Response *response, const char *name, struct text value)
{
    char copy[512];
    if (value.len == 0 || value.len >= sizeof copy)
        return;
    memcpy(copy, value.data, value.len);
    copy[value.len] = '\0';
    MHD_add_response_header(response, name, copy);
}

static const char *media_type(const struct exchange *x)
{
    if (x->reply.media_type != NULL)
        return x->reply.media_type;
    bool problem = x->status >= 400 && (x->route == NULL || x->route->family == API_COGNATE);
    return problem ? "application/problem+json" : "application/json";
}

/* What a browser may do with an answer: run and load the page's own files, nothing else. */
static const char *content_policy(const struct exchange *x)
{
    if (strncmp(media_type(x), "text/html", 9) == 0)
        return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
               "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
    return "default-src 'none'; frame-ancestors 'none'";
}

/* Where the time went until the answer was ready (www.w3.org/TR/server-timing). */
static void add_timing(const struct exchange *x, struct MHD_Response *response)
{
    char encode[32] = "", search[32] = "", timing[128];
    if (x->reply.encode_ms > 0)
        snprintf(encode, sizeof encode, "encode;dur=%.1f, ", x->reply.encode_ms);
    if (x->reply.search_ms > 0)
        snprintf(search, sizeof search, "search;dur=%.1f, ", x->reply.search_ms);
    snprintf(timing, sizeof timing, "%s%stotal;dur=%.1f", encode, search,
             (double)(monotonic_us() - x->began_us) / 1000);
    MHD_add_response_header(response, "Server-Timing", timing);
}

static void add_number(struct MHD_Response *response, const char *name, uint64_t number)
{
    char text[32];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    MHD_add_response_header(response, name, text);
}

/* What Text Embeddings Inference says of the work behind an answer; times are whole milliseconds. */
static void add_compute(const struct exchange *x, struct MHD_Response *response)
{
    uint64_t total = (uint64_t)(monotonic_us() - x->began_us) / 1000;
    MHD_add_response_header(response, "x-compute-type", "cpu");
    add_number(response, "x-compute-time", total);
    add_number(response, "x-compute-characters", x->reply.characters);
    add_number(response, "x-compute-tokens", x->reply.tokens);
    add_number(response, "x-total-time", total);
    add_number(response, "x-inference-time", (uint64_t)x->reply.encode_ms);
}

static void add_headers(const struct service *s, const struct exchange *x, struct MHD_Response *response)
{
    MHD_add_response_header(response, "X-Request-Id", x->id);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Cache-Control", x->reply.etag[0] != '\0' ? "no-cache" : "no-store");
    if (x->status != 304) /* headers of a 304 replace those that the browser has kept */
        MHD_add_response_header(response, "Content-Security-Policy", content_policy(x));
    MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
    if (x->reply.etag[0] != '\0')
        MHD_add_response_header(response, "ETag", x->reply.etag);
    add_timing(x, response);
    if (x->route != NULL && x->route->family == API_TEI && x->reply.tokens > 0)
        add_compute(x, response);
    if (x->reply.allow != NULL)
        MHD_add_response_header(response, "Allow", x->reply.allow);
    if (x->status == 401)
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"cognate\"");
    if (x->status == 429 || x->status == 503)
        MHD_add_response_header(response, "Retry-After", "1");
    if (s->policy.origin_count > 0)
        MHD_add_response_header(response, "Vary", "Origin");
    add_header(response, "Access-Control-Allow-Origin", x->pass.origin);
    if (x->pass.origin.len > 0)
        MHD_add_response_header(response, "Access-Control-Expose-Headers",
                                "X-Request-Id, Server-Timing, Retry-After");
    if (x->close || atomic_load(&s->draining))
        MHD_add_response_header(response, "Connection", "close");
}

/* Sends what is in x->reply. */
static enum MHD_Result answer(struct service *s, struct exchange *x, struct MHD_Connection *library,
                              struct connection *c)
{
    struct text bytes = {0};
    struct error err = {0};
    if (api_reply_text(&x->reply, &bytes, &err) != STATUS_OK) {
        api_reply_release(&x->reply);
        x->reply = (struct api_reply){.status = status_http(err.status)};
        bytes = (struct text){0};
    }
    x->status = x->reply.status;
    uint64_t length = x->reply.has_file ? x->reply.file_bytes : bytes.len;
    x->bytes_out = strcmp(x->method, "HEAD") == 0 ? 0 : length;
    struct MHD_Response *response =
        x->reply.has_file
            ? MHD_create_response_from_fd64(length, x->reply.file)
            : MHD_create_response_from_buffer(bytes.len, (void *)bytes.data, MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        return MHD_NO;
    x->reply.has_file = false; /* the response closes it */
    add_headers(s, x, response);
    if (length > 0 || x->reply.media_type != NULL)
        MHD_add_response_header(response, "Content-Type", media_type(x));
    if (strcmp(x->method, "OPTIONS") == 0 && x->status == 204 && x->pass.origin.len > 0) {
        add_header(response, "Access-Control-Allow-Methods", text_of(x->reply.allow));
        MHD_add_response_header(response, "Access-Control-Allow-Headers",
                                "Authorization, Content-Type, X-Request-Id, X-Request-Timeout-Ms, "
                                "MCP-Protocol-Version, Mcp-Method, Mcp-Name");
        MHD_add_response_header(response, "Access-Control-Max-Age", "600");
    }
    int64_t end = monotonic_ms() + CONNECTION_BODY_MS + (int64_t)(length * 1000 / CONNECTION_BODY_RATE);
    connection_enter(&s->connections, c, CONNECTION_ANSWER, end);
    inactivity(library, CONNECTION_INACTIVE_MS / 1000);
    enum MHD_Result queued = MHD_queue_response(library, (unsigned)x->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* Makes the answer that says `err`. */
static void refuse(struct exchange *x, const struct error *err, int http)
{
    api_reply_error(x->route == NULL ? API_COGNATE : x->route->family, err, http, &x->reply);
}

/* ---- the head ---- */

struct headers {
    struct gate_header items[GATE_HEADERS + 1];
    size_t count; /* GATE_HEADERS + 1 stands for more */
};

static enum MHD_Result collect(void *headers, enum MHD_ValueKind kind, const char *name, size_t name_len,
                               const char *value, size_t value_len)
{
    struct headers *h = headers;
    (void)kind;
    if (h->count <= GATE_HEADERS)
        h->items[h->count++] = (struct gate_header){{name, name_len}, {value, value_len}};
    return MHD_YES;
}

static void make_id(struct exchange *x)
{
    unsigned char random[16];
    if (x->pass.request_id.len > 0) {
        memcpy(x->id, x->pass.request_id.data, x->pass.request_id.len);
        x->id[x->pass.request_id.len] = '\0';
        return;
    }
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        memset(random, 0, sizeof random);
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(x->id + 2 * i, 3, "%02x", random[i]);
}

static int check_head(const struct service *s, struct exchange *x, struct MHD_Connection *library,
                      const char *version, struct error *err)
{
    struct headers headers = {0};
    MHD_get_connection_values_n(library, MHD_HEADER_KIND, collect, &headers);
    const union MHD_ConnectionInfo *size =
        MHD_get_connection_info(library, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    struct gate_request request = {.method = text_of(x->method),
                                   .target = text_of(x->target),
                                   .version = text_of(version),
                                   .headers = headers.items,
                                   .header_count = headers.count,
                                   .header_bytes = size == NULL ? 0 : size->header_size};
    int http = gate_head(&s->policy, &request, &x->pass, err);
    make_id(x);
    if (http != 0)
        return http;
    x->path = strndup(x->pass.path.data, x->pass.path.len);
    if (x->pass.query.data != NULL)
        x->query = strndup(x->pass.query.data, x->pass.query.len);
    if (x->path == NULL || (x->pass.query.data != NULL && x->query == NULL))
        return status_http(error_memory(err, "reading a request"));
    return 0;
}

/* The collection in the path; NULL data when the route has none. Still percent-encoded: a name that needs
 * none is the only form a key's scope matches. */
static struct text collection_of(const char *pattern, const char *path)
{
    static const char name[] = "{collection}";
    struct text captures[CALL_CAPTURES] = {{0}};
    const char *first = strchr(pattern, '{');
    if (first == NULL || strncmp(first, name, sizeof name - 1) != 0 || !route_match(pattern, path, captures))
        return (struct text){0};
    return captures[0];
}

/* Who may: a key where there are keys; anyone over the Unix socket, which is for the user who runs the
 * server. */
static int check_key(struct service *s, struct exchange *x, const struct connection *c, struct error *err)
{
    static const enum key_access needed[] = {
        [API_OPEN] = KEY_READ, [API_READ] = KEY_READ, [API_WRITE] = KEY_WRITE, [API_ADMIN] = KEY_ADMIN};
    enum status status = STATUS_OK;
    if (x->route->access == API_OPEN || c->local)
        return 0;
    struct text collection = collection_of(x->route->pattern, x->path);
    if (collection.data == NULL && !x->route->storeless)
        collection = text_of(""); /* all of them: a key that is scoped to some does not do */
    pthread_rwlock_rdlock(&s->reload_lock);
    if (s->keys != NULL) {
        const struct key *key = keys_find(s->keys, x->pass.bearer, time(NULL));
        if (key == NULL)
            status = error_set(err, STATUS_UNAUTHORIZED,
                               x->pass.authorization
                                   ? "the key is not known here, or its time is over"
                                   : "this server needs a key; send it as Authorization: Bearer KEY");
        else if (!key_allows(key, needed[x->route->access], collection))
            status = error_set(err, STATUS_FORBIDDEN, "the key %s is not for this", key->name);
        if (key != NULL)
            memcpy(x->key_name, key->name, sizeof x->key_name);
    }
    pthread_rwlock_unlock(&s->reload_lock);
    return status == STATUS_OK ? 0 : status_http(status);
}

/* The answer where the path has no such method, or nothing at all. */
static void answer_routeless(struct exchange *x, const char *allow)
{
    struct error err = {0};
    if (allow != NULL && strcmp(x->method, "OPTIONS") == 0) {
        x->reply = (struct api_reply){.status = 204, .allow = allow};
        return;
    }
    if (allow != NULL)
        error_set(&err, STATUS_METHOD, "the method %s is not one of this path's; it has %s", x->method,
                  allow);
    else
        error_set(&err, STATUS_NOT_FOUND, "there is nothing at this path; /openapi.json lists what there is");
    refuse(x, &err, 0);
    x->reply.allow = allow;
}

/* Decides what can be decided before the body: leaves an answer in x->reply, or none when the way is free. */
static void decide(struct service *s, struct exchange *x, struct MHD_Connection *library, const char *version,
                   const struct connection *c)
{
    struct error err = {0};
    const char *allow = NULL;
    int http = check_head(s, x, library, version, &err);
    if (http != 0) {
        x->close = true;
        refuse(x, &err, http);
        return;
    }
    if (x->pass.asterisk)
        allow = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
    else
        x->route = api_route_find(x->method, x->path, &allow);
    if (x->route == NULL) {
        answer_routeless(x, allow);
        return;
    }
    http = check_key(s, x, c, &err);
    if (http == 0)
        http = gate_body(&x->pass, x->route->body_limit, x->route->ndjson, &err);
    if (http == 0 && x->route->access != API_OPEN && !engine_loaded(s->engine))
        http =
            status_http(error_set(&err, STATUS_UNAVAILABLE, "the server is starting; try again in a second"));
    if (http != 0)
        refuse(x, &err, http);
    else
        buf_init(&x->body, x->route->body_limit);
}

/* An answer given now, before a body, makes the library close the connection; without a body it waits for the
 * last step, so that the connection stays. */
static enum MHD_Result head(struct service *s, struct exchange *x, struct MHD_Connection *library,
                            const char *version, struct connection *c)
{
    decide(s, x, library, version, c);
    x->passed = true;
    x->complete =
        !x->pass.has_body && !x->close; /* whether a refused head has a body is nothing to rely on */
    if (x->complete)
        return MHD_YES;
    if (x->reply.status != 0)
        return answer(s, x, library, c);
    int64_t body_ms = CONNECTION_BODY_MS + (int64_t)(x->pass.content_length * 1000 / CONNECTION_BODY_RATE);
    return connection_enter(&s->connections, c, CONNECTION_BODY, x->began_us / 1000 + body_ms) ? MHD_YES
                                                                                               : MHD_NO;
}

/* ---- body and work ---- */

static enum MHD_Result body(struct service *s, struct exchange *x, struct connection *c, const char *piece,
                            size_t piece_len)
{
    struct error err = {0};
    x->bytes_in += piece_len;
    enum status status = buf_append(&x->body, piece, piece_len, &err);
    if (status != STATUS_OK) {
        x->status = status_http(status);
        connection_say(c, x->status, status,
                       status == STATUS_TOO_LARGE
                           ? "the body is longer than this route takes; send less at a time"
                           : "out of memory while reading a body");
        return MHD_NO;
    }
    uint64_t size = x->pass.chunked ? x->bytes_in : x->pass.content_length;
    connection_active(&s->connections, c,
                      x->began_us / 1000 + CONNECTION_BODY_MS +
                          (int64_t)(size * 1000 / CONNECTION_BODY_RATE));
    return MHD_YES;
}

static int64_t deadline(const struct service *s, const struct exchange *x)
{
    int64_t ms = x->route->deadline_ms != 0 ? x->route->deadline_ms : API_DEADLINE_MS;
    if (s->deadline_ms != 0)
        ms = s->deadline_ms;
    if (x->pass.timeout_ms != 0)
        ms = x->pass.timeout_ms;
    return monotonic_ms() + ms;
}

static const char *header(void *library, const char *name)
{
    return MHD_lookup_connection_value(library, MHD_HEADER_KIND, name);
}

static void work(struct service *s, struct exchange *x, struct MHD_Connection *library,
                 const struct connection *c)
{
    struct error err = {0};
    struct api_request request = {.method = x->method,
                                  .path = x->path,
                                  .query = x->query,
                                  .deadline_ms = deadline(s, x),
                                  .cancelled = &c->left,
                                  .metrics = s->metrics,
                                  .draining = atomic_load(&s->draining),
                                  .header = header,
                                  .header_context = library};
    enum status status = STATUS_OK;
    if (x->pass.has_body && x->pass.media == GATE_MEDIA_NDJSON)
        request.ndjson = buf_text(&x->body);
    else if (x->pass.has_body)
        status = api_parse_body(x->body.data, x->body.len, &request.body, &err);
    if (status == STATUS_OK)
        api_call(s->engine, &request, &x->reply);
    else
        refuse(x, &err, 0);
    json_decref(request.body);
    buf_release(&x->body);
}

enum MHD_Result exchange_step(void *service, struct MHD_Connection *library, const char *url,
                              const char *method, const char *version, const char *piece, size_t *piece_len,
                              void **exchange)
{
    struct service *s = service;
    struct exchange *x = *exchange;
    struct connection *c = connection_of(library);
    (void)url; /* the target as it came is in the exchange */
    if (x == NULL)
        return MHD_NO;
    x->method = method;
    if (!x->passed)
        return head(s, x, library, version, c);
    if (*piece_len > 0) {
        size_t n = *piece_len;
        *piece_len = 0;
        return body(s, x, c, piece, n);
    }
    x->complete = true;
    if (!connection_enter(&s->connections, c, CONNECTION_WORK, 0))
        return MHD_NO;
    inactivity(library, 0);
    if (x->reply.status == 0)
        work(s, x, library, c);
    return answer(s, x, library, c);
}
