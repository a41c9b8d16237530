/* Putting documents.
 *
 * A batch is one transaction in five steps:
 *
 *     check      every row on its own; what is at fault is left out with its reason
 *     resolve    for each row with `reuse`, the passages that hold its content now
 *     write      row by row: document, text, passages; passages of old content are only noted
 *     remove     the noted ones
 *     keywords   of what came; those of what goes were taken back before the writing
 *
 * Resolving comes before writing and removing after it, so that two files that swapped their content, or one
 * that moved and left its name to another, find their vectors whatever the order of the rows.
 */
#include "index/put.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "common/utf8.h"
#include "index/fields.h"
#include "index/keyword.h"
#include "index/schema.h"
#include "index/space.h"

#define LENGTH_SLACK 1e-3 /* how far from 1 the length of a unit vector may be */

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "vectors are stored as they are in memory");

/* Passages of one document, which have consecutive numbers. */
struct span {
    int64_t first, count;
};

struct batch {
    struct collection *c;
    struct sql *sql;
    enum put_mode mode;
    const struct document_row *rows;
    struct put_result *results;
    struct span *sources; /* [n]; count -1: nothing to reuse */
    struct removals gone, reposted;
    int64_t now;
    int64_t next;                /* number of the next passage within the space */
    int64_t documents, passages; /* gained */
    bool changed;
};

/* ---- checks ---- */

struct text lang_or_und(struct text lang)
{
    return lang.len > 0 ? lang : text_of("und");
}

struct text metadata_or_empty(struct text metadata)
{
    return metadata.len > 0 ? metadata : text_of("{}");
}

enum status title_check(struct text title, struct error *err)
{
    size_t at = utf8_invalid(title.data, title.len);
    if (title.len > DOCUMENT_TITLE_BYTES)
        return error_field(err, STATUS_TOO_LARGE, "title", "a title may have %d bytes, not %zu",
                           DOCUMENT_TITLE_BYTES, title.len);
    return at == title.len ? STATUS_OK
                           : error_field(err, STATUS_INVALID, "title", "byte %zu is not UTF-8", at);
}

enum status lang_check(struct text lang, struct error *err)
{
    bool good = lang.len <= DOCUMENT_LANG_BYTES;
    for (size_t i = 0; i < lang.len && good; i++) {
        char b = lang.data[i];
        good = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') ||
               (b == '-' && i > 0 && i + 1 < lang.len);
    }
    if (!good)
        return error_field(err, STATUS_INVALID, "lang",
                           "lang must be a language tag such as \"de\" or \"zh-Hant\", of at most %d bytes",
                           DOCUMENT_LANG_BYTES);
    return STATUS_OK;
}

enum status metadata_check(struct sql *sql, struct text metadata, struct error *err)
{
    sqlite3_stmt *st;
    if (metadata.len == 0)
        return STATUS_OK;
    if (metadata.len > DOCUMENT_METADATA_BYTES)
        return error_field(err, STATUS_TOO_LARGE, "metadata", "metadata may have %d bytes, not %zu",
                           DOCUMENT_METADATA_BYTES, metadata.len);
    enum status status = sql_get(sql, "SELECT json_type(?1)", &st, err);
    if (status != STATUS_OK)
        return status;
    sql_bind_text(st, 1, metadata);
    int rc =
        sqlite3_step(st); /* SQLITE_ERROR for what is no JSON; json_valid says 0 when memory runs out, too */
    bool good = rc == SQLITE_ROW && text_is(sql_text(st, 0), "object") &&
                memchr(metadata.data, '\0', metadata.len) == NULL &&
                utf8_invalid(metadata.data, metadata.len) == metadata.len;
    if (rc != SQLITE_ROW && rc != SQLITE_ERROR)
        status = sql_error(sql, rc, err);
    else if (!good)
        status = error_field(err, STATUS_INVALID, "metadata", "metadata must be a JSON object");
    sqlite3_reset(st);
    return status;
}

static enum status check_id(struct text id, struct error *err)
{
    bool good = id.len > 0 && id.len <= DOCUMENT_ID_BYTES && utf8_invalid(id.data, id.len) == id.len;
    for (size_t i = 0; i < id.len && good;) {
        uint32_t c;
        i += utf8_decode(id.data + i, id.len - i, &c);
        good = c >= 0x20 && (c < 0x7f || c >= 0xa0);
    }
    if (!good)
        return error_field(err, STATUS_INVALID, "id",
                           "an id is 1 to %d bytes of UTF-8 without control characters", DOCUMENT_ID_BYTES);
    return STATUS_OK;
}

static bool is_border(struct text text, size_t at)
{
    return at == text.len || ((unsigned char)text.data[at] & 0xc0) != 0x80;
}

static enum status check_passages(const struct document_row *row, size_t width, struct error *err)
{
    for (size_t i = 0; i < row->passage_count; i++) {
        const struct passage_row *p = &row->passages[i];
        double square = 0;
        if (p->start > p->end || p->end > row->text.len || !is_border(row->text, p->start) ||
            !is_border(row->text, p->end))
            return error_field(err, STATUS_INVALID, "passages",
                               "passage %zu: bytes %zu to %zu are not whole characters of the text", i,
                               p->start, p->end);
        if (memchr(p->lang, '\0', sizeof p->lang) == NULL || lang_check(text_of(p->lang), NULL) != STATUS_OK)
            return error_field(err, STATUS_INVALID, "passages",
                               "passage %zu: its lang must be a language tag of less than %d bytes", i,
                               PASSAGE_LANG_BYTES);
        for (size_t j = 0; j < width; j++)
            square += (double)p->vector[j] * p->vector[j];
        if (!(fabs(sqrt(square) - 1) <= LENGTH_SLACK))
            return error_field(err, STATUS_INVALID, "vector",
                               "passage %zu: the vector's length is %g; it must be 1", i, sqrt(square));
    }
    return STATUS_OK;
}

static enum status check_row(struct batch *b, const struct document_row *row, struct error *err)
{
    enum status status = check_id(row->id, err);
    if (status == STATUS_OK)
        status = title_check(row->title, err);
    if (status == STATUS_OK && row->text.len > DOCUMENT_TEXT_BYTES)
        status = error_field(err, STATUS_TOO_LARGE, "text",
                             "a text may have %d bytes, not %zu; divide the document", DOCUMENT_TEXT_BYTES,
                             row->text.len);
    if (status == STATUS_OK && utf8_invalid(row->text.data, row->text.len) < row->text.len)
        status = error_field(err, STATUS_INVALID, "text", "byte %zu is not UTF-8",
                             utf8_invalid(row->text.data, row->text.len));
    if (status == STATUS_OK)
        status = lang_check(row->lang, err);
    if (status == STATUS_OK)
        status = metadata_check(b->sql, row->metadata, err);
    if (status == STATUS_OK && !row->reuse)
        status = check_passages(row, b->c->width, err);
    return status;
}

/* ---- rows ---- */

/* The last passage of a document tells how many it has, also while those of its old content are still there.
 */
enum status document_find(struct collection *c, struct sql *sql, struct text name, sqlite3_stmt **out,
                          int64_t *id, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status =
        sql_get(sql,
                "SELECT id, content_hash, (SELECT p.ordinal + 1 FROM passages p WHERE p.document = d.id AND "
                "p.id >> 40 = ?3 ORDER BY p.id DESC LIMIT 1), lang, title, metadata, expires "
                "FROM documents d WHERE collection = ?1 AND name = ?2",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sql_bind_text(st, 2, name);
    sqlite3_bind_int64(st, 3, c->space);
    status = sql_step(sql, st, &row, err);
    if (status != STATUS_OK)
        return status;
    *id = row ? sqlite3_column_int64(st, 0) : 0;
    *out = st;
    return STATUS_OK;
}

enum status removals_add(struct removals *r, struct sql *sql, int64_t document, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status = sql_get(sql, "SELECT id FROM passages WHERE document = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, document);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        int64_t *ids = grown(r->ids, r->n, &r->capacity, sizeof *ids);
        if (ids == NULL) {
            status = error_memory(err, "deleting passages");
            break;
        }
        r->ids = ids;
        r->ids[r->n++] = sqlite3_column_int64(st, 0);
    }
    sqlite3_reset(st);
    return status;
}

void removals_release(struct removals *r)
{
    free(r->ids);
    *r = (struct removals){0};
}

enum status passage_uncount(struct collection *c, struct sql *sql, int64_t passage, struct error *err)
{
    sqlite3_stmt *st;
    if (passage >> PASSAGE_BITS == c->space)
        return STATUS_OK;
    enum status status = sql_get(sql, "UPDATE spaces SET passages = passages - 1 WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, passage >> PASSAGE_BITS);
    return sql_step(sql, st, NULL, err);
}

static enum status remove_passages(struct batch *b, struct error *err)
{
    sqlite3_stmt *st = NULL;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < b->gone.n && status == STATUS_OK; i++) {
        status = sql_get(b->sql, "DELETE FROM passages WHERE id = ?1", &st, err);
        if (status != STATUS_OK)
            break;
        sqlite3_bind_int64(st, 1, b->gone.ids[i]);
        status = sql_step(b->sql, st, NULL, err);
        if (status != STATUS_OK || sqlite3_changes(b->sql->db) == 0)
            continue;
        b->passages -= b->gone.ids[i] >> PASSAGE_BITS == b->c->space;
        status = passage_uncount(b->c, b->sql, b->gone.ids[i], err);
    }
    return status;
}

/* Passages of some document with this content; count -1 when there is none. */
static enum status find_source(struct collection *c, struct sql *sql, const unsigned char hash[32],
                               struct span *out, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status =
        sql_get(sql,
                "SELECT min(p.id), count(*) FROM passages p WHERE p.id >> 40 = ?3 AND p.document = "
                "(SELECT d.id FROM documents d WHERE d.collection = ?1 AND d.content_hash = ?2 LIMIT 1)",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_blob(st, 2, hash, 32, SQLITE_STATIC);
    sqlite3_bind_int64(st, 3, c->space);
    status = sql_step(sql, st, &row, err);
    if (status != STATUS_OK)
        return status;
    bool found = row && sqlite3_column_int64(st, 1) > 0;
    *out = found ? (struct span){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1)}
                 : (struct span){0, -1};
    sqlite3_reset(st);
    return STATUS_OK;
}

enum status collection_plan(struct collection *c, const struct document_row *rows, size_t n, bool *embed,
                            struct error *err)
{
    struct collection_row facts;
    struct span source;
    struct sql *sql;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = collection_row(c, sql, &facts, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        status = find_source(c, sql, rows[i].content_hash, &source, err);
        embed[i] = source.count < 0;
    }
    store_reader_done(c->store, sql);
    return status;
}

/* ---- writing ---- */

static enum status take_numbers(struct batch *b, size_t count, int64_t *first, struct error *err)
{
    if ((uint64_t)count > (uint64_t)(PASSAGE_LIMIT - b->next))
        return error_set(
            err, STATUS_UNSUPPORTED,
            "the collection \"%s\" has had %lld passages, all it can number; export it to a new one",
            b->c->name, (long long)PASSAGE_LIMIT);
    *first = (b->c->space << PASSAGE_BITS) + b->next;
    b->next += (int64_t)count;
    return STATUS_OK;
}

static enum status copy_passages(struct batch *b, int64_t document, struct span source, struct error *err)
{
    sqlite3_stmt *st;
    int64_t first = 0;
    enum status status = take_numbers(b, (size_t)source.count, &first, err);
    if (status == STATUS_OK)
        status = sql_get(
            b->sql,
            "INSERT INTO passages SELECT id - ?1 + ?3, ?4, ordinal, first, last, first_char, last_char, "
            "tokens, vector, lang FROM passages WHERE id >= ?1 AND id < ?1 + ?2 ORDER BY id",
            &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, source.first);
    sqlite3_bind_int64(st, 2, source.count);
    sqlite3_bind_int64(st, 3, first);
    sqlite3_bind_int64(st, 4, document);
    status = sql_step(b->sql, st, NULL, err);
    if (status == STATUS_OK && sqlite3_changes64(b->sql->db) != source.count)
        status = error_set(
            err, STATUS_CORRUPT,
            "%s is damaged: a document says it has %lld passages but has %lld; restore it from a backup",
            b->sql->path, (long long)source.count, (long long)sqlite3_changes64(b->sql->db));
    return status;
}

static enum status insert_passages(struct batch *b, int64_t document, const struct document_row *row,
                                   struct error *err)
{
    int64_t first = 0;
    size_t byte = 0, character = 0; /* one place of the text in both counts */
    enum status status = take_numbers(b, row->passage_count, &first, err);
    for (size_t i = 0; i < row->passage_count && status == STATUS_OK; i++) {
        const struct passage_row *p = &row->passages[i];
        sqlite3_stmt *st;
        if (p->start < byte)
            byte = character = 0;
        character += utf8_length(row->text.data + byte, p->start - byte);
        byte = p->start;
        status = sql_get(
            b->sql,
            "INSERT INTO passages (id, document, ordinal, first, last, first_char, last_char, tokens, "
            "vector, lang) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            &st, err);
        if (status != STATUS_OK)
            break;
        sqlite3_bind_int64(st, 1, first + (int64_t)i);
        sqlite3_bind_int64(st, 2, document);
        sqlite3_bind_int64(st, 3, (int64_t)i);
        sqlite3_bind_int64(st, 4, (int64_t)p->start);
        sqlite3_bind_int64(st, 5, (int64_t)p->end);
        sqlite3_bind_int64(st, 6, (int64_t)character);
        sqlite3_bind_int64(st, 7,
                           (int64_t)(character + utf8_length(row->text.data + p->start, p->end - p->start)));
        sqlite3_bind_int64(st, 8, p->tokens);
        sqlite3_bind_blob64(st, 9, p->vector, b->c->width * sizeof *p->vector, SQLITE_STATIC);
        sql_bind_text(st, 10, text_of(p->lang));
        status = sql_step(b->sql, st, NULL, err);
    }
    return status;
}

static enum status write_text(struct batch *b, int64_t document, struct text text, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(b->sql,
                                 "INSERT INTO texts (document, text) VALUES (?1, ?2) "
                                 "ON CONFLICT (document) DO UPDATE SET text = excluded.text",
                                 &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, document);
    sql_bind_text(st, 2, text);
    return sql_step(b->sql, st, NULL, err);
}

/* Writes the row of a document: over `*document`, or a new one when that is 0. */
static enum status write_document(struct batch *b, const struct document_row *row, int64_t *document,
                                  struct error *err)
{
    sqlite3_stmt *st;
    enum status status =
        *document != 0
            ? sql_get(b->sql,
                      "UPDATE documents SET name = ?2, content_hash = ?3, updated = max(updated, ?4), "
                      "lang = ?5, title = ?6, metadata = ?7, created = iif(expires <= ?4, ?4, created), "
                      "expires = ?8 WHERE id = ?9 AND collection = ?1",
                      &st, err)
            : sql_get(b->sql,
                      "INSERT INTO documents (collection, name, content_hash, created, updated, lang, "
                      "title, metadata, expires) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)",
                      &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, b->c->id);
    sql_bind_text(st, 2, row->id);
    sqlite3_bind_blob(st, 3, row->content_hash, sizeof row->content_hash, SQLITE_STATIC);
    sqlite3_bind_int64(st, 4, b->now);
    sql_bind_text(st, 5, lang_or_und(row->lang));
    sql_bind_text(st, 6, row->title);
    sql_bind_text(st, 7, metadata_or_empty(row->metadata));
    if (row->expires != 0)
        sqlite3_bind_int64(st, 8, row->expires);
    else
        sqlite3_bind_null(st, 8);
    if (*document != 0)
        sqlite3_bind_int64(st, 9, *document);
    status = sql_step(b->sql, st, NULL, err);
    if (status == STATUS_OK && *document == 0)
        *document = sqlite3_last_insert_rowid(b->sql->db);
    return status;
}

/* What is stored under the row's id: nothing (document 0), the same, the same content with other facts, or
 * other content. What has expired is there for its vectors only. */
struct stored {
    int64_t document, passages;
    bool expired, same_content, same_title, same;
};

static enum status look_up(struct batch *b, const struct document_row *row, struct stored *out,
                           struct error *err)
{
    sqlite3_stmt *st;
    enum status status = document_find(b->c, b->sql, row->id, &st, &out->document, err);
    if (status != STATUS_OK || out->document == 0)
        return status;
    out->passages = sqlite3_column_int64(st, 2);
    out->same_content =
        text_equal((struct text){sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1)},
                   (struct text){(const char *)row->content_hash, sizeof row->content_hash});
    int64_t expires = sqlite3_column_int64(st, 6);
    out->expired = expires != 0 && expires <= b->now;
    out->same_title = text_equal(sql_text(st, 4), row->title);
    out->same = out->same_content && expires == row->expires && !out->expired &&
                text_equal(sql_text(st, 3), lang_or_und(row->lang)) && out->same_title &&
                text_equal(sql_text(st, 5), metadata_or_empty(row->metadata));
    sqlite3_reset(st);
    return STATUS_OK;
}

/* Says no to a row that cannot be written, before anything of it is. */
static enum status admit(struct batch *b, const struct document_row *row, const struct stored *stored,
                         const struct span *source, struct error *err)
{
    bool there = stored->document != 0 && !stored->expired;
    if (b->mode == PUT_CREATE && there)
        return error_field(
            err, STATUS_CONFLICT, "id",
            "there is a document with this id already; put it in mode upsert or update to replace it");
    if (b->mode == PUT_UPDATE && !there)
        return error_field(err, STATUS_NOT_FOUND, "id",
                           "there is no document with this id; put it in mode upsert or create to add it");
    if (row->reuse && !stored->same_content && source->count < 0)
        return error_field(err, STATUS_CONFLICT, "text",
                           "the vectors of this content were deleted meanwhile; put the document again");
    return STATUS_OK;
}

/* `result->error` is the row's own; `err` and the returned status are the batch's. */
static enum status put_row(struct batch *b, size_t i, struct error *err)
{
    const struct document_row *row = &b->rows[i];
    struct put_result *result = &b->results[i];
    struct stored stored = {0};
    enum status status = look_up(b, row, &stored, err);
    if (status != STATUS_OK || admit(b, row, &stored, &b->sources[i], &result->error) != STATUS_OK)
        return status;
    size_t passages = stored.same_content ? (size_t)stored.passages
                      : row->reuse        ? (size_t)b->sources[i].count
                                          : row->passage_count;
    result->outcome = stored.document == 0 || stored.expired ? PUT_CREATED
                      : stored.same                          ? PUT_UNCHANGED
                                                             : PUT_UPDATED;
    result->passages = (uint32_t)passages;
    if (stored.same)
        return STATUS_OK;
    b->changed = true;
    int64_t document = stored.document;
    if (document != 0 && !stored.same_content)
        status = removals_add(&b->gone, b->sql, document, err);
    if (status == STATUS_OK && document != 0)
        status = fields_drop(b->sql, b->c->id, document, err);
    if (status == STATUS_OK)
        status = write_document(b, row, &document, err);
    if (status == STATUS_OK)
        status = fields_add(b->sql, b->c->id, document, err);
    if (status != STATUS_OK || stored.same_content)
        return status;
    b->documents += stored.document == 0;
    b->passages += (int64_t)passages;
    status = write_text(b, document, row->text, err);
    if (status == STATUS_OK)
        status = row->reuse ? copy_passages(b, document, b->sources[i], err)
                            : insert_passages(b, document, row, err);
    return status;
}

static enum status read_counter(struct batch *b, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(b->sql, "SELECT next_passage FROM spaces WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, b->c->space);
    status = sql_step(b->sql, st, &row, err);
    b->next = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    if (status == STATUS_OK && (!row || b->next < 0 || b->next > PASSAGE_LIMIT))
        status = error_set(err, STATUS_CORRUPT,
                           "%s is damaged: passages of \"%s\" are not counted; restore it from a backup",
                           b->sql->path, b->c->name);
    return status;
}

static enum status write_counter(struct batch *b, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(b->sql, "UPDATE spaces SET next_passage = ?2 WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, b->c->space);
    sqlite3_bind_int64(st, 2, b->next);
    return sql_step(b->sql, st, NULL, err);
}

/* Takes back the postings of documents that will have another text or title, while the old ones are there.
 * Those of passages that stay are restored in the end. */
static enum status take_back_keywords(struct batch *b, size_t n, struct error *err)
{
    bool kept = false, ready;
    enum status status = keyword_ready(b->sql, b->c->space, &kept, &ready, err);
    for (size_t i = 0; i < n && kept && status == STATUS_OK; i++) {
        struct stored stored = {0};
        if (b->results[i].error.status != STATUS_OK)
            continue;
        status = look_up(b, &b->rows[i], &stored, err);
        if (status == STATUS_OK && stored.document != 0 && !(stored.same_content && stored.same_title))
            status = removals_add(&b->reposted, b->sql, stored.document, err);
    }
    return status == STATUS_OK ? keyword_remove(b->sql, b->reposted.ids, b->reposted.n, err) : status;
}

static enum status write_keywords(struct batch *b, int64_t first, struct error *err)
{
    int64_t base = b->c->space << PASSAGE_BITS;
    enum status status = keyword_restore(b->sql, b->reposted.ids, b->reposted.n, err);
    return status == STATUS_OK ? keyword_add(b->sql, base + first, base + b->next, err) : status;
}

static enum status put_rows(struct batch *b, size_t n, struct error *err)
{
    struct collection_row facts;
    enum status status = collection_row(b->c, b->sql, &facts, err);
    if (status == STATUS_OK && !facts.active)
        status =
            error_set(err, STATUS_CONFLICT,
                      "the collection \"%s\" has changed to another model meanwhile; put the documents again",
                      b->c->name);
    if (status == STATUS_OK)
        status = read_counter(b, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        b->sources[i].count = -1;
        b->results[i] = (struct put_result){.outcome = PUT_FAILED};
        enum status row = check_row(b, &b->rows[i], &b->results[i].error);
        if (row == STATUS_OK && b->rows[i].reuse)
            status = find_source(b->c, b->sql, b->rows[i].content_hash, &b->sources[i], err);
        else if (row != STATUS_OK && row != STATUS_INVALID && row != STATUS_TOO_LARGE) /* not its fault */
            status = error_set(err, row, "%s", b->results[i].error.text);
    }
    if (status == STATUS_OK)
        status = take_back_keywords(b, n, err);
    int64_t first = b->next;
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        if (b->results[i].error.status == STATUS_OK)
            status = put_row(b, i, err);
    if (status == STATUS_OK)
        status = remove_passages(b, err);
    if (status != STATUS_OK || !b->changed)
        return status;
    status = write_counter(b, err);
    if (status == STATUS_OK)
        status = write_keywords(b, first, err);
    if (status == STATUS_OK)
        status = collection_touch(b->c, b->documents, b->passages, err);
    if (status == STATUS_OK)
        status = collection_commit(b->c, b->gone.ids, b->gone.n, err);
    return status;
}

enum status collection_put(struct collection *c, const struct document_row *rows, size_t n,
                           enum put_mode mode, struct put_result *results, struct error *err)
{
    struct batch b = {c, &c->store->writer, mode, rows, results, .now = time_now_ms()};
    if (n == 0)
        return STATUS_OK;
    b.sources = calloc(n, sizeof *b.sources);
    if (b.sources == NULL)
        return error_memory(err, "writing documents");
    enum status status = store_begin(c->store, err);
    if (status == STATUS_OK) {
        status = put_rows(&b, n, err);
        store_end(c->store);
    }
    removals_release(&b.gone);
    removals_release(&b.reposted);
    free(b.sources);
    return status;
}

/* ---- a spare space ---- */

/* Whether the document of a row is still there with this content, and without passages in the space. */
static enum status wants_passages(struct batch *b, const struct document_row *row, int64_t *document,
                                  struct error *err)
{
    struct stored stored = {0};
    enum status status = look_up(b, row, &stored, err);
    *document = stored.same_content && stored.passages == 0 ? stored.document : 0;
    return status;
}

static enum status fill_rows(struct batch *b, size_t n, struct error *err)
{
    enum status status = read_counter(b, err);
    int64_t first = b->next;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        int64_t document = 0;
        status = check_passages(&b->rows[i], b->c->width, err);
        if (status == STATUS_OK)
            status = wants_passages(b, &b->rows[i], &document, err);
        if (status == STATUS_OK && document != 0)
            status = insert_passages(b, document, &b->rows[i], err);
    }
    if (status != STATUS_OK || b->next == first)
        return status;
    status = write_counter(b, err);
    if (status == STATUS_OK)
        status = write_keywords(b, first, err);
    if (status == STATUS_OK)
        status = collection_touch(b->c, 0, b->next - first, err);
    return status == STATUS_OK ? collection_commit(b->c, NULL, 0, err) : status;
}

enum status collection_fill(struct collection *c, const struct document_row *rows, size_t n,
                            struct error *err)
{
    struct batch b = {.c = c, .sql = &c->store->writer, .rows = rows, .now = time_now_ms()};
    enum status status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = fill_rows(&b, n, err);
    store_end(c->store);
    removals_release(&b.reposted);
    return status;
}
