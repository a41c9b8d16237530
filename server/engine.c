#include "server/engine_state.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/utf8.h"
#include "tokenizer/language.h"

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
        return error_field(err, STATUS_INVALID, field,
                           "byte %zu of %s is not UTF-8; convert it to UTF-8 first", at, what);
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
    pthread_mutex_init(&e->lock, NULL);
    pthread_mutex_init(&e->figures, NULL);
    e->options = *options;
    e->options.db = e->options.model = NULL;
    if (e->options.threads == 0)
        e->options.threads = cores();
    if (options->model != NULL && (e->asked = strdup(options->model)) == NULL)
        status = error_memory(err, "opening the engine");
    if (status == STATUS_OK && options->db != NULL)
        status = store_open(options->db, options->mode, options->isa, &e->store, err);
    if (status == STATUS_OK && e->store != NULL && options->mode == STORE_WRITE)
        status = store_tell_languages(e->store, language_of_passage, err);
    if (status == STATUS_OK)
        *out = e;
    else
        engine_close(e);
    return status;
}

void engine_close(struct engine *e)
{
    if (e == NULL)
        return;
    worker_stop(e);
    models_close(e);
    store_close(e->store);
    pthread_mutex_destroy(&e->figures);
    pthread_mutex_destroy(&e->lock);
    pthread_mutex_destroy(&e->loading);
    free(e->asked);
    free(e);
}

struct store *engine_store(struct engine *e)
{
    return e->store;
}

/* ---- collections ---- */

enum status need_store(const struct engine *e, struct error *err)
{
    return e->store != NULL
               ? STATUS_OK
               : error_set(err, STATUS_UNAVAILABLE, "there is no store here; give one with --db");
}

enum status check_space(const struct engine_model *m, const struct collection_settings *settings,
                        struct error *err)
{
    if (memcmp(settings->space_id, m->space_id, sizeof m->space_id) == 0)
        return STATUS_OK;
    bool same_name = text_is(settings->model, m->bound);
    return error_set(
        err, STATUS_MODEL_MISMATCH,
        "the collection %.*s was made with %s %.*s, which is not installed here, and not with %s; add it "
        "with cognate model add, or index the documents again into a new collection",
        (int)settings->name.len, settings->name.data,
        same_name ? "another version, precision or arithmetic of" : "the model", (int)settings->model.len,
        settings->model.data, m->bound);
}

/* The sizes of a new collection, checked against its model. */
static enum status passage_sizes(const struct engine_model *m, const struct passage_options *passages,
                                 struct collection_settings *out, struct error *err)
{
    uint32_t most = passages->max_tokens != 0 ? passages->max_tokens : 200;
    uint32_t overlap = passages->overlap_tokens == UINT32_MAX ? 0
                       : passages->overlap_tokens != 0        ? passages->overlap_tokens
                       : most / 2 < 40                        ? most / 2
                                                              : 40;
    if (most < 32 || most > m->info->context)
        return error_field(err, STATUS_INVALID, "passage_tokens",
                           "passage_tokens must be 32 to %u with the model %s", (unsigned)m->info->context,
                           m->bound);
    if (overlap > most / 2)
        return error_field(err, STATUS_INVALID, "passage_overlap",
                           "passage_overlap must be at most half of passage_tokens, %u",
                           (unsigned)(most / 2));
    out->passage_tokens = most;
    out->passage_overlap = overlap;
    return STATUS_OK;
}

enum status engine_collection_create(struct engine *e, struct text name, struct text model,
                                     const struct passage_options *passages, bool keywords, struct error *err)
{
    const struct engine_model *m = NULL;
    struct collection_settings settings = {.name = name, .no_keywords = !keywords};
    enum status status = need_store(e, err);
    if (status == STATUS_OK)
        status = engine_hold(e, model, &m, err);
    if (status == STATUS_OK)
        status = engine_need_vectors(m, err);
    if (status == STATUS_OK)
        status = passage_sizes(m, passages, &settings, err);
    if (status == STATUS_OK) {
        settings.model = text_of(m->bound);
        settings.width = m->info->width;
        memcpy(settings.space_id, m->space_id, sizeof settings.space_id);
        status = store_collection_create(e->store, &settings, err);
    }
    engine_let_go(e, m);
    return status;
}

/* ---- figures ---- */

void count_search(struct engine *e, const struct hits *hits)
{
    size_t i = 0;
    pthread_mutex_lock(&e->figures);
    while (i < e->plan_count &&
           (e->plans[i].exact != hits->exact || strcmp(e->plans[i].name, hits->plan) != 0))
        i++;
    if (i == ENGINE_PLANS)
        i--;
    if (i == e->plan_count)
        e->plans[e->plan_count++] = (struct engine_plan){.name = hits->plan, .exact = hits->exact};
    e->plans[i].searches++;
    pthread_mutex_unlock(&e->figures);
}

static void add_stats(const struct batch_stats *s, struct batch_stats *sum)
{
    sum->texts += s->texts;
    sum->tokens += s->tokens;
    sum->batches += s->batches;
    sum->busy_us += s->busy_us;
    sum->alone += s->alone;
    sum->waited_us += s->waited_us;
    sum->refused += s->refused;
    sum->dropped += s->dropped;
    sum->calls += s->calls;
    for (size_t i = 0; i <= BATCH_WAITS; i++)
        sum->waits[i] += s->waits[i];
    for (size_t i = 0; i <= BATCH_FILLS; i++)
        sum->fills[i] += s->fills[i];
}

void count_model(const struct loaded *m, struct batch_stats *encoder, struct query_cache_stats *queries)
{
    struct batch_stats b;
    struct query_cache_stats q;
    batcher_stats(m->batcher, &b);
    add_stats(&b, encoder);
    if (m->queries == NULL)
        return;
    query_cache_stats(m->queries, &q);
    queries->hits += q.hits;
    queries->misses += q.misses;
    queries->entries += q.entries;
    queries->capacity += q.capacity;
}

void engine_stats(struct engine *e, struct engine_stats *out)
{
    *out = (struct engine_stats){0};
    pthread_mutex_lock(&e->lock);
    out->encoder = e->gone;
    out->queries = e->gone_queries;
    for (size_t i = 0; i < e->model_count; i++)
        count_model(e->models[i], &out->encoder, &out->queries);
    pthread_mutex_unlock(&e->lock);
    out->pairs = atomic_load(&e->pairs);
    pthread_mutex_lock(&e->figures);
    memcpy(out->plans, e->plans, sizeof e->plans);
    out->plan_count = e->plan_count;
    pthread_mutex_unlock(&e->figures);
}
