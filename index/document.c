/* Reading documents, and changing their facts in place. */
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "index/fields.h"
#include "index/keyword.h"
#include "index/put.h"
#include "index/schema.h"
#include "index/store.h"

/* ?1 is the collection, ?2 the space, ?3 now. */
#define COLUMNS                                                                                              \
    "d.name, d.title, d.lang, d.metadata, d.created, d.updated, d.expires, "                                 \
    "(SELECT count(*) FROM passages p WHERE p.document = d.id AND p.id >> 40 = ?2)"
#define THERE "d.collection = ?1 AND (d.expires IS NULL OR d.expires > ?3) "
_Static_assert(PASSAGE_BITS == 40, "the statement shifts by it");

static void bind_common(sqlite3_stmt *st, const struct collection *c)
{
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int64(st, 2, c->space);
    sqlite3_bind_int64(st, 3, time_now_ms());
}

static enum status read_document(sqlite3_stmt *st, bool with_text, struct document *out, struct error *err)
{
    struct document d = {.created = sqlite3_column_int64(st, 4),
                         .updated = sqlite3_column_int64(st, 5),
                         .expires = sqlite3_column_int64(st, 6),
                         .passages = (uint32_t)sqlite3_column_int64(st, 7)};
    enum status status = sql_text_copy(st, 0, &d.id, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 1, &d.title, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 2, &d.lang, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 3, &d.metadata, err);
    if (status == STATUS_OK && with_text)
        status = sql_text_copy(st, 8, &d.text, err);
    if (status == STATUS_OK)
        *out = d;
    else
        document_release(&d);
    return status;
}

void document_release(struct document *d)
{
    free((char *)(uintptr_t)d->id.data);
    free((char *)(uintptr_t)d->title.data);
    free((char *)(uintptr_t)d->lang.data);
    free((char *)(uintptr_t)d->text.data);
    free((char *)(uintptr_t)d->metadata.data);
    *d = (struct document){0};
}

void documents_free(struct document *documents, size_t n)
{
    for (size_t i = 0; i < n; i++)
        document_release(&documents[i]);
    free(documents);
}

static enum status no_document(struct collection *c, struct text id, struct error *err)
{
    return error_field(err, STATUS_NOT_FOUND, "id", "there is no document \"%.*s\" in the collection \"%s\"",
                       (int)(id.len < 256 ? id.len : 256), id.data, c->name);
}

enum status collection_get(struct collection *c, struct text id, struct document *out, struct error *err)
{
    struct collection_row facts;
    struct sql *sql;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status = sql_get(sql,
                         "SELECT " COLUMNS ", t.text FROM documents d JOIN texts t ON t.document = d.id "
                         "WHERE " THERE "AND d.name = ?4",
                         &st, err);
    if (status == STATUS_OK) {
        bind_common(st, c);
        sql_bind_text(st, 4, id);
        status = sql_step(sql, st, &row, err);
    }
    if (status == STATUS_OK && !row)
        status = no_document(c, id, err);
    if (status == STATUS_OK)
        status = read_document(st, true, out, err);
    store_reader_done(c->store, sql);
    return status;
}

enum status collection_documents(struct collection *c, struct text after, size_t limit, bool with_text,
                                 struct document **out, size_t *n, struct error *err)
{
    struct collection_row facts;
    struct document *documents = NULL;
    struct sql *sql;
    sqlite3_stmt *st;
    size_t count = 0, capacity = 0;
    bool row;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status = with_text ? sql_get(sql,
                                     "SELECT " COLUMNS
                                     ", t.text FROM documents d JOIN texts t ON t.document = d.id "
                                     "WHERE " THERE "AND d.name > ?4 ORDER BY d.name LIMIT ?5",
                                     &st, err)
                           : sql_get(sql,
                                     "SELECT " COLUMNS " FROM documents d WHERE " THERE "AND d.name > ?4 "
                                     "ORDER BY d.name LIMIT ?5",
                                     &st, err);
    if (status == STATUS_OK) {
        bind_common(st, c);
        sql_bind_text(st, 4, after);
        sqlite3_bind_int64(st, 5, limit < INT64_MAX ? (int64_t)limit : INT64_MAX);
    }
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        struct document *more = grown(documents, count, &capacity, sizeof *more);
        if (more == NULL) {
            status = error_memory(err, "listing documents");
            break;
        }
        documents = more;
        status = read_document(st, with_text, &documents[count], err);
        count += status == STATUS_OK;
    }
    store_reader_done(c->store, sql);
    if (status == STATUS_OK) {
        *out = documents;
        *n = count;
    } else {
        documents_free(documents, count);
    }
    return status;
}

/* ---- passages with their vectors ---- */

static enum status read_passages(struct collection *c, struct sql *sql, int64_t document, size_t n,
                                 struct passage_row *rows, struct error *err)
{
    float *vectors = (float *)(rows + n);
    size_t width = c->width, at = 0;
    sqlite3_stmt *st;
    bool row;
    enum status status =
        sql_get(sql,
                "SELECT first, last, tokens, vector, lang FROM passages WHERE document = ?1 AND "
                "id >> 40 = ?2 ORDER BY id",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, document);
    sqlite3_bind_int64(st, 2, c->space);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row && at < n) {
        const void *blob = sqlite3_column_blob(st, 3);
        if (blob == NULL || (size_t)sqlite3_column_bytes(st, 3) != width * sizeof *vectors)
            return error_set(err, STATUS_CORRUPT,
                             "%s is damaged: a passage has no vector of its space; restore it "
                             "from a backup",
                             sql->path);
        memcpy(vectors + at * width, blob, width * sizeof *vectors);
        rows[at] = (struct passage_row){.start = (size_t)sqlite3_column_int64(st, 0),
                                        .end = (size_t)sqlite3_column_int64(st, 1),
                                        .tokens = (uint32_t)sqlite3_column_int64(st, 2),
                                        .vector = vectors + at * width};
        struct text lang = sql_text(st, 4);
        if (lang.len < sizeof rows[at].lang)
            memcpy(rows[at].lang, lang.data, lang.len);
        at++;
    }
    return status;
}

enum status collection_passages(struct collection *c, struct text id, struct passage_row **out, size_t *n,
                                struct error *err)
{
    struct passage_row *rows = NULL;
    struct sql *sql;
    sqlite3_stmt *st;
    int64_t document = 0;
    size_t count = 0;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = document_find(c, sql, id, &st, &document, err);
    if (status == STATUS_OK && document != 0)
        count = (size_t)sqlite3_column_int64(st, 2);
    if (status == STATUS_OK) {
        rows = malloc(count * (sizeof *rows + c->width * sizeof(float)) + 1);
        status = rows != NULL ? read_passages(c, sql, document, count, rows, err)
                              : error_memory(err, "reading passages");
    }
    store_reader_done(c->store, sql);
    if (status == STATUS_OK) {
        *out = rows;
        *n = count;
    } else {
        free(rows);
    }
    return status;
}

/* ---- changing facts ---- */

static void bind_text_or_null(sqlite3_stmt *st, int at, const struct text *text)
{
    if (text != NULL)
        sql_bind_text(st, at, *text);
    else
        sqlite3_bind_null(st, at);
}

static enum status check_patch(struct sql *sql, const struct document_patch *patch, struct error *err)
{
    enum status status = STATUS_OK;
    if (patch->title != NULL)
        status = title_check(*patch->title, err);
    if (status == STATUS_OK && patch->lang != NULL)
        status = lang_check(*patch->lang, err);
    if (status == STATUS_OK && patch->metadata != NULL)
        status = metadata_check(sql, *patch->metadata, err);
    return status;
}

static enum status update_row(struct collection *c, struct text id, const struct document_patch *patch,
                              struct error *err)
{
    struct sql *sql = &c->store->writer;
    struct text lang, metadata;
    sqlite3_stmt *st;
    enum status status =
        sql_get(sql,
                "UPDATE documents SET title = coalesce(?3, title), lang = coalesce(?4, lang), "
                "metadata = coalesce(?5, metadata), expires = iif(?6 IS NULL, expires, nullif(?6, 0)), "
                "updated = max(updated, ?7) "
                "WHERE collection = ?1 AND name = ?2 AND (expires IS NULL OR expires > ?7)",
                &st, err);
    if (status != STATUS_OK)
        return status;
    if (patch->lang != NULL)
        lang = lang_or_und(*patch->lang);
    if (patch->metadata != NULL)
        metadata = metadata_or_empty(*patch->metadata);
    sqlite3_bind_int64(st, 1, c->id);
    sql_bind_text(st, 2, id);
    bind_text_or_null(st, 3, patch->title);
    bind_text_or_null(st, 4, patch->lang != NULL ? &lang : NULL);
    bind_text_or_null(st, 5, patch->metadata != NULL ? &metadata : NULL);
    if (patch->expires != NULL)
        sqlite3_bind_int64(st, 6, *patch->expires);
    else
        sqlite3_bind_null(st, 6);
    sqlite3_bind_int64(st, 7, time_now_ms());
    status = sql_step(sql, st, NULL, err);
    if (status == STATUS_OK && sqlite3_changes(sql->db) == 0)
        status = no_document(c, id, err);
    return status;
}

/* Takes the document's entries out of the indexes that what changes is in: its title in those of its
 * passages (noted in `posted`), its metadata in those of the fields. */
static enum status leave_indexes(struct collection *c, int64_t document, const struct document_patch *patch,
                                 struct removals *posted, struct error *err)
{
    struct sql *sql = &c->store->writer;
    enum status status = STATUS_OK;
    if (patch->title != NULL)
        status = removals_add(posted, sql, document, err);
    if (status == STATUS_OK)
        status = keyword_remove(sql, posted->ids, posted->n, err);
    return status == STATUS_OK && patch->metadata != NULL ? fields_drop(sql, c->id, document, err) : status;
}

static enum status enter_indexes(struct collection *c, int64_t document, const struct document_patch *patch,
                                 const struct removals *posted, struct error *err)
{
    struct sql *sql = &c->store->writer;
    enum status status = keyword_restore(sql, posted->ids, posted->n, err);
    return status == STATUS_OK && patch->metadata != NULL ? fields_add(sql, c->id, document, err) : status;
}

static enum status patch_row(struct collection *c, struct text id, const struct document_patch *patch,
                             struct error *err)
{
    struct sql *sql = &c->store->writer;
    struct collection_row facts;
    struct removals posted = {0};
    sqlite3_stmt *st;
    int64_t document = 0;
    enum status status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status = check_patch(sql, patch, err);
    if (status == STATUS_OK)
        status = document_find(c, sql, id, &st, &document, err);
    if (status == STATUS_OK && document == 0)
        status = no_document(c, id, err);
    if (status == STATUS_OK) {
        sqlite3_reset(st);
        status = leave_indexes(c, document, patch, &posted, err);
    }
    if (status == STATUS_OK)
        status = update_row(c, id, patch, err);
    if (status == STATUS_OK)
        status = enter_indexes(c, document, patch, &posted, err);
    if (status == STATUS_OK)
        status = collection_touch(c, 0, 0, err);
    if (status == STATUS_OK)
        status = collection_commit(c, NULL, 0, err);
    removals_release(&posted);
    return status;
}

enum status collection_patch(struct collection *c, struct text id, const struct document_patch *patch,
                             struct error *err)
{
    enum status status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = patch_row(c, id, patch, err);
    store_end(c->store);
    return status;
}
