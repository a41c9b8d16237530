/* Exact search in two steps.
 *
 *     1. All int8 rows are multiplied with the query. A row's score is off by no more than its bound
 *
 *            |cosine - unit · scale · sum|  ≤  query.error + row.error · (1 + query.error)
 *
 *        because the row is scale · codes plus a rest no longer than row.error, the query unit · values plus
 * a rest no longer than query.error, and rows and query have length one. `sure` holds the k documents with
 * the highest score minus bound: what scores below all of them with its bound added cannot be among the k
 * best. The rest are candidates.
 *     2. Candidates are scored from the stored floats, highest possible score first, until no remaining one
 * can reach the k best. `best` holds those, equal scores ordered by the documents' ids.
 *
 * The reader's view (store.h) keeps file and memory in one state all the while.
 */
#include <math.h>
#include <stdlib.h>
#include <time.h>

#include "common/arena.h"
#include "common/buf.h"
#include "index/filter.h"
#include "index/store.h"
#include "index/topk.h"

#define ROUNDING       1e-12 /* of the double arithmetic on scores */
#define DEADLINE_STEPS 10000 /* of SQLite's machine between two looks at the clock */

struct candidate {
    double highest; /* score plus bound */
    int64_t document, passage;
};

struct search {
    struct collection *c;
    const struct search_query *query;
    struct collection_view view;
    struct scan_query scan;
    void *scan_memory;
    float *vector; /* a stored one, aligned */
    struct document_set allowed; /* of a filter; otherwise */
    struct document_set expired; /* all but these */
    struct topk sure, best;
    struct candidate *candidates;
    size_t count, capacity;
    uint64_t passed, rescored;
    enum status naming; /* of looking up ids for ties, which cannot return one */
    struct error *err;
};

static bool too_late(const struct search_query *query)
{
    struct timespec now;
    if (query->deadline_ms == 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 >= query->deadline_ms;
}

static int too_late_for_sqlite(void *query)
{
    return too_late(query);
}

static enum status late(struct error *err)
{
    return error_set(err, STATUS_DEADLINE, "the request's time was up before the search was done");
}

/* ---- step 1: the scan ---- */

static double lowest_wanted(const struct search *s)
{
    return fmax(topk_floor(&s->sure), s->query->min_cosine);
}

/* Makes room, first by forgetting candidates that the floor has overtaken. */
static enum status make_room(struct search *s)
{
    double floor = lowest_wanted(s);
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->candidates[i].highest >= floor)
            s->candidates[kept++] = s->candidates[i];
    s->count = kept;
    if (kept < s->capacity / 2)
        return STATUS_OK;
    size_t capacity = s->capacity * 2 + SCAN_BLOCK;
    struct candidate *more = realloc(s->candidates, capacity * sizeof *more);
    if (more == NULL)
        return error_memory(s->err, "searching");
    s->candidates = more;
    s->capacity = capacity;
    return STATUS_OK;
}

/* Takes a row whose highest possible score reached the floor. */
static enum status take(struct search *s, const struct resident_block *b, size_t at, double score,
                        double bound)
{
    enum status status = s->count < s->capacity ? STATUS_OK : make_room(s);
    if (status != STATUS_OK)
        return status;
    s->candidates[s->count++] = (struct candidate){score + bound, b->documents[at], b->passages[at]};
    if (score - bound >= topk_floor(&s->sure))
        topk_offer(&s->sure, b->documents[at], b->passages[at], score - bound);
    return STATUS_OK;
}

static enum status scan_block(struct search *s, const struct resident_block *b, const uint16_t *rows,
                              size_t n)
{
    int32_t sums[SCAN_BLOCK];
    double unit = s->scan.unit, error = s->scan.error + ROUNDING, factor = 1 + s->scan.error;
    double floor = lowest_wanted(s);
    s->c->store->kernels->dot(b->codes, rows, n, &s->scan, sums);
    for (size_t i = 0; i < n; i++) {
        size_t at = rows != NULL ? rows[i] : i;
        double score = unit * (double)b->scales[at] * sums[i], bound = error + (double)b->errors[at] * factor;
        if (score + bound < floor || b->documents[at] == 0)
            continue;
        enum status status = take(s, b, at, score, bound);
        if (status != STATUS_OK)
            return status;
        floor = lowest_wanted(s);
    }
    return STATUS_OK;
}

static bool is_allowed(const struct search *s, int64_t document)
{
    return s->query->filter != NULL ? document_set_has(&s->allowed, document)
                                    : !document_set_has(&s->expired, document);
}

/* Rows of a block whose documents may be found. */
static size_t allowed_rows(const struct search *s, const struct resident_block *b, size_t slots,
                           uint16_t *rows)
{
    size_t n = 0;
    for (size_t at = 0; at < slots; at++)
        if (b->documents[at] != 0 && is_allowed(s, b->documents[at]))
            rows[n++] = (uint16_t)at;
    return n;
}

static enum status scan(struct search *s)
{
    const struct resident *r = &s->c->resident;
    bool filtered = s->query->filter != NULL || s->expired.count > 0;
    uint16_t rows[SCAN_BLOCK];
    enum status status = STATUS_OK;
    s->passed = filtered ? 0 : r->live;
    for (size_t first = 0; first < r->slots && status == STATUS_OK; first += SCAN_BLOCK) {
        const struct resident_block *b = &r->blocks[first / SCAN_BLOCK];
        size_t n = r->slots - first < SCAN_BLOCK ? r->slots - first : SCAN_BLOCK;
        if (filtered)
            s->passed += n = allowed_rows(s, b, n, rows);
        status = too_late(s->query) ? late(s->err) : scan_block(s, b, filtered ? rows : NULL, n);
    }
    return status;
}

/* ---- step 2: the stored floats ---- */

static enum status damaged(const struct search *s, int64_t passage)
{
    return error_set(s->err, STATUS_CORRUPT,
                     "%s is damaged: passage %lld is not what it was; restore it from a backup",
                     s->view.sql->path, (long long)passage);
}

/* Sixteen stripes, added in one order on every machine. */
static double cosine(const double *query, const float *vector, size_t width)
{
    double dots[16] = {0}, squares[16] = {0}, dot = 0, square = 0;
    for (size_t i = 0; i < width; i++) {
        dots[i % 16] += query[i] * vector[i];
        squares[i % 16] += (double)vector[i] * vector[i];
    }
    for (size_t i = 0; i < 16; i++) {
        dot += dots[i];
        square += squares[i];
    }
    return dot / sqrt(square);
}

static enum status exact_cosine(struct search *s, int64_t passage, double *out)
{
    struct sql *sql = s->view.sql;
    size_t width = s->c->width;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, "SELECT vector FROM passages WHERE id = ?1", &st, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, passage);
    status = sql_step(sql, st, &row, s->err);
    if (status != STATUS_OK)
        return status;
    const void *blob = row ? sqlite3_column_blob(st, 0) : NULL;
    if (blob == NULL || (size_t)sqlite3_column_bytes(st, 0) != width * sizeof *s->vector)
        return damaged(s, passage);
    memcpy(s->vector, blob, width * sizeof *s->vector);
    sqlite3_reset(st);
    s->rescored++;
    *out = cosine(s->scan.normalized, s->vector, width);
    return isfinite(*out) ? STATUS_OK : damaged(s, passage);
}

static enum status document_name(struct search *s, const char *literal, int64_t document, sqlite3_stmt **out)
{
    bool row = false;
    enum status status = sql_get(s->view.sql, literal, out, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(*out, 1, document);
    status = sql_step(s->view.sql, *out, &row, s->err);
    if (status == STATUS_OK && !row)
        status = error_set(s->err, STATUS_CORRUPT,
                           "%s is damaged: document %lld is missing; restore it from a backup",
                           s->view.sql->path, (long long)document);
    return status;
}

static bool comes_before(void *search, int64_t a, int64_t b)
{
    struct search *s = search;
    sqlite3_stmt *st;
    bool before = false, row;
    enum status status = sql_get(
        s->view.sql, "SELECT a.name < b.name FROM documents a, documents b WHERE a.id = ?1 AND b.id = ?2",
        &st, s->err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, a);
        sqlite3_bind_int64(st, 2, b);
        status = sql_step(s->view.sql, st, &row, s->err);
        before = status == STATUS_OK && row && sqlite3_column_int(st, 0) == 1;
        sqlite3_reset(st);
    }
    if (s->naming == STATUS_OK)
        s->naming = status;
    return before;
}

static int by_highest(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->highest != y->highest)
        return x->highest > y->highest ? -1 : 1;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

static enum status rescore(struct search *s)
{
    enum status status = STATUS_OK;
    if (s->count > 0)
        qsort(s->candidates, s->count, sizeof *s->candidates, by_highest);
    for (size_t i = 0; i < s->count && status == STATUS_OK; i++) {
        const struct candidate *candidate = &s->candidates[i];
        double score = 0;
        if (candidate->highest < fmax(lowest_wanted(s), topk_floor(&s->best)))
            break;
        status =
            i % 64 == 0 && too_late(s->query) ? late(s->err) : exact_cosine(s, candidate->passage, &score);
        if (status == STATUS_OK && score >= s->query->min_cosine)
            topk_offer(&s->best, candidate->document, candidate->passage, score);
        if (status == STATUS_OK)
            status = s->naming;
    }
    if (status == STATUS_OK) {
        topk_sort(&s->best);
        status = s->naming;
    }
    return status;
}

/* ---- the answer ---- */

/* Texts of all hits, one behind the other; a hit's texts are offsets until the buffer has stopped moving. */
struct answer {
    struct buf texts;
    struct hit *hits;
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
    struct sql *sql = s->view.sql;
    sqlite3_blob *blob = NULL;
    size_t n = hit->end - hit->start;
    enum status status = STATUS_OK;
    int rc = sqlite3_blob_open(sql->db, "main", "texts", "text", document, 0, &blob);
    if (rc == SQLITE_OK && (size_t)sqlite3_blob_bytes(blob) < hit->end)
        rc = SQLITE_CORRUPT;
    if (rc != SQLITE_OK)
        status = rc == SQLITE_CORRUPT ? damaged(s, document) : sql_error(sql, rc, s->err);
    if (status == STATUS_OK)
        status = buf_reserve(&a->texts, n + 1, s->err);
    if (status == STATUS_OK &&
        (rc = sqlite3_blob_read(blob, a->texts.data + a->texts.len, (int)n, (int)hit->start)) != SQLITE_OK)
        status = sql_error(sql, rc, s->err);
    sqlite3_blob_close(blob);
    if (status != STATUS_OK)
        return status;
    a->texts.len += n;
    a->texts.data[a->texts.len++] = '\0';
    hit->passage = (struct text){NULL, n};
    return STATUS_OK;
}

static enum status read_hit(struct search *s, struct answer *a, const struct topk_item *item, struct hit *hit)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = document_name(s, "SELECT name, title, lang, metadata FROM documents WHERE id = ?1",
                                       item->document, &st);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 0), &hit->id);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 1), &hit->title);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 2), &hit->lang);
    if (status == STATUS_OK)
        status = keep(s, a, sql_text(st, 3), &hit->metadata);
    if (status == STATUS_OK)
        status = sql_get(s->view.sql, "SELECT first, last, first_char, last_char FROM passages WHERE id = ?1",
                         &st, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, item->passage);
    status = sql_step(s->view.sql, st, &row, s->err);
    if (status != STATUS_OK)
        return status;
    int64_t start = sqlite3_column_int64(st, 0), end = sqlite3_column_int64(st, 1);
    if (!row || start < 0 || end < start || end > INT32_MAX)
        return damaged(s, item->passage);
    hit->start = (size_t)start;
    hit->end = (size_t)end;
    hit->start_char = (size_t)sqlite3_column_int64(st, 2);
    hit->end_char = (size_t)sqlite3_column_int64(st, 3);
    hit->cosine = item->score;
    sqlite3_reset(st);
    return keep_passage(s, a, item->document, hit);
}

static void settle(struct hit *hits, size_t n, const char *at)
{
    for (size_t i = 0; i < n; i++) {
        struct text *texts[] = {&hits[i].id, &hits[i].title, &hits[i].lang, &hits[i].metadata,
                                &hits[i].passage};
        for (size_t j = 0; j < sizeof texts / sizeof *texts; j++) {
            texts[j]->data = at;
            at += texts[j]->len + 1;
        }
    }
}

static enum status answer(struct search *s, struct hits *out)
{
    struct answer a = {0};
    size_t n = s->best.count;
    enum status status = STATUS_OK;
    buf_init(&a.texts, SIZE_MAX / 2);
    a.hits = calloc(n + 1, sizeof *a.hits);
    if (a.hits == NULL)
        status = error_memory(s->err, "searching");
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = read_hit(s, &a, &s->best.items[i], &a.hits[i]);
    if (status != STATUS_OK) {
        free(a.hits);
        buf_release(&a.texts);
        return status;
    }
    settle(a.hits, n, a.texts.data);
    *out = (struct hits){.items = a.hits,
                         .count = n,
                         .plan = s->passed > 0 ? "scan" : "empty",
                         .exact = true,
                         .candidates = s->passed,
                         .rescored = s->rescored,
                         .filtered = s->query->filter != NULL,
                         .memory = a.texts.data};
    return STATUS_OK;
}

void hits_release(struct hits *hits)
{
    free(hits->items);
    free(hits->memory);
    *hits = (struct hits){0};
}

/* ---- the call ---- */

static enum status prepare(struct search *s)
{
    const struct search_query *query = s->query;
    size_t width = s->c->width;
    double square = 0;
    if (query->k < 1 || query->k > SEARCH_MOST)
        return error_field(s->err, STATUS_INVALID, "k", "k must be 1 to %d, not %zu", SEARCH_MOST, query->k);
    if (isnan(query->min_cosine))
        return error_field(s->err, STATUS_INVALID, "min_cosine", "min_cosine must be a number");
    for (size_t i = 0; i < width; i++)
        square += (double)query->vector[i] * query->vector[i];
    if (!isfinite(square) || square < 1e-30)
        return error_field(s->err, STATUS_INVALID, "vector",
                           "the query's vector must be finite and not all zero");
    s->scan_memory = big_alloc(scan_query_bytes(width));
    s->vector = big_alloc(width * sizeof *s->vector);
    if (s->scan_memory == NULL || s->vector == NULL)
        return error_memory(s->err, "searching");
    scan_query_init(&s->scan, query->vector, width, s->scan_memory);
    enum status status = topk_init(&s->sure, query->k, s->err);
    if (status == STATUS_OK)
        status = topk_init(&s->best, query->k, s->err);
    s->best.before = comes_before;
    s->best.names = s;
    return status;
}

static enum status find(struct search *s, struct hits *out)
{
    sqlite3 *db = s->view.sql->db;
    enum status status = STATUS_OK;
    if (s->query->filter != NULL) {
        if (s->query->deadline_ms != 0)
            sqlite3_progress_handler(db, DEADLINE_STEPS, too_late_for_sqlite, (void *)(uintptr_t)s->query);
        status = filter_resolve(s->c, s->view.sql, s->query->filter, &s->allowed, s->err);
        sqlite3_progress_handler(db, 0, NULL, NULL);
    } else {
        status = expired_documents(s->c, s->view.sql, &s->expired, s->err);
    }
    if (status == STATUS_OK)
        status = scan(s);
    if (status == STATUS_OK)
        status = rescore(s);
    if (status == STATUS_OK)
        status = answer(s, out);
    return status;
}

enum status collection_search(struct collection *c, const struct search_query *query, struct hits *out,
                              struct error *err)
{
    struct search s = {.c = c, .query = query, .err = err};
    enum status status = prepare(&s);
    if (status == STATUS_OK)
        status = collection_view(c, &s.view, err);
    if (status == STATUS_OK) {
        status = find(&s, out);
        collection_view_end(c, &s.view);
    }
    document_set_release(&s.allowed);
    document_set_release(&s.expired);
    topk_release(&s.sure);
    topk_release(&s.best);
    free(s.candidates);
    big_free(s.vector);
    big_free(s.scan_memory);
    return status;
}
