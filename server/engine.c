#include "server/engine_state.h"

#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cache.h"
#include "common/utf8.h"
#include "server/model_path.h"

#define QUERY_CACHE_BYTES ((size_t)16 << 20) /* some 8,000 queries of 512 dimensions */

int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum status check_text(struct text text, const char *field, const char *what, struct error *err)
{
    size_t at = utf8_invalid(text.data, text.len);
    if (at < text.len)
        return error_field(err, STATUS_INVALID, field, "byte %zu of %s is not UTF-8; convert it to UTF-8 first", at,
                           what);
    return STATUS_OK;
}

/* ---- opening and closing ---- */

static unsigned cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > 0 ? (unsigned)n : 1;
}

enum status engine_open(const struct engine_options *options, struct engine **out, struct error *err)
{
    enum status status = STATUS_OK;
    struct engine *e = calloc(1, sizeof *e);
    if (e == NULL)
        return error_memory(err, "opening the engine");
    pthread_mutex_init(&e->loading, NULL);
    pthread_mutex_init(&e->figures, NULL);
    e->options = *options;
    e->options.db = e->options.model = NULL;
    e->options.also = NULL;
    if (e->options.threads == 0)
        e->options.threads = cores();
    if (options->model != NULL) {
        e->model_path = strdup(options->model);
        if (e->model_path == NULL)
            status = error_memory(err, "opening the engine");
    }
    if (status == STATUS_OK)
        status = models_open(e, options, err);
    if (status == STATUS_OK && options->db != NULL)
        status = store_open(options->db, options->mode, options->isa, &e->store, err);
    if (status == STATUS_OK)
        *out = e;
    else
        engine_close(e);
    return status;
}

static void unload(struct engine *e)
{
    batcher_free(e->batcher);
    query_cache_free(e->queries);
    model_free(e->model);
    tokenizer_free(e->tokenizer);
    gguf_free(e->file);
    free(e->path);
    e->batcher = NULL;
    e->queries = NULL;
    e->model = NULL;
    e->tokenizer = NULL;
    e->file = NULL;
    e->path = NULL;
}

void engine_close(struct engine *e)
{
    if (e == NULL)
        return;
    worker_stop(e);
    for (size_t i = 0; i < e->also_count; i++)
        engine_close(e->also[i]);
    free(e->also);
    unload(e);
    store_close(e->store);
    pthread_mutex_destroy(&e->figures);
    pthread_mutex_destroy(&e->loading);
    free(e->model_path);
    free(e);
}

struct store *engine_store(struct engine *e)
{
    return e->store;
}

/* ---- model ---- */

static enum status load(struct engine *e, struct error *err)
{
    unsigned char digest[CACHE_DIGEST];
    struct model_options options = {.precision = e->options.precision, .isa = e->options.isa};
    enum status status = model_path(e->model_path, &e->path, err);
    if (status == STATUS_OK && cache_digest(e->path, digest))
        options.digest = digest;
    if (status == STATUS_OK)
        status = gguf_open(e->path, &e->file, err);
    if (status == STATUS_OK)
        status = tokenizer_open(e->file, options.digest, &e->tokenizer, err);
    if (status == STATUS_OK)
        status = model_open(e->file, &options, &e->model, err);
    if (status == STATUS_OK && tokenizer_size(e->tokenizer) > model_info(e->model)->vocabulary)
        status = error_set(err, STATUS_CORRUPT,
                           "%s: the tokenizer has %u pieces and the model embeddings for %u; get the file again",
                           e->path, (unsigned)tokenizer_size(e->tokenizer),
                           (unsigned)model_info(e->model)->vocabulary);
    if (status == STATUS_OK) {
        model_space_id(e->file, &options, e->about.space_id);
        status = query_cache_new(e->about.space_id, model_info(e->model)->width, QUERY_CACHE_BYTES, &e->queries, err);
    }
    if (status == STATUS_OK)
        status = batcher_new(e->model, e->options.threads, ENGINE_WAITING, &e->batcher, err);
    if (status != STATUS_OK) {
        unload(e);
        return status;
    }
    e->about.info = model_info(e->model);
    e->about.tokenizer = e->tokenizer;
    e->about.path = e->path;
    e->about.isa = model_isa(e->model);
    e->about.precision = e->options.precision;
    e->about.threads = e->options.threads;
    snprintf(e->about.name, sizeof e->about.name, "%.*s", (int)e->about.info->name.len, e->about.info->name.data);
    return STATUS_OK;
}

enum status engine_load(struct engine *e, struct error *err)
{
    enum status status = STATUS_OK;
    if (atomic_load(&e->loaded))
        return STATUS_OK;
    pthread_mutex_lock(&e->loading);
    if (!atomic_load(&e->loaded)) {
        status = load(e, err);
        atomic_store(&e->loaded, status == STATUS_OK);
    }
    pthread_mutex_unlock(&e->loading);
    return status;
}

bool engine_loaded(const struct engine *e)
{
    return atomic_load(&e->loaded);
}

enum status engine_model(struct engine *e, const struct engine_model **out, struct error *err)
{
    enum status status = engine_load(e, err);
    if (status == STATUS_OK)
        *out = &e->about;
    return status;
}

struct text prompt_of(const struct engine *e, enum input_type type)
{
    return type == INPUT_QUERY ? e->about.info->prompt_query : e->about.info->prompt_document;
}

enum status engine_canaries(struct engine *e, double *lowest, uint32_t *count, struct error *err)
{
    enum status status = engine_load(e, err);
    if (status != STATUS_OK)
        return status;
    uint32_t n = e->about.info->canaries;
    size_t width = e->about.info->width;
    struct text *texts = calloc(n + 1, sizeof *texts);
    const unsigned char **answers = calloc(n + 1, sizeof *answers);
    struct embeddings got = {0};
    if (texts == NULL || answers == NULL) {
        status = error_memory(err, "checking the known answers of the model");
        goto done;
    }
    for (uint32_t i = 0; i < n; i++)
        model_canary(e->model, i, &texts[i], &answers[i]);
    /* as bulk, which is never answered from memory */
    status = engine_embed(e, &(struct embed_request){.texts = texts, .n = n, .bulk = true}, &got, err);
    if (status != STATUS_OK)
        goto done;
    double least = 1;
    for (uint32_t i = 0; i < n; i++) {
        double dot = 0, square = 0;
        for (size_t j = 0; j < width; j++) {
            float known;
            memcpy(&known, answers[i] + j * sizeof known, sizeof known);
            dot += (double)known * got.vectors[i * width + j];
            square += (double)known * known;
        }
        least = fmin(least, dot / sqrt(square));
    }
    *lowest = least;
    *count = n;
done:
    embeddings_release(&got);
    free(answers);
    free(texts);
    return status;
}

enum status engine_relevance(struct engine *e, double cosine, bool symmetric, double *out, struct error *err)
{
    enum status status = engine_load(e, err);
    if (status != STATUS_OK)
        return status;
    const struct model_info *info = e->about.info;
    const float *curve = symmetric ? info->relevance_symmetric : info->relevance;
    *out = info->has_relevance ? 1 / (1 + exp(-(curve[0] * cosine + curve[1]))) : NAN;
    return STATUS_OK;
}

enum status engine_cosine_for(struct engine *e, double relevance, bool symmetric, double *out, struct error *err)
{
    if (!(relevance > 0)) {
        *out = -2;
        return STATUS_OK;
    }
    enum status status = engine_load(e, err);
    if (status != STATUS_OK)
        return status;
    const struct model_info *info = e->about.info;
    const float *curve = symmetric ? info->relevance_symmetric : info->relevance;
    if (!info->has_relevance || !(curve[0] > 0))
        return error_field(err, STATUS_UNSUPPORTED, "min_relevance",
                           "the model %s has no relevance curve; leave min_relevance out", e->about.name);
    *out = relevance < 1 ? (log(relevance / (1 - relevance)) - curve[1]) / curve[0] : 2;
    return STATUS_OK;
}

/* ---- collections ---- */

enum status need_store(const struct engine *e, struct error *err)
{
    return e->store != NULL ? STATUS_OK : error_set(err, STATUS_UNAVAILABLE, "there is no store here; give one with --db");
}

enum status check_space(const struct engine *e, const struct collection_settings *settings, struct error *err)
{
    if (memcmp(settings->space_id, e->about.space_id, sizeof e->about.space_id) == 0)
        return STATUS_OK;
    bool same_name = text_is(settings->model, e->about.name);
    return error_set(err, STATUS_MODEL_MISMATCH,
                     "the collection %.*s was made with %s %.*s, and %s is loaded; start with %s, or index the "
                     "documents again into a new collection",
                     (int)settings->name.len, settings->name.data,
                     same_name ? "another version, precision or arithmetic of" : "the model",
                     (int)settings->model.len, settings->model.data, e->about.name,
                     same_name ? "that one" : "that model");
}

enum status engine_collection_create(struct engine *e, struct text name, const struct passage_options *passages,
                                     bool keywords, struct error *err)
{
    enum status status = need_store(e, err);
    if (status == STATUS_OK)
        status = engine_load(e, err);
    if (status != STATUS_OK)
        return status;
    uint32_t most = passages->max_tokens != 0 ? passages->max_tokens : 200;
    uint32_t overlap = passages->overlap_tokens == UINT32_MAX ? 0
                       : passages->overlap_tokens != 0       ? passages->overlap_tokens
                       : most / 2 < 40                       ? most / 2
                                                             : 40;
    if (most < 32 || most > e->about.info->context)
        return error_field(err, STATUS_INVALID, "passage_tokens", "passage_tokens must be 32 to %u with the model %s",
                           (unsigned)e->about.info->context, e->about.name);
    if (overlap > most / 2)
        return error_field(err, STATUS_INVALID, "passage_overlap",
                           "passage_overlap must be at most half of passage_tokens, %u", (unsigned)(most / 2));
    struct collection_settings settings = {.name = name,
                                           .model = text_of(e->about.name),
                                           .width = e->about.info->width,
                                           .passage_tokens = most,
                                           .passage_overlap = overlap,
                                           .no_keywords = !keywords};
    memcpy(settings.space_id, e->about.space_id, sizeof settings.space_id);
    return store_collection_create(e->store, &settings, err);
}

/* ---- figures ---- */

void count_search(struct engine *e, const struct hits *hits)
{
    size_t i = 0;
    pthread_mutex_lock(&e->figures);
    while (i < e->plan_count && (e->plans[i].exact != hits->exact || strcmp(e->plans[i].name, hits->plan) != 0))
        i++;
    if (i == ENGINE_PLANS)
        i--;
    if (i == e->plan_count)
        e->plans[e->plan_count++] = (struct engine_plan){.name = hits->plan, .exact = hits->exact};
    e->plans[i].searches++;
    pthread_mutex_unlock(&e->figures);
}

void engine_stats(struct engine *e, struct engine_stats *out)
{
    *out = (struct engine_stats){0};
    if (engine_loaded(e)) {
        batcher_stats(e->batcher, &out->encoder);
        query_cache_stats(e->queries, &out->queries);
    }
    pthread_mutex_lock(&e->figures);
    memcpy(out->plans, e->plans, sizeof e->plans);
    out->plan_count = e->plan_count;
    pthread_mutex_unlock(&e->figures);
}
