/* One thread runs the server: it accepts, takes signals, and sweeps the connections.
 *
 *     signalfd ──┐
 *     loader ────┼─▶ poll ─▶ accept ─▶ limits ─▶ MHD_add_connection ─▶ a thread for it (exchange.c)
 *     listeners ─┘      └──▶ sweep of deadlines (connection.c), several times a second
 *
 * A thread for each connection, because handlers block on the encoder's queue. They need little stack:
 * ingest, the longest way down, was measured to touch 84 KiB. Pages that are not touched cost nothing.
 *
 * Order at the end: close the listeners, let what runs finish, stop the library (joins its threads), and only
 * then free what those threads use.
 */
#include "server/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/connection.h"
#include "server/exchange.h"
#include "server/keys.h"
#include "server/listener.h"
#include "server/metrics.h"
#include "server/model_watch.h"
#include "server/notify.h"
#include "server/tls.h"

#define STACK_BYTES (256 << 10)
#define POOL_BYTES                                                                                           \
    (40 << 10) /* the library's memory for a connection: a head of GATE_HEADER_BYTES, parsed                 \
                */
#define SWEEP_MS      250
#define DRAIN_MS      31000 /* the usual deadline of a request, and a second for its answer */
#define DRAIN_STEP_MS 20
#define FILES         256 /* descriptors beside those of connections */
#define CONNECTIONS   1200
#define PER_ADDRESS   64
#define SLOW_MS       1000
#define ACCEPT_BURST  64
#define SIGNALS       3

struct server {
    const struct server_options *options;
    struct service service;
    struct listeners listeners;
    struct MHD_Daemon *plain, *secure; /* the library with and without TLS; NULL where nothing needs it */
    int signals, loaded;               /* signalfd, and the eventfd that the loader writes to */
    sigset_t mask_before;
    struct sigaction before[SIGNALS + 1]; /* of SIGTERM, SIGINT, SIGHUP and SIGPIPE */
    pthread_t loader;
    bool loading;
    struct model_watch *watch; /* from when the model is loaded */
    enum status load_status;
    struct error load_error;
};

__attribute__((format(printf, 2, 3))) static void say(const struct server *s, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vdprintf(s->service.log, format, arguments);
    va_end(arguments);
}

/* ---- loading ---- */

static void *load(void *server)
{
    struct server *s = server;
    uint64_t one = 1;
    s->load_status = engine_load(s->service.engine, &s->load_error);
    ssize_t written = write(s->loaded, &one, sizeof one);
    (void)written; /* eight bytes into an empty eventfd always fit */
    return NULL;
}

static enum status loaded(struct server *s, struct error *err)
{
    pthread_join(s->loader, NULL);
    s->loading = false;
    if (s->load_status != STATUS_OK)
        return error_set(err, s->load_error.status, "%s", s->load_error.text);
    enum status status =
        model_watch_start(s->service.engine, s->service.log, s->options->canary_s, &s->watch, err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < s->listeners.count; i++)
        if (s->listeners.items[i].local)
            say(s, "listening on %s %s\n", s->listeners.items[i].name, s->listeners.path);
        else
            say(s, "listening on %s://%s\n", s->service.tls != NULL ? "https" : "http",
                s->listeners.items[i].name);
    notify_send("READY=1");
    return STATUS_OK;
}

/* ---- what SIGHUP reads again ---- */

static void note_expiry(const struct server *s)
{
    metrics_certificate(s->service.metrics, tls_expires(s->service.tls));
    if (tls_expires(s->service.tls) <= (int64_t)time(NULL))
        say(s, "the time of the TLS certificate in %s is over; clients will refuse it\n",
            s->options->certificate);
}

static void reload_keys(struct server *s)
{
    struct error err = {0};
    struct keys *fresh = NULL;
    if (keys_load(s->options->key_file, &fresh, &err) != STATUS_OK) {
        say(s, "the keys stay as they were: %s\n", err.text);
        return;
    }
    pthread_rwlock_wrlock(&s->service.reload_lock);
    struct keys *old = s->service.keys;
    s->service.keys = fresh;
    pthread_rwlock_unlock(&s->service.reload_lock);
    keys_free(old);
    say(s, "the keys were read again\n");
}

static void reload_certificate(struct server *s)
{
    struct error err = {0};
    struct tls *fresh = NULL;
    if (tls_load(s->options->certificate, s->options->certificate_key, &fresh, &err) != STATUS_OK) {
        say(s, "the TLS certificate stays as it was: %s\n", err.text);
        return;
    }
    pthread_rwlock_wrlock(&s->service.reload_lock);
    struct tls *old = s->service.tls;
    s->service.tls = fresh;
    pthread_rwlock_unlock(&s->service.reload_lock);
    tls_release(old);
    say(s, "the TLS certificate was read again\n");
    note_expiry(s);
}

static void reload(struct server *s)
{
    if (s->service.keys != NULL)
        reload_keys(s);
    if (s->service.tls != NULL)
        reload_certificate(s);
    model_watch_reload(s->watch);
}

/* ---- connections ---- */

static void take(struct server *s, int fd, const struct sockaddr *address, socklen_t length)
{
    bool plain = s->service.tls == NULL || address->sa_family == AF_UNIX;
    struct connection refused = {.fd = fd, .plain = plain};
    struct connection *c = connection_start(&s->service.connections, fd, address, plain);
    if (c == NULL) {
        metrics_refused(s->service.metrics);
        connection_say(&refused, 503, STATUS_OVERLOADED, "too many connections are open; try again later");
        close(fd);
    } else if (MHD_add_connection(plain ? s->plain : s->secure, fd, address, length) != MHD_YES) {
        connection_end(&s->service.connections, c); /* the library has closed the socket */
    }
}

static void accept_waiting(struct server *s, const struct listener *l)
{
    for (int i = 0; i < ACCEPT_BURST; i++) {
        struct sockaddr_storage address = {.ss_family = l->local ? AF_UNIX : AF_UNSPEC};
        socklen_t length = sizeof address;
        int fd = accept4(l->fd, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            take(s, fd, (const struct sockaddr *)&address, length);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            poll(NULL, 0,
                 SWEEP_MS); /* nothing can be accepted: wait for connections to end instead of spinning */
        return;
    }
}

/* ---- the loop ---- */

/* Serves until a signal says stop or loading fails. */
static enum status serve(struct server *s, struct error *err)
{
    struct pollfd fds[LISTENERS_MOST + 2] = {{.fd = s->signals, .events = POLLIN},
                                             {.fd = s->loaded, .events = POLLIN}};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < s->listeners.count; i++)
        fds[i + 2] = (struct pollfd){.fd = s->listeners.items[i].fd, .events = POLLIN};
    while (status == STATUS_OK) {
        if (poll(fds, (nfds_t)s->listeners.count + 2, SWEEP_MS) < 0 && errno != EINTR)
            return error_system(err, errno, "wait for", "connections");
        connections_sweep(&s->service.connections, monotonic_ms());
        metrics_connections(s->service.metrics, connections_count(&s->service.connections),
                            connections_busy(&s->service.connections));
        if (fds[1].revents != 0) {
            fds[1].fd = -1;
            status = loaded(s, err);
        }
        for (size_t i = 0; i < s->listeners.count; i++)
            if (fds[i + 2].revents != 0)
                accept_waiting(s, &s->listeners.items[i]);
        struct signalfd_siginfo info;
        if (fds[0].revents == 0 || read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
            continue;
        if (info.ssi_signo != SIGHUP)
            return status;
        reload(s);
    }
    return status;
}

/* Finishes what runs. A second SIGTERM or SIGINT has its usual effect from here on: what is committed stays.
 */
static void drain(struct server *s)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigset_t ending;
    int64_t end = monotonic_ms() + DRAIN_MS;
    notify_send("STOPPING=1");
    atomic_store(&s->service.draining, true);
    for (size_t i = 0; i < s->listeners.count; i++)
        accept_waiting(s, &s->listeners.items[i]);
    listeners_close(&s->listeners);
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGINT);
    sigaction(SIGTERM, &usual, NULL);
    sigaction(SIGINT, &usual, NULL);
    pthread_sigmask(SIG_UNBLOCK, &ending, NULL);
    connections_drain(&s->service.connections);
    say(s, "stopping; %u requests are running\n", connections_busy(&s->service.connections));
    while (connections_count(&s->service.connections) > 0 && monotonic_ms() < end) {
        connections_sweep(&s->service.connections, monotonic_ms());
        poll(NULL, 0, DRAIN_STEP_MS);
    }
}

/* ---- setting up ---- */

static enum status listen_on(struct server *s, struct error *err)
{
    const struct server_options *o = s->options;
    int given = notify_sockets();
    enum status status = given > 0 ? listeners_take(&s->listeners, NOTIFY_FIRST_SOCKET, given, err)
                                   : listeners_tcp(&s->listeners, o->host, o->port, err);
    if (status == STATUS_OK && listeners_public(&s->listeners) && o->key_file == NULL && !o->keyless)
        status = error_set(
            err, STATUS_FORBIDDEN,
            "%s can be reached from other machines; give a key file with --keys, or say that anyone may "
            "use the server with --keyless",
            o->host);
    if (status == STATUS_OK && listeners_public(&s->listeners) && o->key_file != NULL &&
        o->certificate == NULL)
        say(s,
            "keys and texts cross the network in the clear; give --tls-certificate and --tls-key, or put a "
            "proxy in front\n");
    if (status == STATUS_OK && o->socket_path != NULL)
        status = listeners_unix(&s->listeners, o->socket_path, err);
    return status;
}

/* Starts the library once more, with `more` options than the usual ones. */
static enum status start_library(struct server *s, unsigned flags, struct MHD_OptionItem *more,
                                 struct MHD_Daemon **out, struct error *err)
{
    struct MHD_Daemon *library = MHD_start_daemon(
        flags | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
            MHD_USE_NO_LISTEN_SOCKET | MHD_USE_ITC,
        0, NULL, NULL, exchange_step, &s->service, MHD_OPTION_NOTIFY_CONNECTION, exchange_connection,
        &s->service, MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, &s->service, MHD_OPTION_NOTIFY_COMPLETED,
        exchange_end, &s->service, MHD_OPTION_CONNECTION_LIMIT,
        s->service.connections.most + CONNECTIONS_LOCAL, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)(CONNECTION_INACTIVE_MS / 1000), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)POOL_BYTES,
        MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_ARRAY, more, MHD_OPTION_END);
    if (library == NULL)
        return error_set(err, STATUS_INTERNAL, "the HTTP library does not start%s",
                         flags != 0 ? ", or knows no TLS here" : "");
    *out = library;
    return STATUS_OK;
}

static enum status start_libraries(struct server *s, struct error *err)
{
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    enum status status = start_library(s, 0, none, &s->plain, err);
    if (status != STATUS_OK || s->service.tls == NULL)
        return status;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)tls_certificate(s->service.tls)},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)tls_key(s->service.tls)},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL}};
    return start_library(s, MHD_USE_TLS, tls, &s->secure, err);
}

/* Reads the files that the options name. */
static enum status read_secrets(struct server *s, struct error *err)
{
    const struct server_options *o = s->options;
    enum status status = STATUS_OK;
    if ((o->certificate == NULL) != (o->certificate_key == NULL))
        return error_set(err, STATUS_INVALID, "TLS needs both --tls-certificate and --tls-key");
    if (o->key_file != NULL)
        status = keys_load(o->key_file, &s->service.keys, err);
    if (status == STATUS_OK && o->certificate != NULL)
        status = tls_load(o->certificate, o->certificate_key, &s->service.tls, err);
    if (status == STATUS_OK && s->service.tls != NULL)
        note_expiry(s);
    return status;
}

/* Hands a signal on to the main thread, whose number is the process's. */
static void forward(int number)
{
    int before = errno;
    if (gettid() != getpid())
        tgkill(getpid(), getpid(), number);
    errno = before;
}

/* SIGTERM, SIGINT and SIGHUP come through a descriptor: they are blocked here and in the threads started from
 * here on. Threads that a library started earlier (OpenBLAS does, when it is loaded) may still take them, and
 * hand them on to this thread, where they wait for the descriptor to be read. */
static enum status take_signals(struct server *s, struct error *err)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGHUP};
    struct sigaction handler = {.sa_handler = forward, .sa_flags = SA_RESTART},
                     ignore = {.sa_handler = SIG_IGN};
    sigset_t ours;
    sigemptyset(&ours);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaddset(&ours, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &ours, &s->mask_before);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(numbers[i], &handler, &s->before[i]);
    sigaction(SIGPIPE, &ignore, &s->before[SIGNALS]);
    s->signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
    s->loaded = eventfd(0, EFD_CLOEXEC);
    if (s->signals < 0 || s->loaded < 0)
        return error_system(err, errno, "wait for", "signals");
    return STATUS_OK;
}

static void restore_signals(struct server *s)
{
    static const int numbers[SIGNALS + 1] = {SIGTERM, SIGINT, SIGHUP, SIGPIPE};
    for (size_t i = 0; i <= SIGNALS; i++)
        sigaction(numbers[i], &s->before[i], NULL);
    pthread_sigmask(SIG_SETMASK, &s->mask_before, NULL);
    if (s->signals >= 0)
        close(s->signals);
    if (s->loaded >= 0)
        close(s->loaded);
}

/* A descriptor for each connection that may be open, where the system's hard limit has them. */
static void raise_files(unsigned connections)
{
    struct rlimit limit;
    rlim_t wanted = (rlim_t)connections + CONNECTIONS_LOCAL + FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return;
    limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

enum status server_run(struct engine *e, const struct server_options *options, struct error *err)
{
    struct server s = {.options = options, .signals = -1, .loaded = -1};
    s.service = (struct service){
        .engine = e,
        .policy = {options->hosts, options->host_count, options->origins, options->origin_count},
        .deadline_ms = options->deadline_ms,
        .slow_ms = options->slow_ms != 0 ? options->slow_ms : SLOW_MS,
        .log = STDERR_FILENO};
    enum status status = connections_init(
        &s.service.connections, options->connections != 0 ? options->connections : CONNECTIONS,
        options->connections_per_address != 0 ? options->connections_per_address : PER_ADDRESS, err);
    if (status != STATUS_OK)
        return status;
    if (pthread_rwlock_init(&s.service.reload_lock, NULL) != 0) {
        connections_release(&s.service.connections);
        return error_memory(err, "starting the server");
    }
    raise_files(s.service.connections.most);
    if ((status = take_signals(&s, err)) != STATUS_OK)
        goto done;
    s.service.metrics = metrics_new();
    if (s.service.metrics == NULL) {
        status = error_memory(err, "starting the server");
        goto done;
    }
    if ((status = read_secrets(&s, err)) != STATUS_OK || (status = listen_on(&s, err)) != STATUS_OK ||
        (status = start_libraries(&s, err)) != STATUS_OK)
        goto done;
    s.loading = pthread_create(&s.loader, NULL, load, &s) == 0;
    status = s.loading ? serve(&s, err) : error_memory(err, "starting the server");
    drain(&s);
done:
    if (s.plain != NULL)
        MHD_stop_daemon(s.plain);
    if (s.secure != NULL)
        MHD_stop_daemon(s.secure);
    if (s.loading)
        pthread_join(s.loader, NULL);
    model_watch_stop(s.watch);
    listeners_close(&s.listeners);
    keys_free(s.service.keys);
    tls_release(s.service.tls);
    metrics_free(s.service.metrics);
    restore_signals(&s);
    pthread_rwlock_destroy(&s.service.reload_lock);
    connections_release(&s.service.connections);
    return status;
}
