/* Exact search: a scan of the bytes in memory that leaves out only what cannot be among the k best, then the
 * stored floats of what is left.
 *
 * A row of bytes stands for its unit vector v with |v - v'| ≤ e (the row's error), the bytes of the query for
 * its unit vector q with |q - q'| ≤ f. The integer sum gives s = q'·v' exactly, so
 *
 *     |q·v - s| ≤ |q - q'|·|v'| + |q|·|v - v'| ≤ f·(1 + e) + e
 *
 * 1. Scanning, each document's best lower bound s - f(1 + e) - e goes to a heap of k; the worst in it is a
 *    floor that k documents are sure to reach.
 * 2. A passage whose upper bound is below the floor of its moment is below the last floor too: the floor only
 *    rises. Every other one is a candidate.
 * 3. Candidates are rescored from the stored floats in double, best upper bound first, until the next upper
 *    bound is below the k-th best exact score. What was not rescored cannot be among the k best.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/arena.h"
#include "index/filter.h"
#include "index/store.h"
#include "index/topk.h"

#define SLACK          1e-9 /* for the double arithmetic on the bounds themselves */
#define RESCORED_CHECK 256  /* rows between two looks at the clock */

struct candidate {
    double upper;
    int64_t document, passage;
};

struct search {
    struct collection *collection;
    const struct search_query *query;
    struct collection_view view;
    struct document_set set; /* of the filter */
    struct scan_query scan;
    void *scan_memory;
    struct topk lower, best;
    struct candidate *candidates;
    size_t candidate_count, candidate_room;
    uint64_t passed, rescored;
    struct error failure; /* of `comes_before`, which cannot return one */
};

static enum status check_deadline(const struct search *s, struct error *err)
{
    struct timespec now;
    if (s->query->deadline_ms == 0)
        return STATUS_OK;
    clock_gettime(CLOCK_MONOTONIC, &now);
    if ((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 < s->query->deadline_ms)
        return STATUS_OK;
    return error_set(err, STATUS_DEADLINE, "the time for this search was up");
}

/* ---- scanning ---- */

/* Drops candidates below the floor; makes room. */
static enum status make_room(struct search *s, struct error *err)
{
    double floor = topk_floor(&s->lower);
    size_t kept = 0;
    for (size_t i = 0; i < s->candidate_count; i++)
        if (s->candidates[i].upper >= floor)
            s->candidates[kept++] = s->candidates[i];
    s->candidate_count = kept;
    if (kept * 2 < s->candidate_room)
        return STATUS_OK;
    size_t room = s->candidate_room == 0 ? 1024 : s->candidate_room * 2;
    struct candidate *more = realloc(s->candidates, room * sizeof *more);
    if (more == NULL)
        return error_memory(err, "searching");
    s->candidates = more;
    s->candidate_room = room;
    return STATUS_OK;
}

static enum status consider(struct search *s, const struct resident_block *b, size_t at, int32_t sum,
                            struct error *err)
{
    double error = b->errors[at], score = (double)sum * s->scan.unit * b->scales[at];
    double bound = s->scan.error * (1 + error) + error + SLACK, upper = score + bound;
    double floor = topk_floor(&s->lower);
    if (upper < floor || upper < s->query->min_cosine)
        return STATUS_OK;
    if (s->candidate_count == s->candidate_room) {
        enum status status = make_room(s, err);
        if (status != STATUS_OK)
            return status;
    }
    s->candidates[s->candidate_count++] = (struct candidate){upper, b->documents[at], b->passages[at]};
    if (score - bound >= floor)
        topk_offer(&s->lower, b->documents[at], b->passages[at], score - bound);
    return STATUS_OK;
}

/* The rows of a block that are in use and pass the filter. */
static size_t choose(const struct search *s, const struct resident_block *b, size_t n, uint16_t *rows)
{
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (b->documents[i] != 0 && (s->query->filter == NULL || document_set_has(&s->set, b->documents[i])))
            rows[count++] = (uint16_t)i;
    return count;
}

static enum status scan(struct search *s, struct error *err)
{
    const struct resident *r = &s->collection->resident;
    uint16_t rows[SCAN_BLOCK];
    int32_t sums[SCAN_BLOCK];
    enum status status = STATUS_OK;
    for (size_t block = 0; block * SCAN_BLOCK < r->slots && status == STATUS_OK; block++) {
        const struct resident_block *b = &r->blocks[block];
        size_t left = r->slots - block * SCAN_BLOCK, n = left < SCAN_BLOCK ? left : SCAN_BLOCK;
        size_t count = choose(s, b, n, rows);
        s->passed += count;
        s->collection->store->kernels->dot(b->codes, count == n ? NULL : rows, count, &s->scan, sums);
        for (size_t i = 0; i < count && status == STATUS_OK; i++)
            status = consider(s, b, rows[i], sums[i], err);
        if (status == STATUS_OK)
            status = check_deadline(s, err);
    }
    return status;
}

/* ---- rescoring ---- */

static int by_upper(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->upper != y->upper)
        return x->upper < y->upper ? 1 : -1;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

static enum status name_of(struct search *s, int64_t document, struct text *out)
{
    struct sql *sql = s->view.sql;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, "SELECT name FROM documents WHERE id = ?1", &st, &s->failure);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, document);
    status = sql_step(sql, st, &row, &s->failure);
    if (status == STATUS_OK && !row)
        status = error_set(&s->failure, STATUS_CORRUPT,
                           "%s is damaged: a passage belongs to no document; restore it from a backup", sql->path);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 0, out, &s->failure);
    sqlite3_reset(st);
    return status;
}

/* Equal scores: the smaller id, in byte order. */
static bool comes_before(void *search, int64_t a, int64_t b)
{
    struct search *s = search;
    struct text x = {0}, y = {0};
    bool before = name_of(s, a, &x) == STATUS_OK && name_of(s, b, &y) == STATUS_OK && text_compare(x, y) < 0;
    free((char *)(uintptr_t)x.data);
    free((char *)(uintptr_t)y.data);
    return before;
}

/* Cosine of the query with the stored floats of a passage. */
static enum status exact_cosine(struct search *s, int64_t passage, double *out, struct error *err)
{
    struct sql *sql = s->view.sql;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, "SELECT vector FROM passages WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, passage);
    status = sql_step(sql, st, &row, err);
    if (status != STATUS_OK)
        return status;
    size_t width = s->collection->width;
    const unsigned char *stored = row ? sqlite3_column_blob(st, 0) : NULL;
    if (stored == NULL || (size_t)sqlite3_column_bytes(st, 0) != width * sizeof(float)) {
        status = error_set(err, STATUS_CORRUPT,
                           "%s is damaged: passage %lld has no vector of %zu numbers; restore it from a backup",
                           sql->path, (long long)passage, width);
    } else {
        double dot = 0, square = 0;
        for (size_t i = 0; i < width; i++) {
            float v;
            memcpy(&v, stored + i * sizeof v, sizeof v);
            dot += s->scan.normalized[i] * v;
            square += (double)v * v;
        }
        *out = dot / sqrt(square);
    }
    sqlite3_reset(st);
    return status;
}

static enum status rescore(struct search *s, struct error *err)
{
    enum status status = STATUS_OK;
    if (s->candidate_count > 0)
        qsort(s->candidates, s->candidate_count, sizeof *s->candidates, by_upper);
    for (size_t i = 0; i < s->candidate_count && status == STATUS_OK; i++) {
        const struct candidate *c = &s->candidates[i];
        double cosine = 0;
        if (c->upper < topk_floor(&s->best))
            break;
        status = exact_cosine(s, c->passage, &cosine, err);
        if (status != STATUS_OK)
            break;
        s->rescored++;
        if (cosine >= s->query->min_cosine)
            topk_offer(&s->best, c->document, c->passage, cosine);
        if (s->rescored % RESCORED_CHECK == 0)
            status = check_deadline(s, err);
    }
    topk_sort(&s->best);
    if (status == STATUS_OK && s->failure.status != STATUS_OK)
        status = error_set(err, s->failure.status, "%s", s->failure.text);
    return status;
}

/* ---- the answer ---- */

/* Appends a text with its NUL at *at. */
static struct text place(char **at, struct text text)
{
    char *start = *at;
    memcpy(start, text.data, text.len);
    start[text.len] = '\0';
    *at += text.len + 1;
    return (struct text){start, text.len};
}

static enum status fill(struct search *s, const struct topk_item *item, struct hit *out, char **memory,
                        struct error *err)
{
    struct sql *sql = s->view.sql;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql,
                                 "SELECT d.name, d.title, d.lang, d.metadata, "
                                 "substr(CAST(t.text AS BLOB), p.first + 1, p.last - p.first), "
                                 "p.first, p.last, p.first_char, p.last_char FROM passages p "
                                 "JOIN documents d ON d.id = p.document JOIN texts t ON t.document = d.id "
                                 "WHERE p.id = ?1",
                                 &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, item->passage);
    status = sql_step(sql, st, &row, err);
    if (status == STATUS_OK && !row)
        status = error_set(err, STATUS_CORRUPT,
                           "%s is damaged: passage %lld has no document; restore it from a backup", sql->path,
                           (long long)item->passage);
    if (status != STATUS_OK)
        return status;
    struct text texts[5];
    size_t bytes = 0;
    for (int i = 0; i < 4; i++)
        texts[i] = sql_text(st, i);
    texts[4] = (struct text){sqlite3_column_blob(st, 4), (size_t)sqlite3_column_bytes(st, 4)};
    if (texts[4].data == NULL)
        texts[4] = text_of("");
    for (int i = 0; i < 5; i++)
        bytes += texts[i].len + 1;
    char *at = malloc(bytes);
    if (at == NULL) {
        status = error_memory(err, "answering a search");
    } else {
        *memory = at;
        out->id = place(&at, texts[0]);
        out->title = place(&at, texts[1]);
        out->lang = place(&at, texts[2]);
        out->metadata = place(&at, texts[3]);
        out->passage = place(&at, texts[4]);
        out->start = (size_t)sqlite3_column_int64(st, 5);
        out->end = (size_t)sqlite3_column_int64(st, 6);
        out->start_char = (size_t)sqlite3_column_int64(st, 7);
        out->end_char = (size_t)sqlite3_column_int64(st, 8);
        out->cosine = item->score;
    }
    sqlite3_reset(st);
    return status;
}

static enum status answer(struct search *s, struct hits *out, struct error *err)
{
    size_t n = s->best.count;
    struct hits hits = {.plan = s->view.row.passages == 0 ? "empty" : "scan",
                        .exact = true,
                        .candidates = s->passed,
                        .rescored = s->rescored,
                        .filtered = s->query->filter != NULL};
    char **memory = calloc(n + 1, sizeof *memory); /* one block a hit, NULL behind the last */
    enum status status = STATUS_OK;
    hits.memory = memory;
    hits.items = calloc(n + 1, sizeof *hits.items);
    if (memory == NULL || hits.items == NULL)
        status = error_memory(err, "answering a search");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        status = fill(s, &s->best.items[i], &hits.items[i], &memory[i], err);
        hits.count += status == STATUS_OK;
    }
    if (status == STATUS_OK)
        *out = hits;
    else
        hits_release(&hits);
    return status;
}

void hits_release(struct hits *hits)
{
    for (char **at = hits->memory; at != NULL && *at != NULL; at++)
        free(*at);
    free(hits->memory);
    free(hits->items);
    *hits = (struct hits){0};
}

/* ---- the call ---- */

static enum status check_query(const struct collection *c, const struct search_query *query, struct error *err)
{
    double square = 0;
    if (query->k < 1 || query->k > SEARCH_MOST)
        return error_field(err, STATUS_INVALID, "k", "k must be 1 to %d; it is %zu", SEARCH_MOST, query->k);
    for (size_t i = 0; i < c->width; i++)
        square += (double)query->vector[i] * query->vector[i];
    if (!isfinite(square) || square < 1e-30)
        return error_field(err, STATUS_INVALID, "vector", "the query vector must be finite and not zero");
    return STATUS_OK;
}

static enum status prepare(struct search *s, struct error *err)
{
    s->scan_memory = big_alloc(scan_query_bytes(s->collection->width));
    if (s->scan_memory == NULL)
        return error_memory(err, "searching");
    scan_query_init(&s->scan, s->query->vector, s->collection->width, s->scan_memory);
    enum status status = topk_init(&s->lower, s->query->k, err);
    if (status == STATUS_OK)
        status = topk_init(&s->best, s->query->k, err);
    s->best.before = comes_before;
    s->best.names = s;
    return status;
}

enum status collection_search(struct collection *c, const struct search_query *query, struct hits *out,
                              struct error *err)
{
    struct search s = {.collection = c, .query = query};
    enum status status = check_query(c, query, err);
    if (status == STATUS_OK)
        status = collection_view(c, &s.view, err);
    if (status != STATUS_OK)
        return status;
    status = check_deadline(&s, err);
    if (status == STATUS_OK)
        status = prepare(&s, err);
    if (status == STATUS_OK && query->filter != NULL)
        status = filter_resolve(c, s.view.sql, query->filter, &s.set, err);
    if (status == STATUS_OK)
        status = scan(&s, err);
    if (status == STATUS_OK)
        status = rescore(&s, err);
    if (status == STATUS_OK)
        status = answer(&s, out, err);
    collection_view_end(c, &s.view);
    document_set_release(&s.set);
    topk_release(&s.best);
    topk_release(&s.lower);
    big_free(s.scan_memory);
    free(s.candidates);
    return status;
}
