/* One model, opened: its file, tokenizer, weights and queue, and what can be asked of it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cache.h"
#include "server/engine_state.h"

#define QUERY_CACHE_BYTES ((size_t)16 << 20) /* some 8,000 queries of 512 dimensions */

void loaded_free(struct loaded *m)
{
    if (m == NULL)
        return;
    batcher_free(m->batcher);
    query_cache_free(m->queries);
    model_free(m->model);
    tokenizer_free(m->tokenizer);
    gguf_free(m->file);
    free(m->path);
    free(m);
}

/* The version of a file that is not installed: the one it names where that is a whole number, else 1. */
static unsigned file_version(struct text version)
{
    unsigned number = 0;
    for (size_t i = 0; i < version.len; i++) {
        if (version.data[i] < '0' || version.data[i] > '9' || version.len > 9)
            return 1;
        number = number * 10 + (unsigned)(version.data[i] - '0');
    }
    return number > 0 ? number : 1;
}

/* Names and figures, after everything is open. */
static void describe(struct loaded *m, const struct engine *e, const struct model_ref *ref)
{
    struct engine_model *about = &m->about;
    about->info = model_info(m->model);
    about->tokenizer = m->tokenizer;
    about->path = m->path;
    about->isa = model_isa(m->model);
    about->precision = e->options.precision;
    about->threads = e->options.threads;
    about->installed = ref->name[0] != '\0';
    about->version = about->installed ? ref->version : file_version(about->info->version);
    if (about->installed)
        snprintf(about->name, sizeof about->name, "%s", ref->name);
    else
        snprintf(about->name, sizeof about->name, "%.*s", (int)about->info->name.len, about->info->name.data);
    if (about->installed && !ref->shipped)
        snprintf(about->bound, sizeof about->bound, "%s@%u", ref->name, ref->version);
    else
        snprintf(about->bound, sizeof about->bound, "%s", about->name);
}

enum status loaded_open(const struct engine *e, const struct model_ref *ref, struct loaded **out,
                        struct error *err)
{
    unsigned char digest[CACHE_DIGEST];
    struct model_options options = {.precision = e->options.precision, .isa = e->options.isa};
    struct loaded *m = calloc(1, sizeof *m);
    if (m == NULL || (m->path = strdup(ref->path)) == NULL) {
        loaded_free(m);
        return error_memory(err, "opening a model");
    }
    if (cache_digest(m->path, digest))
        options.digest = digest;
    enum status status = gguf_open(m->path, &m->file, err);
    if (status == STATUS_OK)
        status = tokenizer_open(m->file, options.digest, &m->tokenizer, err);
    if (status == STATUS_OK)
        status = model_open(m->file, &options, &m->model, err);
    if (status == STATUS_OK && tokenizer_size(m->tokenizer) > model_info(m->model)->vocabulary)
        status = error_set(
            err, STATUS_CORRUPT,
            "%s: the tokenizer has %u pieces and the model embeddings for %u; get the file again", m->path,
            (unsigned)tokenizer_size(m->tokenizer), (unsigned)model_info(m->model)->vocabulary);
    bool scores = status == STATUS_OK && model_info(m->model)->scores;
    if (scores && tokenizer_end_id(m->tokenizer) < 0)
        status = error_set(err, STATUS_CORRUPT,
                           "%s is a cross-encoder whose tokenizer has nothing to put between two texts; get the file "
                           "again",
                           m->path);
    if (status == STATUS_OK)
        model_space_id(m->file, &options, m->about.space_id);
    if (status == STATUS_OK && !scores)
        status = query_cache_new(m->about.space_id, model_info(m->model)->width, QUERY_CACHE_BYTES, &m->queries,
                                 err);
    if (status == STATUS_OK)
        status = batcher_new(m->model, e->options.threads, ENGINE_WAITING, &m->batcher, err);
    if (status == STATUS_OK) {
        describe(m, e, ref);
        *out = m;
    } else {
        loaded_free(m);
    }
    return status;
}

struct text prompt_of(const struct loaded *m, enum input_type type)
{
    return type == INPUT_QUERY ? m->about.info->prompt_query : m->about.info->prompt_document;
}

/* ---- known answers ---- */

/* The cosine of a vector of unit length to one that lies unaligned in the file. */
static double cosine_to(const float *vector, const unsigned char *known, size_t width)
{
    double dot = 0, square = 0;
    for (size_t j = 0; j < width; j++) {
        float value;
        memcpy(&value, known + j * sizeof value, sizeof value);
        dot += (double)value * vector[j];
        square += (double)value * value;
    }
    return dot / sqrt(square);
}

static void note_canaries(struct engine *e, struct loaded *m, double lowest)
{
    pthread_mutex_lock(&e->lock);
    if (m->canary_checks++ == 0)
        m->canary_first = lowest;
    m->canary_lowest = lowest;
    m->canary_moved = !(lowest >= MODEL_LEAST_COSINE) ||
                      (m->about.precision == PRECISION_INT8 && lowest != m->canary_first);
    e->canary_failures += m->canary_moved;
    pthread_mutex_unlock(&e->lock);
}

void engine_canary_state(struct engine *e, const struct engine_model *m, struct canary_state *out)
{
    const struct loaded *l = loaded_of(m);
    pthread_mutex_lock(&e->lock);
    *out = (struct canary_state){.answers = m->info->canaries,
                                 .checks = l->canary_checks,
                                 .lowest = l->canary_checks > 0 ? l->canary_lowest : 1,
                                 .moved = l->canary_moved};
    pthread_mutex_unlock(&e->lock);
}

uint64_t engine_canary_failures(struct engine *e)
{
    pthread_mutex_lock(&e->lock);
    uint64_t failures = e->canary_failures;
    pthread_mutex_unlock(&e->lock);
    return failures;
}

enum status engine_canaries(struct engine *e, const struct engine_model *m, struct canary_state *out,
                            struct error *err)
{
    uint32_t n = m->info->canaries;
    struct text *texts = calloc(n + 1, sizeof *texts);
    const unsigned char **answers = calloc(n + 1, sizeof *answers);
    struct embeddings got = {0};
    enum status status = texts != NULL && answers != NULL
                             ? STATUS_OK
                             : error_memory(err, "checking the known answers of the model");
    for (uint32_t i = 0; i < n && status == STATUS_OK; i++)
        model_canary(loaded_of(m)->model, i, &texts[i], &answers[i]);
    /* as bulk, which is never answered from memory */
    if (status == STATUS_OK && n > 0)
        status = engine_embed(e, &(struct embed_request){.model = m, .texts = texts, .n = n, .bulk = true},
                              &got, err);
    if (status == STATUS_OK && n > 0) {
        double lowest = 1;
        for (uint32_t i = 0; i < n; i++)
            lowest = fmin(lowest, cosine_to(got.vectors + i * got.width, answers[i], got.width));
        note_canaries(e, loaded_of(m), lowest);
    }
    if (status == STATUS_OK)
        engine_canary_state(e, m, out);
    embeddings_release(&got);
    free(answers);
    free(texts);
    return status;
}

/* ---- relevance ---- */

double engine_relevance(const struct engine_model *m, double cosine, bool symmetric)
{
    const float *curve = symmetric ? m->info->relevance_symmetric : m->info->relevance;
    return m->info->has_relevance ? 1 / (1 + exp(-(curve[0] * cosine + curve[1]))) : NAN;
}

enum status engine_cosine_for(const struct engine_model *m, double relevance, bool symmetric, double *out,
                              struct error *err)
{
    const float *curve = symmetric ? m->info->relevance_symmetric : m->info->relevance;
    if (!(relevance > 0)) {
        *out = -2;
        return STATUS_OK;
    }
    if (!m->info->has_relevance || !(curve[0] > 0))
        return error_field(err, STATUS_UNSUPPORTED, "min_relevance",
                           "the model %s has no relevance curve; leave min_relevance out", m->bound);
    *out = relevance < 1 ? (log(relevance / (1 - relevance)) - curve[1]) / curve[0] : 2;
    return STATUS_OK;
}
