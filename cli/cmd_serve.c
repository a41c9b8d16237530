#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/commands.h"
#include "server/server.h"
#include "server/worker.h"

static const struct option options[] = {
    {.name = "host",
     .type = OPTION_TEXT,
     .value = "ADDRESS",
     .fallback = "127.0.0.1",
     .help = "address to listen on; any but this machine's own needs --keys"},
    {.name = "port",
     .letter = 'p',
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "8088",
     .most = 65535,
     .help = "port; 0 for one that is free"},
    {.name = "keys", .type = OPTION_TEXT, .value = "FILE", .help = "file of API keys, read again on SIGHUP"},
    {.name = "tls-certificate",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "PEM file of the server's certificate and those above it: speak TLS 1.2 and 1.3 alone"},
    {.name = "tls-key",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "PEM file of its key; both are read again on SIGHUP"},
    {.name = "keyless", .type = OPTION_FLAG, .help = "serve other machines without keys all the same"},
    {.name = "allow-host",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "NAME",
     .help = "a name clients may call this server by, beside addresses and localhost; may be given again"},
    {.name = "allow-origin",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "ORIGIN",
     .help = "another site whose pages may call, as https://app.example; may be given again"},
    {.name = "connections",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "1200",
     .least = 1,
     .most = 100000,
     .help = "most connections at a time"},
    {.name = "connections-per-address",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "64",
     .least = 1,
     .most = 100000,
     .help = "… of one other machine"},
    {.name = "deadline-ms",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "0",
     .most = 3600000,
     .help = "time of a request that does not say; 0 for what fits the route"},
    {.name = "canary-interval",
     .type = OPTION_COUNT,
     .value = "SECONDS",
     .fallback = "3600",
     .most = 31536000,
     .help =
         "how often models are asked for the known answers in their files; 0 for once, when they are loaded"},
    {.name = "clusters-from",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "1000000",
     .most = 1000000000,
     .help = "passages of a collection from which on searches look at the clusters nearest to the query alone; 0 for never"},
    {.name = "slow-ms",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "1000",
     .most = 3600000,
     .help = "from which time on a request is marked in the log"},
    {0},
};

static const struct example examples[] = {
    {"serve", "http://127.0.0.1:8088, and STORE.sock for this machine's command line"},
    {"serve --host 0.0.0.0 --keys keys.txt --allow-host search.example --tls-certificate chain.pem --tls-key "
     "key.pem",
     "for other machines"},
    {0},
};

/* All values of a repeated option; the array is the caller's to free. */
static enum status values_of(const struct arguments *a, const char *name, const char ***out, size_t *n,
                             struct error *err)
{
    size_t count = 0;
    while (arguments_each(a, name, count) != NULL)
        count++;
    const char **values = calloc(count + 1, sizeof *values);
    if (values == NULL)
        return error_memory(err, "starting the server");
    for (size_t i = 0; i < count; i++)
        values[i] = arguments_each(a, name, i);
    *out = values;
    *n = count;
    return STATUS_OK;
}

/* A thread for each connection, and glibc would let eight of them a core have heaps of their own, each with its
 * holes: under a mixed load a third of the server's memory. Two a core are as fast. */
static void share_heaps(void)
{
#ifdef M_ARENA_MAX
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    mallopt(M_ARENA_MAX, 2 * (cores > 0 && cores < 1024 ? (int)cores : 1));
#endif
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct engine *e = NULL;
    struct buf socket;
    const char **hosts = NULL, **origins = NULL;
    struct server_options o = {
        .host = arguments_text(a, "host"),
        .port = (uint16_t)arguments_count(a, "port"),
        .key_file = arguments_text(a, "keys"),
        .certificate = arguments_text(a, "tls-certificate"),
        .certificate_key = arguments_text(a, "tls-key"),
        .keyless = arguments_flag(a, "keyless"),
        .connections = (unsigned)arguments_count(a, "connections"),
        .connections_per_address = (unsigned)arguments_count(a, "connections-per-address"),
        .deadline_ms = (unsigned)arguments_count(a, "deadline-ms"),
        .canary_s = (unsigned)arguments_count(a, "canary-interval"),
        .slow_ms = (unsigned)arguments_count(a, "slow-ms"),
    };
    share_heaps();
    buf_init(&socket, SESSION_PATH + 8);
    enum status status = session_db(s, err);
    if (status == STATUS_OK)
        status = values_of(a, "allow-host", &hosts, &o.host_count, err);
    if (status == STATUS_OK)
        status = values_of(a, "allow-origin", &origins, &o.origin_count, err);
    if (status == STATUS_OK)
        status = buf_printf(&socket, err, "%s.sock", s->db.data);
    if (status == STATUS_OK)
        status = session_make_folder(s, err);
    uint64_t from = arguments_count(a, "clusters-from");
    struct engine_options engine = s->options;
    engine.db = s->db.data;
    engine.mode = STORE_WRITE;
    if (status == STATUS_OK)
        status = engine_open(&engine, &e, err);
    if (status == STATUS_OK)
        store_cluster_from(engine_store(e), from > 0 ? from : UINT64_MAX);
    if (status == STATUS_OK)
        status = worker_start(e, err);
    o.socket_path = socket.data;
    o.hosts = hosts;
    o.origins = origins;
    if (status == STATUS_OK)
        status = server_run(e, &o, err);
    engine_close(e);
    free(hosts);
    free(origins);
    buf_release(&socket);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_serve = {
    .name = "serve",
    .summary = "serve the store over HTTP",
    .details =
        "Listens on an address of this machine and on the socket STORE.sock, through which the other "
        "commands "
        "work while it runs. Its log is one JSON object a request on stderr, without the texts. SIGTERM and "
        "Ctrl-C end it after the requests under way; SIGHUP reads the keys and the "
        "certificate again, and looks again which model is in use.",
    .options = options,
    .examples = examples,
    .run = run,
};
