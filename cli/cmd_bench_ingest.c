#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/bench.h"
#include "cli/commands.h"
#include "common/npy.h"
#include "common/file.h"

#define BATCH      1000 /* documents of a transaction */
#define COLLECTION "default"
#define TOKENS     200 /* of a passage, as a new collection has it */
#define OVERLAP    40

static const struct option options[] = {
    {.name = "vectors",
     .type = OPTION_TEXT,
     .value = "FILE",
     .help = "the texts' vectors, as \"embed --format npy --input-type document\" prints them"},
    {.name = "store", .type = OPTION_TEXT, .value = "FILE", .help = "the new store to fill; it is kept"},
    {.name = "no-keywords", .type = OPTION_FLAG, .help = "leave the keyword index out"},
    TABLE_FORMAT,
    {0},
};

static const struct example examples[] = {
    {"embed --format npy --input-type document < texts.txt > texts.npy", "first, the vectors"},
    {"bench ingest --vectors texts.npy --store trial.db texts.txt", "then how fast they go into a store"},
    {"bench search --db trial.db", "and how fast they are found"},
    {0},
};

struct ingest {
    struct bench *bench;
    struct npy vectors;
    struct store *store;
    struct collection *collection;
    float *floats; /* (BATCH, width) */
    struct document_row rows[BATCH];
    struct passage_row passages[BATCH];
    struct put_result results[BATCH];
    char ids[BATCH][24];
};

/* Documents `first` … first + n - 1, each of one passage. The content is told apart by its number. */
static enum status put(struct ingest *i, size_t first, size_t n, struct error *err)
{
    size_t width = i->vectors.width;
    for (size_t j = 0; j < n; j++) {
        const struct bench_text *text = &i->bench->texts[first + j];
        float *vector = i->floats + j * width;
        snprintf(i->ids[j], sizeof i->ids[j], "text-%010zu", first + j);
        npy_row(&i->vectors, first + j, vector);
        i->passages[j] = (struct passage_row){.end = text->text.len, .tokens = 1, .vector = vector};
        i->rows[j] = (struct document_row){.id = text_of(i->ids[j]),
                                           .lang = text_of(text->lang),
                                           .text = text->text,
                                           .passages = &i->passages[j],
                                           .passage_count = 1};
        memcpy(i->rows[j].content_hash, &(uint64_t){first + j + 1}, sizeof(uint64_t));
    }
    enum status status = collection_put(i->collection, i->rows, n, PUT_CREATE, i->results, err);
    for (size_t j = 0; j < n && status == STATUS_OK; j++)
        if (i->results[j].outcome == PUT_FAILED)
            status = error_set(err, i->results[j].error.status, "text %zu: %s", first + j + 1,
                               i->results[j].error.text);
    return status;
}

/* All batches, each timed. */
static enum status fill(struct ingest *i, struct error *err)
{
    struct times times = {0}; /* seconds a document */
    double all = 0;
    size_t n = i->bench->text_count;
    enum status status = STATUS_OK;
    for (size_t first = 0; first < n && status == STATUS_OK; first += BATCH) {
        size_t count = n - first < BATCH ? n - first : BATCH;
        double start = bench_now();
        status = put(i, first, count, err);
        double seconds = bench_now() - start;
        all += seconds;
        if (status == STATUS_OK)
            status = times_add(&times, seconds / (double)count, err);
    }
    if (status == STATUS_OK) {
        times_sort(&times);
        status = bench_figure(i->bench,
                              &(struct figure){.name = "ingest",
                                               .of = "best batch",
                                               .threads = 1,
                                               .value = 1 / times.seconds[0],
                                               .unit = "passages/s",
                                               .median = 1 / times_at(&times, 0.5)},
                              err);
        if (status == STATUS_OK)
            status = bench_figure(i->bench,
                                  &(struct figure){.name = "ingest",
                                                   .of = "all",
                                                   .threads = 1,
                                                   .value = (double)n / all,
                                                   .unit = "passages/s"},
                                  err);
    }
    times_release(&times);
    return status;
}

static enum status create(struct ingest *i, const struct engine_model *m, const char *path, struct error *err)
{
    const struct bench *b = i->bench;
    struct collection_settings settings = {.name = text_of(COLLECTION),
                                           .model = text_of(m->name),
                                           .width = m->info->width,
                                           .passage_tokens = TOKENS,
                                           .passage_overlap = OVERLAP,
                                           .no_keywords = arguments_flag(b->arguments, "no-keywords")};
    memcpy(settings.space_id, m->space_id, sizeof settings.space_id);
    enum status status = store_open(path, STORE_WRITE, b->session->options.isa, &i->store, err);
    if (status == STATUS_OK)
        status = store_collection_create(i->store, &settings, err);
    if (status == STATUS_OK)
        status = store_collection_open(i->store, settings.name, &i->collection, err);
    return status;
}

/* What a passage takes in the file, once the store is closed. */
static enum status measure_file(struct bench *b, const char *path, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return error_system(err, errno, "look at", path);
    enum status status = bench_note(b, "text_bytes", (double)b->bytes.len / (double)b->text_count, err);
    if (status == STATUS_OK)
        status = bench_figure(b,
                              &(struct figure){.name = "file",
                                               .value = (double)st.st_size / (double)b->text_count,
                                               .unit = "bytes/passage"},
                              err);
    return status;
}

static enum status read_vectors(struct ingest *i, const struct engine_model *m, const char *path,
                                struct mapping *file, struct error *err)
{
    enum status status = mapping_open(file, path, err);
    if (status == STATUS_OK)
        status = npy_read(&i->vectors, path, file->data, file->size, err);
    if (status == STATUS_OK && i->vectors.width != m->info->width)
        status = error_set(err, STATUS_INVALID, "%s has rows of %zu numbers, those of the model %s have %u",
                           path, i->vectors.width, m->name, (unsigned)m->info->width);
    if (status == STATUS_OK && i->vectors.count < i->bench->text_count)
        status = error_set(err, STATUS_INVALID, "%s has %zu rows for %zu texts", path, i->vectors.count,
                           i->bench->text_count);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct bench b;
    struct ingest *i = calloc(1, sizeof *i);
    struct engine *e = NULL;
    const struct engine_model *m = NULL;
    struct mapping file = {0};
    const char *path = arguments_text(a, "store"), *vectors = arguments_text(a, "vectors");
    enum status status = bench_init(&b, s, "ingest", a, 0, err);
    if (status == STATUS_OK && i == NULL)
        status = error_memory(err, "measuring");
    if (status == STATUS_OK && (path == NULL || vectors == NULL))
        status = error_set(err, STATUS_INVALID, "bench ingest needs --vectors FILE and --store FILE");
    if (status == STATUS_OK && access(path, F_OK) == 0)
        status = error_set(err, STATUS_CONFLICT, "%s exists already; name a new store", path);
    if (status == STATUS_OK)
        status = bench_engine(&b, 1, false, &e, err);
    if (status == STATUS_OK)
        status = engine_model(e, &m, err);
    if (status == STATUS_OK) {
        i->bench = &b;
        status = read_vectors(i, m, vectors, &file, err);
    }
    if (status == STATUS_OK && (i->floats = malloc(BATCH * i->vectors.width * sizeof *i->floats)) == NULL)
        status = error_memory(err, "measuring");
    if (status == STATUS_OK)
        status = create(i, m, path, err);
    if (status == STATUS_OK)
        status = fill(i, err);
    if (i != NULL) {
        collection_release(i->collection);
        store_close(i->store);
        free(i->floats);
    }
    if (status == STATUS_OK)
        status = measure_file(&b, path, err);
    if (status == STATUS_OK)
        status = bench_print(&b, err);
    mapping_close(&file);
    engine_close(e);
    free(i);
    bench_release(&b);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_bench_ingest = {
    .name = "bench ingest",
    .operands = "FILE…",
    .summary = "measure how fast texts with their vectors go into a store",
    .details =
        "FILE has a text on each line, each a document of one passage. They are written to a new store in "
        "transactions of 1,000, each on the disk before the next, and the store is kept for bench search.",
    .options = options,
    .examples = examples,
    .least = 1,
    .most = OPERANDS_ANY,
    .run = run,
};
