#include "index/keyword.h"

#include <stdlib.h>
#include <unicode/uversion.h>

#include "common/utf8.h"
#include "index/schema.h"
#include "index/words.h"

#define FILL_STEP 4096 /* passages in one transaction */

#define TABLE     "keywords_%lld"
#define ARGUMENTS "fts5(title, text, content='''', tokenize=''cognate'')" /* inside of a literal of SQL */

/* What this program makes postings by. */
static void rules_of(char out[32])
{
    UVersionInfo version;
    u_getVersion(version);
    sqlite3_snprintf(32, out, "%s %d.%d", WORDS_RULES, version[0], version[1]);
}

/* ---- tables ---- */

/* Runs a statement whose format names the table once or twice. */
static enum status run_for_space(struct sql *c, const char *format, int64_t space, struct error *err)
{
    char *text = sqlite3_mprintf(format, (long long)space, (long long)space);
    if (text == NULL)
        return error_memory(err, "working with keywords");
    enum status status = sql_run(c, text, err);
    sqlite3_free(text);
    return status;
}

static enum status set_state(struct sql *c, int64_t space, const char *rules, struct error *err)
{
    sqlite3_stmt *st;
    enum status status =
        sql_get(c, "UPDATE spaces SET keyword_rules = ?2, keyword_next = 0 WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, space);
    sql_bind_text(st, 2, text_of(rules));
    status = sql_step(c, st, NULL, err);
    sqlite3_reset(st);
    return status;
}

enum status keyword_create(struct sql *c, int64_t space, struct error *err)
{
    char rules[32];
    rules_of(rules);
    enum status status = run_for_space(
        c, "CREATE VIRTUAL TABLE " TABLE " USING fts5(title, text, content='', tokenize='cognate')", space,
        err);
    if (status == STATUS_OK) /* memory for postings before FTS5 writes them: a batch in one go */
        status = run_for_space(c, "INSERT INTO " TABLE "(" TABLE ", rank) VALUES ('hashsize', 16777216)",
                               space, err);
    return status == STATUS_OK ? set_state(c, space, rules, err) : status;
}

enum status keyword_drop(struct sql *c, int64_t space, struct error *err)
{
    enum status status = run_for_space(c, "DROP TABLE IF EXISTS " TABLE, space, err);
    return status == STATUS_OK ? set_state(c, space, "", err) : status;
}

enum status keyword_drop_all(struct sql *c, int64_t collection, struct error *err)
{
    sqlite3_stmt *st;
    bool row = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && row) { /* the statement must end before a table can go */
        status = sql_get(c, "SELECT id FROM spaces WHERE collection = ?1 AND keyword_rules <> '' LIMIT 1",
                         &st, err);
        if (status != STATUS_OK)
            break;
        sqlite3_bind_int64(st, 1, collection);
        status = sql_step(c, st, &row, err);
        int64_t space = row ? sqlite3_column_int64(st, 0) : 0;
        sqlite3_reset(st);
        if (status == STATUS_OK && row)
            status = keyword_drop(c, space, err);
    }
    return status;
}

enum status keyword_check_tables(struct sql *c, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(
        c,
        /* each table of that name is what keyword_create or FTS5 made for a space that has keywords … */
        "SELECT o.name FROM sqlite_schema o LEFT JOIN spaces s ON s.id = CAST(substr(o.name, 10) AS INTEGER) "
        "WHERE o.name GLOB 'keywords_*' AND NOT coalesce(s.keyword_rules <> '' AND o.type = 'table' AND "
        "o.tbl_name = o.name AND CASE o.name WHEN 'keywords_' || s.id THEN o.sql = 'CREATE VIRTUAL TABLE ' "
        "|| "
        "o.name || ' USING " ARGUMENTS
        "' ELSE o.sql GLOB 'CREATE TABLE ''' || o.name || '''(*' AND o.name IN ("
        "'keywords_' || s.id || '_data', 'keywords_' || s.id || '_idx', 'keywords_' || s.id || '_docsize', "
        "'keywords_' || s.id || '_config') END, 0) "
        /* … and such a space has all five */
        "UNION ALL SELECT 'keywords_' || s.id FROM spaces s WHERE s.keyword_rules <> '' AND 5 <> "
        "(SELECT count(*) FROM sqlite_schema o WHERE o.name = 'keywords_' || s.id OR o.name GLOB "
        "'keywords_' || s.id || '_*')",
        &st, err);
    if (status == STATUS_OK)
        status = sql_step(c, st, &row, err);
    if (status == STATUS_OK && row)
        status = error_set(err, STATUS_CORRUPT,
                           "%s: its tables are not those of a Cognate store: %s; restore it from a backup",
                           c->path, sql_text(st, 0).data);
    sql_reset(c);
    return status;
}

/* ---- states ---- */

struct state {
    bool kept;     /* the space has a table */
    bool current;  /* made by the rules of this program */
    bool complete; /* with the postings of all passages */
    int64_t next;  /* the first passage without postings */
};

static enum status read_state(struct sql *c, int64_t space, struct state *out, struct error *err)
{
    char rules[32];
    sqlite3_stmt *st;
    bool row = false;
    enum status status =
        sql_get(c, "SELECT keyword_rules, keyword_next, next_passage FROM spaces WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, space);
    status = sql_step(c, st, &row, err);
    if (status != STATUS_OK)
        return status;
    rules_of(rules);
    struct text made_by = row ? sql_text(st, 0) : text_of("");
    *out = (struct state){.kept = made_by.len > 0,
                          .current = text_is(made_by, rules),
                          .complete = row && sqlite3_column_int64(st, 1) == sqlite3_column_int64(st, 2),
                          .next = (space << PASSAGE_BITS) + (row ? sqlite3_column_int64(st, 1) : 0)};
    sqlite3_reset(st);
    return STATUS_OK;
}

enum status keyword_ready(struct sql *c, int64_t space, bool *kept, bool *ready, struct error *err)
{
    struct state state;
    enum status status = read_state(c, space, &state, err);
    if (status == STATUS_OK) {
        *kept = state.kept;
        *ready = state.kept && state.current && state.complete;
    }
    return status;
}

/* Passages that one of the two has and the other has not. */
static enum status check_rows(struct sql *c, int64_t space, struct error *err)
{
    static const char format[] =
        "WITH p AS (SELECT id FROM passages WHERE id >= %lld AND id < %lld), k AS (SELECT id FROM "
        "keywords_%lld_docsize) SELECT id FROM (SELECT id FROM p EXCEPT SELECT id FROM k) UNION ALL "
        "SELECT id FROM (SELECT id FROM k EXCEPT SELECT id FROM p) LIMIT 1";
    sqlite3_stmt *st = NULL;
    bool row = false;
    char *text = sqlite3_mprintf(format, (long long)space << PASSAGE_BITS,
                                 (long long)(space + 1) << PASSAGE_BITS, (long long)space);
    if (text == NULL)
        return error_memory(err, "checking keywords");
    int rc = sqlite3_prepare_v2(c->db, text, -1, &st, NULL);
    sqlite3_free(text);
    enum status status = rc == SQLITE_OK ? sql_step(c, st, &row, err) : sql_error(c, rc, err);
    if (status == STATUS_OK && row)
        status = error_set(
            err, STATUS_CORRUPT,
            "%s is damaged: the keywords of passage %lld are not those of the store; restore it from "
            "a backup",
            c->path, (long long)sqlite3_column_int64(st, 0));
    sqlite3_finalize(st);
    return status;
}

enum status keyword_check_rows(struct sql *c, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status = sql_get(
        c, "SELECT id FROM spaces WHERE keyword_rules <> '' AND keyword_next = next_passage", &st, err);
    while (status == STATUS_OK && (status = sql_step(c, st, &row, err)) == STATUS_OK && row)
        status = check_rows(c, sqlite3_column_int64(st, 0), err);
    return status;
}

/* ---- postings ---- */

/* Writes or takes back rows of one table. The document in hand is kept, since its passages follow each other.
 */
struct poster {
    struct sql *c;
    sqlite3_stmt *post;  /* prepared for this table */
    sqlite3_stmt *texts; /* on the row of `document` */
    int64_t document;
};

static enum status poster_open(struct poster *p, struct sql *c, int64_t space, bool take_back,
                               struct error *err)
{
    const char *format = take_back ? "INSERT INTO " TABLE "(" TABLE
                                     ", rowid, title, text) VALUES ('delete', ?1, ?2, ?3)"
                                   : "INSERT INTO " TABLE "(rowid, title, text) VALUES (?1, ?2, ?3)";
    char *text = sqlite3_mprintf(format, (long long)space, (long long)space);
    *p = (struct poster){.c = c};
    if (text == NULL)
        return error_memory(err, "writing keywords");
    int rc = sqlite3_prepare_v2(c->db, text, -1, &p->post, NULL);
    sqlite3_free(text);
    return rc == SQLITE_OK ? STATUS_OK : sql_error(c, rc, err);
}

static void poster_close(struct poster *p)
{
    sqlite3_finalize(p->post);
    if (p->texts != NULL)
        sqlite3_reset(p->texts);
    *p = (struct poster){0};
}

static enum status damaged(struct sql *c, int64_t passage, struct error *err)
{
    return error_set(err, STATUS_CORRUPT, "%s is damaged: passage %lld has no text; restore it from a backup",
                     c->path, (long long)passage);
}

static enum status find_texts(struct poster *p, int64_t document, int64_t passage, struct error *err)
{
    bool row = false;
    if (p->texts != NULL && p->document == document)
        return STATUS_OK;
    enum status status = sql_get(
        p->c, "SELECT d.title, t.text FROM documents d JOIN texts t ON t.document = d.id WHERE d.id = ?1",
        &p->texts, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(p->texts, 1, document);
    status = sql_step(p->c, p->texts, &row, err);
    p->document = document;
    return status == STATUS_OK && !row ? damaged(p->c, passage, err) : status;
}

static enum status post(struct poster *p, int64_t passage, int64_t document, int64_t first, int64_t last,
                        struct error *err)
{
    enum status status = find_texts(p, document, passage, err);
    if (status != STATUS_OK)
        return status;
    struct text title = sql_text(p->texts, 0), text = sql_text(p->texts, 1);
    if (first < 0 || first > last || (uint64_t)last > text.len)
        return damaged(p->c, passage, err);
    if (title.len > KEYWORD_TITLE_BYTES)
        title.len = utf8_floor(title.data, title.len, KEYWORD_TITLE_BYTES);
    sqlite3_bind_int64(p->post, 1, passage);
    sql_bind_text(p->post, 2, title);
    sql_bind_text(p->post, 3, (struct text){text.data + first, (size_t)(last - first)});
    status = sql_step(p->c, p->post, NULL, err);
    sqlite3_reset(p->post);
    return status;
}

static enum status set_next(struct sql *c, int64_t space, int64_t next, struct error *err)
{
    sqlite3_stmt *st;
    enum status status =
        sql_get(c, "UPDATE spaces SET keyword_next = max(keyword_next, ?2) WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, space);
    sqlite3_bind_int64(st, 2, next);
    status = sql_step(c, st, NULL, err);
    sqlite3_reset(st);
    return status;
}

enum status keyword_add(struct sql *c, int64_t first, int64_t end, struct error *err)
{
    int64_t space = first >> PASSAGE_BITS;
    struct state state;
    struct poster p = {0};
    sqlite3_stmt *st = NULL;
    bool row;
    enum status status = read_state(c, space, &state, err);
    if (status != STATUS_OK || !state.kept || first == end)
        return status;
    status = poster_open(&p, c, space, false, err);
    if (status == STATUS_OK)
        status = sql_get(
            c, "SELECT id, document, first, last FROM passages WHERE id >= ?1 AND id < ?2 ORDER BY id", &st,
            err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, first);
        sqlite3_bind_int64(st, 2, end);
        while ((status = sql_step(c, st, &row, err)) == STATUS_OK && row) {
            status = post(&p, sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                          sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3), err);
            if (status != STATUS_OK)
                break;
        }
        sqlite3_reset(st);
    }
    poster_close(&p);
    return status == STATUS_OK ? set_next(c, space, end - (space << PASSAGE_BITS), err) : status;
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Passages of one space, sorted. What is gone has nothing to be written, but must be there to be taken back.
 */
static enum status post_list(struct sql *c, const int64_t *passages, size_t n, bool take_back,
                             struct error *err)
{
    int64_t space = passages[0] >> PASSAGE_BITS;
    struct state state;
    struct poster p = {0};
    sqlite3_stmt *st = NULL;
    bool row = false;
    enum status status = read_state(c, space, &state, err);
    if (status != STATUS_OK || !state.kept)
        return status;
    status = poster_open(&p, c, space, take_back, err);
    if (status == STATUS_OK)
        status = sql_get(c, "SELECT document, first, last FROM passages WHERE id = ?1", &st, err);
    for (size_t i = 0; i < n && passages[i] < state.next && status == STATUS_OK; i++) {
        if (i > 0 && passages[i] == passages[i - 1])
            continue;
        sqlite3_bind_int64(st, 1, passages[i]);
        status = sql_step(c, st, &row, err);
        if (status == STATUS_OK && row)
            status = post(&p, passages[i], sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                          sqlite3_column_int64(st, 2), err);
        else if (status == STATUS_OK && take_back)
            status = damaged(c, passages[i], err);
        sqlite3_reset(st);
    }
    poster_close(&p);
    return status;
}

static enum status post_all(struct sql *c, int64_t *passages, size_t n, bool take_back, struct error *err)
{
    enum status status = STATUS_OK;
    if (n > 1)
        qsort(passages, n, sizeof *passages, by_number);
    for (size_t i = 0, end; i < n && status == STATUS_OK; i = end) {
        for (end = i + 1; end < n && passages[end] >> PASSAGE_BITS == passages[i] >> PASSAGE_BITS;)
            end++;
        status = post_list(c, passages + i, end - i, take_back, err);
    }
    return status;
}

enum status keyword_remove(struct sql *c, int64_t *passages, size_t n, struct error *err)
{
    return post_all(c, passages, n, true, err);
}

enum status keyword_restore(struct sql *c, int64_t *passages, size_t n, struct error *err)
{
    return post_all(c, passages, n, false, err);
}

/* ---- making what is missing ---- */

/* A space whose collection wants keywords and whose postings are not complete or not by our rules; 0 for
 * none. */
static enum status find_unfinished(struct sql *c, int64_t *space, int64_t *end, struct error *err)
{
    char rules[32];
    sqlite3_stmt *st;
    bool row = false;
    enum status status =
        sql_get(c,
                "SELECT s.id, s.next_passage FROM spaces s JOIN collections c ON c.id = s.collection "
                "WHERE coalesce(json_extract(c.settings, '$.keyword'), 1) AND "
                "(s.active OR s.kept_until IS NOT 0) AND " /* not one that is being dropped */
                "(s.keyword_rules <> ?1 OR s.keyword_next <> s.next_passage) LIMIT 1",
                &st, err);
    if (status != STATUS_OK)
        return status;
    rules_of(rules);
    sql_bind_text(st, 1, text_of(rules));
    status = sql_step(c, st, &row, err);
    *space = row ? sqlite3_column_int64(st, 0) : 0;
    *end = row ? sqlite3_column_int64(st, 1) + (*space << PASSAGE_BITS) : 0;
    sqlite3_reset(st);
    return status;
}

static enum status fill_step(struct sql *c, int64_t space, int64_t end, struct error *err)
{
    struct state state;
    enum status status = read_state(c, space, &state, err);
    if (status == STATUS_OK && !state.current) {
        status = keyword_drop(c, space, err);
        if (status == STATUS_OK)
            status = keyword_create(c, space, err);
        state.next = space << PASSAGE_BITS;
    }
    if (status == STATUS_OK)
        status = keyword_add(c, state.next, end - state.next < FILL_STEP ? end : state.next + FILL_STEP, err);
    return status;
}

enum status keyword_fill(struct sql *c, struct error *err)
{
    int64_t space = 0, end = 0;
    enum status status = find_unfinished(c, &space, &end, err);
    while (status == STATUS_OK && space != 0) {
        status = sql_run(c, "BEGIN IMMEDIATE", err);
        if (status == STATUS_OK)
            status = fill_step(c, space, end, err);
        sql_reset(c);
        if (status == STATUS_OK)
            status = sql_run(c, "COMMIT", err);
        if (status == STATUS_OK)
            status = find_unfinished(c, &space, &end, err);
    }
    sql_reset(c);
    if (!sqlite3_get_autocommit(c->db))
        sql_run(c, "ROLLBACK", NULL);
    return status;
}

/* FTS5 counts at least two changes when it has merged something; a negative number of pages begins with all
 * there is, as `optimize` does, but in steps. */
enum status keyword_tidy(struct sql *c, int64_t space, bool begin, bool *more, struct error *err)
{
    int64_t before = sqlite3_total_changes64(c->db);
    enum status status =
        run_for_space(c,
                      begin ? "INSERT INTO " TABLE "(" TABLE ", rank) VALUES ('merge', -1000)"
                            : "INSERT INTO " TABLE "(" TABLE ", rank) VALUES ('merge', 1000)",
                      space, err);
    *more = status == STATUS_OK && sqlite3_total_changes64(c->db) - before >= 2;
    return status;
}
