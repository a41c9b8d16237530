/* Indexes of metadata fields.
 *
 *     fields          id │ collection │ name          a row for each declared field
 *     field_values    field │ type │ value │ document  a row for each value of it in each document
 *
 * 1. `type` is that of struct filter_value, `value` a text or a real; of bool 0 and 1, of null 0.
 * 2. A field that is there without such a value (an object, an empty array) has one row of type PRESENT, so
 *    that a document has a row exactly when it has the field.
 * 3. Values come from metadata_value, which conditions read too: both ways give the same documents.
 * 4. Declaring a field adds rows to tables that are there; no statement ever changes the schema.
 */
#include "index/fields.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/utf8.h"
#include "index/metadata.h"

#define PRESENT          4
#define FIELD_NAME_BYTES 256

/* ---- names ---- */

void field_names_release(struct field_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free((char *)(uintptr_t)names->items[i].name.data);
    names->n = 0;
}

enum status field_names_read(struct field_names *names, struct sql *sql, int64_t collection,
                             struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    names->n = 0;
    enum status status =
        sql_get(sql, "SELECT id, name FROM fields WHERE collection = ?1 ORDER BY name", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, collection);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        struct field_name *item = &names->items[names->n];
        if (names->n == FIELDS_MOST)
            status =
                error_set(err, STATUS_CORRUPT,
                          "%s is damaged: a collection has more than %d filterable fields; restore it from "
                          "a backup",
                          sql->path, FIELDS_MOST);
        else
            status = sql_text_copy(st, 1, &item->name, err);
        if (status != STATUS_OK)
            break;
        item->id = sqlite3_column_int64(st, 0);
        names->n++;
    }
    sqlite3_reset(st);
    if (status != STATUS_OK)
        field_names_release(names);
    return status;
}

int64_t field_find(const struct field_names *names, struct text name)
{
    for (size_t i = 0; i < names->n; i++)
        if (text_equal(names->items[i].name, name))
            return names->items[i].id;
    return 0;
}

/* ---- entries ---- */

static void bind_value(sqlite3_stmt *st, int at, const struct filter_value *value)
{
    if (value->type == FILTER_STRING)
        sql_bind_text(st, at, value->string);
    else
        sqlite3_bind_double(st, at, value->type == FILTER_NULL ? 0 : value->number);
}

/* What is done with each entry: one of the statements below. */
static const char insert_entry[] = "INSERT OR IGNORE INTO field_values (field, type, value, document) "
                                   "VALUES (?1, ?2, ?3, ?4)";
static const char delete_entry[] =
    "DELETE FROM field_values WHERE field = ?1 AND type = ?2 AND value = ?3 AND "
    "document = ?4";

static const char find_entry[] =
    "SELECT 1 FROM field_values WHERE field = ?1 AND type = ?2 AND value = ?3 AND "
    "document = ?4";

static enum status wrong_entry(struct sql *sql, int64_t document, struct error *err)
{
    return error_set(
        err, STATUS_CORRUPT,
        "%s is damaged: the index of a field does not say what document %lld says; restore it from "
        "a backup",
        sql->path, (long long)document);
}

static enum status for_entry(struct sql *sql, const char *literal, int64_t field, int type,
                             const struct filter_value *value, int64_t document, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, literal, &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, field);
    sqlite3_bind_int(st, 2, type);
    bind_value(st, 3, value);
    sqlite3_bind_int64(st, 4, document);
    status = sql_step(sql, st, &row, err);
    sqlite3_reset(st);
    return status == STATUS_OK && literal == find_entry && !row ? wrong_entry(sql, document, err) : status;
}

static enum status for_field(struct sql *sql, const char *literal, struct metadata_reader *reader,
                             const struct field_name *field, int64_t document, struct text metadata,
                             struct error *err)
{
    static const struct filter_value nothing = {.type = FILTER_NULL};
    struct filter_value value;
    bool any = false;
    enum status status = STATUS_OK;
    if (!metadata_field(reader, metadata, field->name))
        return STATUS_OK;
    while (status == STATUS_OK && metadata_value(reader, &value)) {
        any = true;
        status = for_entry(sql, literal, field->id, (int)value.type, &value, document, err);
    }
    return status == STATUS_OK && !any ? for_entry(sql, literal, field->id, PRESENT, &nothing, document, err)
                                       : status;
}

static enum status for_document(struct sql *sql, const char *literal, int64_t collection, int64_t document,
                                struct error *err)
{
    struct field_names names;
    struct metadata_reader *reader = NULL;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = field_names_read(&names, sql, collection, err);
    if (status != STATUS_OK || names.n == 0)
        return status;
    status = metadata_reader_new(&reader, err);
    if (status == STATUS_OK)
        status = sql_get(sql, "SELECT metadata FROM documents WHERE id = ?1", &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, document);
        status = sql_step(sql, st, &row, err);
        for (size_t i = 0; i < names.n && row && status == STATUS_OK; i++)
            status = for_field(sql, literal, reader, &names.items[i], document, sql_text(st, 0), err);
        sqlite3_reset(st);
    }
    metadata_reader_free(reader);
    field_names_release(&names);
    return status;
}

enum status fields_drop(struct sql *sql, int64_t collection, int64_t document, struct error *err)
{
    return for_document(sql, delete_entry, collection, document, err);
}

enum status fields_add(struct sql *sql, int64_t collection, int64_t document, struct error *err)
{
    return for_document(sql, insert_entry, collection, document, err);
}

/* ---- declaring ---- */

/* Enters what the documents have in a new field. */
static enum status fill(struct sql *sql, int64_t collection, const struct field_name *field,
                        struct error *err)
{
    struct metadata_reader *reader = NULL;
    sqlite3_stmt *st;
    bool row;
    enum status status = metadata_reader_new(&reader, err);
    if (status == STATUS_OK)
        status = sql_get(sql, "SELECT id, metadata FROM documents WHERE collection = ?1", &st, err);
    if (status != STATUS_OK)
        goto done;
    sqlite3_bind_int64(st, 1, collection);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        status =
            for_field(sql, insert_entry, reader, field, sqlite3_column_int64(st, 0), sql_text(st, 1), err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
done:
    metadata_reader_free(reader);
    return status;
}

static enum status declare(struct sql *sql, int64_t collection, struct text name, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(sql, "INSERT INTO fields (collection, name) VALUES (?1, ?2)", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, collection);
    sql_bind_text(st, 2, name);
    status = sql_step(sql, st, NULL, err);
    if (status != STATUS_OK)
        return status;
    return fill(sql, collection, &(struct field_name){sqlite3_last_insert_rowid(sql->db), name}, err);
}

static enum status retract(struct sql *sql, int64_t field, struct error *err)
{
    static const char *const literals[] = {"DELETE FROM field_values WHERE field = ?1",
                                           "DELETE FROM fields WHERE id = ?1"};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < 2 && status == STATUS_OK; i++) {
        sqlite3_stmt *st;
        status = sql_get(sql, literals[i], &st, err);
        if (status != STATUS_OK)
            break;
        sqlite3_bind_int64(st, 1, field);
        status = sql_step(sql, st, NULL, err);
    }
    return status;
}

static bool among(const struct text *fields, size_t n, struct text name)
{
    for (size_t i = 0; i < n; i++)
        if (text_equal(fields[i], name))
            return true;
    return false;
}

static enum status check_names(const struct text *fields, size_t n, struct error *err)
{
    if (n > FIELDS_MOST)
        return error_field(err, STATUS_INVALID, "filterable",
                           "a collection may have %d filterable fields, not %zu", FIELDS_MOST, n);
    for (size_t i = 0; i < n; i++)
        if (fields[i].len == 0 || fields[i].len > FIELD_NAME_BYTES ||
            utf8_invalid(fields[i].data, fields[i].len) < fields[i].len)
            return error_field(err, STATUS_INVALID, "filterable",
                               "the name of a field is 1 to %d bytes of UTF-8; that of number %zu is not",
                               FIELD_NAME_BYTES, i);
    return STATUS_OK;
}

static enum status replace_names(struct collection *c, const struct text *fields, size_t n, struct error *err)
{
    struct sql *sql = &c->store->writer;
    struct collection_row facts;
    struct field_names names = {.n = 0};
    bool changed = false;
    enum status status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status = field_names_read(&names, sql, c->id, err);
    for (size_t i = 0; i < names.n && status == STATUS_OK; i++)
        if (!among(fields, n, names.items[i].name)) {
            changed = true;
            status = retract(sql, names.items[i].id, err);
        }
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        if (field_find(&names, fields[i]) == 0 && !among(fields, i, fields[i])) {
            changed = true;
            status = declare(sql, c->id, fields[i], err);
        }
    field_names_release(&names);
    if (status == STATUS_OK && changed)
        status = collection_touch(c, 0, 0, err);
    return status == STATUS_OK && changed ? collection_commit(c, NULL, 0, err) : status;
}

enum status collection_declare(struct collection *c, const struct text *fields, size_t n, struct error *err)
{
    enum status status = check_names(fields, n, err);
    if (status == STATUS_OK)
        status = store_begin(c->store, err);
    if (status != STATUS_OK)
        return status;
    status = replace_names(c, fields, n, err);
    store_end(c->store);
    return status;
}

enum status collection_filterable(struct collection *c, struct text **out, size_t *n, struct error *err)
{
    struct field_names names;
    struct sql *sql;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = field_names_read(&names, sql, c->id, err);
    store_reader_done(c->store, sql);
    if (status != STATUS_OK)
        return status;
    struct text *fields = calloc(names.n + 1, sizeof *fields);
    if (fields == NULL) {
        field_names_release(&names);
        return error_memory(err, "listing filterable fields");
    }
    for (size_t i = 0; i < names.n; i++) /* the texts change hands */
        fields[i] = names.items[i].name;
    *out = fields;
    *n = names.n;
    return STATUS_OK;
}

void collection_filterable_free(struct text *fields, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)fields[i].data);
    free(fields);
}

/* ---- asking ---- */

static enum status collect(struct sql *sql, sqlite3_stmt *st, struct document_set *out, struct error *err)
{
    bool row;
    enum status status;
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        status = document_set_add(out, sqlite3_column_int64(st, 0), err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
    return status;
}

#define ENTRIES "SELECT document FROM field_values WHERE field = ?1 AND type = ?2 AND value "

static const char *literal_of(enum filter_operator op)
{
    switch (op) {
    case OP_GT:
        return ENTRIES "> ?3";
    case OP_GTE:
        return ENTRIES ">= ?3";
    case OP_LT:
        return ENTRIES "< ?3";
    case OP_LTE:
        return ENTRIES "<= ?3";
    case OP_PREFIX:
        return ENTRIES ">= ?3 AND value < ?4";
    default:
        return ENTRIES "= ?3";
    }
}

static enum status select_value(struct sql *sql, int64_t field, enum filter_operator op,
                                const struct filter_value *value, struct document_set *out, struct error *err)
{
    sqlite3_stmt *st;
    struct buf behind; /* comes after every text with the prefix: no byte of UTF-8 is 0xff */
    buf_init(&behind, SIZE_MAX / 2);
    enum status status = sql_get(sql, literal_of(op), &st, err);
    if (status == STATUS_OK && op == OP_PREFIX)
        status = buf_append(&behind, value->string.data, value->string.len, err);
    if (status == STATUS_OK && op == OP_PREFIX)
        status = buf_append(&behind, "\xff", 1, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, field);
        sqlite3_bind_int(st, 2, (int)value->type);
        bind_value(st, 3, value);
        if (op == OP_PREFIX)
            sql_bind_text(st, 4, buf_text(&behind));
        status = collect(sql, st, out, err);
    }
    buf_release(&behind);
    return status;
}

enum status fields_select(struct sql *sql, int64_t field, const struct filter *filter,
                          struct document_set *out, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = STATUS_OK;
    if (filter->op != OP_EXISTS) {
        for (size_t i = 0; i < filter->value_count && status == STATUS_OK; i++)
            status = select_value(sql, field, filter->op, &filter->values[i], out, err);
        return status;
    }
    status = sql_get(sql, "SELECT document FROM field_values WHERE field = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, field);
    return collect(sql, st, out, err);
}

/* ---- checking ---- */

/* Whether the metadata has the value that an entry (type in column 1, value in column 2) stands for. */
static bool has_entry(struct metadata_reader *reader, sqlite3_stmt *st, struct text metadata,
                      struct text field)
{
    struct filter_value value;
    int type = sqlite3_column_int(st, 1);
    bool any = false;
    if (!metadata_field(reader, metadata, field))
        return false;
    while (metadata_value(reader, &value)) {
        any = true;
        if ((int)value.type == type &&
            (value.type == FILTER_STRING ? text_equal(value.string, sql_text(st, 2))
             : value.type == FILTER_NULL ? true
                                         : value.number == sqlite3_column_double(st, 2)))
            return true;
    }
    return type == PRESENT && !any;
}

/* Every entry is in its document. */
static enum status check_entries(struct sql *sql, struct metadata_reader *reader, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status =
        sql_get(sql,
                "SELECT v.document, v.type, v.value, f.name, d.metadata FROM field_values v "
                "LEFT JOIN fields f ON f.id = v.field LEFT JOIN documents d ON d.id = v.document AND "
                "d.collection = f.collection",
                &st, err);
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row)
        if (sqlite3_column_type(st, 4) == SQLITE_NULL ||
            !has_entry(reader, st, sql_text(st, 4), sql_text(st, 3)))
            status = wrong_entry(sql, sqlite3_column_int64(st, 0), err);
    return status;
}

/* Every document has its entries. */
static enum status check_documents(struct sql *sql, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status = sql_get(
        sql, "SELECT id, collection FROM documents WHERE collection IN (SELECT collection FROM fields)", &st,
        err);
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row)
        status = for_document(sql, find_entry, sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 0), err);
    return status;
}

enum status fields_check(struct sql *sql, struct error *err)
{
    struct metadata_reader *reader = NULL;
    enum status status = metadata_reader_new(&reader, err);
    if (status == STATUS_OK)
        status = check_entries(sql, reader, err);
    if (status == STATUS_OK)
        status = check_documents(sql, err);
    metadata_reader_free(reader);
    return status;
}
