#include "cli/judged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"
#include "server/json_shape.h"

/* What a reader of one of the three files fills. */
struct reading {
    struct judged *judged;
    const char *path;
    json_t *documents; /* id → language */
    size_t room;
};

static struct text lang_of(const json_t *row)
{
    struct text lang = shape_text(row, "lang");
    return lang.len > 0 ? lang : text_of("und");
}

static enum status keep(struct reading *r, json_t *row, struct error *err)
{
    return json_array_append_new(r->judged->rows, row) == 0 ? STATUS_OK
                                                            : error_memory(err, "reading judged queries");
}

/* Makes room for one more in an array that grows by doubling. */
static void *grown(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room == 0 ? 256 : *room * 2;
    return realloc(items, *room * size);
}

static enum status take_query(void *context, json_t *row, size_t number, size_t line, struct error *err)
{
    struct reading *r = context;
    struct judged *j = r->judged;
    (void)number;
    enum status status = keep(r, row, err);
    if (status != STATUS_OK)
        return status;
    if (shape_text(row, "id").len == 0)
        return error_set(err, STATUS_INVALID, "%s:%zu: a query has no _id", r->path, line);
    struct judged_query *queries = grown(j->queries, j->query_count, &r->room, sizeof *queries);
    if (queries == NULL)
        return error_memory(err, "reading judged queries");
    j->queries = queries;
    queries[j->query_count++] = (struct judged_query){
        .id = shape_text(row, "id"), .text = shape_text(row, "text"), .lang = lang_of(row)};
    return STATUS_OK;
}

static enum status take_document(void *context, json_t *row, size_t number, size_t line, struct error *err)
{
    struct reading *r = context;
    struct text id = shape_text(row, "id"), lang = lang_of(row);
    (void)number;
    (void)line;
    int failed = id.len > 0
                     ? json_object_setn_new(r->documents, id.data, id.len, json_stringn(lang.data, lang.len))
                     : 0;
    json_decref(row);
    return failed == 0 ? STATUS_OK : error_memory(err, "reading judged documents");
}

/* The table's columns come as id (query-id), text (corpus-id) and metadata. */
static enum status take_judgement(void *context, json_t *row, size_t number, size_t line, struct error *err)
{
    struct reading *r = context;
    struct judged *j = r->judged;
    (void)number;
    enum status status = keep(r, row, err);
    if (status != STATUS_OK)
        return status;
    struct text score = shape_text(shape_get(row, "metadata"), "score");
    char *end = NULL;
    double grade = score.len > 0 ? strtod(score.data, &end) : 1;
    if (score.len > 0 && (*end != '\0' || !(grade >= 0 && grade <= 100)))
        return error_set(err, STATUS_INVALID, "%s:%zu: the score is not a number from 0 to 100", r->path,
                         line);
    struct judgement *judgements = grown(j->judgements, j->judgement_count, &r->room, sizeof *judgements);
    if (judgements == NULL)
        return error_memory(err, "reading judgements");
    j->judgements = judgements;
    const json_t *lang = json_object_get(r->documents, json_string_value(json_object_get(row, "text")));
    judgements[j->judgement_count++] =
        (struct judgement){.query = shape_text(row, "id"),
                           .document = shape_text(row, "text"),
                           .lang = lang != NULL ? json_text(lang) : text_of("und"),
                           .grade = grade};
    return STATUS_OK;
}

static enum status refuse(void *context, size_t line, const char *reason, struct error *err)
{
    const struct reading *r = context;
    return error_set(err, STATUS_INVALID, "%s:%zu: %s", r->path, line, reason);
}

static enum status read_file(struct reading *r, const char *folder, const char *name, enum rows_kind kind,
                             const struct row_fields *fields,
                             enum status (*take)(void *, json_t *, size_t, size_t, struct error *),
                             struct error *err)
{
    struct row_sink sink = {take, refuse, r};
    struct charset *in = malloc(sizeof *in);
    char *path = NULL;
    enum status status = STATUS_OK;
    if (in == NULL || asprintf(&path, "%s/%s", folder, name) < 0) {
        free(in);
        return error_memory(err, "reading judged queries");
    }
    r->path = path;
    r->room = 0;
    status = charset_open(in, path, NULL, err);
    if (status == STATUS_OK) {
        status = rows_read(kind, in, fields, &sink, err);
        charset_close(in);
    }
    free(in);
    free(path);
    return status;
}

/* ---- putting queries and judgements together ---- */

static int by_id(const void *a, const void *b)
{
    const struct judged_query *x = a, *y = b;
    return text_compare(x->id, y->id);
}

static int by_query(const void *a, const void *b)
{
    const struct judgement *x = a, *y = b;
    int order = text_compare(x->query, y->query);
    return order != 0 ? order : text_compare(x->document, y->document);
}

/* Both are sorted: gives every query its judgements and drops the queries that have none. */
static void join(struct judged *j)
{
    size_t at = 0, kept = 0;
    if (j->query_count > 0)
        qsort(j->queries, j->query_count, sizeof *j->queries, by_id);
    if (j->judgement_count > 0)
        qsort(j->judgements, j->judgement_count, sizeof *j->judgements, by_query);
    for (size_t i = 0; i < j->query_count; i++) {
        struct judged_query q = j->queries[i];
        while (at < j->judgement_count && text_compare(j->judgements[at].query, q.id) < 0)
            at++;
        for (q.first = at; at < j->judgement_count && text_equal(j->judgements[at].query, q.id); at++)
            q.count++;
        if (q.count > 0)
            j->queries[kept++] = q;
    }
    j->query_count = kept;
}

enum status judged_read(struct judged *j, const char *folder, struct error *err)
{
    static const struct row_fields usual = {0}, qrels = {.id = "query-id", .text = "corpus-id"};
    struct reading r = {.judged = j, .documents = json_object()};
    j->rows = json_array();
    enum status status =
        j->rows != NULL && r.documents != NULL ? STATUS_OK : error_memory(err, "reading judged queries");
    if (status == STATUS_OK)
        status = read_file(&r, folder, "corpus.jsonl", ROWS_JSONL, &usual, take_document, err);
    if (status == STATUS_OK)
        status = read_file(&r, folder, "queries.jsonl", ROWS_JSONL, &usual, take_query, err);
    if (status == STATUS_OK)
        status = read_file(&r, folder, "qrels.tsv", ROWS_TSV, &qrels, take_judgement, err);
    /* Languages are borrowed from the documents: they live as long as the rows. */
    if (json_array_append_new(j->rows, r.documents) != 0 && status == STATUS_OK)
        status = error_memory(err, "reading judged queries");
    if (status == STATUS_OK)
        join(j);
    return status;
}

void judged_release(struct judged *j)
{
    free(j->queries);
    free(j->judgements);
    json_decref(j->rows);
    *j = (struct judged){0};
}

const struct judgement *judged_find(const struct judged *j, const struct judged_query *q,
                                    struct text document)
{
    for (size_t i = q->first; i < q->first + q->count; i++)
        if (j->judgements[i].grade > 0 && text_equal(j->judgements[i].document, document))
            return &j->judgements[i];
    return NULL;
}
