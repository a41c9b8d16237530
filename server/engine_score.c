/* Scores of pairs: a query with each of some texts, by a cross-encoder. Pairs are sequences like any other,
 * so those of all callers share the passes. */
#include "server/engine_state.h"

#include <math.h>
#include <stdio.h>

#include "tokenizer/pair.h"

/* A call of engine_score on its way. */
struct scoring {
    struct loaded *m;
    const struct score_request *request;
    struct encoding query, text;
    struct sequences sequences;
    size_t specials;
};

enum status need_scores(const struct engine_model *m, struct error *err)
{
    return m->info->scores
               ? STATUS_OK
               : error_field(
                     err, STATUS_INVALID, "model",
                     "%s makes vectors and is no cross-encoder; name one that is, as cognate model list "
                     "shows them",
                     m->bound);
}

enum status engine_need_vectors(const struct engine_model *m, struct error *err)
{
    return !m->info->scores
               ? STATUS_OK
               : error_field(
                     err, STATUS_INVALID, "model",
                     "%s is a cross-encoder, which orders texts by a query and makes no vectors; use it with "
                     "cognate model rerank",
                     m->bound);
}

static enum status add_pair(struct scoring *s, size_t i, struct score *out, struct error *err)
{
    const struct tokenizer *t = s->m->tokenizer;
    const struct model_info *info = s->m->about.info;
    struct text text = s->request->texts[i];
    int32_t *ids;
    char what[32], field[32];
    snprintf(what, sizeof what, "text %zu", i);
    snprintf(field, sizeof field, "texts[%zu]", i);
    enum status status = check_text(text, field, what, err);
    if (status == STATUS_OK)
        status = tokenizer_encode(t, &s->text, (struct text){0}, text, err);
    if (status != STATUS_OK)
        return status;
    struct pair pair = pair_fit(s->query.count, s->text.count, info->context - s->specials);
    if (pair.dropped > 0 && s->request->whole)
        return error_field(
            err, STATUS_INVALID, field,
            "text %zu has %zu tokens with the query and the model takes %u; shorten it, or let it be cut", i,
            s->query.count + s->text.count + s->specials, (unsigned)info->context);
    size_t size = pair.query + pair.document + s->specials;
    status = sequences_add(&s->sequences, size, &ids, err);
    if (status == STATUS_OK)
        pair_write(&pair, t, info->separators, &s->query, &s->text, ids);
    out->tokens = (uint32_t)size;
    out->dropped = (uint32_t)pair.dropped;
    return status;
}

static enum status score(struct scoring *s, struct score *out, struct error *err)
{
    size_t n = s->request->n;
    enum status status = check_text(s->request->query, "query", "the query", err);
    if (status == STATUS_OK)
        status = tokenizer_encode(s->m->tokenizer, &s->query, (struct text){0}, s->request->query, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = add_pair(s, i, &out[i], err);
    if (status == STATUS_OK)
        status = sequences_finish(&s->sequences, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        out[i].logit = (double)s->sequences.vectors[i];
        out[i].score = 1 / (1 + exp(-out[i].logit));
    }
    return status;
}

enum status engine_score(struct engine *e, const struct score_request *request, struct score *out,
                         struct error *err)
{
    struct scoring s = {.m = loaded_of(request->model), .request = request};
    enum status status = need_scores(request->model, err);
    if (status == STATUS_OK)
        status = batcher_enter(s.m->batcher, err);
    if (status != STATUS_OK)
        return status;
    s.specials = pair_specials(s.m->tokenizer, s.m->about.info->separators);
    sequences_init(&s.sequences, s.m->batcher, 1, request->bulk, request->deadline_ms, request->cancelled);
    status = score(&s, out, err);
    sequences_release(&s.sequences);
    batcher_leave(s.m->batcher);
    encoding_release(&s.query);
    encoding_release(&s.text);
    if (status == STATUS_OK)
        atomic_fetch_add(&e->pairs, request->n);
    return status;
}
