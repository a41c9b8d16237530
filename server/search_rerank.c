#include "server/search_rerank.h"

#include <stdlib.h>

/* "title\npassage" of every hit, one after the other in `out`; ends[i] is where that of hit i ends. */
static enum status write_texts(const struct listed *items, size_t n, struct buf *out, size_t *ends,
                               struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct text title = items[i].hit->title, passage = items[i].hit->passage;
        if (title.len > 0)
            status = buf_printf(out, err, "%.*s\n", (int)title.len, title.data);
        if (status == STATUS_OK)
            status = buf_append(out, passage.data, passage.len, err);
        ends[i] = out->len;
    }
    return status;
}

static enum status score_hits(const struct reranker *r, struct text query, const struct text *texts, size_t n,
                              struct listed *items, struct error *err)
{
    struct score_request request = {.model = r->model,
                                    .query = query,
                                    .texts = texts,
                                    .n = n,
                                    .deadline_ms = r->deadline_ms,
                                    .cancelled = r->cancelled};
    struct score *scores = calloc(n + 1, sizeof *scores);
    enum status status =
        scores != NULL ? engine_score(r->engine, &request, scores, err) : error_memory(err, "ordering hits");
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        items[i].score = items[i].rerank = scores[i].score;
    free(scores);
    return status;
}

enum status search_rerank(const struct reranker *r, struct text query, struct listed *items, size_t n,
                          struct error *err)
{
    struct buf all;
    size_t *ends = calloc(n + 1, sizeof *ends);
    struct text *texts = calloc(n + 1, sizeof *texts);
    buf_init(&all, SIZE_MAX);
    enum status status = ends != NULL && texts != NULL ? write_texts(items, n, &all, ends, err)
                                                       : error_memory(err, "ordering hits");
    for (size_t i = 0, at = 0; i < n && status == STATUS_OK; at = ends[i++])
        texts[i] = (struct text){all.data + at, ends[i] - at};
    if (status == STATUS_OK && n > 0)
        status = score_hits(r, query, texts, n, items, err);
    if (status == STATUS_OK)
        qsort(items, n, sizeof *items, listed_by_score);
    buf_release(&all);
    free(texts);
    free(ends);
    return status;
}
