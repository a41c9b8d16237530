#include "server/engine_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What can be told without the model. */
static enum status check_query(const struct engine_query *q, struct error *err)
{
    if (q->k < 1 || q->k > 1000)
        return error_field(err, STATUS_INVALID, "k", "k must be 1 to 1,000; it is %zu", q->k);
    if (!(q->min_relevance >= 0 && q->min_relevance <= 1))
        return error_field(err, STATUS_INVALID, "min_relevance", "min_relevance must be between 0 and 1");
    if (q->mode == SEARCH_KEYWORD && q->min_relevance > 0)
        return error_field(err, STATUS_INVALID, "min_relevance",
                           "keywords know no relevance; leave min_relevance out, or search in mode hybrid");
    bool by_example = q->like_count + q->unlike_count > 0;
    if (by_example && q->mode != SEARCH_SEMANTIC)
        return error_field(err, STATUS_INVALID, "mode", "examples have no words; search in mode semantic");
    if (q->unlike_count > 0 && q->like_count == 0 && q->vector == NULL && q->text.len == 0)
        return error_field(err, STATUS_INVALID, "unlike",
                           "unlike says what to be far from; give a query, a vector or like too");
    if (q->vector != NULL && q->mode != SEARCH_SEMANTIC)
        return error_field(err, STATUS_INVALID, "mode",
                           "a vector has no words; give a query, or search in mode semantic");
    if (q->vector != NULL) {
        double square = 0;
        for (size_t i = 0; i < q->width; i++)
            square += (double)q->vector[i] * q->vector[i];
        if (!isfinite(square) || square < 1e-30)
            return error_field(err, STATUS_INVALID, "vector", "the query vector must be finite and not zero");
        return STATUS_OK;
    }
    if (q->like_count > 0 && q->text.len == 0)
        return STATUS_OK;
    if (q->text.len > ENGINE_QUERY_BYTES)
        return error_field(
            err, STATUS_TOO_LARGE, "query",
            "the query has %zu bytes, at most %d are allowed; to find what is like a longer text, "
            "embed it and search by vector",
            q->text.len, ENGINE_QUERY_BYTES);
    return check_text(q->text, "query", "the query", err);
}

static bool has_text(const struct engine_query *q)
{
    return q->vector == NULL && q->mode != SEARCH_KEYWORD && (q->text.len > 0 || q->like_count == 0);
}

static bool same_text(struct text a, struct text b)
{
    return a.data == b.data && a.len == b.len;
}

/* Embeds the texts among the queries: row of query i is rows[i]. One text that is asked of several
 * collections in turn is embedded once. */
static enum status embed_queries(struct engine *e, const struct engine_model *m,
                                 const struct engine_query *queries, size_t n, size_t *rows,
                                 struct embeddings *out, struct error *err)
{
    size_t count = 0;
    int64_t deadline = 0;
    const atomic_bool *cancelled = NULL;
    struct text *texts = calloc(n, sizeof *texts);
    if (texts == NULL)
        return error_memory(err, "searching");
    for (size_t i = 0; i < n; i++) {
        if (!has_text(&queries[i]))
            continue;
        if (count == 0 || !same_text(texts[count - 1], queries[i].text))
            texts[count++] = queries[i].text;
        rows[i] = count - 1;
        if (queries[i].deadline_ms != 0 && (deadline == 0 || queries[i].deadline_ms < deadline))
            deadline = queries[i].deadline_ms;
        cancelled = queries[i].cancelled;
    }
    enum status status = STATUS_OK;
    if (count > 0)
        status = engine_embed(
            e,
            &(struct embed_request){
                .model = m, .texts = texts, .n = count, .deadline_ms = deadline, .cancelled = cancelled},
            out, err);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (out->passages[i].tokens == 0)
            status = error_field(err, STATUS_INVALID, "query", "the query is empty; say what to look for");
    free(texts);
    return status;
}

/* ---- one collection ---- */

/* A stretch of queries of one collection, and the model that they are embedded with or whose curve tells
 * relevance: that of the collection, held. NULL where none is needed: by words alone, and for vectors whose
 * model is not here. */
struct target {
    struct engine *e;
    const struct engine_model *model;
    struct collection *c;
    struct collection_info about;
    size_t first, count;
};

/* Whether texts are compared with a text of their kind: with documents, not with a question. */
static bool is_symmetric(const struct engine_query *q)
{
    return !has_text(q) && q->vector == NULL;
}

/* What a query by meaning needs to know of the model. */
static enum status set_meaning(const struct engine_model *m, const struct engine_query *q,
                               const struct collection_settings *settings, size_t width,
                               struct search_query *query, struct error *err)
{
    enum status status = q->vector == NULL ? check_space(m, settings, err) : STATUS_OK;
    if (status == STATUS_OK && m == NULL && q->min_relevance > 0)
        status = error_field(
            err, STATUS_UNSUPPORTED, "min_relevance",
            "the model %.*s of the collection is not installed here, so relevance is not known; leave "
            "min_relevance out",
            (int)settings->model.len, settings->model.data);
    if (status == STATUS_OK && settings->width != width)
        status = error_field(err, STATUS_INVALID, "vector",
                             "the query vector has %zu numbers, those of the collection %.*s have %u", width,
                             (int)q->collection.len, q->collection.data, (unsigned)settings->width);
    if (status == STATUS_OK && m != NULL)
        status = engine_cosine_for(m, q->min_relevance, is_symmetric(q), &query->min_cosine, err);
    if (m != NULL && m->info->has_relevance)
        for (size_t i = 0; i < 2; i++)
            query->relevance[i] = m->info->relevance[i];
    return status;
}

/* `vector` is the query's own; NULL for keywords and examples alone. `made` has room for one. */
static enum status set_query(const struct target *target, const struct engine_query *q, const float *vector,
                             size_t width, float *made, struct search_query *out, struct error *err)
{
    size_t examples = q->like_count + q->unlike_count;
    *out = (struct search_query){.mode = q->mode,
                                 .fusion = q->fusion,
                                 .words = q->text,
                                 .vector = vector,
                                 .k = q->k,
                                 .filter = q->filter,
                                 .langs = q->langs,
                                 .lang_count = q->lang_count,
                                 .except = q->examples,
                                 .except_count = examples,
                                 .after = q->after,
                                 .exact = q->exact,
                                 .diversity = q->diversity,
                                 .min_cosine = -2,
                                 .deadline_ms = q->deadline_ms};
    if (q->mode == SEARCH_KEYWORD)
        return STATUS_OK;
    if (vector == NULL) /* of examples alone, which are of the collection's own width */
        width = target->about.settings.width;
    enum status status = set_meaning(target->model, q, &target->about.settings, width, out, err);
    if (status == STATUS_OK && examples > 0) {
        status = examples_vector(target->c, q, vector, width, made, err);
        out->vector = made;
    }
    return status;
}

static enum status check_filled(const struct target *target, const struct engine_query *q, struct error *err)
{
    struct text name = q->collection;
    if (target->about.documents > 0)
        return STATUS_OK;
    return error_set(err, STATUS_NOT_FOUND,
                     "the collection %.*s is empty; add documents first (cognate index PATH, or POST "
                     "/v1/collections/%.*s/documents)",
                     (int)name.len, name.data, (int)name.len, name.data);
}

/* The queries of a target, which share their passes over memory. */
static enum status search_target(const struct target *target, const struct engine_query *queries,
                                 const struct embeddings *texts, const size_t *rows, struct hits *out,
                                 struct error *err)
{
    size_t n = target->count, width = target->about.settings.width;
    struct search_query *asked = calloc(n, sizeof *asked);
    float *made = calloc(n, width * sizeof *made);
    enum status status = STATUS_OK;
    if (asked == NULL || made == NULL)
        status = error_memory(err, "searching");
    else if (queries->cancelled != NULL && atomic_load(queries->cancelled))
        status = error_set(err, STATUS_CANCELLED, "nobody waits for the answer any more");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        const struct engine_query *q = &queries[i];
        const float *vector = has_text(q) ? texts->vectors + rows[i] * texts->width : q->vector;
        status = set_query(target, q, vector, q->vector != NULL ? q->width : texts->width, made + i * width,
                           &asked[i], err);
    }
    if (status == STATUS_OK)
        status = check_filled(target, queries, err);
    if (status == STATUS_OK)
        status = collection_search(target->c, asked, n, out, err);
    bool searched = status == STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        if (queries[i].generation != 0 && queries[i].generation != out[i].generation)
            status =
                error_field(err, STATUS_GONE, "cursor",
                            "the collection has changed since the page before; begin again without a cursor");
    for (size_t i = 0; i < n && searched && status != STATUS_OK; i++)
        hits_release(&out[i]);
    free(asked);
    free(made);
    return status;
}

/* ---- the call ---- */

/* The collection of queries[first], with the queries from there on that name it. */
static enum status open_target(struct engine *e, const struct engine_query *queries, size_t n, size_t first,
                               struct target *out, struct error *err)
{
    bool embeds = false, compares = false;
    *out = (struct target){.e = e, .first = first};
    while (first + out->count < n &&
           text_equal(queries[first + out->count].collection, queries[first].collection)) {
        const struct engine_query *q = &queries[first + out->count++];
        compares = compares || q->mode != SEARCH_KEYWORD;
        embeds = embeds || (q->vector == NULL && q->mode != SEARCH_KEYWORD);
    }
    enum status status = store_collection_open(e->store, queries[first].collection, &out->c, err);
    if (status == STATUS_OK)
        status = collection_info(out->c, &out->about, err);
    const unsigned char *space_id = out->about.settings.space_id;
    if (status == STATUS_OK && embeds) {
        status = engine_hold_space(e, space_id, &out->model, err);
    } else if (status == STATUS_OK && compares &&
               engine_hold_space(e, space_id, &out->model, NULL) == STATUS_OK &&
               memcmp(out->model->space_id, space_id, sizeof out->model->space_id) != 0) {
        engine_let_go(e, out->model);
        out->model = NULL;
    }
    return status;
}

static void close_target(struct target *t)
{
    engine_let_go(t->e, t->model);
    collection_info_release(&t->about);
    collection_release(t->c);
}

enum status hold_query_model(struct engine *e, const struct engine_query *q, const struct engine_model **out,
                             struct error *err)
{
    struct target target;
    enum status status = open_target(e, q, 1, 0, &target, err);
    if (status == STATUS_OK) {
        *out = target.model;
        target.model = NULL;
    }
    close_target(&target);
    return status;
}

static void tell_relevance(const struct engine_model *m, const struct engine_query *q, struct hits *hits)
{
    for (size_t i = 0; i < hits->count; i++)
        hits->items[i].relevance =
            m != NULL ? engine_relevance(m, hits->items[i].cosine, is_symmetric(q)) : NAN;
}

/* Targets of one model: the texts of their queries are embedded together, while the collections know that
 * searches will come. */
static enum status search_with(const struct target *targets, size_t n, const struct engine_query *queries,
                               struct hits *out, struct error *err)
{
    size_t first = targets[0].first, end = targets[n - 1].first + targets[n - 1].count, done = 0;
    size_t *rows = calloc(end - first, sizeof *rows);
    struct embeddings texts = {0};
    if (rows == NULL)
        return error_memory(err, "searching");
    double start = now_ms();
    for (size_t i = 0; i < n; i++)
        collection_expect(targets[i].c, targets[i].count);
    enum status status =
        embed_queries(targets[0].e, targets[0].model, queries + first, end - first, rows, &texts, err);
    for (size_t i = 0; i < n; i++)
        collection_came(targets[i].c, targets[i].count);
    double encoded = now_ms() - start;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        size_t at = targets[i].first;
        status = search_target(&targets[i], queries + at, &texts, rows + (at - first), out + at, err);
        done += status == STATUS_OK ? targets[i].count : 0;
        for (size_t j = 0; j < targets[i].count && status == STATUS_OK; j++)
            tell_relevance(targets[i].model, &queries[at + j], &out[at + j]);
    }
    for (size_t i = first; i < first + done; i++) {
        out[i].times.encode = encoded;
        if (status != STATUS_OK)
            hits_release(&out[i]);
    }
    embeddings_release(&texts);
    free(rows);
    return status;
}

static enum status search_all(struct engine *e, const struct engine_query *queries, size_t n,
                              struct hits *out, struct error *err)
{
    struct target *targets = calloc(n + 1, sizeof *targets);
    enum status status = targets != NULL ? STATUS_OK : error_memory(err, "searching");
    size_t count = 0, searched = 0, done = 0;
    for (size_t at = 0; at < n && status == STATUS_OK; at += targets[count++].count)
        status = open_target(e, queries, n, at, &targets[count], err);
    while (done < count && status == STATUS_OK) {
        size_t end = done + 1;
        while (end < count && targets[end].model == targets[done].model)
            end++;
        status = search_with(targets + done, end - done, queries, out, err);
        done = end;
        searched = status == STATUS_OK ? targets[end - 1].first + targets[end - 1].count : searched;
    }
    for (size_t i = 0; i < searched && status != STATUS_OK; i++)
        hits_release(&out[i]);
    for (size_t i = 0; i < count; i++)
        close_target(&targets[i]);
    free(targets);
    return status;
}

enum status engine_search(struct engine *e, const struct engine_query *queries, size_t n, struct hits *out,
                          struct error *err)
{
    struct error first = {0};
    enum status status = need_store(e, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = check_query(&queries[i], err);
    if (status != STATUS_OK)
        return status;
    struct hits *found = calloc(n + 1, sizeof *found);
    if (found == NULL)
        return error_memory(err, "searching");
    status = search_all(e, queries, n, found, &first);
    if (status == STATUS_MODEL_MISMATCH) { /* the collection may have changed its model on the way */
        first = (struct error){0};
        status = search_all(e, queries, n, found, &first);
    }
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        count_search(e, &found[i]);
    if (status == STATUS_OK)
        memcpy(out, found, n * sizeof *out);
    else if (err != NULL && err->status == STATUS_OK)
        *err = first;
    free(found);
    return status;
}
