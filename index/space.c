/* Changing the model of a collection: a spare vector space beside the active one.
 *
 *     add          a spare space, empty
 *     fill         batch by batch, the documents that have no passages in it; writes of documents go on, and
 *                  what they change is missing in it again until it is filled
 *     cut over     when nothing is missing: the two change their places in one transaction
 *     drop         what is spare: the one that was given up, or the old one when its time is over
 *
 * Going back is cutting over again: the old space is kept as the spare one until kept_until, and what was
 * written since is filled in first. Handles keep the space they were opened with, so a search that began
 * before the change ends in the space it began in.
 */
#include "index/space.h"

#include <stdlib.h>
#include <string.h>

#include "index/keyword.h"
#include "index/schema.h"
#include "index/store.h"

#define DROP_STEP "4096" /* passages deleted in a transaction */

static enum status run_for(struct sql *sql, const char *literal, int64_t id, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(sql, literal, &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, id);
    return sql_step(sql, st, NULL, err);
}

/* A number that depends on one id; 0 when there is no row. */
static enum status number_for(struct sql *sql, const char *literal, int64_t id, int64_t *out,
                              struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, literal, &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, id);
    status = sql_step(sql, st, &row, err);
    *out = status == STATUS_OK && row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    return status;
}

static enum status find_spare(struct collection *c, struct sql *sql, int64_t *out, struct error *err)
{
    return number_for(sql, "SELECT id FROM spaces WHERE collection = ?1 AND NOT active", c->id, out, err);
}

static enum status no_spare(struct collection *c, struct error *err)
{
    return error_set(err, STATUS_NOT_FOUND, "the collection \"%s\" has vectors of one model only", c->name);
}

enum status collection_spare_add(struct collection *c, const struct collection_settings *settings,
                                 struct error *err)
{
    struct sql *sql = &c->store->writer;
    int64_t spare = 0, space = 0;
    enum status status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = find_spare(c, sql, &spare, err);
    if (status == STATUS_OK && spare != 0)
        status = error_set(err, STATUS_CONFLICT,
                           "the collection \"%s\" has vectors of a second model already; drop them first",
                           c->name);
    if (status == STATUS_OK)
        status = space_insert(sql, c->id, settings, false, &space, err);
    if (status == STATUS_OK)
        status = collection_touch(c, 0, 0, err);
    if (status == STATUS_OK)
        status = collection_commit(c, NULL, 0, err);
    store_end(c->store);
    return status;
}

enum status collection_tokens(struct collection *c, uint64_t *out, struct error *err)
{
    struct sql *sql;
    int64_t tokens = 0;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = number_for(sql, "SELECT sum(tokens) FROM passages WHERE id >= ?1 << 40 AND id < ?1 + 1 << 40",
                        c->space, &tokens, err);
    store_reader_done(c->store, sql);
    if (status == STATUS_OK)
        *out = (uint64_t)tokens;
    return status;
}

/* ---- what is missing ---- */

#define MISSING                                                                                              \
    "FROM documents d WHERE d.collection = (SELECT collection FROM spaces WHERE id = ?1) AND NOT EXISTS "    \
    "(SELECT 1 FROM passages p WHERE p.document = d.id AND p.id >> 40 = ?1) "
_Static_assert(PASSAGE_BITS == 40, "the statements shift by it");

void missing_documents_free(struct missing_document *documents, size_t n)
{
    for (size_t i = 0; i < n; i++)
        document_release(&documents[i].document);
    free(documents);
}

static enum status read_missing(sqlite3_stmt *st, struct missing_document *out, struct error *err)
{
    const void *hash = sqlite3_column_blob(st, 5);
    *out = (struct missing_document){.number = sqlite3_column_int64(st, 0)};
    if (hash == NULL || sqlite3_column_bytes(st, 5) != sizeof out->content_hash)
        return error_set(err, STATUS_CORRUPT,
                         "a document has no digest of its content; restore the store from a backup");
    memcpy(out->content_hash, hash, sizeof out->content_hash);
    enum status status = sql_text_copy(st, 1, &out->document.id, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 2, &out->document.title, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 3, &out->document.lang, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 4, &out->document.text, err);
    return status;
}

enum status collection_missing(struct collection *c, int64_t after, size_t most,
                               struct missing_document **out, size_t *n, struct error *err)
{
    struct missing_document *documents = calloc(most + 1, sizeof *documents);
    struct sql *sql;
    sqlite3_stmt *st;
    size_t count = 0;
    bool row;
    if (documents == NULL)
        return error_memory(err, "looking for what is missing");
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK) {
        free(documents);
        return status;
    }
    status =
        sql_get(sql,
                "SELECT d.id, d.name, d.title, d.lang, (SELECT t.text FROM texts t WHERE t.document = d.id), "
                "d.content_hash " MISSING "AND d.id > ?2 ORDER BY d.id LIMIT ?3",
                &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, c->space);
        sqlite3_bind_int64(st, 2, after);
        sqlite3_bind_int64(st, 3, (int64_t)most);
    }
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row)
        status = read_missing(st, &documents[count++], err);
    store_reader_done(c->store, sql);
    if (status == STATUS_OK) {
        *out = documents;
        *n = count;
    } else {
        missing_documents_free(documents, count);
    }
    return status;
}

/* ---- cutting over ---- */

static enum status change_places(struct collection *c, int64_t spare, int64_t kept_until, struct error *err)
{
    struct sql *sql = &c->store->writer;
    sqlite3_stmt *st;
    enum status status = sql_get(
        sql, "UPDATE spaces SET active = 0, kept_until = ?2 WHERE collection = ?1 AND active", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int64(st, 2, kept_until);
    status = sql_step(sql, st, NULL, err);
    return status == STATUS_OK
               ? run_for(sql, "UPDATE spaces SET active = 1, kept_until = NULL WHERE id = ?1", spare, err)
               : status;
}

enum status collection_cut_over(struct collection *c, int64_t kept_until, struct error *err)
{
    struct sql *sql = &c->store->writer;
    int64_t spare = 0, missing = 0, old = 0;
    enum status status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = find_spare(c, sql, &spare, err);
    if (status == STATUS_OK && spare == 0)
        status = no_spare(c, err);
    if (status == STATUS_OK)
        status = number_for(sql, "SELECT id FROM spaces WHERE collection = ?1 AND active", c->id, &old, err);
    if (status == STATUS_OK)
        status = number_for(sql, "SELECT count(*) " MISSING, spare, &missing, err);
    if (status == STATUS_OK && missing > 0)
        status = error_set(err, STATUS_CONFLICT, "%lld documents have no vectors of the other model yet",
                           (long long)missing);
    if (status == STATUS_OK)
        status = change_places(c, spare, kept_until, err);
    if (status == STATUS_OK)
        status = collection_touch(c, 0, 0, err);
    if (status == STATUS_OK)
        status = collection_commit(c, NULL, 0, err);
    store_end(c->store);
    if (status == STATUS_OK)
        handles_drop(c->store, c->id, old);
    return status;
}

/* ---- dropping ---- */

static enum status drop_some(struct store *s, int64_t space, bool *more, struct error *err)
{
    struct sql *sql = &s->writer;
    sqlite3_stmt *st;
    enum status status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    status = keyword_drop(sql, space, err);
    if (status == STATUS_OK)
        status = sql_get(sql,
                         "DELETE FROM passages WHERE id IN (SELECT id FROM passages WHERE id >= ?1 << 40 AND "
                         "id < ?1 + 1 << 40 LIMIT " DROP_STEP ")",
                         &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, space);
        status = sql_step(sql, st, NULL, err);
    }
    int64_t gone = sqlite3_changes(sql->db);
    *more = gone > 0;
    if (status == STATUS_OK)
        status = sql_get(sql, "UPDATE spaces SET passages = passages - ?2, kept_until = 0 WHERE id = ?1", &st,
                         err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, space);
        sqlite3_bind_int64(st, 2, gone);
        status = sql_step(sql, st, NULL, err);
    }
    if (status == STATUS_OK && !*more)
        status = run_for(sql, "DELETE FROM spaces WHERE id = ?1 AND NOT active", space, err);
    if (status == STATUS_OK)
        status = store_commit(s, err);
    store_end(s);
    return status;
}

static enum status drop_space(struct store *s, int64_t collection, int64_t space, struct error *err)
{
    bool more = true;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && more)
        status = drop_some(s, space, &more, err);
    if (status == STATUS_OK)
        handles_drop(s, collection, space);
    return status;
}

enum status collection_spare_drop(struct collection *c, struct error *err)
{
    struct sql *sql;
    int64_t spare = 0;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = find_spare(c, sql, &spare, err);
    store_reader_done(c->store, sql);
    if (status == STATUS_OK && spare == 0)
        status = no_spare(c, err);
    return status == STATUS_OK ? drop_space(c->store, c->id, spare, err) : status;
}

enum status store_sweep_spaces(struct store *s, struct error *err)
{
    int64_t space = 1, collection = 0, now = time_now_ms();
    enum status status = STATUS_OK;
    while (status == STATUS_OK && space != 0) {
        struct sql *sql;
        status = store_reader(s, &sql, err);
        if (status != STATUS_OK)
            break;
        status = number_for(sql, "SELECT id FROM spaces WHERE NOT active AND kept_until <= ?1 LIMIT 1", now,
                            &space, err);
        if (status == STATUS_OK)
            status = number_for(sql, "SELECT collection FROM spaces WHERE id = ?1", space, &collection, err);
        store_reader_done(s, sql);
        if (status == STATUS_OK && space != 0)
            status = drop_space(s, collection, space, err);
    }
    return status;
}
