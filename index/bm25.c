/* Each term is one query to FTS5, twice: first only counted, since its weight needs the count, then, if the
 * weight is worth it, with the figures of each row. Scores are gathered in arrays as long as the copy of the
 * vectors in memory, so that filters, documents and cosines are at hand by the same number.
 */
#include "index/bm25.h"

#include <math.h>
#include <stdlib.h>

#include "index/fts.h"

#define K1           1.2
#define B            0.75
#define TITLE_WEIGHT 2.0
#define WORTH        0.05 /* of the greatest weight; terms below say nothing beside it */

/* One query to the table of a space. */
struct asker {
    struct sql *sql;
    sqlite3_stmt *count, *rows;
    struct buf expression;
};

/* `format` names the table, up to four times. */
static enum status prepare(struct sql *sql, const char *format, int64_t space, sqlite3_stmt **out,
                           struct error *err)
{
    long long n = space;
    char *text = sqlite3_mprintf(format, n, n, n, n);
    if (text == NULL)
        return error_memory(err, "searching by keywords");
    int rc = sqlite3_prepare_v2(sql->db, text, -1, out, NULL);
    sqlite3_free(text);
    return rc == SQLITE_OK ? STATUS_OK : sql_error(sql, rc, err);
}

static enum status asker_open(struct asker *a, struct sql *sql, int64_t space, struct error *err)
{
    *a = (struct asker){.sql = sql};
    buf_init(&a->expression, SIZE_MAX / 2);
    enum status status =
        prepare(sql, "SELECT rowid FROM keywords_%lld WHERE keywords_%lld MATCH ?1", space, &a->count, err);
    if (status == STATUS_OK)
        status = prepare(sql,
                         "SELECT rowid, tally(keywords_%lld), average(keywords_%lld, 1) FROM keywords_%lld "
                         "WHERE keywords_%lld MATCH ?1",
                         space, &a->rows, err);
    return status;
}

static void asker_close(struct asker *a)
{
    sqlite3_finalize(a->count);
    sqlite3_finalize(a->rows);
    buf_release(&a->expression);
}

static enum status ask(struct asker *a, sqlite3_stmt *st, const struct terms *t, const struct term *term,
                       struct error *err)
{
    buf_clear(&a->expression);
    enum status status = term_expression(t, term, &a->expression, err);
    sqlite3_reset(st);
    sql_bind_text(st, 1, buf_text(&a->expression));
    return status;
}

static enum status count_rows(struct asker *a, const struct terms *t, const struct term *term, int64_t *out,
                              struct error *err)
{
    bool row;
    int64_t n = 0;
    enum status status = ask(a, a->count, t, term, err);
    while (status == STATUS_OK && (status = sql_step(a->sql, a->count, &row, err)) == STATUS_OK && row)
        n++;
    sqlite3_reset(a->count);
    *out = n;
    return status;
}

/* ---- weights ---- */

static double idf(int64_t rows, int64_t passages)
{
    double n = (double)rows, all = fmax((double)passages, n);
    return log(1 + (all - n + 0.5) / (n + 0.5));
}

/* Weights of all terms, those not worth their rows 0; and what the whole query could give: of a word with
 * parts either itself or them, since few texts have both. */
static enum status weigh(struct bm25 *b, struct asker *a, struct terms *t, int64_t passages,
                         struct error *err)
{
    int64_t rows[TERMS_MOST];
    double best = 0, whole = 0, parts = 0;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < t->count && status == STATUS_OK; i++) {
        status = count_rows(a, t, &t->items[i], &rows[i], err);
        if (status != STATUS_OK)
            return status;
        double weight = t->items[i].weight = idf(rows[i], passages);
        best = fmax(best, weight);
        if (!t->items[i].part) {
            b->most += fmax(whole, parts) * (K1 + 1);
            whole = weight;
            parts = 0;
        } else {
            parts += weight;
        }
    }
    b->most += fmax(whole, parts) * (K1 + 1);
    for (size_t i = 0; i < t->count; i++)
        if (rows[i] == 0 || (t->items[i].weight < WORTH * best && !t->items[i].phrase))
            t->items[i].weight = 0;
    return status;
}

/* ---- scores ---- */

static enum status note(struct bm25 *b, uint32_t slot, struct error *err)
{
    if (b->count == b->capacity) {
        size_t capacity = b->capacity * 2 + 256;
        uint32_t *slots = realloc(b->slots, capacity * sizeof *slots);
        if (slots == NULL)
            return error_memory(err, "searching by keywords");
        b->slots = slots;
        b->capacity = capacity;
    }
    b->slots[b->count++] = slot;
    return STATUS_OK;
}

static double gain(int64_t tally, double mean)
{
    double length = mean > 0 ? FTS_TEXT_LENGTH(tally) / mean : 1;
    double f = FTS_TEXT_COUNT(tally) / (1 - B + B * length) + TITLE_WEIGHT * FTS_TITLE_COUNT(tally);
    return f * (K1 + 1) / (K1 + f);
}

static enum status add_term(struct bm25 *b, struct asker *a, const struct terms *t, const struct term *term,
                            const struct resident *r, struct error *err)
{
    bool row;
    enum status status = ask(a, a->rows, t, term, err);
    while (status == STATUS_OK && (status = sql_step(a->sql, a->rows, &row, err)) == STATUS_OK && row) {
        uint32_t slot = resident_find(r, sqlite3_column_int64(a->rows, 0));
        if (slot == RESIDENT_NONE)
            continue;
        if (b->scores[slot] == 0)
            status = note(b, slot, err);
        b->scores[slot] +=
            (float)(term->weight * gain(sqlite3_column_int64(a->rows, 1), sqlite3_column_double(a->rows, 2)));
        b->codes[slot] = (uint8_t)(b->codes[slot] + term->code);
        b->phrases[slot] = (uint8_t)(b->phrases[slot] + term->phrase);
    }
    sqlite3_reset(a->rows);
    return status;
}

enum status bm25_run(struct bm25 *b, struct terms *t, struct sql *sql, int64_t space,
                     const struct resident *r, int64_t passages, struct error *err)
{
    struct asker a = {0};
    *b = (struct bm25){0};
    b->scores = calloc((size_t)r->slots + 1, sizeof *b->scores);
    b->codes = calloc((size_t)r->slots + 1, 1);
    b->phrases = calloc((size_t)r->slots + 1, 1);
    enum status status = b->scores != NULL && b->codes != NULL && b->phrases != NULL
                             ? asker_open(&a, sql, space, err)
                             : error_memory(err, "searching by keywords");
    if (status == STATUS_OK)
        status = weigh(b, &a, t, passages, err);
    for (size_t i = 0; i < t->count && status == STATUS_OK; i++)
        if (t->items[i].weight > 0)
            status = add_term(b, &a, t, &t->items[i], r, err);
    asker_close(&a);
    return status;
}

void bm25_release(struct bm25 *b)
{
    free(b->scores);
    free(b->codes);
    free(b->phrases);
    free(b->slots);
    *b = (struct bm25){0};
}
