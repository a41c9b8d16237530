#include <stdlib.h>

#include "common/buf.h"
#include "index/search.h"

/* Texts of all hits, one behind the other; a hit's texts are offsets until the buffer has stopped moving. */
struct answer {
    struct buf texts;
    sqlite3_blob *stored; /* the text of the hit before; moved to the next one's, which spares opening it */
    struct hit *hits;
    struct marks marks; /* of all hits, likewise */
};

static enum status keep(struct search *s, struct answer *a, struct text text, struct text *out)
{
    enum status status = buf_append(&a->texts, text.data, text.len, s->err);
    if (status == STATUS_OK)
        status = buf_append(&a->texts, "", 1, s->err);
    if (status == STATUS_OK)
        *out = (struct text){NULL, text.len};
    return status;
}

/* Reads only the passage's part of a text that may be long. */
static enum status keep_passage(struct search *s, struct answer *a, int64_t document, struct hit *hit)
{
    struct sql *sql = s->sql;
    size_t n = hit->end - hit->start;
    enum status status = STATUS_OK;
    int rc = a->stored != NULL ? sqlite3_blob_reopen(a->stored, document)
                               : sqlite3_blob_open(sql->db, "main", "texts", "text", document, 0, &a->stored);
    if (rc == SQLITE_OK)
        hit->text_bytes = (size_t)sqlite3_blob_bytes(a->stored);
    if (rc == SQLITE_OK && hit->text_bytes < hit->end)
        rc = SQLITE_CORRUPT;
    if (rc != SQLITE_OK)
        status = rc == SQLITE_CORRUPT ? search_damaged(s, document) : sql_error(sql, rc, s->err);
    if (status == STATUS_OK)
        status = buf_reserve(&a->texts, n + 1, s->err);
    if (status == STATUS_OK && (rc = sqlite3_blob_read(a->stored, a->texts.data + a->texts.len, (int)n,
                                                       (int)hit->start)) != SQLITE_OK)
        status = sql_error(sql, rc, s->err);
    if (status != STATUS_OK)
        return status;
    a->texts.len += n;
    a->texts.data[a->texts.len++] = '\0';
    hit->passage = (struct text){NULL, n};
    return STATUS_OK;
}

/* The passage is the last of the texts, and a NUL behind it. */
static enum status keep_marks(struct search *s, struct answer *a, struct hit *hit)
{
    size_t n = hit->passage.len, first = a->marks.count;
    struct text passage = {a->texts.data + a->texts.len - 1 - n, n};
    enum status status = terms_mark(&s->terms, passage, &a->marks, s->err);
    for (size_t i = first; i < a->marks.count; i++) {
        a->marks.items[i].start += hit->start;
        a->marks.items[i].end += hit->start;
    }
    hit->mark_count = a->marks.count - first;
    return status;
}

static enum status read_hit(struct search *s, struct answer *a, const struct fusion_item *item,
                            struct hit *hit)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status =
        sql_get(s->sql, "SELECT name, title, lang, metadata FROM documents WHERE id = ?1", &st, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, item->document);
    status = sql_step(s->sql, st, &row, s->err);
    if (status == STATUS_OK && !row)
        status = error_set(s->err, STATUS_CORRUPT,
                           "%s is damaged: document %lld is missing; restore it from a backup", s->sql->path,
                           (long long)item->document);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 0), &hit->id);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 1), &hit->title);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 2), &hit->lang);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 3), &hit->metadata);
    if (status == STATUS_OK)
        status =
            sql_get(s->sql, "SELECT first, last, first_char, last_char, lang FROM passages WHERE id = ?1",
                    &st, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, item->passage);
    status = sql_step(s->sql, st, &row, s->err);
    if (status != STATUS_OK)
        return status;
    int64_t start = sqlite3_column_int64(st, 0), end = sqlite3_column_int64(st, 1);
    if (!row || start < 0 || end < start || end > INT32_MAX)
        return search_damaged(s, item->passage);
    hit->start = (size_t)start;
    hit->end = (size_t)end;
    hit->start_char = (size_t)sqlite3_column_int64(st, 2);
    hit->end_char = (size_t)sqlite3_column_int64(st, 3);
    hit->score = item->score;
    hit->cosine = item->cosine;
    hit->bm25 = item->bm25;
    status = keep(s, a, sql_text(st, 4), &hit->passage_lang);
    sqlite3_reset(st);
    if (status == STATUS_OK)
        status = keep_passage(s, a, item->document, hit);
    return status == STATUS_OK && s->query->mode != SEARCH_SEMANTIC ? keep_marks(s, a, hit) : status;
}

static void settle(struct hit *hits, size_t n, const char *at, const struct mark *marks)
{
    for (size_t i = 0; i < n; i++) {
        hits[i].marks = marks;
        marks += hits[i].mark_count;
        struct text *texts[] = {&hits[i].id,       &hits[i].title,        &hits[i].lang,
                                &hits[i].metadata, &hits[i].passage_lang, &hits[i].passage};
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++) {
            texts[j]->data = at;
            at += texts[j]->len + 1;
        }
        if (hits[i].passage_lang.len == 0)
            hits[i].passage_lang = hits[i].lang;
    }
}

/* Of a search by meaning; equal cosines lie side by side already. */
static void order_ties(struct hit *hits, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct hit hit = hits[i];
        size_t at = i;
        while (at > 0 && hits[at - 1].cosine == hit.cosine && text_compare(hit.id, hits[at - 1].id) < 0) {
            hits[at] = hits[at - 1];
            at--;
        }
        hits[at] = hit;
    }
}

enum status search_hits(struct search *s, struct hits *out)
{
    const char *const plans[] = {[SEARCH_SEMANTIC] = s->exact ? "scan" : "ivf",
                                 [SEARCH_KEYWORD] = "keywords",
                                 [SEARCH_HYBRID] = "hybrid"};
    struct answer a = {0};
    size_t n = s->found_count < s->query->k ? s->found_count : s->query->k;
    enum status status = STATUS_OK;
    buf_init(&a.texts, SIZE_MAX / 2);
    a.hits = calloc(n + 1, sizeof *a.hits);
    if (a.hits == NULL)
        status = error_memory(s->err, "searching");
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = read_hit(s, &a, &s->found[i], &a.hits[i]);
    sqlite3_blob_close(a.stored);
    if (status != STATUS_OK) {
        free(a.hits);
        free(a.marks.items);
        buf_release(&a.texts);
        return status;
    }
    settle(a.hits, n, a.texts.data, a.marks.items);
    if (s->query->mode == SEARCH_SEMANTIC && s->query->diversity == 0)
        order_ties(a.hits, n);
    *out = (struct hits){.items = a.hits,
                         .count = n,
                         .plan = s->passed > 0 ? plans[s->query->mode] : "empty",
                         .exact = s->exact,
                         .generation = s->generation,
                         .candidates = s->passed,
                         .clusters = s->exact ? 0 : s->probe.clusters,
                         .rescored = s->rescored,
                         .filtered = s->query->filter != NULL || s->langs != NULL,
                         .filter = s->query->filter != NULL ? filter_plan_name(s->filter.kind) : NULL,
                         .filter_rows = s->filter.rows,
                         .times = s->times,
                         .memory = a.texts.data,
                         .marks = a.marks.items};
    return STATUS_OK;
}

void hits_release(struct hits *hits)
{
    free(hits->items);
    free(hits->memory);
    free(hits->marks);
    *hits = (struct hits){0};
}
