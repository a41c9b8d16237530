/* A filter becomes one SELECT over the documents of the collection. Values are bound, never written into the
 * statement. A condition on a field reads
 *
 *     EXISTS (SELECT 1 FROM json_each(d.metadata) f WHERE f.key = ?2 AND
 *             (COND(f) OR f.type = 'array' AND EXISTS (SELECT 1 FROM json_each(f.value) e WHERE COND(e))))
 *
 * where COND(x) looks at x.type first, so that a text never equals a number.
 */
#include "index/filter.h"

#include <stdlib.h>

#include "common/buf.h"

#define STATEMENT_BYTES 900000 /* below SQLite's limit of 1,000,000 */
#define NUMBER(x)       x ".type IN ('integer', 'real') AND CAST(" x ".atom AS REAL)"
#define STRING(x)       x ".type = 'text' AND " x ".atom"

/* ---- the set ---- */

static struct document_stretch *stretch_of(const struct document_set *set, int64_t number)
{
    size_t at = (size_t)((uint64_t)number * 0x9e3779b97f4a7c15u >> 32) & (set->size - 1);
    while (set->stretches[at].number != 0 && set->stretches[at].number != number)
        at = (at + 1) & (set->size - 1);
    return &set->stretches[at];
}

static bool reserve(struct document_set *set)
{
    if (set->used * 2 < set->size)
        return true;
    struct document_set larger = {.size = set->size == 0 ? 64 : set->size * 2, .used = set->used, .count = set->count};
    larger.stretches = calloc(larger.size, sizeof *larger.stretches);
    if (larger.stretches == NULL)
        return false;
    for (size_t i = 0; i < set->size; i++)
        if (set->stretches[i].number != 0)
            *stretch_of(&larger, set->stretches[i].number) = set->stretches[i];
    free(set->stretches);
    *set = larger;
    return true;
}

static enum status add(struct document_set *set, int64_t document, struct error *err)
{
    if (document <= 0)
        return error_set(err, STATUS_CORRUPT, "the store is damaged: a document has the number %lld; restore it from a backup",
                         (long long)document);
    if (!reserve(set))
        return error_memory(err, "filtering documents");
    struct document_stretch *s = stretch_of(set, (document >> 9) + 1);
    set->used += s->number == 0;
    s->number = (document >> 9) + 1;
    s->bits[document >> 6 & 7] |= (uint64_t)1 << (document & 63);
    set->count++;
    return STATUS_OK;
}

bool document_set_has(const struct document_set *set, int64_t document)
{
    return set->size > 0 && (stretch_of(set, (document >> 9) + 1)->bits[document >> 6 & 7] >> (document & 63) & 1) != 0;
}

void document_set_release(struct document_set *set)
{
    free(set->stretches);
    *set = (struct document_set){0};
}

/* ---- the statement ---- */

struct compiler {
    struct buf sql;
    struct filter_value *values; /* bound from ?2 on */
    size_t count, capacity;
    size_t conditions;
    unsigned depth;
};

static enum status write(struct compiler *w, const char *text, struct error *err)
{
    return buf_append(&w->sql, text, strlen(text), err);
}

/* Keeps a value for binding; *number is its parameter. */
static enum status keep(struct compiler *w, struct filter_value value, size_t *number, struct error *err)
{
    if (w->count == FILTER_VALUES)
        return error_field(err, STATUS_INVALID, "filter", "a filter may have %d values; divide it", FILTER_VALUES);
    if (w->count == w->capacity) {
        size_t capacity = w->capacity * 2 + 16;
        struct filter_value *more = realloc(w->values, capacity * sizeof *more);
        if (more == NULL)
            return error_memory(err, "filtering documents");
        w->values = more;
        w->capacity = capacity;
    }
    w->values[w->count++] = value;
    *number = w->count + 1;
    return STATUS_OK;
}

/* "?5, ?6, …" for the values of one type. */
static enum status list(struct compiler *w, struct buf *out, const struct filter *f, enum filter_type type,
                        struct error *err)
{
    const char *separator = "";
    enum status status = STATUS_OK;
    for (size_t i = 0; i < f->value_count && status == STATUS_OK; i++) {
        size_t number;
        if (f->values[i].type != type)
            continue;
        status = keep(w, f->values[i], &number, err);
        if (status == STATUS_OK)
            status = buf_printf(out, err, "%s?%zu", separator, number);
        separator = ", ";
    }
    return status;
}

/* ---- conditions on a field: COND(@), with @ where the row's name goes ---- */

static enum status condition_in(struct compiler *w, struct buf *out, const struct filter *f, struct error *err)
{
    bool yes = false, no = false, null = false;
    for (size_t i = 0; i < f->value_count; i++) {
        yes |= f->values[i].type == FILTER_BOOL && f->values[i].number != 0;
        no |= f->values[i].type == FILTER_BOOL && f->values[i].number == 0;
        null |= f->values[i].type == FILTER_NULL;
    }
    enum status status = buf_printf(out, err, "%s IN (", STRING("@"));
    if (status == STATUS_OK)
        status = list(w, out, f, FILTER_STRING, err);
    if (status == STATUS_OK)
        status = buf_printf(out, err, ") OR %s IN (", NUMBER("@"));
    if (status == STATUS_OK)
        status = list(w, out, f, FILTER_NUMBER, err);
    if (status == STATUS_OK)
        status = buf_printf(out, err, ")%s%s%s", yes ? " OR @.type = 'true'" : "", no ? " OR @.type = 'false'" : "",
                            null ? " OR @.type = 'null'" : "");
    return status;
}

static enum status condition_order(struct compiler *w, struct buf *out, const struct filter *f, struct error *err)
{
    static const char *const signs[] = {[OP_GT] = ">", [OP_GTE] = ">=", [OP_LT] = "<", [OP_LTE] = "<="};
    size_t number;
    if (f->value_count != 1 || (f->values[0].type != FILTER_STRING && f->values[0].type != FILTER_NUMBER))
        return error_field(err, STATUS_INVALID, "filter", "a range takes one text or one number");
    enum status status = keep(w, f->values[0], &number, err);
    if (status == STATUS_OK)
        status = buf_printf(out, err, "%s %s ?%zu",
                            f->values[0].type == FILTER_STRING ? STRING("@") : NUMBER("@"), signs[f->op], number);
    return status;
}

static enum status condition_prefix(struct compiler *w, struct buf *out, const struct filter *f, struct error *err)
{
    size_t number;
    if (f->value_count != 1 || f->values[0].type != FILTER_STRING)
        return error_field(err, STATUS_INVALID, "filter", "prefix takes one text");
    enum status status = keep(w, f->values[0], &number, err);
    if (status == STATUS_OK)
        status = buf_printf(out, err, "@.type = 'text' AND substr(@.atom, 1, length(?%zu)) = ?%zu", number, number);
    return status;
}

static enum status condition(struct compiler *w, struct buf *out, const struct filter *f, struct error *err)
{
    switch (f->op) {
    case OP_IN:
        return condition_in(w, out, f, err);
    case OP_PREFIX:
        return condition_prefix(w, out, f, err);
    case OP_EXISTS:
        return buf_printf(out, err, "1");
    default:
        return condition_order(w, out, f, err);
    }
}

/* Writes a condition for the row called `name`. */
static enum status instantiate(struct compiler *w, const struct buf *pattern, char name, struct error *err)
{
    size_t start = w->sql.len;
    enum status status = buf_append(&w->sql, pattern->data, pattern->len, err);
    for (size_t i = start; i < w->sql.len; i++)
        if (w->sql.data[i] == '@')
            w->sql.data[i] = name;
    return status;
}

static enum status field(struct compiler *w, const struct filter *f, struct error *err)
{
    struct buf pattern;
    size_t number;
    buf_init(&pattern, STATEMENT_BYTES);
    enum status status =
        keep(w, (struct filter_value){.type = FILTER_STRING, .string = f->field}, &number, err);
    if (status == STATUS_OK)
        status = condition(w, &pattern, f, err);
    if (status == STATUS_OK)
        status = buf_printf(&w->sql, err, "EXISTS (SELECT 1 FROM json_each(d.metadata) f WHERE f.key = ?%zu AND (",
                            number);
    if (status == STATUS_OK)
        status = instantiate(w, &pattern, 'f', err);
    if (status == STATUS_OK)
        status = write(w, " OR f.type = 'array' AND EXISTS (SELECT 1 FROM json_each(f.value) e WHERE ", err);
    if (status == STATUS_OK)
        status = instantiate(w, &pattern, 'e', err);
    if (status == STATUS_OK)
        status = write(w, ")))", err);
    buf_release(&pattern);
    return status;
}

/* ---- the tree ---- */

static enum status compile(struct compiler *w, const struct filter *f, struct error *err);

/* "zh" takes "zh" and "zh-Hant", which lies between "zh-" and "zh."; the column compares tags without regard to
 * case (RFC 5646, 2.1.1). */
static enum status languages(struct compiler *w, const struct filter *f, struct error *err)
{
    enum status status = write(w, "(0", err);
    for (size_t i = 0; i < f->value_count && status == STATUS_OK; i++) {
        size_t number;
        status = keep(w, f->values[i], &number, err);
        if (status == STATUS_OK)
            status = buf_printf(&w->sql, err,
                                " OR d.lang = ?%zu OR d.lang > ?%zu || '-' AND d.lang < ?%zu || '.'", number,
                                number, number);
    }
    return status == STATUS_OK ? write(w, ")", err) : status;
}

static enum status ids(struct compiler *w, const struct filter *f, struct error *err)
{
    enum status status = write(w, "d.name IN (", err);
    if (status == STATUS_OK)
        status = list(w, &w->sql, f, FILTER_STRING, err);
    return status == STATUS_OK ? write(w, ")", err) : status;
}

static enum status join(struct compiler *w, const struct filter *f, struct error *err)
{
    enum status status = write(w, f->kind == FILTER_AND ? "(1" : "(0", err);
    for (size_t i = 0; i < f->item_count && status == STATUS_OK; i++) {
        status = write(w, f->kind == FILTER_AND ? " AND " : " OR ", err);
        if (status == STATUS_OK)
            status = compile(w, &f->items[i], err);
    }
    return status == STATUS_OK ? write(w, ")", err) : status;
}

static enum status negate(struct compiler *w, const struct filter *f, struct error *err)
{
    if (f->item_count != 1)
        return error_field(err, STATUS_INVALID, "filter", "not takes one condition");
    enum status status = write(w, "NOT (", err);
    if (status == STATUS_OK)
        status = compile(w, f->items, err);
    return status == STATUS_OK ? write(w, ")", err) : status;
}

static enum status compile(struct compiler *w, const struct filter *f, struct error *err)
{
    enum status status;
    if (w->conditions++ == FILTER_CONDITIONS)
        return error_field(err, STATUS_INVALID, "filter", "a filter may have %d conditions; divide it",
                           FILTER_CONDITIONS);
    if (w->depth++ == FILTER_DEPTH)
        return error_field(err, STATUS_INVALID, "filter", "conditions may stand %d deep inside each other",
                           FILTER_DEPTH);
    switch (f->kind) {
    case FILTER_NOT:
        status = negate(w, f, err);
        break;
    case FILTER_FIELD:
        status = field(w, f, err);
        break;
    case FILTER_LANG:
        status = languages(w, f, err);
        break;
    case FILTER_ID:
        status = ids(w, f, err);
        break;
    default:
        status = join(w, f, err);
        break;
    }
    w->depth--;
    return status;
}

static void bind(sqlite3_stmt *st, const struct compiler *w, int64_t collection)
{
    sqlite3_bind_int64(st, 1, collection);
    for (size_t i = 0; i < w->count; i++) {
        if (w->values[i].type == FILTER_STRING)
            sql_bind_text(st, (int)i + 2, w->values[i].string);
        else
            sqlite3_bind_double(st, (int)i + 2, w->values[i].number);
    }
}

enum status filter_resolve(struct collection *c, struct sql *sql, const struct filter *filter,
                           struct document_set *out, struct error *err)
{
    struct compiler w = {0};
    struct document_set set = {0};
    sqlite3_stmt *st = NULL;
    bool row;
    buf_init(&w.sql, STATEMENT_BYTES);
    enum status status = write(&w, "SELECT d.id FROM documents d WHERE d.collection = ?1 AND ", err);
    if (status == STATUS_OK)
        status = compile(&w, filter, err);
    if (status != STATUS_OK)
        goto done;
    int rc = sqlite3_prepare_v2(sql->db, w.sql.data, (int)w.sql.len, &st, NULL);
    if (rc != SQLITE_OK) {
        status = sql_error(sql, rc, err);
        goto done;
    }
    bind(st, &w, c->id);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        status = add(&set, sqlite3_column_int64(st, 0), err);
        if (status != STATUS_OK)
            break;
    }
done:
    sqlite3_finalize(st);
    buf_release(&w.sql);
    free(w.values);
    if (status == STATUS_OK)
        *out = set;
    else
        document_set_release(&set);
    return status;
}
