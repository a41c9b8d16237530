#include "server/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

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
    atomic_uint_fast64_t received, sent;
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

/* ---- writing ---- */

static enum status head(struct buf *out, const char *name, const char *type, const char *help,
                        struct error *err)
{
    return buf_printf(out, err, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static enum status single(struct buf *out, const char *name, const char *type, const char *help, double value,
                          struct error *err)
{
    enum status status = head(out, name, type, help, err);
    return status == STATUS_OK ? buf_printf(out, err, "%s %.15g\n", name, value) : status;
}

static void labels(const struct metrics *m, size_t i, char out[160])
{
    size_t n;
    const struct api_route *table = api_routes(&n);
    bool none = i == m->routes;
    snprintf(out, 160, "method=\"%s\",route=\"%s\"", none ? "none" : table[i].method,
             none ? "none" : table[i].pattern);
}

static enum status write_requests(const struct metrics *m, struct buf *out, struct error *err)
{
    enum status status = head(out, "cognate_http_requests_total", "counter", "Requests answered.", err);
    for (size_t i = 0; i <= m->routes; i++)
        for (unsigned class = 1; class < 6 && status == STATUS_OK; class ++) {
            char text[160];
            uint64_t count = atomic_load(&m->counts[i].classes[class]);
            labels(m, i, text);
            if (count > 0)
                status = buf_printf(out, err, "cognate_http_requests_total{%s,status=\"%uxx\"} %" PRIu64 "\n",
                                    text, class, count);
        }
    return status;
}

static enum status write_histogram(const struct metrics *m, size_t i, struct buf *out, struct error *err)
{
    static const char name[] = "cognate_http_request_duration_seconds";
    const struct route_counts *c = &m->counts[i];
    enum status status = STATUS_OK;
    uint64_t sum = 0;
    char text[160];
    labels(m, i, text);
    for (size_t j = 0; j < BOUNDS; j++)
        sum += atomic_load(&c->buckets[j]);
    if (sum + atomic_load(&c->buckets[BOUNDS]) == 0)
        return STATUS_OK;
    sum = 0;
    for (size_t j = 0; j < BOUNDS && status == STATUS_OK; j++) {
        sum += atomic_load(&c->buckets[j]);
        status = buf_printf(out, err, "%s_bucket{%s,le=\"%g\"} %" PRIu64 "\n", name, text, bounds[j], sum);
    }
    sum += atomic_load(&c->buckets[BOUNDS]);
    if (status == STATUS_OK)
        status = buf_printf(
            out, err, "%s_bucket{%s,le=\"+Inf\"} %" PRIu64 "\n%s_sum{%s} %.6f\n%s_count{%s} %" PRIu64 "\n",
            name, text, sum, name, text, (double)atomic_load(&c->microseconds) / 1e6, name, text, sum);
    return status;
}

static enum status write_http(const struct metrics *m, struct buf *out, struct error *err)
{
    enum status status = write_requests(m, out, err);
    if (status == STATUS_OK)
        status = head(out, "cognate_http_request_duration_seconds", "histogram",
                      "From the request's head to the end of the answer.", err);
    for (size_t i = 0; i <= m->routes && status == STATUS_OK; i++)
        status = write_histogram(m, i, out, err);
    if (status == STATUS_OK)
        status = single(out, "cognate_http_requests_in_flight", "gauge", "Requests being answered.",
                        (double)atomic_load(&m->in_flight), err);
    if (status == STATUS_OK)
        status = single(out, "cognate_http_received_bytes_total", "counter", "Bytes of request bodies.",
                        (double)atomic_load(&m->received), err);
    if (status == STATUS_OK)
        status = single(out, "cognate_http_sent_bytes_total", "counter", "Bytes of answer bodies.",
                        (double)atomic_load(&m->sent), err);
    return status;
}

static enum status write_engine(struct engine *e, struct buf *out, struct error *err)
{
    struct engine_stats s;
    engine_stats(e, &s);
    const struct {
        const char *name, *type, *help;
        double value;
    } figures[] = {
        {"cognate_model_loaded", "gauge", "Whether the model is loaded.", engine_loaded(e)},
        {"cognate_encoder_texts_total", "counter", "Sequences through the encoder.", (double)s.texts},
        {"cognate_encoder_tokens_total", "counter", "Tokens through the encoder.", (double)s.tokens},
        {"cognate_encoder_batches_total", "counter", "Batches through the encoder.", (double)s.batches},
        {"cognate_encoder_busy_seconds_total", "counter", "Time that encoder threads worked, summed.",
         (double)s.busy_us / 1e6},
        {"cognate_encoder_waiting_calls", "gauge", "Calls in the encoder's queue.", s.waiting},
        {"cognate_encoder_refused_total", "counter", "Calls refused because the queue was full.",
         (double)s.refused},
        {"cognate_encoder_dropped_texts_total", "counter",
         "Texts not embedded because their client had left or their time was up.", (double)s.dropped},
        {"cognate_searches_total", "counter", "Queries answered.", (double)s.searches},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof figures / sizeof *figures && status == STATUS_OK; i++)
        status = single(out, figures[i].name, figures[i].type, figures[i].help, figures[i].value, err);
    return status;
}

static enum status write_collections(const struct collection_info *infos, size_t n, bool passages,
                                     struct buf *out, struct error *err)
{
    const char *name = passages ? "cognate_collection_passages" : "cognate_collection_documents";
    enum status status =
        head(out, name, "gauge", passages ? "Passages in a collection." : "Documents in a collection.", err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = buf_printf(out, err, "%s{collection=\"%.*s\"} %" PRIu64 "\n", name,
                            (int)infos[i].settings.name.len, infos[i].settings.name.data,
                            passages ? infos[i].passages : infos[i].documents);
    return status;
}

static enum status write_store(struct store *s, struct buf *out, struct error *err)
{
    struct store_info info;
    struct collection_info *infos = NULL;
    size_t n = 0;
    enum status status = store_info(s, &info, err);
    if (status == STATUS_OK)
        status = single(out, "cognate_store_bytes", "gauge", "The store's file and its log.",
                        (double)info.file_bytes, err);
    if (status == STATUS_OK)
        status = store_collections(s, &infos, &n, err);
    if (status == STATUS_OK)
        status = write_collections(infos, n, false, out, err);
    if (status == STATUS_OK)
        status = write_collections(infos, n, true, out, err);
    collection_infos_free(infos, n);
    return status;
}

/* Second field of /proc/self/statm: resident pages. */
static double resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

static double open_files(void)
{
    double n = 0;
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        n += entry->d_name[0] != '.';
    closedir(folder);
    return n - 1; /* the folder itself */
}

static enum status write_process(struct buf *out, struct error *err)
{
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    enum status status =
        single(out, "process_cpu_seconds_total", "counter", "User and system time.", seconds, err);
    if (status == STATUS_OK)
        status =
            single(out, "process_resident_memory_bytes", "gauge", "Resident memory.", resident_bytes(), err);
    if (status == STATUS_OK)
        status = single(out, "process_open_fds", "gauge", "Open files and sockets.", open_files(), err);
    return status;
}

enum status metrics_write(const struct metrics *m, struct engine *e, struct buf *out, struct error *err)
{
    enum status status = head(out, "cognate_build_info", "gauge", "The program.", err);
    if (status == STATUS_OK)
        status = buf_printf(out, err, "cognate_build_info{version=\"%s\"} 1\n", COGNATE_VERSION);
    if (status == STATUS_OK && m != NULL)
        status = write_http(m, out, err);
    if (status == STATUS_OK)
        status = write_engine(e, out, err);
    if (status == STATUS_OK && engine_store(e) != NULL)
        status = write_store(engine_store(e), out, err);
    return status == STATUS_OK ? write_process(out, err) : status;
}
