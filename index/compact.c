/* Giving space back to the file system while the store is in use.
 *
 *     1. Postings of keywords are brought together, without those that were taken back.
 *     2. Free pages move to the end and are cut off, a few at a time, so that writers wait for moments only.
 *     3. When what is left is full of gaps (rows were deleted one by one all over the file), the file is
 *        written anew in one transaction. Searches go on meanwhile; writes wait.
 *     4. The log is copied into the file and cut to nothing.
 *     5. Memory that the writer's connection and the C library keep for later goes back, too.
 *
 * Numbers of rows stay, so nothing in memory has to change.
 */
#include <malloc.h>
#include <stdlib.h>

#include "index/keyword.h"
#include "index/store.h"

#define STEP_PAGES  512  /* freed in a transaction */
#define WORTH_ANEW  0.20 /* share of unused bytes in the pages that are in use */
#define LEAST_PAGES 64   /* in smaller files there is nothing to gain */

struct space {
    int64_t pages, free;
    double unused; /* share of the bytes of used pages; 1 when it cannot be told */
};

static enum status page_counts(struct store *s, struct space *out, struct error *err)
{
    enum status status = sql_number(&s->writer, "PRAGMA page_count", &out->pages, err);
    return status == STATUS_OK ? sql_number(&s->writer, "PRAGMA freelist_count", &out->free, err) : status;
}

/* How much of the pages in use holds nothing. A SQLite without the table dbstat cannot tell. */
static enum status look(struct store *s, struct space *out, struct error *err)
{
    struct sql *sql;
    int64_t unused = 0, bytes = 0;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    out->unused = 1;
    if (sql_number(sql, "SELECT sum(unused) FROM dbstat WHERE aggregate = TRUE", &unused, NULL) ==
            STATUS_OK &&
        sql_number(sql, "SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE", &bytes, NULL) == STATUS_OK &&
        bytes > 0)
        out->unused = (double)unused / (double)bytes;
    store_reader_done(s, sql);
    return STATUS_OK;
}

static enum status free_some(struct store *s, int64_t *left, struct error *err)
{
    enum status status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    status = sql_run(&s->writer, "PRAGMA incremental_vacuum(512)", err);
    if (status == STATUS_OK)
        status = store_commit(s, err);
    if (status == STATUS_OK)
        status = sql_number(&s->writer, "PRAGMA freelist_count", left, err);
    store_end(s);
    return status;
}
_Static_assert(STEP_PAGES == 512, "the statement frees so many");

/* The first space above `after` that has keywords; 0 for none. */
static enum status next_with_keywords(struct store *s, int64_t after, int64_t *out, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    struct sql *sql;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_get(sql, "SELECT id FROM spaces WHERE id > ?1 AND keyword_rules <> '' ORDER BY id LIMIT 1",
                     &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, after);
        status = sql_step(sql, st, &row, err);
    }
    *out = status == STATUS_OK && row ? sqlite3_column_int64(st, 0) : 0;
    store_reader_done(s, sql);
    return status;
}

static enum status tidy_step(struct store *s, int64_t space, bool begin, bool *more, struct error *err)
{
    enum status status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    status = keyword_tidy(&s->writer, space, begin, more, err);
    if (status == STATUS_OK)
        status = store_commit(s, err);
    store_end(s);
    return status;
}

static enum status tidy_keywords(struct store *s, const struct watcher *w, struct error *err)
{
    int64_t space = 0;
    enum status status = next_with_keywords(s, 0, &space, err);
    while (status == STATUS_OK && space != 0) {
        bool more = true;
        for (bool begin = true; status == STATUS_OK && more; begin = false) {
            status = tidy_step(s, space, begin, &more, err);
            if (status == STATUS_OK)
                status = watcher_tell(w, 0, 0, err);
        }
        if (status == STATUS_OK)
            status = next_with_keywords(s, space, &space, err);
    }
    return status;
}

/* SQLite builds the new file beside the old one through an attached database, which is otherwise forbidden.
 */
static enum status write_anew(struct store *s, struct error *err)
{
    enum status status = store_turn(s, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_limit(s->writer.db, SQLITE_LIMIT_ATTACHED, 1);
    status = sql_run(&s->writer, "VACUUM", err);
    sqlite3_limit(s->writer.db, SQLITE_LIMIT_ATTACHED, 0);
    store_end(s);
    return status;
}

static enum status give_memory_back(struct store *s, struct error *err)
{
    enum status status = store_turn(s, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_db_release_memory(s->writer.db);
    store_end(s);
    malloc_trim(0);
    return STATUS_OK;
}

enum status store_compact(struct store *s, const struct watcher *w, struct compacted *out, struct error *err)
{
    struct store_info before = {0}, after = {0};
    struct space space = {0};
    enum status status = store_info(s, &before, err);
    if (status == STATUS_OK)
        status = tidy_keywords(s, w, err);
    if (status == STATUS_OK)
        status = store_turn(s, err);
    if (status != STATUS_OK)
        return status;
    status = page_counts(s, &space, err);
    store_end(s);
    int64_t left = space.free, last = left + 1;
    while (status == STATUS_OK && left > 0 && left < last) {
        last = left;
        status = free_some(s, &left, err);
        if (status == STATUS_OK)
            status = watcher_tell(w, (uint64_t)(space.free - left), (uint64_t)space.free, err);
    }
    if (status == STATUS_OK)
        status = look(s, &space, err);
    bool anew = space.unused > WORTH_ANEW && space.pages - space.free > LEAST_PAGES;
    if (status == STATUS_OK && anew)
        status = write_anew(s, err);
    if (status == STATUS_OK)
        status = store_shorten_log(s, err);
    if (status == STATUS_OK)
        status = give_memory_back(s, err);
    if (status == STATUS_OK)
        status = store_info(s, &after, err);
    if (status == STATUS_OK)
        *out = (struct compacted){before.file_bytes, after.file_bytes, anew};
    return status;
}
