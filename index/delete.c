/* Deleting documents: by id, by what they are, and because their time is over. */
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "index/fields.h"
#include "index/filter.h"
#include "index/keyword.h"
#include "index/put.h"
#include "index/schema.h"
#include "index/store.h"

#define SWEEP_BATCH 1000 /* documents in a transaction that nobody asked for */

struct deletion {
    struct collection *c;
    struct sql *sql;
    int64_t *documents;
    size_t n, capacity;
    struct removals gone;
};

static enum status delete_row(struct sql *sql, int64_t document, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(sql, "DELETE FROM documents WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, document);
    return sql_step(sql, st, NULL, err);
}

static enum status note(struct deletion *d, int64_t document, struct error *err)
{
    int64_t *documents = grown(d->documents, d->n, &d->capacity, sizeof *documents);
    if (documents == NULL)
        return error_memory(err, "deleting documents");
    d->documents = documents;
    d->documents[d->n++] = document;
    return STATUS_OK;
}

/* Deletes what was noted, and commits. */
static enum status finish(struct deletion *d, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < d->n && status == STATUS_OK; i++)
        status = removals_add(&d->gone, d->sql, d->documents[i], err);
    if (status == STATUS_OK) /* while the texts are there */
        status = keyword_remove(d->sql, d->gone.ids, d->gone.n, err);
    for (size_t i = 0; i < d->n && status == STATUS_OK; i++) {
        status = fields_drop(d->sql, d->c->id, d->documents[i], err);
        if (status == STATUS_OK) /* its text and passages go with it */
            status = delete_row(d->sql, d->documents[i], err);
    }
    int64_t ours = 0;
    for (size_t i = 0; i < d->gone.n && status == STATUS_OK; i++) {
        ours += d->gone.ids[i] >> PASSAGE_BITS == d->c->space;
        status = passage_uncount(d->c, d->sql, d->gone.ids[i], err);
    }
    if (status == STATUS_OK && d->n > 0)
        status = collection_touch(d->c, -(int64_t)d->n, -ours, err);
    if (status == STATUS_OK && d->n > 0)
        status = collection_commit(d->c, d->gone.ids, d->gone.n, err);
    return status;
}

static void deletion_release(struct deletion *d)
{
    removals_release(&d->gone);
    free(d->documents);
}

/* ---- by id ---- */

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* An id that is given twice is deleted once. */
static void drop_repeated(struct deletion *d)
{
    size_t kept = 0;
    if (d->n > 0)
        qsort(d->documents, d->n, sizeof *d->documents, by_number);
    for (size_t i = 0; i < d->n; i++)
        if (i == 0 || d->documents[i] != d->documents[i - 1])
            d->documents[kept++] = d->documents[i];
    d->n = kept;
}

static enum status note_ids(struct deletion *d, const struct text *ids, size_t n, struct error *err)
{
    int64_t now = time_now_ms();
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        sqlite3_stmt *st;
        int64_t document;
        status = document_find(d->c, d->sql, ids[i], &st, &document, err);
        if (status != STATUS_OK || document == 0)
            continue;
        int64_t expires = sqlite3_column_int64(st, 6);
        sqlite3_reset(st);
        if (expires == 0 || expires > now)
            status = note(d, document, err);
    }
    drop_repeated(d);
    return status;
}

enum status collection_delete(struct collection *c, const struct text *ids, size_t n, uint64_t *deleted,
                              struct error *err)
{
    struct deletion d = {.c = c, .sql = &c->store->writer};
    struct collection_row facts;
    enum status status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = collection_row(c, d.sql, &facts, err);
    if (status == STATUS_OK)
        status = note_ids(&d, ids, n, err);
    if (status == STATUS_OK)
        status = finish(&d, err);
    store_end(c->store);
    if (status == STATUS_OK)
        *deleted = d.n;
    deletion_release(&d);
    return status;
}

/* ---- by what they are ---- */

static enum status note_matching(struct deletion *d, const struct document_set *allowed, struct text prefix,
                                 struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status = sql_get(d->sql,
                                 "SELECT id, name FROM documents WHERE collection = ?1 AND name >= ?2 AND "
                                 "(expires IS NULL OR expires > ?3) ORDER BY name",
                                 &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, d->c->id);
    sql_bind_text(st, 2, prefix);
    sqlite3_bind_int64(st, 3, time_now_ms());
    while ((status = sql_step(d->sql, st, &row, err)) == STATUS_OK && row) {
        struct text name = sql_text(st, 1);
        if (name.len < prefix.len || (prefix.len > 0 && memcmp(name.data, prefix.data, prefix.len) != 0))
            break;
        if (allowed == NULL || document_set_has(allowed, sqlite3_column_int64(st, 0)))
            status = note(d, sqlite3_column_int64(st, 0), err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
    return status;
}

static enum status delete_where(struct deletion *d, const struct filter *filter, struct text prefix, bool dry,
                                struct error *err)
{
    struct document_set allowed = {0};
    struct collection_row facts;
    enum status status = collection_row(d->c, d->sql, &facts, err);
    if (status == STATUS_OK && filter != NULL)
        status = filter_resolve(d->c, d->sql, filter, &allowed, NULL, err);
    if (status == STATUS_OK)
        status = note_matching(d, filter != NULL ? &allowed : NULL, prefix, err);
    if (status == STATUS_OK && !dry)
        status = finish(d, err);
    document_set_release(&allowed);
    return status;
}

enum status collection_delete_where(struct collection *c, const struct filter *filter, struct text prefix,
                                    bool dry, uint64_t *deleted, struct error *err)
{
    struct deletion d = {.c = c};
    enum status status = dry ? store_reader(c->store, &d.sql, err) : store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    d.sql = dry ? d.sql : &c->store->writer;
    status = delete_where(&d, filter, prefix, dry, err);
    if (dry)
        store_reader_done(c->store, d.sql);
    else
        store_end(c->store);
    if (status == STATUS_OK)
        *deleted = d.n;
    deletion_release(&d);
    return status;
}

/* ---- because their time is over ---- */

static enum status note_expired(struct deletion *d, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status = sql_get(
        d->sql, "SELECT id FROM documents WHERE collection = ?1 AND expires <= ?2 ORDER BY expires LIMIT ?3",
        &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, d->c->id);
    sqlite3_bind_int64(st, 2, time_now_ms());
    sqlite3_bind_int64(st, 3, SWEEP_BATCH);
    while ((status = sql_step(d->sql, st, &row, err)) == STATUS_OK && row) {
        status = note(d, sqlite3_column_int64(st, 0), err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
    return status;
}

static enum status sweep_batch(struct collection *c, uint64_t *deleted, struct error *err)
{
    struct deletion d = {.c = c, .sql = &c->store->writer};
    enum status status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = note_expired(&d, err);
    if (status == STATUS_OK)
        status = finish(&d, err);
    store_end(c->store);
    if (status == STATUS_OK)
        *deleted = d.n;
    deletion_release(&d);
    return status;
}

/* The name of a collection that has something to sweep; empty for none. The caller frees it. */
static enum status find_stale(struct store *s, struct text *name, struct error *err)
{
    struct sql *sql;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_get(sql,
                     "SELECT c.name FROM collections c WHERE EXISTS (SELECT 1 FROM documents d WHERE "
                     "d.collection = c.id AND d.expires <= ?1) LIMIT 1",
                     &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, time_now_ms());
        status = sql_step(sql, st, &row, err);
    }
    if (status == STATUS_OK && row)
        status = sql_text_copy(st, 0, name, err);
    store_reader_done(s, sql);
    return status;
}

enum status store_sweep(struct store *s, uint64_t *deleted, struct error *err)
{
    uint64_t total = 0, batch = 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && batch > 0) {
        struct text name = {0};
        struct collection *c = NULL;
        batch = 0;
        status = find_stale(s, &name, err);
        if (status == STATUS_OK && name.data != NULL)
            status = store_collection_open(s, name, &c, err);
        if (status == STATUS_OK && c != NULL)
            status = sweep_batch(c, &batch, err);
        total += batch;
        collection_release(c);
        free((char *)(uintptr_t)name.data);
    }
    if (status == STATUS_OK)
        *deleted = total;
    return status;
}
