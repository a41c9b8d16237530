#include "server/engine_state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEATABLE_TEXTS 32 /* of one call; more are a batch, which nobody types twice */

/* One call of engine_embed on its way.
 *
 *     text 0 ──────────▶ sequence 0 ────────────────────────────▶ row 0
 *     text 1 (long) ───▶ sequences 1, 2, 3 (windows) ── pooled ──▶ row 1
 *
 * With LONG_TEXT_PASSAGES every sequence is a row.
 */
struct embedding {
    const struct loaded *m;
    const struct embed_request *request;
    struct text prompt;
    struct encoding encoding, scratch;
    struct passages windows;
    struct sequences sequences;
    struct passage *ranges; /* of each sequence: its bytes of the text; tokens of this stretch */
    size_t range_room;
    size_t *firsts; /* n + 1: the sequences of text i are firsts[i] … firsts[i + 1] - 1 */
    struct embedded_text *texts;
};

uint32_t special_tokens(const struct loaded *m)
{
    return (uint32_t)(tokenizer_start_id(m->tokenizer) >= 0) +
           (uint32_t)(tokenizer_end_id(m->tokenizer) >= 0);
}

enum status add_sequence(const struct loaded *m, struct sequences *s, const struct encoding *encoding,
                         uint32_t *dropped, struct error *err)
{
    size_t specials = special_tokens(m), most = m->about.info->context - specials;
    size_t kept = encoding->count < most ? encoding->count : most;
    int32_t *ids, start = tokenizer_start_id(m->tokenizer), end = tokenizer_end_id(m->tokenizer);
    enum status status = sequences_add(s, kept + specials, &ids, err);
    if (status != STATUS_OK)
        return status;
    if (start >= 0)
        *ids++ = start;
    for (size_t i = 0; i < kept; i++)
        *ids++ = encoding->tokens[i].id;
    if (end >= 0)
        *ids++ = end;
    *dropped = (uint32_t)(encoding->count - kept);
    return STATUS_OK;
}

/* Adds one sequence for `range` of text i, which m->encoding holds with the prompt. */
static enum status add_stretch(struct embedding *m, size_t i, struct passage range, struct error *err)
{
    size_t at = m->sequences.count;
    uint32_t dropped;
    if (at == m->range_room) {
        size_t room = at < 64 ? 64 : at * 2;
        struct passage *ranges = realloc(m->ranges, room * sizeof *ranges);
        if (ranges == NULL)
            return error_memory(err, "embedding");
        m->ranges = ranges;
        m->range_room = room;
    }
    enum status status = add_sequence(m->m, &m->sequences, &m->encoding, &dropped, err);
    if (status != STATUS_OK)
        return status;
    if (dropped > 0)
        range.end = m->encoding.tokens[m->encoding.count - dropped].start;
    range.tokens = (uint32_t)(m->encoding.count - m->encoding.prefix_count) - dropped;
    m->ranges[at] = range;
    m->texts[i].tokens += (uint32_t)m->encoding.count - dropped + special_tokens(m->m);
    m->texts[i].dropped += dropped;
    return STATUS_OK;
}

/* Cuts text i, and adds a sequence for each piece. */
static enum status add_cut(struct embedding *m, size_t i, const struct passage_options *options, struct error *err)
{
    struct text text = m->request->texts[i];
    const struct tokenizer *t = m->m->tokenizer;
    uint32_t reserved = (uint32_t)m->encoding.prefix_count + special_tokens(m->m);
    enum status status = passages_cut(t, &m->scratch, text, (struct text){0}, options, reserved, &m->windows, err);
    for (size_t j = 0; j < m->windows.count && status == STATUS_OK; j++) {
        struct passage p = m->windows.items[j];
        status = tokenizer_encode(t, &m->encoding, m->prompt, (struct text){text.data + p.start, p.end - p.start}, err);
        if (status == STATUS_OK)
            status = add_stretch(m, i, p, err);
    }
    return status;
}

/* Leaves out the first tokens of the text, so that `most` are left; how many. */
static uint32_t drop_start(struct encoding *e, size_t most)
{
    size_t own = e->count - e->prefix_count, dropped = e->count > most ? e->count - most : 0;
    struct token *first = e->tokens + e->prefix_count;
    if (dropped > own)
        dropped = own;
    memmove(first, first + dropped, (own - dropped) * sizeof *first);
    e->count -= dropped;
    return (uint32_t)dropped;
}

static enum status add_text(struct embedding *m, size_t i, struct error *err)
{
    struct text text = m->request->texts[i];
    uint32_t context = m->m->about.info->context;
    char what[32], field[32];
    snprintf(what, sizeof what, "text %zu", i);
    snprintf(field, sizeof field, "input[%zu]", i);
    m->firsts[i] = m->sequences.count;
    enum status status = check_text(text, field, what, err);
    if (status == STATUS_OK)
        status = tokenizer_encode(m->m->tokenizer, &m->encoding, m->prompt, text, err);
    if (status != STATUS_OK)
        return status;
    bool fits = m->encoding.count + special_tokens(m->m) <= context;
    switch (m->request->long_text) {
    case LONG_TEXT_PASSAGES:
        return add_cut(m, i, &(struct passage_options){0}, err);
    case LONG_TEXT_ERROR:
        if (!fits)
            return error_field(
                err, STATUS_INVALID, field,
                "text %zu has %zu tokens with its prompt and the model takes %u; shorten it, or choose "
                "long_text pool, passages or truncate",
                i, m->encoding.count + special_tokens(m->m), (unsigned)context);
        break;
    case LONG_TEXT_POOL:
        if (!fits)
            return add_cut(m, i, &(struct passage_options){.max_tokens = context, .overlap_tokens = UINT32_MAX}, err);
        break;
    case LONG_TEXT_TRUNCATE_START:
        if (fits)
            break;
        m->texts[i].dropped = drop_start(&m->encoding, context - special_tokens(m->m));
        return add_stretch(
            m, i, (struct passage){m->encoding.tokens[m->encoding.prefix_count].start, text.len, 0}, err);
    case LONG_TEXT_TRUNCATE:
        break;
    }
    return add_stretch(m, i, (struct passage){.end = text.len}, err);
}

/* The mean of the windows' vectors, weighted by their tokens, in double and in order: the same bits whatever
 * else was embedded beside them. Scaled to unit length, or not. */
static void pool(const float *vectors, const struct passage *ranges, size_t n, size_t width, bool unit,
                 float *out)
{
    double square = 0, tokens = 0;
    for (size_t i = 0; i < n; i++)
        tokens += ranges[i].tokens;
    for (size_t j = 0; j < width; j++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)ranges[i].tokens * vectors[i * width + j];
        out[j] = (float)sum;
        square += sum * sum;
    }
    double length = unit ? sqrt(square) : tokens;
    for (size_t j = 0; j < width && length > 0; j++)
        out[j] = (float)(out[j] / length);
}

/* One row a text: where every text is one sequence the rows are there already. */
static void pool_rows(struct embedding *m, struct embeddings *out)
{
    size_t n = m->request->n, width = out->width;
    for (size_t i = 0; i < n; i++) {
        size_t first = m->firsts[i], count = m->firsts[i + 1] - first;
        struct passage whole = m->ranges[first];
        if (count > 1) {
            pool(out->vectors + first * width, m->ranges + first, count, width, m->sequences.inside == NULL,
                 out->vectors + i * width);
            for (size_t j = 1; j < count; j++)
                whole.tokens += m->ranges[first + j].tokens;
            whole.end = m->ranges[first + count - 1].end;
        } else if (first != i) {
            memcpy(out->vectors + i * width, out->vectors + first * width, width * sizeof *out->vectors);
        }
        m->ranges[i] = whole;
    }
    out->rows = n;
}

static enum status embed(struct embedding *m, struct embeddings *out, struct error *err)
{
    size_t n = m->request->n;
    enum status status = STATUS_OK;
    m->firsts = calloc(n + 1, sizeof *m->firsts);
    m->texts = calloc(n + 1, sizeof *m->texts);
    if (m->firsts == NULL || m->texts == NULL)
        return error_memory(err, "embedding");
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = add_text(m, i, err);
    if (status == STATUS_OK)
        status = sequences_finish(&m->sequences, err);
    if (status != STATUS_OK)
        return status;
    m->firsts[n] = m->sequences.count;
    *out = (struct embeddings){.vectors = m->sequences.vectors,
                               .rows = m->sequences.count,
                               .width = m->sequences.width,
                               .texts = m->texts,
                               .passages = m->ranges};
    if (m->request->long_text != LONG_TEXT_PASSAGES)
        pool_rows(m, out);
    for (size_t i = 0; i < n; i++) {
        bool rows = m->request->long_text == LONG_TEXT_PASSAGES;
        m->texts[i].first = rows ? m->firsts[i] : i;
        m->texts[i].count = rows ? m->firsts[i + 1] - m->firsts[i] : 1;
    }
    m->sequences.vectors = NULL;
    m->texts = NULL;
    m->ranges = NULL;
    return STATUS_OK;
}

static enum status embed_all(struct loaded *l, const struct embed_request *request, struct embeddings *out,
                             struct error *err)
{
    enum status status = batcher_enter(l->batcher, err);
    if (status != STATUS_OK)
        return status;
    struct embedding m = {.m = l, .request = request, .prompt = prompt_of(l, request->input_type)};
    struct inside inside = {.hidden = l->about.info->hidden, .wanted = request->states};
    sequences_init(&m.sequences, l->batcher, l->about.info->width, request->bulk, request->deadline_ms,
                   request->cancelled);
    if (request->raw || request->states) {
        m.sequences.inside = &inside;
        status = embedder_new(l->model, 0, &inside.embedder, err);
    }
    if (status == STATUS_OK)
        status = embed(&m, out, err);
    if (status == STATUS_OK) {
        out->states = inside.states;
        out->hidden = inside.hidden;
    } else {
        free(inside.states);
    }
    embedder_free(inside.embedder);
    sequences_release(&m.sequences);
    batcher_leave(l->batcher);
    passages_release(&m.windows);
    encoding_release(&m.scratch);
    encoding_release(&m.encoding);
    free(m.ranges);
    free(m.firsts);
    free(m.texts);
    return status;
}

/* ---- queries that were asked before ---- */

/* Whether the request is of the kind that is remembered: a few queries, each with a vector of its own of unit
 * length. */
static bool is_repeatable(const struct embed_request *r)
{
    return r->input_type == INPUT_QUERY && !r->bulk && r->long_text != LONG_TEXT_PASSAGES && r->n > 0 &&
           r->n <= REPEATABLE_TEXTS && !r->raw && !r->states &&
           (r->deadline_ms == 0 || monotonic_ms() < r->deadline_ms);
}

/* All texts out of the cache; false when one of them is not there. */
static bool recall(struct loaded *l, const struct embed_request *r, const struct query_key *keys,
                   struct embeddings *out)
{
    size_t width = l->about.info->width;
    struct embeddings found = {.vectors = malloc(r->n * width * sizeof *found.vectors),
                               .rows = r->n,
                               .width = width,
                               .texts = calloc(r->n, sizeof *found.texts),
                               .passages = calloc(r->n, sizeof *found.passages)};
    bool all = found.vectors != NULL && found.texts != NULL && found.passages != NULL;
    for (size_t i = 0; i < r->n && all; i++) {
        struct query_tokens tokens;
        all = query_cache_find(l->queries, &keys[i], found.vectors + i * width, &tokens);
        if (!all)
            break;
        found.texts[i] = (struct embedded_text){.first = i, .count = 1, .tokens = tokens.all};
        found.passages[i] = (struct passage){.end = r->texts[i].len, .tokens = tokens.own};
    }
    if (all)
        *out = found;
    else
        embeddings_release(&found);
    return all;
}

/* Keeps what went through the encoder in one piece: such a vector does not depend on `long_text`. */
static void remember(struct loaded *l, const struct embed_request *r, const struct query_key *keys,
                     const struct embeddings *got)
{
    uint32_t context = l->about.info->context;
    for (size_t i = 0; i < r->n; i++)
        if (got->texts[i].dropped == 0 && got->texts[i].tokens <= context && got->passages[i].start == 0 &&
            got->passages[i].end == r->texts[i].len)
            query_cache_keep(l->queries, &keys[i], got->vectors + i * got->width,
                             (struct query_tokens){got->texts[i].tokens, got->passages[i].tokens});
}

static enum status embed_with(struct engine *e, struct loaded *l, const struct embed_request *request,
                              struct embeddings *out, struct error *err)
{
    struct query_key keys[REPEATABLE_TEXTS];
    if (engine_need_vectors(&l->about, err) != STATUS_OK)
        return STATUS_INVALID;
    if (e->options.forgetful || !is_repeatable(request))
        return embed_all(l, request, out, err);
    for (size_t i = 0; i < request->n; i++)
        query_cache_key(l->queries, prompt_of(l, request->input_type), request->texts[i], &keys[i]);
    if (recall(l, request, keys, out))
        return STATUS_OK;
    enum status status = embed_all(l, request, out, err);
    if (status == STATUS_OK)
        remember(l, request, keys, out);
    return status;
}

enum status engine_embed(struct engine *e, const struct embed_request *request, struct embeddings *out,
                         struct error *err)
{
    const struct engine_model *own = NULL;
    if (request->model != NULL)
        return embed_with(e, loaded_of(request->model), request, out, err);
    enum status status = engine_hold(e, (struct text){0}, &own, err);
    if (status == STATUS_OK)
        status = embed_with(e, loaded_of(own), request, out, err);
    engine_let_go(e, own);
    return status;
}

void embeddings_release(struct embeddings *v)
{
    free(v->vectors);
    free(v->states);
    free(v->texts);
    free(v->passages);
    *v = (struct embeddings){0};
}
