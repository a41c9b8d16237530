/* Exact search in two steps. (A search of a large collection may leave out rows before the first: probe.c.)
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
#include "index/search.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/arena.h"
#include "index/scan_pass.h"

#define DEADLINE_STEPS 10000 /* of SQLite's machine between two looks at the clock */

bool search_late(const struct search_query *query)
{
    struct timespec now;
    if (query->deadline_ms == 0)
        return false;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 >= query->deadline_ms;
}

static int late_for_sqlite(void *query)
{
    return search_late(query);
}

enum status search_too_late(struct error *err)
{
    return error_set(err, STATUS_DEADLINE, "the request's time was up before the search was done");
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static enum status prepare(struct search *s)
{
    const struct search_query *query = s->query;
    size_t width = s->c->width;
    double square = 0;
    if (query->k < 1 || query->k > SEARCH_MOST)
        return error_field(s->err, STATUS_INVALID, "k", "k must be 1 to %d, not %zu", SEARCH_MOST, query->k);
    if (isnan(query->min_cosine))
        return error_field(s->err, STATUS_INVALID, "min_cosine", "min_cosine must be a number");
    if (!(query->diversity >= 0 && query->diversity <= 1))
        return error_field(s->err, STATUS_INVALID, "diversity", "diversity must be between 0 and 1");
    if (query->after.seen > SEARCH_PAGES - query->k)
        return error_field(s->err, STATUS_INVALID, "cursor",
                           "pages end after %d hits; narrow the search with a filter", SEARCH_PAGES);
    if (query->mode != SEARCH_SEMANTIC && (query->after.seen > 0 || query->diversity > 0))
        return error_field(s->err, STATUS_INVALID, "mode", "pages and diversity are of mode semantic");
    if (query->mode == SEARCH_KEYWORD)
        return STATUS_OK;
    for (size_t i = 0; i < width; i++)
        square += (double)query->vector[i] * query->vector[i];
    if (!isfinite(square) || square < 1e-30)
        return error_field(s->err, STATUS_INVALID, "vector",
                           "the query's vector must be finite and not all zero");
    s->scan_memory = big_alloc(scan_query_bytes(width));
    s->vector = big_alloc(width * sizeof *s->vector);
    s->unit = calloc(width, sizeof *s->unit);
    if (s->scan_memory == NULL || s->vector == NULL || s->unit == NULL)
        return error_memory(s->err, "searching");
    for (size_t i = 0; i < width; i++)
        s->unit[i] = query->vector[i] / sqrt(square);
    memcpy(s->vector, query->vector, width * sizeof *s->vector);
    scan_turn(s->vector, width);
    scan_query_init(&s->scan, s->vector, width, s->scan_memory);
    enum status status = topk_init(&s->sure, search_depth(query), s->err);
    return status == STATUS_OK ? topk_init(&s->best, search_depth(query), s->err) : status;
}

static void release(struct search *s)
{
    for (size_t i = 0; i < s->found_count; i++)
        free((char *)(uintptr_t)s->found[i].name.data);
    free(s->found);
    bm25_release(&s->words);
    terms_close(&s->terms);
    document_set_release(&s->tied);
    search_probe_end(s);
    topk_release(&s->sure);
    topk_release(&s->best);
    free(s->candidates);
    free(s->unit);
    big_free(s->vector);
    big_free(s->scan_memory);
}

/* From here to unwatch, SQLite gives up when the query's time is over. */
static void watch(struct sql *sql, const struct search_query *query)
{
    if (query->deadline_ms != 0)
        sqlite3_progress_handler(sql->db, DEADLINE_STEPS, late_for_sqlite, (void *)(uintptr_t)query);
}

static void unwatch(struct sql *sql)
{
    sqlite3_progress_handler(sql->db, 0, NULL, NULL);
}

/* Whether a query goes to some documents alone. */
static bool is_narrow(const struct search_query *query)
{
    return query->filter != NULL || query->lang_count > 0;
}

static enum status find_allowed(struct collection *c, struct sql *sql, int64_t generation,
                                const struct search_query *query, struct document_set *out,
                                struct passage_langs *langs, struct filter_report *report, struct error *err)
{
    enum status status = STATUS_OK;
    watch(sql, query);
    if (query->filter != NULL)
        status = filter_cache_resolve(&c->filters, generation, c, sql, query->filter, out, report, err);
    if (status == STATUS_OK && query->lang_count > 0)
        status = passage_langs_resolve(langs, c, sql, query->langs, query->lang_count, err);
    if (status == STATUS_OK && query->lang_count > 0)
        status = passage_langs_narrow(langs, query->filter != NULL, out, err);
    unwatch(sql);
    return status;
}

/* Ids that a query excepts: out of what the filter gave, or into what is passed over without one. */
static enum status except(struct collection *c, struct sql *sql, const struct search_query *query,
                          struct document_set *documents, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < query->except_count && status == STATUS_OK; i++) {
        sqlite3_stmt *st;
        bool row = false;
        status = sql_get(sql, "SELECT id FROM documents WHERE collection = ?1 AND name = ?2", &st, err);
        if (status != STATUS_OK)
            break;
        sqlite3_bind_int64(st, 1, c->id);
        sql_bind_text(st, 2, query->except[i]);
        status = sql_step(sql, st, &row, err);
        if (status == STATUS_OK && row && is_narrow(query))
            document_set_remove(documents, sqlite3_column_int64(st, 0));
        else if (status == STATUS_OK && row)
            status = document_set_add(documents, sqlite3_column_int64(st, 0), err);
        sqlite3_reset(st);
    }
    return status;
}

/* A search that has looked at some rows, and should have looked at others, looks at all. */
static enum status start_over(struct search *s)
{
    size_t depth = search_depth(s->query);
    search_probe_end(s);
    topk_release(&s->sure);
    topk_release(&s->best);
    s->sure = s->best = (struct topk){0};
    document_set_clear(&s->tied);
    s->passed = 0;
    s->exact = true;
    enum status status = topk_init(&s->sure, depth, s->err);
    if (status == STATUS_OK)
        status = topk_init(&s->best, depth, s->err);
    if (status != STATUS_OK)
        return status;
    scan_pass(&s->c->gate, &s, 1);
    return s->status == STATUS_OK ? search_rescore(s) : s->status;
}

/* What follows the pass. */
static enum status conclude(struct search *s)
{
    enum status status = s->status;
    if (status == STATUS_OK && s->query->mode != SEARCH_KEYWORD)
        status = search_rescore(s);
    if (status == STATUS_OK && search_fell_short(s))
        status = start_over(s);
    if (status == STATUS_OK && s->query->mode != SEARCH_KEYWORD)
        status = search_settle(s);
    if (status != STATUS_OK || s->query->mode == SEARCH_SEMANTIC)
        return status == STATUS_OK ? search_meaning(s) : status;
    watch(s->sql, s->query);
    status = search_words(s);
    unwatch(s->sql);
    return status;
}

/* The pass, and for those that did not look at all rows another one, over what turned out to be worth a look.
 */
static enum status look(struct collection *c, struct search **run, size_t n)
{
    enum status status = STATUS_OK;
    size_t wider = 0;
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = search_probe(run[i]);
    if (status != STATUS_OK)
        return status;
    scan_pass(&c->gate, run, n);
    for (size_t i = 0; i < n; i++)
        if (search_widen(run[i]))
            run[wider++] = run[i];
    scan_pass(&c->gate, run, wider);
    return status;
}

/* The run of queries from `first` on that share a filter and exceptions, in passes of their own. */
static enum status find_run(struct collection *c, struct sql *sql, struct search *searches,
                            struct search **run, size_t n, struct error *err)
{
    struct document_set documents = {0};
    struct passage_langs langs = {0};
    struct filter_report report = {0};
    const struct search_query *query = searches[0].query;
    size_t scans = 0;
    double start = now_ms();
    enum status status = is_narrow(query) ? find_allowed(c, sql, (int64_t)searches[0].generation, query, &documents,
                                                     &langs, &report, err)
                                          : expired_documents(c, sql, &documents, err);
    if (status == STATUS_OK)
        status = except(c, sql, query, &documents, err);
    double filtered = now_ms(), scanned;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        searches[i].sql = sql;
        searches[i].allowed = is_narrow(query) ? &documents : NULL;
        searches[i].expired = !is_narrow(query) && documents.count > 0 ? &documents : NULL;
        searches[i].langs = query->lang_count > 0 ? &langs : NULL;
        searches[i].exact = true;
        if (searches[i].query->mode != SEARCH_KEYWORD)
            run[scans++] = &searches[i];
    }
    if (status == STATUS_OK)
        status = look(c, run, scans);
    scanned = now_ms();
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        double from = now_ms();
        status = conclude(&searches[i]);
        searches[i].filter = report;
        searches[i].times = (struct search_times){
            .filter = filtered - start, .scan = scanned - filtered, .rescore = now_ms() - from};
    }
    passage_langs_release(&langs);
    document_set_release(&documents);
    return status;
}

static bool same_documents(const struct search_query *a, const struct search_query *b)
{
    return a->filter == b->filter && a->langs == b->langs && a->lang_count == b->lang_count &&
           a->except == b->except && a->except_count == b->except_count;
}

static enum status find(struct collection *c, struct search *searches, size_t n, struct hits *out,
                        struct error *err)
{
    const struct search_query *queries = searches->query;
    struct collection_view view;
    struct search **run = calloc(n + 1, sizeof(struct search *));
    size_t done = 0;
    if (run == NULL)
        return error_memory(err, "searching");
    enum status status = collection_view(c, &view, err);
    if (status == STATUS_OK) {
        for (size_t i = 0; i < n; i++)
            searches[i].generation = (uint64_t)view.row.generation;
        for (size_t first = 0, count; first < n && status == STATUS_OK; first += count) {
            count = 1;
            while (first + count < n && same_documents(queries + first, queries + first + count))
                count++;
            status = find_run(c, view.sql, searches + first, run, count, err);
        }
        for (; done < n && status == STATUS_OK; done += status == STATUS_OK) {
            double from = now_ms();
            status = search_hits(&searches[done], &out[done]);
            out[done].times.fetch = now_ms() - from;
        }
        collection_view_end(c, &view);
    }
    for (size_t i = 0; i < done && status != STATUS_OK; i++)
        hits_release(&out[i]);
    free(run);
    return status;
}

void collection_expect(struct collection *c, size_t n)
{
    scan_gate_expect(&c->gate, n);
}

void collection_came(struct collection *c, size_t n)
{
    scan_gate_came(&c->gate, n);
}

enum status collection_search(struct collection *c, const struct search_query *queries, size_t n,
                              struct hits *out, struct error *err)
{
    struct search *searches = calloc(n + 1, sizeof *searches);
    struct hits *found = calloc(n + 1, sizeof *found);
    enum status status = STATUS_OK;
    if (searches == NULL || found == NULL)
        status = error_memory(err, "searching");
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        searches[i] = (struct search){.c = c, .query = &queries[i], .err = err};
        status = prepare(&searches[i]);
    }
    if (status == STATUS_OK)
        status = find(c, searches, n, found, err);
    if (status == STATUS_OK && n > 0)
        memcpy(out, found, n * sizeof *out);
    for (size_t i = 0; i < n && searches != NULL; i++)
        release(&searches[i]);
    free(searches);
    free(found);
    return status;
}
