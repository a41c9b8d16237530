#include "server/metrics.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "index/job.h"
#include "server/exposition.h"

#define LABELS 192 /* bytes of a sample's labels */

/* Upper bounds of the buckets in seconds: what a single query takes on an idle machine lies in the middle. */
static const double bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30};
enum { BOUNDS = sizeof bounds / sizeof *bounds };

struct route_counts {
    atomic_uint_fast64_t classes[6]; /* by the first digit of the status */
    atomic_uint_fast64_t buckets[BOUNDS + 1];
    atomic_uint_fast64_t microseconds;
};

struct metrics {
    atomic_int_fast64_t in_flight;
    atomic_uint_fast64_t received, sent, connections_refused;
    atomic_uint busy, idle;
    atomic_int_fast64_t certificate_expires; /* 0: no TLS */
    size_t routes;
    struct route_counts counts[]; /* one a route, and one for what found none */
};

struct metrics *metrics_new(void)
{
    size_t n;
    api_routes(&n);
    struct metrics *m = calloc(1, sizeof *m + (n + 1) * sizeof *m->counts);
    if (m != NULL)
        m->routes = n;
    return m;
}

void metrics_free(struct metrics *m)
{
    free(m);
}

void metrics_begin(struct metrics *m)
{
    atomic_fetch_add(&m->in_flight, 1);
}

void metrics_end(struct metrics *m, const struct api_route *route, int status, double seconds,
                 size_t received, size_t sent)
{
    size_t n, bucket = 0;
    const struct api_route *table = api_routes(&n);
    struct route_counts *c = &m->counts[route != NULL ? (size_t)(route - table) : m->routes];
    while (bucket < BOUNDS && seconds > bounds[bucket])
        bucket++;
    atomic_fetch_add(&c->classes[status >= 100 && status < 600 ? status / 100 : 5], 1);
    atomic_fetch_add(&c->buckets[bucket], 1);
    atomic_fetch_add(&c->microseconds, (uint64_t)(seconds * 1e6));
    atomic_fetch_add(&m->received, received);
    atomic_fetch_add(&m->sent, sent);
    atomic_fetch_sub(&m->in_flight, 1);
}

void metrics_connections(struct metrics *m, unsigned open, unsigned busy)
{
    atomic_store(&m->busy, busy);
    atomic_store(&m->idle, open > busy ? open - busy : 0);
}

void metrics_refused(struct metrics *m)
{
    atomic_fetch_add(&m->connections_refused, 1);
}

void metrics_certificate(struct metrics *m, int64_t expires)
{
    atomic_store(&m->certificate_expires, expires);
}

/* ---- writing ---- */

static void labels_of(const struct metrics *m, size_t i, char out[LABELS])
{
    size_t n;
    const struct api_route *table = api_routes(&n);
    bool none = i == m->routes;
    snprintf(out, LABELS, "method=\"%s\",route=\"%s\"", none ? "none" : table[i].method,
             none ? "none" : table[i].pattern);
}

static void write_requests(const struct metrics *m, struct exposition *x)
{
    static const char name[] = "cognate_http_requests_total";
    char labels[LABELS], more[LABELS + 16];
    exposition_family(x, name, "counter", "Requests answered.");
    for (size_t i = 0; i <= m->routes; i++)
        for (unsigned class = 1; class < 6; class ++) {
            uint64_t count = atomic_load(&m->counts[i].classes[class]);
            if (count == 0)
                continue;
            labels_of(m, i, labels);
            snprintf(more, sizeof more, "%s,status=\"%uxx\"", labels, class);
            exposition_sample(x, name, more, (double)count);
        }
}

static void write_durations(const struct metrics *m, struct exposition *x)
{
    static const char name[] = "cognate_http_request_duration_seconds";
    char labels[LABELS];
    exposition_family(x, name, "histogram", "From the request's head to the end of the answer.");
    for (size_t i = 0; i <= m->routes; i++) {
        uint64_t counts[BOUNDS + 1], sum = 0;
        for (size_t j = 0; j <= BOUNDS; j++)
            sum += counts[j] = atomic_load(&m->counts[i].buckets[j]);
        labels_of(m, i, labels);
        if (sum > 0)
            exposition_histogram(x, name, labels, bounds, BOUNDS, counts,
                                 (double)atomic_load(&m->counts[i].microseconds) / 1e6);
    }
}

static void write_http(const struct metrics *m, struct exposition *x)
{
    static const char connections[] = "cognate_http_connections";
    int64_t expires = atomic_load(&m->certificate_expires);
    write_requests(m, x);
    write_durations(m, x);
    exposition_figure(x, "cognate_http_requests_in_flight", "gauge", "Requests being answered.",
                      (double)atomic_load(&m->in_flight));
    exposition_figure(x, "cognate_http_received_bytes_total", "counter", "Bytes of request bodies.",
                      (double)atomic_load(&m->received));
    exposition_figure(x, "cognate_http_sent_bytes_total", "counter", "Bytes of answer bodies.",
                      (double)atomic_load(&m->sent));
    exposition_family(x, connections, "gauge",
                      "Connections that are open, inside a request and between requests.");
    exposition_sample(x, connections, "state=\"busy\"", atomic_load(&m->busy));
    exposition_sample(x, connections, "state=\"idle\"", atomic_load(&m->idle));
    exposition_figure(x, "cognate_http_connections_refused_total", "counter",
                      "Connections beyond the limits, refused before a request.",
                      (double)atomic_load(&m->connections_refused));
    if (expires != 0)
        exposition_figure(x, "cognate_tls_certificate_expiry_timestamp_seconds", "gauge",
                          "When the TLS certificate ends, in Unix time.", (double)expires);
}

static void write_encoder(const struct batch_stats *s, struct exposition *x)
{
    static const char waits[] = "cognate_encoder_wait_seconds", fills[] = "cognate_encoder_batch_tokens";
    const struct {
        const char *name, *type, *help;
        double value;
    } figures[] = {
        {"cognate_encoder_texts_total", "counter", "Sequences through the encoder.", (double)s->texts},
        {"cognate_encoder_tokens_total", "counter", "Tokens through the encoder.", (double)s->tokens},
        {"cognate_encoder_busy_seconds_total", "counter", "Time that encoder threads worked, summed.",
         (double)s->busy_us / 1e6},
        {"cognate_encoder_waiting_calls", "gauge", "Calls in the encoder's queue.", s->calls},
        {"cognate_encoder_refused_total", "counter", "Calls refused because the queue was full.",
         (double)s->refused},
        {"cognate_encoder_dropped_texts_total", "counter",
         "Texts not embedded because their client had left or their time was up.", (double)s->dropped},
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        exposition_figure(x, figures[i].name, figures[i].type, figures[i].help, figures[i].value);
    exposition_family(x, waits, "histogram", "How long texts waited for an encoder thread.");
    exposition_histogram(x, waits, "", batch_wait_bounds, BATCH_WAITS, s->waits, (double)s->waited_us / 1e6);
    exposition_family(x, fills, "histogram", "Tokens in one pass of the encoder.");
    exposition_histogram(x, fills, "", batch_fill_bounds, BATCH_FILLS, s->fills, (double)s->tokens);
}

static void write_queries(const struct query_cache_stats *s, struct exposition *x)
{
    exposition_figure(x, "cognate_query_cache_hits_total", "counter", "Queries whose vectors were in memory.",
                      (double)s->hits);
    exposition_figure(x, "cognate_query_cache_misses_total", "counter",
                      "Queries looked for in memory and not found.", (double)s->misses);
    exposition_figure(x, "cognate_query_cache_entries", "gauge", "Queries in memory.", (double)s->entries);
}

/* A label's value: what it may not hold is left out. */
static void label_text(const char *text, char *out, size_t room)
{
    size_t n = 0;
    for (; *text != '\0' && n + 1 < room; text++)
        if ((unsigned char)*text >= ' ' && *text != '"' && *text != '\\')
            out[n++] = *text;
    out[n] = '\0';
}

/* How near the known answers of each model are to what they should be. */
static void write_canaries(struct engine *e, const struct engine_model **models, size_t n,
                           struct exposition *x)
{
    static const char lowest[] = "cognate_model_canary_lowest_cosine";
    char name[sizeof models[0]->bound], labels[LABELS + sizeof name];
    struct canary_state state;
    exposition_family(x, lowest, "gauge", "Lowest cosine of a model's known answers, at the last check.");
    for (size_t i = 0; i < n; i++) {
        engine_canary_state(e, models[i], &state);
        if (state.checks == 0)
            continue;
        label_text(models[i]->bound, name, sizeof name);
        snprintf(labels, sizeof labels, "model=\"%s\"", name);
        exposition_sample(x, lowest, labels, state.lowest);
    }
    exposition_figure(x, "cognate_model_canary_failures_total", "counter",
                      "Checks that found a model to give other vectors than it should.",
                      (double)engine_canary_failures(e));
}

/* The models in service, without waiting for any. */
static void write_models(struct engine *e, struct exposition *x)
{
    const struct engine_model **models = NULL;
    char name[sizeof models[0]->bound], labels[LABELS + sizeof name];
    size_t n = 0;
    enum status status = engine_models(e, &models, &n, x->err);
    if (status != STATUS_OK) {
        x->status = status;
        return;
    }
    exposition_figure(x, "cognate_model_loaded", "gauge", "Whether the model in use is loaded.",
                      engine_loaded(e));
    exposition_figure(x, "cognate_encoder_threads", "gauge", "Threads of the encoder, of each model.",
                      n > 0 ? models[0]->threads : 0);
    if (n > 0)
        exposition_family(x, "cognate_model_info", "gauge", "The models that are loaded.");
    for (size_t i = 0; i < n; i++) {
        label_text(models[i]->bound, name, sizeof name);
        snprintf(labels, sizeof labels, "model=\"%s\",isa=\"%s\",precision=\"%s\"", name,
                 isa_name(models[i]->isa), models[i]->precision == PRECISION_INT8 ? "int8" : "f32");
        exposition_sample(x, "cognate_model_info", labels, 1);
    }
    write_canaries(e, models, n, x);
    engine_models_free(e, models, n);
}

static void write_engine(struct engine *e, struct exposition *x)
{
    static const char searches[] = "cognate_searches_total";
    struct engine_stats s;
    char labels[LABELS];
    engine_stats(e, &s);
    write_models(e, x);
    write_encoder(&s.encoder, x);
    write_queries(&s.queries, x);
    exposition_figure(x, "cognate_pairs_scored_total", "counter", "Pairs of texts scored by cross-encoders.",
                      (double)s.pairs);
    exposition_family(x, searches, "counter", "Queries answered, by the plan that was followed.");
    for (size_t i = 0; i < s.plan_count; i++) {
        snprintf(labels, sizeof labels, "plan=\"%s\",exact=\"%s\"", s.plans[i].name,
                 s.plans[i].exact ? "true" : "false");
        exposition_sample(x, searches, labels, (double)s.plans[i].searches);
    }
}

static void write_collections(const struct collection_info *infos, size_t n, bool passages,
                              struct exposition *x)
{
    const char *name = passages ? "cognate_collection_passages" : "cognate_collection_documents";
    char labels[LABELS];
    exposition_family(x, name, "gauge",
                      passages ? "Passages in a collection." : "Documents in a collection.");
    for (size_t i = 0; i < n; i++) {
        snprintf(labels, sizeof labels, "collection=\"%.*s\"", (int)infos[i].settings.name.len,
                 infos[i].settings.name.data);
        exposition_sample(x, name, labels, (double)(passages ? infos[i].passages : infos[i].documents));
    }
}

/* Jobs by their state; of those that have ended the store keeps the last. */
static void write_jobs(struct store *s, struct exposition *x)
{
    uint64_t counts[JOB_CANCELLED + 1] = {0};
    struct job *jobs = NULL;
    char labels[LABELS];
    size_t n = 0;
    enum status status = store_jobs(s, &jobs, &n, x->err);
    if (status != STATUS_OK) {
        x->status = status;
        return;
    }
    for (size_t i = 0; i < n; i++)
        counts[jobs[i].state]++;
    jobs_free(jobs, n);
    exposition_family(x, "cognate_jobs", "gauge", "Jobs in the background, by their state.");
    for (size_t i = 0; i <= JOB_CANCELLED; i++) {
        snprintf(labels, sizeof labels, "state=\"%s\"", job_state_names[i]);
        exposition_sample(x, "cognate_jobs", labels, (double)counts[i]);
    }
}

static void write_store(struct store *s, struct exposition *x)
{
    struct store_info info;
    struct collection_info *infos = NULL;
    size_t n = 0;
    enum status status = store_info(s, &info, x->err);
    if (status == STATUS_OK)
        status = store_collections(s, &infos, &n, x->err);
    if (status != STATUS_OK) {
        x->status = status;
        return;
    }
    exposition_figure(x, "cognate_store_bytes", "gauge", "The store's file and its log.",
                      (double)info.file_bytes);
    write_collections(infos, n, false, x);
    write_collections(infos, n, true, x);
    collection_infos_free(infos, n);
    write_jobs(s, x);
}

enum status metrics_write(const struct metrics *m, struct engine *e, struct buf *out, struct error *err)
{
    struct exposition x = {.out = out, .err = err};
    exposition_family(&x, "cognate_build_info", "gauge", "The program.");
    exposition_sample(&x, "cognate_build_info", "version=\"" COGNATE_VERSION "\"", 1);
    if (m != NULL)
        write_http(m, &x);
    write_engine(e, &x);
    if (x.status == STATUS_OK && engine_store(e) != NULL)
        write_store(engine_store(e), &x);
    exposition_process(&x);
    return x.status;
}
