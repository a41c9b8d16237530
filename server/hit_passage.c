#include "server/hit_passage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/handler.h"

static bool has_passage(const struct document *d, const struct hit *hit)
{
    return hit->end <= d->text.len && hit->end - hit->start == hit->passage.len &&
           memcmp(d->text.data + hit->start, hit->passage.data, hit->passage.len) == 0;
}

/* A passage that is all of its document is at hand; of others the document is read. */
static enum status find_place(struct collection *c, const struct hit *hit, struct hit_passage *p,
                              struct error *err)
{
    if (hit->passage.len == hit->text_bytes) {
        p->placed = true;
        return place_find(hit->passage, 0, &p->place, &p->headings, err);
    }
    struct document d = {0};
    struct error inner = {0};
    enum status status = collection_get(c, hit->id, &d, &inner);
    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return error_set(err, status, "%s", inner.text);
    if (has_passage(&d, hit)) {
        status = place_find(d.text, hit->start, &p->place, &p->headings, err);
        p->placed = status == STATUS_OK;
    }
    document_release(&d);
    return status;
}

enum status hit_passages_find(struct engine *e, const struct text *collections, const struct listed *items,
                              size_t n, int64_t deadline_ms, struct hit_passage **out, struct error *err)
{
    struct collection *c = NULL;
    struct hit_passage *passages = calloc(n + 1, sizeof *passages);
    enum status status = passages != NULL ? STATUS_OK : error_memory(err, "searching");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        buf_init(&passages[i].headings, PLACE_PATH_BYTES);
        if (deadline_ms != 0 && monotonic_ms() > deadline_ms)
            status = error_set(err, STATUS_DEADLINE, "the time for this search is over; ask for fewer hits");
        if (status == STATUS_OK && (i == 0 || items[i].list != items[i - 1].list)) {
            collection_release(c);
            c = NULL;
            status = store_collection_open(engine_store(e), collections[items[i].list], &c, err);
        }
        if (status == STATUS_OK)
            status = find_place(c, items[i].hit, &passages[i], err);
    }
    collection_release(c);
    if (status == STATUS_OK)
        *out = passages;
    else
        hit_passages_free(passages, n);
    return status;
}

enum status hit_passages_sentences(struct engine *e, const struct engine_query *query,
                                   const struct listed *items, size_t n, struct hit_passage *passages,
                                   struct error *err)
{
    struct text *texts = calloc(n + 1, sizeof *texts), *langs = calloc(n + 1, sizeof *langs);
    struct mark *marks = calloc(n + 1, sizeof *marks);
    enum status status =
        texts != NULL && langs != NULL && marks != NULL ? STATUS_OK : error_memory(err, "searching");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        texts[i] = items[i].hit->passage;
        langs[i] = items[i].hit->lang;
    }
    if (status == STATUS_OK)
        status = engine_sentences(e, query, texts, langs, n, marks, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        passages[i].looked_at = true;
        passages[i].sentence =
            (struct mark){items[i].hit->start + marks[i].start, items[i].hit->start + marks[i].end};
    }
    free(texts);
    free(langs);
    free(marks);
    return status;
}

void hit_passages_free(struct hit_passage *passages, size_t n)
{
    for (size_t i = 0; i < n && passages != NULL; i++)
        buf_release(&passages[i].headings);
    free(passages);
}

static json_t *count_or_null(bool known, size_t count)
{
    return known ? json_integer((json_int_t)count) : json_null();
}

static json_t *sentence_json(struct mark sentence)
{
    return sentence.end > sentence.start
               ? json_pack("[I, I]", (json_int_t)sentence.start, (json_int_t)sentence.end)
               : json_null();
}

json_t *hit_passage_json(const struct hit *h, const struct hit_passage *p)
{
    json_t *passage =
        json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:f, s:o, s:o, s:o}", "text", text_json(h->passage), "lang",
                  text_json(h->passage_lang), "start", (json_int_t)h->start, "end", (json_int_t)h->end,
                  "start_char", (json_int_t)h->start_char, "end_char", (json_int_t)h->end_char, "score",
                  isnan(h->cosine) ? h->bm25 : h->cosine, "page",
                  count_or_null(p->placed && p->place.page > 0, p->place.page), "line",
                  count_or_null(p->placed, p->place.line), "heading", text_or_null(buf_text(&p->headings)));
    if (passage == NULL || !p->looked_at ||
        json_object_set_new(passage, "sentence", sentence_json(p->sentence)) == 0)
        return passage;
    json_decref(passage);
    return NULL;
}
