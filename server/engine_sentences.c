/* Which sentence of a passage a query is about: each is embedded as a document of its own, without the title,
 * and the nearest one wins. A passage of one sentence needs no model. */
#include "server/engine_state.h"

#include <math.h>
#include <stdlib.h>

#include "tokenizer/segments.h"

#define SENTENCES_BULK 32 /* more of them let others go before */

struct candidates {
    const struct text *passages;
    struct text *texts; /* sentences of all passages, one after the other */
    size_t *firsts;     /* n + 1: those of passage i are firsts[i] … firsts[i + 1] - 1 */
    size_t count, capacity;
};

static enum status add_sentence(struct candidates *c, struct text sentence, struct error *err)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity * 2 + 64;
        struct text *texts = realloc(c->texts, capacity * sizeof *texts);
        if (texts == NULL)
            return error_memory(err, "looking for sentences");
        c->texts = texts;
        c->capacity = capacity;
    }
    c->texts[c->count++] = sentence;
    return STATUS_OK;
}

static enum status find_candidates(struct candidates *c, const struct text *langs, size_t n,
                                   struct error *err)
{
    struct segments segments = {0};
    enum status status = STATUS_OK;
    c->firsts = calloc(n + 1, sizeof *c->firsts);
    if (c->firsts == NULL)
        return error_memory(err, "looking for sentences");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct breaks breaks;
        breaks_open(&breaks, langs[i]);
        status = segments_find(&breaks, c->passages[i], &segments, err);
        breaks_close(&breaks);
        for (size_t j = 0; j < segments.count && status == STATUS_OK; j++) {
            struct segment s = segments.items[j];
            if (s.kind == SEGMENT_SENTENCE)
                status = add_sentence(c, (struct text){c->passages[i].data + s.start, s.end - s.start}, err);
        }
        c->firsts[i + 1] = c->count;
    }
    segments_release(&segments);
    return status;
}

static double nearness(const float *a, const float *b, size_t width)
{
    double sum = 0;
    for (size_t i = 0; i < width; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* `query` is NULL where no passage has two sentences to choose from. */
static void choose(const struct candidates *c, size_t n, const float *query, const struct embeddings *v,
                   struct mark *out)
{
    for (size_t i = 0; i < n; i++) {
        double best = -INFINITY;
        out[i] = (struct mark){0};
        for (size_t j = c->firsts[i]; j < c->firsts[i + 1]; j++) {
            double near = query != NULL ? nearness(query, v->vectors + j * v->width, v->width) : 0;
            size_t start = (size_t)(c->texts[j].data - c->passages[i].data);
            if (near > best)
                out[i] = (struct mark){start, start + c->texts[j].len};
            best = near > best ? near : best;
        }
    }
}

static bool has_choice(const struct candidates *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c->firsts[i + 1] - c->firsts[i] > 1)
            return true;
    return false;
}

static enum status embed_and_choose(struct engine *e, const struct engine_query *q,
                                    const struct candidates *c, size_t n, struct mark *out, struct error *err)
{
    struct embeddings query = {0}, sentences = {0};
    struct embed_request request = {
        .texts = &q->text, .n = 1, .deadline_ms = q->deadline_ms, .cancelled = q->cancelled};
    const struct engine_model *m = NULL;
    struct engine_query meant = {.collection = q->collection, .text = q->text, .vector = q->vector};
    enum status status = hold_query_model(e, &meant, &m, err);
    if (status == STATUS_OK && m == NULL)
        status = error_field(err, STATUS_UNSUPPORTED, "highlight",
                             "the model of the collection is not installed here; leave highlight out");
    request.model = m;
    if (status == STATUS_OK && q->vector == NULL)
        status = engine_embed(e, &request, &query, err);
    request.texts = c->texts;
    request.n = c->count;
    request.input_type = INPUT_DOCUMENT;
    request.long_text = LONG_TEXT_TRUNCATE;
    request.bulk = c->count > SENTENCES_BULK;
    if (status == STATUS_OK)
        status = engine_embed(e, &request, &sentences, err);
    if (status == STATUS_OK)
        choose(c, n, q->vector != NULL ? q->vector : query.vectors, &sentences, out);
    engine_let_go(e, m);
    embeddings_release(&query);
    embeddings_release(&sentences);
    return status;
}

enum status engine_sentences(struct engine *e, const struct engine_query *q, const struct text *passages,
                             const struct text *langs, size_t n, struct mark *out, struct error *err)
{
    struct candidates c = {.passages = passages};
    enum status status = find_candidates(&c, langs, n, err);
    if (status == STATUS_OK && has_choice(&c, n))
        status = embed_and_choose(e, q, &c, n, out, err);
    else if (status == STATUS_OK)
        choose(&c, n, NULL, NULL, out);
    free(c.firsts);
    free(c.texts);
    return status;
}
