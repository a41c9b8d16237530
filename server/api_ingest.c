#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/document_json.h"
#include "server/json_edge.h"
#include "server/json_write.h"
#include "server/routes.h"
#include "server/worker.h"

/* Rows go from the body into a batch, and from there in one transaction into the store.
 *
 *     body ── row 0 ──▶ batch ──▶ results[0]
 *             row 1 ──────────▶ results[1]          malformed: fails at once, alone
 *             row 2 ──▶ batch ──▶ results[2]
 *
 * A list is one batch. JSON lines make a batch of every BATCH_ROWS rows: when one cannot be committed after
 * others were, its rows and all that follow are answered as failed with the reason.
 */
#define LIST_ROWS   1000
#define BATCH_ROWS  256
#define BATCH_BYTES ((size_t)8 << 20)

static const char *const mode_names[] = {"upsert", "create", "update", NULL};
static const enum put_mode modes[] = {PUT_UPSERT, PUT_CREATE, PUT_UPDATE};

static const struct field query_fields[] = {
    {.name = "mode",
     .kind = FIELD_TEXT,
     .choices = mode_names,
     .about = "upsert (the default) creates or replaces; create fails for an id that exists, update for one "
              "that does not."},
    {.name = "async",
     .kind = FIELD_BOOLEAN,
     .about = "Keep the rows, answer 202 with a job at once, and take them in in the background."},
};
const struct shape shape_ingest_query = SHAPE("IngestParameters", "How documents are put.", query_fields);

static const struct field row_fields[] = {
    {.name = "index", .kind = FIELD_INTEGER, .required = true, .about = "Which row of the request, from 0."},
    {.name = "line", .kind = FIELD_INTEGER, .about = "Which line of JSON lines, from 1."},
    {.name = "id", .kind = FIELD_TEXT, .required = true, .nullable = true, .about = "The document's id."},
    {.name = "status",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "created, updated, unchanged or failed."},
    {.name = "passages", .kind = FIELD_INTEGER, .required = true, .about = "Passages it was cut into."},
    {.name = "tokens",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Tokens encoded; 0 when its vectors were there."},
    {.name = "error", .kind = FIELD_OBJECT, .about = "code, detail and field of a failed row."},
};
static const struct shape shape_row = SHAPE("IngestRow", "What became of a row.", row_fields);

static const struct field answer_fields[] = {
    {.name = "results",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_row,
     .about = "One for each row, in order."},
    {.name = "created", .kind = FIELD_INTEGER, .required = true, .about = "Rows of that status."},
    {.name = "updated", .kind = FIELD_INTEGER, .required = true, .about = "Rows of that status."},
    {.name = "unchanged", .kind = FIELD_INTEGER, .required = true, .about = "Rows of that status."},
    {.name = "failed", .kind = FIELD_INTEGER, .required = true, .about = "Rows of that status."},
    {.name = "took_ms", .kind = FIELD_NUMBER, .required = true, .about = "Milliseconds."},
};
const struct shape shape_ingest_answer = SHAPE("IngestAnswer", "What became of the rows.", answer_fields);

static const char *const outcome_names[] = {
    [PUT_CREATED] = "created",
    [PUT_UPDATED] = "updated",
    [PUT_UNCHANGED] = "unchanged",
    [PUT_FAILED] = "failed",
};

struct load {
    struct api_call *call;
    enum put_mode mode;
    size_t room; /* rows of a batch */
    struct ingest_document *documents;
    struct ingest_result *outcomes;
    json_t **rows; /* what the documents borrow from */
    void **memory; /* the same */
    size_t *indexes, *lines;
    size_t count, bytes;  /* of the batch */
    size_t next;          /* index of the next row */
    bool committed;       /* a batch was */
    struct error stopped; /* why no further batch is tried */
    struct error row;     /* the error of the last row that failed */
    json_t *results;
    json_int_t totals[4];
};

static enum status load_init(struct load *l, struct api_call *call, size_t room)
{
    *l = (struct load){.call = call,
                       .mode = modes[shape_choice(call->query, "mode", mode_names, 0)],
                       .room = room,
                       .documents = calloc(room, sizeof *l->documents),
                       .outcomes = calloc(room, sizeof *l->outcomes),
                       .rows = calloc(room, sizeof *l->rows),
                       .memory = calloc(room, sizeof *l->memory),
                       .indexes = calloc(room, sizeof *l->indexes),
                       .lines = calloc(room, sizeof *l->lines),
                       .results = json_array()};
    if (l->documents == NULL || l->outcomes == NULL || l->rows == NULL || l->memory == NULL ||
        l->indexes == NULL || l->lines == NULL || l->results == NULL)
        return error_memory(&call->err, "reading the documents");
    return STATUS_OK;
}

static void load_clear(struct load *l)
{
    for (size_t i = 0; i < l->count; i++) {
        json_decref(l->rows[i]);
        free(l->memory[i]);
    }
    l->count = l->bytes = 0;
}

static void load_release(struct load *l)
{
    if (l->rows != NULL && l->memory != NULL)
        load_clear(l);
    json_decref(l->results);
    free(l->documents);
    free(l->outcomes);
    free(l->rows);
    free(l->memory);
    free(l->indexes);
    free(l->lines);
}

/* Answers row `index`. */
static enum status load_report(struct load *l, size_t index, size_t line, const struct ingest_result *r)
{
    json_t *row = json_pack("{s:I, s:o, s:s, s:I, s:I}", "index", (json_int_t)index, "id",
                            text_or_null(text_of(r->id)), "status", outcome_names[r->outcome], "passages",
                            (json_int_t)r->passages, "tokens", (json_int_t)r->tokens);
    bool good = row != NULL;
    if (good && line > 0)
        good = json_object_set_new(row, "line", json_integer((json_int_t)line)) == 0;
    if (good && r->outcome == PUT_FAILED) {
        good = json_object_set_new(row, "error", error_json(&r->error)) == 0;
        l->row = r->error;
    }
    if (!good) {
        json_decref(row);
        return error_memory(&l->call->err, "answering for a row");
    }
    l->totals[r->outcome]++;
    return json_array_set_new(l->results, index, row) == 0
               ? STATUS_OK
               : error_memory(&l->call->err, "answering for a row");
}

/* Commits the batch. */
static enum status load_flush(struct load *l)
{
    struct api_call *call = l->call;
    enum status status = STATUS_OK;
    if (l->count > 0 && l->stopped.status == STATUS_OK) {
        status = engine_ingest(call->engine, call->captures[0], l->documents, l->count, l->mode,
                               call->request->deadline_ms, call->request->cancelled, l->outcomes,
                               &l->stopped);
        if (status != STATUS_OK && !l->committed) {
            call->err = l->stopped;
            return status;
        }
        l->committed = true;
    }
    status = STATUS_OK;
    for (size_t i = 0; i < l->count && status == STATUS_OK; i++) {
        struct ingest_result failed = {.outcome = PUT_FAILED, .error = l->stopped};
        if (l->documents[i].id.len < sizeof failed.id)
            memcpy(failed.id, l->documents[i].id.data != NULL ? l->documents[i].id.data : "",
                   l->documents[i].id.len);
        status = load_report(l, l->indexes[i], l->lines[i],
                             l->stopped.status == STATUS_OK ? &l->outcomes[i] : &failed);
    }
    load_clear(l);
    return status;
}

/* Takes one row; `err` is what is wrong with it already, where `row` is NULL. Takes the reference. */
static enum status load_row(struct load *l, json_t *row, size_t line, const struct error *err)
{
    struct ingest_result failed = {.outcome = PUT_FAILED, .error = *err};
    size_t index = l->next++, at = l->count;
    if (json_array_append_new(l->results, json_null()) != 0) {
        json_decref(row);
        return error_memory(&l->call->err, "answering for a row");
    }
    if (row == NULL || document_read(row, &l->documents[at], &l->memory[at], &failed.error) != STATUS_OK) {
        struct text id = shape_text(row, "id");
        if (id.len < sizeof failed.id && id.data != NULL && memchr(id.data, '\0', id.len) == NULL)
            memcpy(failed.id, id.data, id.len);
        enum status status = load_report(l, index, line, &failed);
        json_decref(row);
        return status;
    }
    l->rows[at] = row;
    l->indexes[at] = index;
    l->lines[at] = line;
    l->count++;
    l->bytes += l->documents[at].text.len;
    return STATUS_OK;
}

static enum status load_lines(struct load *l)
{
    struct text rest = l->call->request->ndjson, line;
    enum status status = STATUS_OK;
    size_t number = 0;
    while (status == STATUS_OK && ndjson_next(&rest, &line, &number)) {
        struct error err = {0};
        json_t *row = NULL;
        api_parse_body(line.data, line.len, &row, &err);
        status = load_row(l, row, number, &err);
        if (status == STATUS_OK && (l->count == l->room || l->bytes >= BATCH_BYTES))
            status = load_flush(l);
    }
    return status;
}

static enum status load_list(struct load *l, const json_t *list)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < json_array_size(list) && status == STATUS_OK; i++)
        status = load_row(l, json_incref(json_array_get(list, i)), 0, &(struct error){0});
    return status;
}

/* ---- in the background ---- */

/* Rows as they will be kept: lines as they came, or what a list holds, written into `memory`. */
struct kept {
    struct text *rows;
    size_t n, capacity;
    struct buf memory;
};

static enum status keep(struct kept *k, struct text row, struct error *err)
{
    if (k->n == k->capacity) {
        size_t capacity = k->capacity * 2 + 64;
        struct text *rows = realloc(k->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return error_memory(err, "keeping the documents");
        k->rows = rows;
        k->capacity = capacity;
    }
    k->rows[k->n++] = row;
    return STATUS_OK;
}

static enum status keep_all(struct kept *k, const struct api_call *call, struct error *err)
{
    struct text rest = call->request->ndjson, line;
    size_t number = 0, at = 0,
           n = json_is_array(call->body) ? json_array_size(call->body) : call->body != NULL;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && ndjson_next(&rest, &line, &number))
        status = keep(k, line, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        const json_t *row = json_is_array(call->body) ? json_array_get(call->body, i) : call->body;
        at = k->memory.len;
        status = json_write(row, &k->memory, err);
        if (status == STATUS_OK)
            status = keep(k, (struct text){NULL, k->memory.len - at}, err);
    }
    at = 0;
    for (size_t i = 0; i < k->n && n > 0; i++) { /* the memory has stopped moving */
        k->rows[i].data = k->memory.data + at;
        at += k->rows[i].len;
    }
    return status;
}

/* Only what makes no sense whatever the rows are is refused now; a row at fault is an error of the job. */
static void ingest_later(struct api_call *call)
{
    struct kept kept = {0};
    char arguments[64];
    snprintf(arguments, sizeof arguments, "{\"mode\":\"%s\"}",
             mode_names[shape_choice(call->query, "mode", mode_names, 0)]);
    buf_init(&kept.memory, JSON_WRITE_CEILING);
    if (keep_all(&kept, call, &call->err) == STATUS_OK)
        call_start_job(call,
                       &(struct job){.kind = text_of("ingest"),
                                     .collection = call->captures[0],
                                     .arguments = text_of(arguments),
                                     .total = kept.n},
                       kept.rows, kept.n);
    buf_release(&kept.memory);
    free(kept.rows);
}

void handle_ingest(struct api_call *call)
{
    struct load l;
    double start = clock_ms();
    bool one = json_is_object(call->body);
    size_t rows = json_is_array(call->body) ? json_array_size(call->body) : 1;
    if (rows > LIST_ROWS) {
        error_set(&call->err, STATUS_TOO_LARGE,
                  "the list has %zu documents; at most %d; send JSON lines (application/x-ndjson) for more",
                  rows, LIST_ROWS);
        return;
    }
    if (shape_boolean(call->query, "async", false)) {
        ingest_later(call);
        return;
    }
    enum status status = load_init(&l, call, call->body != NULL ? rows + 1 : BATCH_ROWS);
    if (status == STATUS_OK)
        status = call->body == NULL ? load_lines(&l)
                 : one              ? load_row(&l, json_incref(call->request->body), 0, &(struct error){0})
                                    : load_list(&l, call->body);
    if (status == STATUS_OK)
        status = load_flush(&l);
    if (status == STATUS_OK && one && l.totals[PUT_FAILED] > 0)
        call->err = l.row;
    else if (status == STATUS_OK)
        call_answer(call, 200,
                    json_pack("{s:O, s:I, s:I, s:I, s:I, s:f}", "results", l.results, "created",
                              l.totals[PUT_CREATED], "updated", l.totals[PUT_UPDATED], "unchanged",
                              l.totals[PUT_UNCHANGED], "failed", l.totals[PUT_FAILED], "took_ms",
                              clock_ms() - start));
    load_release(&l);
}
