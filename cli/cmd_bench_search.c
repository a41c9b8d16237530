#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/commands.h"
#include "encoder/peak.h"
#include "index/scan_rate.h"

#define GIGA 1e9

static const struct option options[] = {
    COLLECTION_OPTION("the collection to search"),
    {.name = "limit",
     .letter = 'k',
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "10",
     .least = 1,
     .most = SEARCH_MOST,
     .help = "how many documents a search returns"},
    {.name = "clusters-from",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "1000000",
     .most = 1000000000,
     .help = "passages from which on clusters are made and used, as by serve; 0 for never"},
    BENCH_SECONDS,
    TABLE_FORMAT,
    {0},
};

static const struct example examples[] = {
    {"bench search", "the collection \"default\" of the usual store"},
    {"bench search --db papers.db -k 5 questions.txt", "your own questions on your own documents"},
    {0},
};

/* Bytes of this process in memory. */
static double resident_bytes(void)
{
    long all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL)
        return 0;
    if (fscanf(f, "%ld %ld", &all, &resident) != 2)
        resident = 0;
    fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* The first search, which brings the vectors into memory and says what is wrong with the collection. */
static enum status load(struct bench *b, struct engine *e, const struct embeddings *vectors,
                        struct error *err)
{
    struct hits hits = {0};
    struct engine_query query = {.collection = text_of(arguments_text(b->arguments, "collection")),
                                 .vector = vectors->vectors,
                                 .width = vectors->width,
                                 .k = 1};
    double before = resident_bytes(), start = bench_now();
    enum status status = engine_search(e, &query, 1, &hits, err);
    double seconds = bench_now() - start, passages = (double)hits.candidates;
    hits_release(&hits);
    if (status == STATUS_OK)
        status = bench_figure(
            b,
            &(struct figure){.name = "load",
                             .threads = 1,
                             .value = passages * (double)vectors->width * sizeof(float) / seconds / GIGA,
                             .unit = "GB/s"},
            err);
    if (status == STATUS_OK)
        status = bench_figure(b,
                              &(struct figure){.name = "memory",
                                               .value = (resident_bytes() - before) / passages,
                                               .unit = "bytes/passage"},
                              err);
    return status;
}

/* The scan alone, beside reading as much memory. */
static enum status scan(struct bench *b, const struct engine_model *m, struct collection *c,
                        const float *vector, struct error *err)
{
    struct scan_rate rate;
    double reads = 0;
    enum status status = collection_scan_rate(c, vector, b->seconds, &rate, err);
    if (status == STATUS_OK)
        status = peak_read(m->isa, rate.bytes, 1, bench_peak_seconds(b), &reads, err);
    if (status == STATUS_OK)
        status = bench_note(b, "passages", (double)rate.passages, err);
    if (status == STATUS_OK)
        status = bench_figure(
            b, &(struct figure){.name = "memory read", .threads = 1, .value = reads / GIGA, .unit = "GB/s"},
            err);
    if (status == STATUS_OK)
        status = bench_figure(b,
                              &(struct figure){.name = "scan",
                                               .threads = 1,
                                               .value = GIGA * rate.best / (double)rate.passages,
                                               .unit = "ns/passage",
                                               .median = GIGA * rate.median / (double)rate.passages,
                                               .share = (double)rate.bytes / rate.best / reads},
                              err);
    return status;
}

static enum status search_one(struct bench *b, struct engine *e, const struct embeddings *vectors, size_t i,
                              bool exact, struct hits *out, struct error *err)
{
    struct engine_query query = {.collection = text_of(arguments_text(b->arguments, "collection")),
                                 .text = b->texts[i].text,
                                 .k = arguments_count(b->arguments, "limit"),
                                 .exact = exact};
    if (vectors != NULL) {
        query.vector = vectors->vectors + i * vectors->width;
        query.width = vectors->width;
    }
    return engine_search(e, &query, 1, out, err);
}

/* One search at a time: by the vectors of the texts, or by the texts themselves. */
static enum status search(struct bench *b, struct engine *e, const struct engine_model *m, const char *name,
                          const struct embeddings *vectors, bool exact, struct error *err)
{
    struct times times = {0};
    enum status status = STATUS_OK;
    double until = bench_now() + b->seconds;
    for (size_t at = 0; status == STATUS_OK && (at < b->text_count || bench_now() < until); at++) {
        struct hits hits = {0};
        double start = bench_now();
        status = search_one(b, e, vectors, at % b->text_count, exact, &hits, err);
        if (status == STATUS_OK)
            status = times_add(&times, bench_now() - start, err);
        hits_release(&hits);
    }
    if (status == STATUS_OK)
        status = bench_latency(b, name, m->threads, &times, err);
    times_release(&times);
    return status;
}

/* How much of what is nearest is found by way of clusters: of each text, and of the worst tenth of them. */
static enum status recall(struct bench *b, struct engine *e, const struct embeddings *vectors,
                          struct error *err)
{
    struct times shares = {0};
    double sum = 0, worst = 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < b->text_count && status == STATUS_OK; i++) {
        struct hits some = {0}, all = {0};
        size_t same = 0;
        status = search_one(b, e, vectors, i, false, &some, err);
        if (status == STATUS_OK)
            status = search_one(b, e, vectors, i, true, &all, err);
        for (size_t j = 0; j < some.count && all.count > 0; j++)
            same += some.items[j].cosine >= all.items[all.count - 1].cosine;
        double share = all.count > 0 ? (double)same / (double)all.count : 1;
        sum += share;
        if (status == STATUS_OK)
            status = times_add(&shares, share, err);
        hits_release(&some);
        hits_release(&all);
    }
    times_sort(&shares);
    size_t tenth = b->text_count / 10 > 0 ? b->text_count / 10 : 1;
    for (size_t i = 0; i < tenth && status == STATUS_OK; i++)
        worst += shares.seconds[i];
    times_release(&shares);
    if (status == STATUS_OK)
        status = bench_figure(
            b,
            &(struct figure){
                .name = "found", .of = "mean", .value = sum / (double)b->text_count, .unit = "share"},
            err);
    if (status == STATUS_OK)
        status = bench_figure(
            b,
            &(struct figure){
                .name = "found", .of = "worst tenth", .value = worst / (double)tenth, .unit = "share"},
            err);
    return status;
}

/* Makes clusters, where there are enough passages, and sets searches with them beside exact ones. */
static enum status clusters(struct bench *b, struct engine *e, const struct engine_model *m,
                            struct collection *c, const struct embeddings *vectors, struct error *err)
{
    struct cluster_info info;
    uint64_t from = arguments_count(b->arguments, "clusters-from");
    store_cluster_from(engine_store(e), from > 0 ? from : UINT64_MAX);
    double start = bench_now();
    enum status status = collection_arrange(c, NULL, err);
    double seconds = bench_now() - start;
    collection_clusters(c, &info);
    if (status != STATUS_OK || info.clusters == 0)
        return status;
    status = bench_note(b, "clusters", (double)info.clusters, err);
    if (status == STATUS_OK)
        status = bench_note(b, "cluster_bytes", (double)info.bytes, err);
    if (status == STATUS_OK)
        status = bench_figure(
            b, &(struct figure){.name = "making clusters", .threads = 1, .value = seconds, .unit = "s"}, err);
    if (status == STATUS_OK)
        status = recall(b, e, vectors, err);
    return status == STATUS_OK ? search(b, e, m, "exact search by vector", vectors, true, err) : status;
}

static enum status embed(const struct bench *b, struct engine *e, struct embeddings *out, struct error *err)
{
    struct text *texts = calloc(b->text_count, sizeof *texts);
    if (texts == NULL)
        return error_memory(err, "measuring");
    for (size_t i = 0; i < b->text_count; i++)
        texts[i] = b->texts[i].text;
    enum status status =
        engine_embed(e, &(struct embed_request){.texts = texts, .n = b->text_count, .bulk = true}, out, err);
    free(texts);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct bench b;
    struct engine *e = NULL;
    const struct engine_model *m = NULL;
    struct collection *c = NULL;
    struct embeddings vectors = {0};
    enum status status = bench_init(&b, s, "search", a, arguments_real(a, "seconds"), err);
    if (status == STATUS_OK)
        status = bench_engine(&b, s->options.threads, true, &e, err);
    if (status == STATUS_OK)
        status = engine_model(e, &m, err);
    if (status == STATUS_OK)
        status = embed(&b, e, &vectors, err);
    if (status == STATUS_OK)
        status = load(&b, e, &vectors, err);
    if (status == STATUS_OK)
        status = store_collection_open(engine_store(e), text_of(arguments_text(a, "collection")), &c, err);
    if (status == STATUS_OK)
        status = scan(&b, m, c, vectors.vectors, err);
    if (status == STATUS_OK)
        status = clusters(&b, e, m, c, &vectors, err);
    if (status == STATUS_OK)
        status = search(&b, e, m, "search by vector", &vectors, false, err);
    if (status == STATUS_OK)
        status = search(&b, e, m, "search by text", NULL, false, err);
    if (status == STATUS_OK)
        status = bench_print(&b, err);
    collection_release(c);
    embeddings_release(&vectors);
    engine_close(e);
    bench_release(&b);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_bench_search = {
    .name = "bench search",
    .operands = "[FILE…]",
    .summary = "measure searches in a collection, beside this machine's memory",
    .details = BENCH_DETAILS
    " Texts are the questions. Scan is the inner loop of exact search alone, and its share that of reading "
    "as "
    "much memory in the same run; load is the first search, which reads the stored vectors, and memory what "
    "they "
    "take then; search by vector is what follows encoding, search by text is all of it. With clusters, found "
    "is the "
    "share of the exact answers that searches have.",
    .options = options,
    .examples = examples,
    .most = OPERANDS_ANY,
    .run = run,
};
