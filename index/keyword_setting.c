/* Whether a collection keeps keywords, changed while it is in use. In one transaction, since a put takes the
 * postings of all passages before its own for granted: other writes wait, searches see the state before until
 * it is whole. */
#include "index/keyword.h"
#include "index/schema.h"
#include "index/store.h"

/* The active space and a spare one; not one that is being dropped. */
struct space {
    int64_t id, passages;
    bool kept;
};

static enum status find_spaces(struct collection *c, struct sql *sql, struct space out[2], size_t *n,
                               struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status =
        sql_get(sql,
                "SELECT id, next_passage, keyword_rules <> '' FROM spaces WHERE collection = "
                "?1 AND (active OR kept_until IS NOT 0) LIMIT 2",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    for (*n = 0; (status = sql_step(sql, st, &row, err)) == STATUS_OK && row; ++*n)
        out[*n] = (struct space){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                                 sqlite3_column_int(st, 2) != 0};
    sqlite3_reset(st); /* a table cannot go while a statement reads */
    return status;
}

static enum status write_setting(struct collection *c, struct sql *sql, bool keep, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(sql,
                                 "UPDATE collections SET settings = json_set(settings, '$.keyword', "
                                 "json(iif(?2, 'true', 'false'))) WHERE id = ?1",
                                 &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int(st, 2, keep);
    return sql_step(sql, st, NULL, err);
}

static enum status change(struct collection *c, struct sql *sql, bool keep, struct error *err)
{
    struct space spaces[2];
    struct collection_row facts;
    size_t n = 0;
    bool changed = false;
    enum status status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status = find_spaces(c, sql, spaces, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        int64_t first = spaces[i].id << PASSAGE_BITS;
        if (spaces[i].kept == keep)
            continue;
        changed = true;
        status = keep ? keyword_create(sql, spaces[i].id, err) : keyword_drop(sql, spaces[i].id, err);
        if (status == STATUS_OK && keep)
            status = keyword_add(sql, first, first + spaces[i].passages, err);
    }
    if (status != STATUS_OK || !changed)
        return status;
    status = write_setting(c, sql, keep, err);
    if (status == STATUS_OK)
        status = collection_touch(c, 0, 0, err);
    return status == STATUS_OK ? collection_commit(c, NULL, 0, err) : status;
}

enum status collection_keep_keywords(struct collection *c, bool keep, struct error *err)
{
    enum status status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = change(c, &c->store->writer, keep, err);
    store_end(c->store);
    return status;
}
