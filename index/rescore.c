/* Exact scores from the stored floats, for as few rows as the bounds allow.
 *
 * 1. Candidates are taken from the highest possible score down, until none of the rest can reach the k-th
 * best.
 * 2. Rows with equal floats (one `print`, one bound) share one score: a text that stands in thousands of
 *    documents is read once.
 * 3. When thousands of different rows lie so close that their bounds cannot tell them apart, what is left is
 *    read in the order of the file instead, which is several times faster than one by one.
 * 4. The candidates of a search take CANDIDATES_MOST entries at most: when they are full, they are scored and
 *    forgotten, and the k-th exact score holds off what comes.
 * 5. Documents with exactly the k-th score are only collected (`tied`); their ids are compared once, at the
 *    end.
 */
#include <math.h>
#include <stdlib.h>

#include "index/schema.h"
#include "index/search.h"

#define CANDIDATES_MOST 65536
#define ONE_BY_ONE      2048 /* rows read before the order of the file is worth sorting for */
#define NEIGHBOURS      32   /* rows that are stepped over rather than looked up anew */
#define NAMES_ONE_BY_ONE                                                                                     \
    256 /* tied documents whose names are looked up; more: all names are walked through */
#define STRIPES 16

double search_floor(const struct search *s)
{
    return fmax(fmax(topk_floor(&s->sure), topk_floor(&s->best)), s->query->min_cosine);
}

/* ---- candidates ---- */

static int by_highest(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->highest != y->highest)
        return x->highest > y->highest ? -1 : 1;
    if (x->print != y->print)
        return x->print < y->print ? -1 : 1;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

static int by_passage(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

/* Forgets what the floor has overtaken. */
static void sift(struct search *s)
{
    double floor = search_floor(s);
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++)
        if (s->candidates[i].highest >= floor)
            s->candidates[kept++] = s->candidates[i];
    s->count = kept;
}

/* Makes room: by forgetting, by more memory, or by scoring. */
static enum status make_room(struct search *s)
{
    sift(s);
    if (s->count < s->capacity / 2)
        return STATUS_OK;
    if (s->capacity == CANDIDATES_MOST)
        return search_rescore(s);
    size_t capacity = s->capacity == 0 ? SCAN_BLOCK : s->capacity * 4;
    struct candidate *more = realloc(s->candidates, capacity * sizeof *more);
    if (more == NULL)
        return error_memory(s->err, "searching");
    s->candidates = more;
    s->capacity = capacity;
    return STATUS_OK;
}
_Static_assert(CANDIDATES_MOST == SCAN_BLOCK * 64, "the capacity grows to it by fours");

enum status search_offer(struct search *s, const struct candidate *row, double lowest)
{
    enum status status = s->count < s->capacity ? STATUS_OK : make_room(s);
    if (status != STATUS_OK)
        return status;
    s->candidates[s->count++] = *row;
    if (lowest >= topk_floor(&s->sure))
        topk_offer(&s->sure, row->document, row->passage, lowest);
    return STATUS_OK;
}

/* ---- exact scores ---- */

enum status search_damaged(const struct search *s, int64_t passage)
{
    return error_set(s->err, STATUS_CORRUPT,
                     "%s is damaged: passage %lld is not what it was; restore it from a backup", s->sql->path,
                     (long long)passage);
}

/* Sixteen stripes, added in one order on every machine. */
static double cosine(const double *query, const float *vector, size_t width)
{
    double dots[STRIPES] = {0}, squares[STRIPES] = {0}, dot = 0, square = 0;
    size_t whole = width / STRIPES * STRIPES;
    for (size_t i = 0; i < whole; i += STRIPES)
        for (size_t j = 0; j < STRIPES; j++) {
            double v = vector[i + j];
            dots[j] += query[i + j] * v;
            squares[j] += v * v;
        }
    for (size_t i = whole; i < width; i++) {
        dots[i % STRIPES] += query[i] * vector[i];
        squares[i % STRIPES] += (double)vector[i] * vector[i];
    }
    for (size_t j = 0; j < STRIPES; j++) {
        dot += dots[j];
        square += squares[j];
    }
    return dot / sqrt(square);
}

/* Of the vector in a column; `row` is false when there is none. */
static enum status read_cosine(struct search *s, sqlite3_stmt *st, int column, bool row, int64_t passage,
                               double *out)
{
    size_t width = s->c->width;
    const void *blob = row ? sqlite3_column_blob(st, column) : NULL;
    if (blob == NULL || (size_t)sqlite3_column_bytes(st, column) != width * sizeof *s->vector)
        return search_damaged(s, passage);
    memcpy(s->vector, blob, width * sizeof *s->vector);
    s->rescored++;
    *out = cosine(s->unit, s->vector, width);
    return isfinite(*out) ? STATUS_OK : search_damaged(s, passage);
}

enum status search_cosine(struct search *s, int64_t passage, double *out)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(s->sql, "SELECT vector FROM passages WHERE id = ?1", &st, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, passage);
    status = sql_step(s->sql, st, &row, s->err);
    if (status == STATUS_OK)
        status = read_cosine(s, st, 0, row, passage, out);
    sqlite3_reset(st);
    return status;
}

static enum status take(struct search *s, const struct candidate *candidate, double score)
{
    double floor = topk_floor(&s->best);
    if (score < s->query->min_cosine)
        return STATUS_OK;
    int64_t outside = topk_offer(&s->best, candidate->document, candidate->passage, score);
    if (topk_floor(&s->best) > floor)
        document_set_clear(&s->tied);
    return outside > 0 ? document_set_add(&s->tied, outside, s->err) : STATUS_OK;
}

/* From the highest down; *at is the first that was not reached, s->count when none of the rest can matter. */
static enum status take_highest(struct search *s, size_t *at)
{
    uint64_t print = 0;
    double highest = INFINITY, score = 0;
    size_t read = 0;
    for (*at = 0; *at < s->count; ++*at) {
        const struct candidate *candidate = &s->candidates[*at];
        if (candidate->highest < search_floor(s)) {
            *at = s->count;
            return STATUS_OK;
        }
        if (candidate->print != print || candidate->highest != highest) {
            if (read == ONE_BY_ONE)
                return STATUS_OK;
            if (read++ % 64 == 0 && search_late(s->query))
                return search_too_late(s->err);
            enum status status = search_cosine(s, candidate->passage, &score);
            if (status != STATUS_OK)
                return status;
            print = candidate->print;
            highest = candidate->highest;
        }
        enum status status = take(s, candidate, score);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Steps on to a passage, from `*now` when that is not far in front of it. */
static enum status seek(struct search *s, sqlite3_stmt *st, int64_t passage, int64_t *now, bool *row)
{
    enum status status = STATUS_OK;
    if (*now == 0 || passage - *now > NEIGHBOURS) {
        sqlite3_reset(st);
        sqlite3_bind_int64(st, 1, passage);
        *now = 0;
    }
    do {
        status = sql_step(s->sql, st, row, s->err);
        if (status == STATUS_OK && *row)
            *now = sqlite3_column_int64(st, 0);
    } while (status == STATUS_OK && *row && *now < passage);
    *row = *row && *now == passage;
    return status;
}

/* The rest in the order of the file. */
static enum status take_in_order(struct search *s, size_t from)
{
    sqlite3_stmt *st;
    int64_t now = 0;
    bool row = false;
    enum status status =
        sql_get(s->sql, "SELECT id, vector FROM passages WHERE id >= ?1 ORDER BY id", &st, s->err);
    if (status != STATUS_OK)
        return status;
    qsort(s->candidates + from, s->count - from, sizeof *s->candidates, by_passage);
    for (size_t i = from; i < s->count && status == STATUS_OK; i++) {
        const struct candidate *candidate = &s->candidates[i];
        double score;
        if (candidate->highest < search_floor(s))
            continue;
        if (i % 64 == 0 && search_late(s->query)) {
            status = search_too_late(s->err);
            break;
        }
        status = seek(s, st, candidate->passage, &now, &row);
        if (status == STATUS_OK)
            status = read_cosine(s, st, 1, row, candidate->passage, &score);
        if (status == STATUS_OK)
            status = take(s, candidate, score);
    }
    sqlite3_reset(st);
    return status;
}

enum status search_rescore(struct search *s)
{
    size_t at = 0;
    sift(s);
    if (s->count > 0)
        qsort(s->candidates, s->count, sizeof *s->candidates, by_highest);
    enum status status = take_highest(s, &at);
    if (status == STATUS_OK && at < s->count)
        status = take_in_order(s, at);
    s->count = 0;
    return status;
}

/* ---- ties ---- */

struct named {
    struct text name; /* owned */
    int64_t document;
};

static int by_name(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    return text_compare(x->name, y->name);
}

/* The first of the tied documents by name, looked up one by one. */
static enum status name_tied(struct search *s, int64_t *chosen, size_t wanted)
{
    struct named names[NAMES_ONE_BY_ONE];
    sqlite3_stmt *st;
    bool row = false;
    size_t n = 0;
    int64_t *documents = NULL;
    enum status status = document_set_list(&s->tied, &documents, s->err);
    if (status == STATUS_OK)
        status = sql_get(s->sql, "SELECT name FROM documents WHERE id = ?1", &st, s->err);
    for (uint64_t i = 0; i < s->tied.count && status == STATUS_OK; i++) {
        sqlite3_bind_int64(st, 1, documents[i]);
        status = sql_step(s->sql, st, &row, s->err);
        if (status == STATUS_OK && !row)
            status = error_set(s->err, STATUS_CORRUPT,
                               "%s is damaged: document %lld is missing; restore it from a backup",
                               s->sql->path, (long long)documents[i]);
        if (status == STATUS_OK)
            status = sql_text_copy(st, 0, &names[n].name, s->err);
        if (status == STATUS_OK)
            names[n++].document = documents[i];
        sqlite3_reset(st);
    }
    if (status == STATUS_OK) {
        qsort(names, n, sizeof *names, by_name);
        for (size_t i = 0; i < wanted; i++)
            chosen[i] = names[i].document;
    }
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)names[i].name.data);
    free(documents);
    return status;
}

/* The same, in the order of the index of names. */
static enum status walk_names(struct search *s, int64_t *chosen, size_t wanted)
{
    sqlite3_stmt *st;
    bool row = true;
    size_t n = 0;
    enum status status =
        sql_get(s->sql, "SELECT id FROM documents WHERE collection = ?1 ORDER BY name", &st, s->err);
    if (status == STATUS_OK)
        sqlite3_bind_int64(st, 1, s->c->id);
    for (size_t steps = 0; n < wanted && status == STATUS_OK && row; steps++) {
        if (steps % 4096 == 0 && search_late(s->query))
            return search_too_late(s->err);
        status = sql_step(s->sql, st, &row, s->err);
        if (status == STATUS_OK && row && document_set_has(&s->tied, sqlite3_column_int64(st, 0)))
            chosen[n++] = sqlite3_column_int64(st, 0);
    }
    sqlite3_reset(st);
    if (status == STATUS_OK && n < wanted)
        status = error_set(s->err, STATUS_CORRUPT,
                           "%s is damaged: documents that were found are missing; restore it from a backup",
                           s->sql->path);
    return status;
}

/* The first of the document's passages with the highest score. */
static enum status best_passage(struct search *s, int64_t document, struct topk_item *out)
{
    sqlite3_stmt *st;
    bool row;
    int64_t first = s->c->space << PASSAGE_BITS, last = (s->c->space + 1) << PASSAGE_BITS;
    *out = (struct topk_item){.score = -INFINITY, .document = document};
    enum status status = sql_get(s->sql,
                                 "SELECT id, vector FROM passages INDEXED BY passages_by_document "
                                 "WHERE document = ?1 AND id >= ?2 AND id < ?3 ORDER BY id",
                                 &st, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, document);
    sqlite3_bind_int64(st, 2, first);
    sqlite3_bind_int64(st, 3, last);
    while ((status = sql_step(s->sql, st, &row, s->err)) == STATUS_OK && row) {
        double score;
        int64_t passage = sqlite3_column_int64(st, 0);
        status = read_cosine(s, st, 1, true, passage, &score);
        if (status != STATUS_OK)
            break;
        if (score > out->score) {
            out->score = score;
            out->passage = passage;
        }
    }
    sqlite3_reset(st);
    return status;
}

/* Gives the last places to the first by name of the documents with the k-th score. */
static enum status break_ties(struct search *s, double floor)
{
    struct topk *best = &s->best;
    size_t above = 0;
    enum status status = STATUS_OK;
    while (above < best->count && best->items[above].score > floor)
        above++;
    size_t wanted = best->count - above;
    for (size_t i = above; i < best->count && status == STATUS_OK; i++)
        status = document_set_add(&s->tied, best->items[i].document, s->err);
    for (size_t i = 0; i < above; i++) /* what a later passage lifted over the others */
        document_set_remove(&s->tied, best->items[i].document);
    int64_t *chosen = calloc(wanted, sizeof *chosen);
    if (status == STATUS_OK && chosen == NULL)
        status = error_memory(s->err, "searching");
    if (status == STATUS_OK)
        status =
            s->tied.count <= NAMES_ONE_BY_ONE ? name_tied(s, chosen, wanted) : walk_names(s, chosen, wanted);
    for (size_t i = 0; i < wanted && status == STATUS_OK; i++)
        status = best_passage(s, chosen[i], &best->items[above + i]);
    free(chosen);
    return status;
}

enum status search_settle(struct search *s)
{
    double floor = topk_floor(&s->best); /* before the heap's order is gone */
    topk_sort(&s->best);
    return s->tied.count > 0 && floor > -INFINITY ? break_ties(s, floor) : STATUS_OK;
}
