#include "server/engine_state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    if (q->text.len > ENGINE_QUERY_BYTES)
        return error_field(
            err, STATUS_TOO_LARGE, "query",
            "the query has %zu bytes, at most %d are allowed; to find what is like a longer text, "
            "embed it and search by vector",
            q->text.len, ENGINE_QUERY_BYTES);
    return check_text(q->text, "query", "the query", err);
}

/* Embeds the texts among the queries: row of query i is rows[i]. */
static enum status embed_queries(struct engine *e, const struct engine_query *queries, size_t n, size_t *rows,
                                 struct embeddings *out, struct error *err)
{
    size_t count = 0;
    int64_t deadline = 0;
    const atomic_bool *cancelled = NULL;
    struct text *texts = calloc(n, sizeof *texts);
    if (texts == NULL)
        return error_memory(err, "searching");
    for (size_t i = 0; i < n; i++) {
        if (queries[i].vector != NULL || queries[i].mode == SEARCH_KEYWORD)
            continue;
        rows[i] = count;
        texts[count++] = queries[i].text;
        if (queries[i].deadline_ms != 0 && (deadline == 0 || queries[i].deadline_ms < deadline))
            deadline = queries[i].deadline_ms;
        cancelled = queries[i].cancelled;
    }
    enum status status = STATUS_OK;
    if (count > 0)
        status =
            engine_embed(e,
                         &(struct embed_request){
                             .texts = texts, .n = count, .deadline_ms = deadline, .cancelled = cancelled},
                         out, err);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
        if (out->passages[i].tokens == 0)
            status = error_field(err, STATUS_INVALID, "query", "the query is empty; say what to look for");
    free(texts);
    return status;
}

/* What a query by meaning needs to know of the model. */
static enum status set_meaning(struct engine *e, const struct engine_query *q,
                               const struct collection_settings *settings, size_t width,
                               struct search_query *query, struct error *err)
{
    const struct engine_model *model = NULL;
    enum status status = q->vector == NULL ? check_space(e, settings, err) : STATUS_OK;
    if (status == STATUS_OK && settings->width != width)
        status = error_field(err, STATUS_INVALID, "vector",
                             "the query vector has %zu numbers, those of the collection %.*s have %u", width,
                             (int)q->collection.len, q->collection.data, (unsigned)settings->width);
    if (status == STATUS_OK)
        status = engine_cosine_for(e, q->min_relevance, &query->min_cosine, err);
    if (status == STATUS_OK && q->mode == SEARCH_HYBRID)
        status = engine_model(e, &model, err);
    if (model != NULL && model->info->has_relevance)
        for (size_t i = 0; i < 2; i++)
            query->relevance[i] = model->info->relevance[i];
    return status;
}

static enum status search_one(struct engine *e, const struct engine_query *q, const float *vector,
                              size_t width, struct hits *out, struct error *err)
{
    struct collection *c = NULL;
    struct collection_info about = {0};
    struct search_query query = {.mode = q->mode,
                                 .fusion = q->fusion,
                                 .words = q->text,
                                 .vector = vector,
                                 .k = q->k,
                                 .filter = q->filter,
                                 .deadline_ms = q->deadline_ms};
    if (q->cancelled != NULL && atomic_load(q->cancelled))
        return error_set(err, STATUS_CANCELLED, "nobody waits for the answer any more");
    enum status status = store_collection_open(e->store, q->collection, &c, err);
    if (status == STATUS_OK)
        status = collection_info(c, &about, err);
    if (status == STATUS_OK && q->mode != SEARCH_KEYWORD)
        status = set_meaning(e, q, &about.settings, width, &query, err);
    if (status == STATUS_OK && about.documents == 0)
        status =
            error_set(err, STATUS_NOT_FOUND,
                      "the collection %.*s is empty; add documents first (cognate index PATH, or POST "
                      "/v1/collections/%.*s/documents)",
                      (int)q->collection.len, q->collection.data, (int)q->collection.len, q->collection.data);
    if (status == STATUS_OK)
        status = collection_search(c, &query, 1, out, err);
    collection_info_release(&about);
    collection_release(c);
    return status;
}

enum status engine_search(struct engine *e, const struct engine_query *queries, size_t n, struct hits *out,
                          struct error *err)
{
    size_t done = 0, *rows = NULL;
    struct embeddings texts = {0};
    struct hits *found = NULL;
    enum status status = need_store(e, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = check_query(&queries[i], err);
    /* A name that leads nowhere is told before the model is loaded for it. */
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct collection *c = NULL;
        status = store_collection_open(e->store, queries[i].collection, &c, err);
        collection_release(c);
    }
    if (status != STATUS_OK)
        return status;
    rows = calloc(n + 1, sizeof *rows);
    found = calloc(n + 1, sizeof *found);
    if (rows == NULL || found == NULL) {
        status = error_memory(err, "searching");
        goto done;
    }
    status = embed_queries(e, queries, n, rows, &texts, err);
    for (; done < n && status == STATUS_OK; done += status == STATUS_OK) {
        const struct engine_query *q = &queries[done];
        const float *vector = q->vector != NULL           ? q->vector
                              : q->mode != SEARCH_KEYWORD ? texts.vectors + rows[done] * texts.width
                                                          : NULL;
        status = search_one(e, q, vector, q->vector != NULL ? q->width : texts.width, &found[done], err);
    }
    if (status == STATUS_OK) {
        memcpy(out, found, n * sizeof *out);
        for (size_t i = 0; i < n; i++)
            count_search(e, &found[i]);
    }
done:
    for (size_t i = 0; i < done && status != STATUS_OK; i++)
        hits_release(&found[i]);
    embeddings_release(&texts);
    free(found);
    free(rows);
    return status;
}
