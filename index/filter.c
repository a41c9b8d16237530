/* A filter becomes one SELECT over the documents of the collection: languages and ids in SQL, where they have
 * indexes, and fields of the metadata through a function of our own,
 *
 *     SELECT d.id FROM documents d WHERE d.collection = ?1 AND
 *         ((d.lang = ?2 OR d.lang >= ?2 || '-' AND d.lang < ?2 || '.') AND NOT (met(?3, d.metadata)))
 *
 * whose first argument is a pointer to the condition. Values are bound, never written into the statement.
 * Documents whose time is over meet no filter.
 */
#include "index/filter.h"

#include <stdlib.h>

#include "common/buf.h"
#include "index/metadata.h"

#define STATEMENT_BYTES 900000            /* below SQLite's limit of 1,000,000 */
#define CONDITION       "field_condition" /* SQLite's name for the pointer's type */

/* ---- the statement ---- */

struct binding {
    struct text text;
    struct field_condition *condition; /* NULL: the text; otherwise owned */
};

struct compiler {
    struct buf sql;
    struct binding *bindings; /* of ?2, ?3, … */
    size_t count, capacity;
    size_t conditions, values;
};

static void compiler_release(struct compiler *w)
{
    for (size_t i = 0; i < w->count; i++)
        field_condition_free(w->bindings[i].condition);
    free(w->bindings);
    buf_release(&w->sql);
}

static enum status write(struct compiler *w, const char *text, struct error *err)
{
    return buf_append(&w->sql, text, strlen(text), err);
}

static enum status bind(struct compiler *w, struct binding binding, size_t *number, struct error *err)
{
    if (w->count == w->capacity) {
        size_t capacity = w->capacity * 2 + 16;
        struct binding *more = realloc(w->bindings, capacity * sizeof *more);
        if (more == NULL)
            return error_memory(err, "filtering documents");
        w->bindings = more;
        w->capacity = capacity;
    }
    w->bindings[w->count++] = binding;
    *number = w->count + 1;
    return STATUS_OK;
}

static enum status write_field(struct compiler *w, const struct filter *f, struct error *err)
{
    struct field_condition *condition = NULL;
    size_t number = 0;
    enum status status = field_condition_new(f, &condition, err);
    if (status != STATUS_OK)
        return status;
    status = bind(w, (struct binding){.condition = condition}, &number, err);
    if (status != STATUS_OK) {
        field_condition_free(condition);
        return status;
    }
    return buf_printf(&w->sql, err, "met(?%zu, d.metadata)", number);
}

static enum status write_langs(struct compiler *w, const struct filter *f, struct error *err)
{
    size_t number = 0;
    enum status status = write(w, "(0", err);
    w->conditions += f->value_count;
    for (size_t i = 0; i < f->value_count && status == STATUS_OK; i++) {
        status = bind(w, (struct binding){.text = f->values[i].string}, &number, err);
        if (status == STATUS_OK)
            status = buf_printf(&w->sql, err,
                                " OR d.lang = ?%zu OR (d.lang >= ?%zu || '-' AND d.lang < ?%zu || '.')",
                                number, number, number);
    }
    return status == STATUS_OK ? write(w, ")", err) : status;
}

static enum status write_ids(struct compiler *w, const struct filter *f, struct error *err)
{
    size_t number = 0;
    enum status status = write(w, "d.name IN (", err);
    for (size_t i = 0; i < f->value_count && status == STATUS_OK; i++) {
        status = bind(w, (struct binding){.text = f->values[i].string}, &number, err);
        if (status == STATUS_OK)
            status = buf_printf(&w->sql, err, "%s?%zu", i > 0 ? ", " : "", number);
    }
    return status == STATUS_OK ? write(w, ")", err) : status;
}

static enum status check_strings(const struct filter *f, struct error *err)
{
    for (size_t i = 0; i < f->value_count; i++)
        if (f->values[i].type != FILTER_STRING)
            return error_field(err, STATUS_INVALID, "filter", "languages and ids are strings");
    return STATUS_OK;
}

static enum status check_size(struct compiler *w, const struct filter *f, unsigned depth, struct error *err)
{
    w->conditions++;
    w->values += f->value_count;
    if (depth > FILTER_DEPTH)
        return error_field(err, STATUS_INVALID, "filter",
                           "conditions are more than %d deep inside each other", FILTER_DEPTH);
    if (w->conditions > FILTER_CONDITIONS || f->item_count > FILTER_CONDITIONS)
        return error_field(err, STATUS_INVALID, "filter", "a filter may have %d conditions and languages",
                           FILTER_CONDITIONS);
    if (w->values > FILTER_VALUES)
        return error_field(err, STATUS_INVALID, "filter", "a filter may have %d values", FILTER_VALUES);
    if (f->kind == FILTER_LANG && f->value_count > FILTER_CONDITIONS - w->conditions)
        return error_field(err, STATUS_INVALID, "filter", "a filter may have %d conditions and languages",
                           FILTER_CONDITIONS);
    return f->kind == FILTER_LANG || f->kind == FILTER_ID ? check_strings(f, err) : STATUS_OK;
}

static enum status write_filter(struct compiler *w, const struct filter *f, unsigned depth,
                                struct error *err);

static enum status write_items(struct compiler *w, const struct filter *f, const char *word, unsigned depth,
                               struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < f->item_count && status == STATUS_OK; i++) {
        status = write(w, i > 0 ? word : "(", err);
        if (status == STATUS_OK)
            status = write_filter(w, &f->items[i], depth + 1, err);
    }
    return status == STATUS_OK ? write(w, ")", err) : status;
}

static enum status write_filter(struct compiler *w, const struct filter *f, unsigned depth, struct error *err)
{
    enum status status = check_size(w, f, depth, err);
    if (status != STATUS_OK)
        return status;
    switch (f->kind) {
    case FILTER_AND:
        return f->item_count > 0 ? write_items(w, f, " AND ", depth, err) : write(w, "1", err);
    case FILTER_OR:
        return f->item_count > 0 ? write_items(w, f, " OR ", depth, err) : write(w, "0", err);
    case FILTER_NOT:
        if (f->item_count != 1)
            return error_field(err, STATUS_INVALID, "filter", "not takes one condition");
        status = write(w, "NOT ", err);
        return status == STATUS_OK ? write_items(w, f, "", depth, err) : status;
    case FILTER_FIELD:
        return write_field(w, f, err);
    case FILTER_LANG:
        return write_langs(w, f, err);
    case FILTER_ID:
        return write_ids(w, f, err);
    }
    return error_field(err, STATUS_INVALID, "filter", "there is no condition of kind %d", (int)f->kind);
}

/* ---- running it ---- */

static void met(sqlite3_context *context, int n, sqlite3_value **values)
{
    struct field_condition *condition = sqlite3_value_pointer(values[0], CONDITION);
    const char *metadata = (const char *)sqlite3_value_text(values[1]);
    struct text text = {metadata, (size_t)sqlite3_value_bytes(values[1])};
    (void)n;
    sqlite3_result_int(context,
                       condition != NULL && metadata != NULL && field_condition_met(condition, text));
}

static enum status run(struct collection *c, struct sql *sql, struct compiler *w, struct document_set *out,
                       struct error *err)
{
    sqlite3_stmt *st = NULL;
    bool row;
    int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY;
    enum status status = STATUS_OK;
    int rc = sqlite3_create_function_v2(sql->db, "met", 2, flags, NULL, met, NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(sql->db, w->sql.data, (int)w->sql.len, &st, NULL);
    if (rc != SQLITE_OK)
        return sql_error(sql, rc, err);
    sqlite3_bind_int64(st, 1, c->id);
    for (size_t i = 0; i < w->count; i++) {
        if (w->bindings[i].condition != NULL)
            sqlite3_bind_pointer(st, (int)i + 2, w->bindings[i].condition, CONDITION, NULL);
        else
            sql_bind_text(st, (int)i + 2, w->bindings[i].text);
    }
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        status = document_set_add(out, sqlite3_column_int64(st, 0), err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_finalize(st);
    return status;
}

enum status expired_documents(struct collection *c, struct sql *sql, struct document_set *out,
                              struct error *err)
{
    struct document_set set = {0};
    sqlite3_stmt *st;
    bool row;
    enum status status =
        sql_get(sql, "SELECT id FROM documents WHERE collection = ?1 AND expires <= ?2", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int64(st, 2, time_now_ms());
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        status = document_set_add(&set, sqlite3_column_int64(st, 0), err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
    if (status == STATUS_OK)
        *out = set;
    else
        document_set_release(&set);
    return status;
}

enum status filter_resolve(struct collection *c, struct sql *sql, const struct filter *filter,
                           struct document_set *out, struct error *err)
{
    struct compiler w = {0};
    struct document_set set = {0};
    buf_init(&w.sql, STATEMENT_BYTES);
    enum status status = buf_printf(&w.sql, err,
                                    "SELECT d.id FROM documents d WHERE d.collection = ?1 AND (d.expires IS "
                                    "NULL OR d.expires > %lld) AND ",
                                    (long long)time_now_ms());
    if (status == STATUS_OK)
        status = write_filter(&w, filter, 0, err);
    if (status == STATUS_OK)
        status = run(c, sql, &w, &set, err);
    compiler_release(&w);
    if (status == STATUS_OK)
        *out = set;
    else
        document_set_release(&set);
    return status;
}
