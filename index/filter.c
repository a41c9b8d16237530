/* From the tree of a filter to the set of documents that meet it.
 *
 * A condition is answered by an index where there is one: languages, ids, declared fields. Each gives a set,
 * and `and`, `or`, `not` of such conditions are intersection, union and difference of sets; no row of a
 * document is looked at. Other fields are looked up in the metadata of documents, row by row, but only of
 * those that the conditions with indexes leave over wherever these stand beside them in an `and`.
 *
 *     and ┬ lang in (de, fr)      set ┐
 *         ├ year ≥ 2000           set ┴→ 312 documents → 312 rows of metadata → those with colour = red
 *         └ colour = red          no index
 *
 * Documents whose time is over meet no filter.
 */
#include "index/filter.h"

#include <stdlib.h>

#include "index/fields.h"
#include "index/metadata.h"

#define FEW_OF 8 /* rows are looked up one by one when they are fewer than one in so many */

struct clause {
    const struct filter *filter;
    bool indexed;                      /* `set` can be had from indexes */
    int64_t field;                     /* a declared one, else 0 and */
    struct field_condition *condition; /* for FILTER_FIELD */
    struct document_set set;           /* the documents that meet it, once resolved */
    struct clause *items;
};

struct resolver {
    struct collection *c;
    struct sql *sql;
    struct field_names names;
    size_t conditions, values;
    struct error *err;
};

/* ---- reading the tree ---- */

static enum status check_strings(const struct filter *f, struct error *err)
{
    for (size_t i = 0; i < f->value_count; i++)
        if (f->values[i].type != FILTER_STRING)
            return error_field(err, STATUS_INVALID, "filter", "languages and ids are strings");
    return STATUS_OK;
}

static enum status check_size(struct resolver *r, const struct filter *f, unsigned depth)
{
    struct error *err = r->err;
    size_t languages = f->kind == FILTER_LANG ? f->value_count : 0;
    r->conditions++;
    r->values += f->value_count;
    if (depth > FILTER_DEPTH)
        return error_field(err, STATUS_INVALID, "filter",
                           "conditions are more than %d deep inside each other", FILTER_DEPTH);
    if (r->conditions > FILTER_CONDITIONS || f->item_count > FILTER_CONDITIONS ||
        languages > FILTER_CONDITIONS - r->conditions)
        return error_field(err, STATUS_INVALID, "filter", "a filter may have %d conditions and languages",
                           FILTER_CONDITIONS);
    if (r->values > FILTER_VALUES)
        return error_field(err, STATUS_INVALID, "filter", "a filter may have %d values", FILTER_VALUES);
    if (f->kind == FILTER_NOT && f->item_count != 1)
        return error_field(err, STATUS_INVALID, "filter", "not takes one condition");
    r->conditions += languages;
    return f->kind == FILTER_LANG || f->kind == FILTER_ID ? check_strings(f, err) : STATUS_OK;
}

static void clause_release(struct clause *c)
{
    for (size_t i = 0; c->items != NULL && i < c->filter->item_count; i++)
        clause_release(&c->items[i]);
    free(c->items);
    field_condition_free(c->condition);
    document_set_release(&c->set);
}

/* What a half-read clause holds is for clause_release. */
static enum status read_clause(struct resolver *r, const struct filter *f, unsigned depth, struct clause *out)
{
    out->filter = f;
    enum status status = check_size(r, f, depth);
    if (status != STATUS_OK)
        return status;
    switch (f->kind) {
    case FILTER_FIELD:
        out->field = field_find(&r->names, f->field);
        out->indexed = out->field != 0;
        return field_condition_new(f, &out->condition, r->err);
    case FILTER_LANG:
    case FILTER_ID:
        out->indexed = true;
        return STATUS_OK;
    case FILTER_AND:
    case FILTER_OR:
    case FILTER_NOT:
        break;
    default:
        return error_field(r->err, STATUS_INVALID, "filter", "there is no condition of kind %d",
                           (int)f->kind);
    }
    out->items = calloc(f->item_count + 1, sizeof *out->items);
    if (out->items == NULL)
        return error_memory(r->err, "filtering documents");
    for (size_t i = 0; i < f->item_count; i++)
        out->items[i].filter = f->items + i;
    out->indexed = true;
    for (size_t i = 0; i < f->item_count && status == STATUS_OK; i++) {
        status = read_clause(r, &f->items[i], depth + 1, &out->items[i]);
        out->indexed &= out->items[i].indexed;
    }
    return status;
}

/* ---- sets from indexes ---- */

static enum status collect(struct resolver *r, sqlite3_stmt *st, struct document_set *out)
{
    bool row;
    enum status status;
    while ((status = sql_step(r->sql, st, &row, r->err)) == STATUS_OK && row) {
        status = document_set_add(out, sqlite3_column_int64(st, 0), r->err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
    return status;
}

/* Runs a statement whose parameters are the collection and, where there is one, a text. */
static enum status select_documents(struct resolver *r, const char *literal, const struct text *text,
                                    struct document_set *out)
{
    sqlite3_stmt *st;
    enum status status = sql_get(r->sql, literal, &st, r->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, r->c->id);
    if (text != NULL)
        sql_bind_text(st, 2, *text);
    return collect(r, st, out);
}

static enum status select_every(struct resolver *r, struct document_set *out)
{
    return select_documents(r, "SELECT id FROM documents WHERE collection = ?1", NULL, out);
}

/* A language takes its subtags: "zh" is also from "zh-" up to, but not including, "zh." */
static enum status select_language(struct resolver *r, const struct text *tag, struct document_set *out)
{
    enum status status =
        select_documents(r, "SELECT id FROM documents WHERE collection = ?1 AND lang = ?2", tag, out);
    if (status == STATUS_OK)
        status = select_documents(r,
                                  "SELECT id FROM documents WHERE collection = ?1 AND lang >= ?2 || '-' AND "
                                  "lang < ?2 || '.'",
                                  tag, out);
    return status;
}

static enum status resolve_values(struct resolver *r, struct clause *c)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < c->filter->value_count && status == STATUS_OK; i++) {
        const struct text *text = &c->filter->values[i].string;
        status = c->filter->kind == FILTER_LANG
                     ? select_language(r, text, &c->set)
                     : select_documents(r, "SELECT id FROM documents WHERE collection = ?1 AND name = ?2",
                                        text, &c->set);
    }
    return status;
}

/* c->set ← every document without those in it. */
static enum status complement(struct resolver *r, struct clause *c)
{
    struct document_set all = {0};
    enum status status = select_every(r, &all);
    document_set_subtract(&all, &c->set);
    document_set_release(&c->set);
    c->set = all;
    return status;
}

static enum status resolve(struct resolver *r, struct clause *c);
static enum status resolve_or(struct resolver *r, struct clause *c);

/* A field that must not exist is the rest of those where it does. */
static enum status resolve_field(struct resolver *r, struct clause *c)
{
    const struct filter *f = c->filter;
    bool absent = f->op == OP_EXISTS && f->value_count > 0 && f->values[0].type == FILTER_BOOL &&
                  f->values[0].number == 0;
    enum status status = fields_select(r->sql, c->field, f, &c->set, r->err);
    return status == STATUS_OK && absent ? complement(r, c) : status;
}

/* What must not hold is taken out of what must, so that it costs no look at the documents besides. */
static enum status resolve_and(struct resolver *r, struct clause *c)
{
    enum status status = STATUS_OK;
    size_t n = c->filter->item_count, met = 0;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct clause *item = &c->items[i];
        if (item->filter->kind == FILTER_NOT)
            continue;
        status = resolve(r, item);
        if (status == STATUS_OK && met++ == 0)
            status = document_set_join(&c->set, &item->set, r->err);
        else
            document_set_meet(&c->set, &item->set);
    }
    if (status == STATUS_OK && met == 0)
        status = select_every(r, &c->set);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        struct clause *item = &c->items[i];
        if (item->filter->kind != FILTER_NOT)
            continue;
        status = resolve_or(r, item);
        document_set_subtract(&c->set, &item->set);
    }
    return status;
}

static enum status resolve_or(struct resolver *r, struct clause *c)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < c->filter->item_count && status == STATUS_OK; i++) {
        status = resolve(r, &c->items[i]);
        if (status == STATUS_OK)
            status = document_set_join(&c->set, &c->items[i].set, r->err);
    }
    return status;
}

/* Of an indexed clause: the documents that meet it, into its set. */
static enum status resolve(struct resolver *r, struct clause *c)
{
    enum status status;
    switch (c->filter->kind) {
    case FILTER_FIELD:
        return resolve_field(r, c);
    case FILTER_LANG:
    case FILTER_ID:
        return resolve_values(r, c);
    case FILTER_AND:
        return resolve_and(r, c);
    case FILTER_OR:
        return resolve_or(r, c);
    default: /* not: of its item, the rest */
        status = resolve_or(r, c);
        return status == STATUS_OK ? complement(r, c) : status;
    }
}

/* The indexed parts of a clause that is not indexed as a whole. */
static enum status resolve_parts(struct resolver *r, struct clause *c)
{
    enum status status = STATUS_OK;
    if (c->indexed)
        return resolve(r, c);
    for (size_t i = 0; c->items != NULL && i < c->filter->item_count && status == STATUS_OK; i++)
        status = resolve_parts(r, &c->items[i]);
    return status;
}

/* ---- rows ---- */

/* Cuts `within` down to what the indexed conditions that must all hold leave over. */
static enum status narrow(const struct clause *c, struct document_set *within, bool *narrowed,
                          struct error *err)
{
    enum status status = STATUS_OK;
    if (c->indexed) {
        if (*narrowed)
            document_set_meet(within, &c->set);
        else
            status = document_set_join(within, &c->set, err);
        *narrowed = true;
    } else if (c->filter->kind == FILTER_AND) {
        for (size_t i = 0; i < c->filter->item_count && status == STATUS_OK; i++)
            status = narrow(&c->items[i], within, narrowed, err);
    }
    return status;
}

static bool meets(struct clause *c, int64_t document, struct text metadata)
{
    size_t n = c->filter->item_count;
    if (c->indexed)
        return document_set_has(&c->set, document);
    if (c->filter->kind == FILTER_FIELD)
        return field_condition_met(c->condition, metadata);
    if (c->filter->kind == FILTER_NOT)
        return !meets(&c->items[0], document, metadata);
    bool all = c->filter->kind == FILTER_AND;
    for (size_t i = 0; i < n; i++)
        if (meets(&c->items[i], document, metadata) != all)
            return !all;
    return all;
}

static enum status look_up(struct resolver *r, struct clause *c, const struct document_set *within,
                           struct document_set *out)
{
    sqlite3_stmt *st;
    bool row;
    int64_t *documents = NULL;
    enum status status = document_set_list(within, &documents, r->err);
    if (status == STATUS_OK)
        status = sql_get(r->sql, "SELECT metadata FROM documents WHERE id = ?1", &st, r->err);
    for (uint64_t i = 0; i < within->count && status == STATUS_OK; i++) {
        sqlite3_bind_int64(st, 1, documents[i]);
        status = sql_step(r->sql, st, &row, r->err);
        if (status == STATUS_OK && row && meets(c, documents[i], sql_text(st, 0)))
            status = document_set_add(out, documents[i], r->err);
        sqlite3_reset(st);
    }
    free(documents);
    return status;
}

static enum status scan(struct resolver *r, struct clause *c, const struct document_set *within,
                        struct document_set *out)
{
    sqlite3_stmt *st;
    bool row;
    enum status status =
        sql_get(r->sql, "SELECT id, metadata FROM documents WHERE collection = ?1", &st, r->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, r->c->id);
    while ((status = sql_step(r->sql, st, &row, r->err)) == STATUS_OK && row) {
        int64_t document = sqlite3_column_int64(st, 0);
        if ((within == NULL || document_set_has(within, document)) && meets(c, document, sql_text(st, 1)))
            status = document_set_add(out, document, r->err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
    return status;
}

static enum status read_rows(struct resolver *r, struct clause *c, struct filter_report *report,
                             struct document_set *out)
{
    struct document_set within = {0};
    struct collection_row facts;
    bool narrowed = false;
    enum status status = resolve_parts(r, c);
    if (status == STATUS_OK)
        status = narrow(c, &within, &narrowed, r->err);
    if (status == STATUS_OK)
        status = collection_row(r->c, r->sql, &facts, r->err);
    if (status == STATUS_OK) {
        report->kind = narrowed ? FILTER_INDEX_AND_ROWS : FILTER_ROWS;
        report->rows = narrowed ? within.count : (uint64_t)facts.documents;
        status = narrowed && within.count < (uint64_t)facts.documents / FEW_OF
                     ? look_up(r, c, &within, out)
                     : scan(r, c, narrowed ? &within : NULL, out);
    }
    document_set_release(&within);
    return status;
}

/* ---- the call ---- */

const char *filter_plan_name(enum filter_plan plan)
{
    static const char *const names[] = {[FILTER_INDEX] = "index",
                                        [FILTER_INDEX_AND_ROWS] = "index+rows",
                                        [FILTER_ROWS] = "rows",
                                        [FILTER_KEPT] = "kept"};
    return names[plan];
}

enum status expired_documents(struct collection *c, struct sql *sql, struct document_set *out,
                              struct error *err)
{
    struct document_set set = {0};
    struct resolver r = {.c = c, .sql = sql, .err = err};
    sqlite3_stmt *st;
    enum status status =
        sql_get(sql, "SELECT id FROM documents WHERE collection = ?1 AND expires <= ?2", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int64(st, 2, time_now_ms());
    status = collect(&r, st, &set);
    if (status == STATUS_OK)
        *out = set;
    else
        document_set_release(&set);
    return status;
}

enum status filter_resolve(struct collection *c, struct sql *sql, const struct filter *filter,
                           struct document_set *out, struct filter_report *report, struct error *err)
{
    struct resolver r = {.c = c, .sql = sql, .err = err};
    struct clause root = {.filter = filter};
    struct document_set set = {0}, expired = {0};
    struct filter_report how = {.kind = FILTER_INDEX};
    enum status status = field_names_read(&r.names, sql, c->id, err);
    if (status == STATUS_OK)
        status = read_clause(&r, filter, 0, &root);
    if (status == STATUS_OK && root.indexed) {
        status = resolve(&r, &root);
        set = root.set;
        root.set = (struct document_set){0};
    } else if (status == STATUS_OK) {
        status = read_rows(&r, &root, &how, &set);
    }
    if (status == STATUS_OK)
        status = expired_documents(c, sql, &expired, err);
    document_set_subtract(&set, &expired);
    document_set_release(&expired);
    clause_release(&root);
    field_names_release(&r.names);
    if (status != STATUS_OK) {
        document_set_release(&set);
        return status;
    }
    *out = set;
    if (report != NULL)
        *report = how;
    return STATUS_OK;
}
