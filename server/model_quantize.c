#include "server/model_quantize.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "encoder/requantize.h"
#include "server/handler.h"
#include "server/timestamp.h"

#define QUERIES 200 /* texts whose nearest ones are looked for */

/* ---- vectors ---- */

/* The vectors of texts with a model file, and texts a second. */
static enum status embed(const char *path, const struct engine_options *options, enum precision precision,
                         const struct text *texts, size_t n, enum input_type type, struct embeddings *out,
                         double *rate, struct error *err)
{
    struct engine *e = NULL;
    struct engine_options own = *options;
    own.db = NULL;
    own.model = path;
    own.precision = precision;
    enum status status = engine_open(&own, &e, err);
    if (status == STATUS_OK)
        status = engine_load(e, err);
    double start = clock_ms();
    if (status == STATUS_OK)
        status = engine_embed(
            e, &(struct embed_request){.texts = texts, .n = n, .input_type = type, .bulk = true}, out, err);
    if (rate != NULL && clock_ms() > start)
        *rate = (double)n / (clock_ms() - start) * 1000;
    engine_close(e);
    return status;
}

/* ---- known answers ---- */

/* Writes the file again with the answers that the new weights give in f32. */
static enum status renew_answers(const struct quantization *q, const struct gguf *source, const char *path,
                                 const struct engine_options *options, struct error *err)
{
    struct gguf_array list;
    struct embeddings v = {0};
    size_t at = 0;
    if (gguf_array(source, "cognate.canary.texts", GGUF_STRING, &list, NULL) != STATUS_OK)
        return STATUS_OK;
    struct text *texts = calloc(list.count + 1, sizeof *texts);
    enum status status = texts != NULL ? STATUS_OK : error_memory(err, "working out known answers");
    for (uint64_t i = 0; i < list.count && status == STATUS_OK; i++)
        texts[i] = gguf_array_text(&list, &at);
    if (status == STATUS_OK)
        status = embed(path, options, PRECISION_F32, texts, list.count, INPUT_QUERY, &v, NULL, err);
    if (status == STATUS_OK)
        status = requantize(source, q->type, v.vectors, v.rows * v.width, path, err);
    embeddings_release(&v);
    free(texts);
    return status;
}

/* ---- comparing ---- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* The documents nearest to a query, that of its own text left out, nearest first. */
static void nearest(const float *query, const struct embeddings *documents, size_t self,
                    size_t out[QUANTIZE_DEPTH])
{
    double best[QUANTIZE_DEPTH];
    size_t n = 0;
    for (size_t i = 0; i < documents->rows; i++) {
        double cosine = dot(query, documents->vectors + i * documents->width, documents->width);
        if (i == self || (n == QUANTIZE_DEPTH && cosine <= best[n - 1]))
            continue;
        size_t at = n < QUANTIZE_DEPTH ? n++ : n - 1;
        for (; at > 0 && best[at - 1] < cosine; at--) {
            best[at] = best[at - 1];
            out[at] = out[at - 1];
        }
        best[at] = cosine;
        out[at] = i;
    }
}

static double overlap_of(const struct embeddings queries[2], const struct embeddings documents[2],
                         size_t step)
{
    size_t common = 0, asked = 0;
    for (size_t i = 0; i < queries[0].rows; i++, asked++) {
        size_t near[2][QUANTIZE_DEPTH];
        for (size_t side = 0; side < 2; side++)
            nearest(queries[side].vectors + i * queries[side].width, &documents[side], i * step, near[side]);
        for (size_t j = 0; j < QUANTIZE_DEPTH; j++)
            for (size_t k = 0; k < QUANTIZE_DEPTH; k++)
                common += near[0][j] == near[1][k];
    }
    return (double)common / (double)(asked * QUANTIZE_DEPTH);
}

static void compare_vectors(const struct embeddings documents[2], struct quantize_report *report)
{
    double sum = 0;
    report->cosine_lowest = 1;
    for (size_t i = 0; i < documents[0].rows; i++) {
        double cosine = dot(documents[0].vectors + i * documents[0].width,
                            documents[1].vectors + i * documents[1].width, documents[0].width);
        sum += cosine;
        report->cosine_lowest = cosine < report->cosine_lowest ? cosine : report->cosine_lowest;
    }
    report->cosine_mean = sum / (double)documents[0].rows;
    report->texts = documents[0].rows;
}

/* Every so manieth of the texts, so that there are at most `most`. */
static struct text *take(const struct text *texts, size_t n, size_t most, size_t *step, size_t *taken)
{
    *step = (n + most - 1) / most;
    struct text *out = calloc(n / *step + 1, sizeof *out);
    *taken = 0;
    for (size_t i = 0; i < n && out != NULL; i += *step)
        out[(*taken)++] = texts[i];
    return out;
}

static enum status compare(const struct quantization *q, const char *path,
                           const struct engine_options *options, struct quantize_report *report,
                           struct error *err)
{
    const char *paths[2] = {q->from->path, path};
    double rates[2] = {0, 0};
    struct embeddings queries[2] = {{0}, {0}}, documents[2] = {{0}, {0}};
    size_t step, n, query_step, query_count = 0;
    struct text *texts = take(q->texts, q->count, QUANTIZE_TEXTS, &step, &n);
    struct text *asked = texts != NULL ? take(texts, n, QUERIES, &query_step, &query_count) : NULL;
    enum status status = asked != NULL ? STATUS_OK : error_memory(err, "comparing two models");
    if (status == STATUS_OK && n <= QUANTIZE_DEPTH)
        status =
            error_set(err, STATUS_INVALID, "%zu texts are too few to compare models with; give more than %d",
                      n, QUANTIZE_DEPTH);
    for (size_t side = 0; side < 2 && status == STATUS_OK; side++) {
        status = embed(paths[side], options, options->precision, asked, query_count, INPUT_QUERY,
                       &queries[side], NULL, err);
        if (status == STATUS_OK)
            status = embed(paths[side], options, options->precision, texts, n, INPUT_DOCUMENT,
                           &documents[side], &rates[side], err);
    }
    if (status == STATUS_OK) {
        compare_vectors(documents, report);
        report->overlap = overlap_of(queries, documents, query_step);
        report->speed_before = rates[0];
        report->speed_after = rates[1];
    }
    for (size_t side = 0; side < 2; side++) {
        embeddings_release(&queries[side]);
        embeddings_release(&documents[side]);
    }
    free(asked);
    free(texts);
    return status;
}

/* ---- the call ---- */

json_t *quantize_report_json(const struct quantize_report *r)
{
    return json_pack("{s:I, s:f, s:f, s:f, s:I, s:I, s:f, s:f}", "texts", (json_int_t)r->texts, "cosine_mean",
                     r->cosine_mean, "cosine_lowest", r->cosine_lowest, "overlap_at_10", r->overlap,
                     "bytes_before", (json_int_t)r->bytes_before, "bytes_after", (json_int_t)r->bytes_after,
                     "texts_per_second_before", r->speed_before, "texts_per_second_after", r->speed_after);
}

/* The facts for the manifest. */
static enum status describe(const struct quantization *q, const char *path,
                            const struct quantize_report *report, json_t **out, struct error *err)
{
    char when[TIMESTAMP_BYTES], from[MODEL_SPEC];
    json_t *facts = NULL;
    enum status status = model_facts(path, &facts, err);
    if (status != STATUS_OK)
        return status;
    model_ref_spec(q->from, from);
    timestamp_write(timestamp_now(), when);
    if (json_object_set_new(facts, "origin", json_sprintf("made of %s by cognate model quantize", from)) !=
            0 ||
        json_object_set_new(facts, "added", json_string(when)) != 0 ||
        json_object_set_new(facts, "quality", quantize_report_json(report)) != 0) {
        json_decref(facts);
        return error_memory(err, "describing a model");
    }
    *out = facts;
    return STATUS_OK;
}

static uint64_t size_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
}

enum status model_quantize(const struct quantization *q, const struct engine_options *options,
                           struct model_ref *out, struct quantize_report *report, struct error *err)
{
    struct model_install in = {.held = -1};
    struct gguf *source = NULL;
    json_t *facts = NULL;
    const char *name = q->name != NULL ? q->name : q->from->name;
    *report = (struct quantize_report){0};
    enum status status = model_store_check_name(name, "the name of a model", err);
    if (status == STATUS_OK)
        status = model_install_begin(&in, err);
    if (status == STATUS_OK)
        status = gguf_open(q->from->path, &source, err);
    if (status == STATUS_OK)
        status = requantize(source, q->type, NULL, 0, in.path, err);
    if (status == STATUS_OK)
        status = renew_answers(q, source, in.path, options, err);
    if (status == STATUS_OK) {
        report->bytes_before = size_of(q->from->path);
        report->bytes_after = size_of(in.path);
        status = compare(q, in.path, options, report, err);
    }
    if (status == STATUS_OK)
        status = describe(q, in.path, report, &facts, err);
    if (status == STATUS_OK)
        status = model_install_commit(&in, name, 0, facts, out, err);
    json_decref(facts);
    gguf_free(source);
    model_install_end(&in);
    return status;
}
