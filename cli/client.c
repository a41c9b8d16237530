#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "server/api.h"
#include "server/json_edge.h"
#include "server/json_shape.h"
#include "server/json_write.h"
#include "server/percent.h"

#define ANSWER_CEILING  ((size_t)256 << 20)
#define OVERLOADED_WAIT 60 /* seconds that a full queue is waited for */

struct client {
    struct engine *engine; /* in this process, or */
    CURL *curl;            /* through a server */
    struct curl_slist *headers;
    struct buf socket_path;
    struct buf url, request, response;
    struct error failure; /* of the response's callback */
    int64_t timeout_ms;   /* of a call; 0 for none */
};

bool client_remote(const struct client *c)
{
    return c->curl != NULL;
}

/* ---- opening ---- */

bool client_server_running(const struct session *s, struct buf *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (buf_printf(socket_path, NULL, "%s.sock", s->db.data) != STATUS_OK ||
        socket_path->len >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, socket_path->data, socket_path->len + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool answers = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return answers;
}

/* Whether the command line says how to encode. */
static bool asks_for_own(const struct session *s)
{
    return arguments_given(s->arguments, "model") || arguments_given(s->arguments, "threads") ||
           arguments_given(s->arguments, "precision") || arguments_given(s->arguments, "isa");
}

static enum status connect_server(struct client *c, const struct session *s, struct error *err)
{
    c->curl = curl_easy_init();
    c->headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (c->curl == NULL || c->headers == NULL || curl_slist_append(c->headers, "Expect:") == NULL)
        return error_memory(err, "connecting to the server");
    curl_easy_setopt(c->curl, CURLOPT_UNIX_SOCKET_PATH, c->socket_path.data);
    curl_easy_setopt(c->curl, CURLOPT_PROXY, "");
    curl_easy_setopt(c->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    say_more(s, "the server on %s has the store open and does the work", c->socket_path.data);
    if (asks_for_own(s))
        say(s, "note: the server on %s does the work with its own model, threads and precision",
            c->socket_path.data);
    return STATUS_OK;
}

/* `store` is false for what needs the model alone. */
static enum status open_client(struct session *s, bool store, enum store_mode mode, struct client **out,
                               struct error *err)
{
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL)
        return error_memory(err, "opening the store");
    buf_init(&c->socket_path, SESSION_PATH + 8);
    buf_init(&c->url, 1 << 20);
    buf_init(&c->request, JSON_WRITE_CEILING);
    buf_init(&c->response, ANSWER_CEILING);
    c->timeout_ms = (int64_t)(arguments_real(s->arguments, "timeout") * 1000 + 0.999);
    enum status status = session_db(s, err);
    bool here = !store && asks_for_own(s);
    if (status == STATUS_OK && !here && client_server_running(s, &c->socket_path)) {
        status = connect_server(c, s, err);
    } else if (status == STATUS_OK) {
        struct engine_options options = s->options;
        options.db = store ? s->db.data : NULL;
        options.mode = mode;
        if (store && mode == STORE_WRITE)
            status = session_make_folder(s, err);
        if (status == STATUS_OK)
            status = engine_open(&options, &c->engine, err);
    }
    if (status == STATUS_OK)
        *out = c;
    else
        client_close(c);
    return status;
}

enum status client_open(struct session *s, enum store_mode mode, struct client **out, struct error *err)
{
    return open_client(s, true, mode, out, err);
}

enum status client_open_model(struct session *s, struct client **out, struct error *err)
{
    return open_client(s, false, STORE_READ, out, err);
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    engine_close(c->engine);
    curl_slist_free_all(c->headers);
    curl_easy_cleanup(c->curl);
    buf_release(&c->socket_path);
    buf_release(&c->url);
    buf_release(&c->request);
    buf_release(&c->response);
    free(c);
}

/* ---- paths ---- */

enum status client_collection_path(struct buf *out, const char *collection, const char *rest,
                                   struct error *err)
{
    if (collection[0] == '\0')
        return error_set(err, STATUS_INVALID, "the name of the collection is empty");
    enum status status = buf_printf(out, err, "/v1/collections/");
    if (status == STATUS_OK)
        status = percent_append(out, text_of(collection), err);
    if (status == STATUS_OK)
        status = buf_append(out, rest, strlen(rest), err);
    return status;
}

/* ---- calling ---- */

static size_t receive(char *bytes, size_t one, size_t n, void *context)
{
    struct client *c = context;
    (void)one; /* always 1 */
    return buf_append(&c->response, bytes, n, &c->failure) == STATUS_OK ? n : 0;
}

/* CLOCK_MONOTONIC milliseconds until which a call that begins now may take; 0 for none. */
static int64_t deadline_of(const struct client *c)
{
    return c->timeout_ms > 0 ? monotonic_ms() + c->timeout_ms : 0;
}

static enum status too_late(struct error *err)
{
    return error_set(err, STATUS_DEADLINE, "the work took longer than --timeout allows; give it more time");
}

/* Lets the exchange end at the deadline, here and at the server. `line` is the header that stands before the
 * others, for as long as the exchange takes. */
static void set_deadline(struct client *c, int64_t left, struct curl_slist *line, char *text, size_t room)
{
    snprintf(text, room, "X-Request-Timeout-Ms: %lld", (long long)left);
    *line = (struct curl_slist){text, c->headers};
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, left > 0 ? line : c->headers);
    curl_easy_setopt(c->curl, CURLOPT_TIMEOUT_MS, (long)left);
}

/* One exchange; the answer is then in c->response. */
static enum status transfer(struct client *c, const char *method, const char *path, const char *query,
                            json_t *body, int64_t deadline_ms, long *http, struct error *err)
{
    int64_t left = deadline_ms != 0 ? deadline_ms - monotonic_ms() : 0;
    struct curl_slist line;
    char text[64];
    if (deadline_ms != 0 && left <= 0)
        return too_late(err);
    buf_clear(&c->url);
    buf_clear(&c->request);
    buf_clear(&c->response);
    c->failure = (struct error){0};
    enum status status = buf_printf(&c->url, err, "http://localhost%s%s%s", path, query != NULL ? "?" : "",
                                    query != NULL ? query : "");
    if (status == STATUS_OK && body != NULL)
        status = json_write(body, &c->request, err);
    if (status != STATUS_OK)
        return status;
    curl_easy_setopt(c->curl, CURLOPT_URL, c->url.data);
    if (body != NULL) {
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDS, c->request.data);
        curl_easy_setopt(c->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->request.len);
    } else {
        curl_easy_setopt(c->curl, CURLOPT_HTTPGET, 1L);
    }
    curl_easy_setopt(c->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c->curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(c->curl, CURLOPT_WRITEDATA, c);
    set_deadline(c, left, &line, text, sizeof text);
    CURLcode code = curl_easy_perform(c->curl);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, c->headers);
    if (c->failure.status != STATUS_OK)
        return error_set(err, c->failure.status, "the server's answer: %s", c->failure.text);
    if (code == CURLE_OPERATION_TIMEDOUT)
        return too_late(err);
    if (code != CURLE_OK)
        return error_set(err, STATUS_UNAVAILABLE, "the server on %s did not answer: %s; try again",
                         c->socket_path.data, curl_easy_strerror(code));
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, http);
    return STATUS_OK;
}

static enum status call_server(struct client *c, const char *method, const char *path, const char *query,
                               json_t *body, int64_t deadline_ms, json_t **answer, struct error *err)
{
    long http = 0;
    json_t *value = NULL;
    enum status status = transfer(c, method, path, query, body, deadline_ms, &http, err);
    if (status == STATUS_OK && c->response.len > 0)
        status = api_parse_body(c->response.data, c->response.len, &value, err);
    if (status == STATUS_OK && (http < 200 || http > 299))
        status = api_problem((int)http, value, err);
    if (status == STATUS_OK)
        *answer = value;
    else
        json_decref(value);
    return status;
}

static enum status call_here(struct client *c, const char *method, const char *path, const char *query,
                             json_t *body, json_t **answer, struct error *err)
{
    struct api_reply reply = {0};
    api_call(c->engine,
             &(struct api_request){.method = method,
                                   .path = path,
                                   .query = query,
                                   .body = body,
                                   .deadline_ms = deadline_of(c)},
             &reply);
    return api_reply_take(&reply, answer, err);
}

enum status client_call(struct client *c, const char *method, const char *path, const char *query,
                        json_t *body, json_t **answer, struct error *err)
{
    if (c->curl == NULL)
        return call_here(c, method, path, query, body, answer, err);
    struct error once = {0};
    int64_t deadline_ms = deadline_of(c);
    enum status status = call_server(c, method, path, query, body, deadline_ms, answer, &once);
    for (int i = 0; status == STATUS_OVERLOADED && i < OVERLOADED_WAIT; i++) {
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        once = (struct error){0};
        status = call_server(c, method, path, query, body, deadline_ms, answer, &once);
    }
    return status == STATUS_OK ? status : error_set(err, status, "%s", once.text);
}

/* The problem that an answer other than 200 holds. */
static enum status problem_of(int http, struct text bytes, struct error *err)
{
    json_t *value = NULL;
    enum status status = bytes.len > 0 ? api_parse_body(bytes.data, bytes.len, &value, err) : STATUS_OK;
    if (status == STATUS_OK)
        status = api_problem(http, value, err);
    json_decref(value);
    return status;
}

enum status client_text(struct client *c, const char *method, const char *path, const char *query,
                        struct buf *out, struct error *err)
{
    struct api_reply reply = {0};
    struct text text = {0};
    long http = 0;
    enum status status = STATUS_OK;
    if (c->curl != NULL) {
        status = transfer(c, method, path, query, NULL, deadline_of(c), &http, err);
        text = buf_text(&c->response);
    } else {
        api_call(c->engine,
                 &(struct api_request){
                     .method = method, .path = path, .query = query, .deadline_ms = deadline_of(c)},
                 &reply);
        http = reply.status;
        status = api_reply_text(&reply, &text, err);
    }
    if (status == STATUS_OK)
        status = http == 200 ? buf_append(out, text.data, text.len, err) : problem_of((int)http, text, err);
    api_reply_release(&reply);
    return status;
}
