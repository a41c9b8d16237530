/* The job that takes documents in: its rows are the documents as they were sent, its argument `mode` how they
 * are put. A batch is one transaction; a run that was cut off repeats at most the batch in hand. */
#include <stdlib.h>

#include "server/document_json.h"
#include "server/json_edge.h"
#include "server/json_shape.h"
#include "server/worker.h"

#define BATCH_ROWS 256

struct ingest_batch {
    struct job_run *run;
    enum put_mode mode;
    struct text *bodies;
    size_t n;
    json_t *rows[BATCH_ROWS]; /* what the documents borrow from */
    void *memory[BATCH_ROWS];
    size_t numbers[BATCH_ROWS]; /* of the rows that could be read */
    struct ingest_document documents[BATCH_ROWS];
    struct ingest_result results[BATCH_ROWS];
    size_t count;
};

static void read_row(struct ingest_batch *b, size_t i)
{
    struct error err = {0};
    size_t at = b->count;
    json_t *row = NULL;
    enum status status = api_parse_body(b->bodies[i].data, b->bodies[i].len, &row, &err);
    if (status == STATUS_OK)
        status = document_read(row, &b->documents[at], &b->memory[at], &err);
    if (status != STATUS_OK) {
        job_fault(b->run, "row %zu: %s", (size_t)b->run->job.position + i, err.text);
        json_decref(row);
        return;
    }
    b->rows[at] = row;
    b->numbers[at] = i;
    b->count++;
}

static void batch_clear(struct ingest_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        json_decref(b->rows[i]);
        free(b->memory[i]);
    }
    b->count = 0;
    job_rows_free(b->bodies, b->n);
    b->bodies = NULL;
    b->n = 0;
}

static enum status take_batch(struct ingest_batch *b, struct error *err)
{
    struct job *job = &b->run->job;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < b->n; i++)
        read_row(b, i);
    if (b->count > 0)
        status = engine_ingest(b->run->engine, job->collection, b->documents, b->count, b->mode, 0,
                               b->run->stopping, b->results, err);
    for (size_t i = 0; i < b->count && status == STATUS_OK; i++)
        if (b->results[i].outcome == PUT_FAILED)
            job_fault(b->run, "row %zu: %s", (size_t)job->position + b->numbers[i], b->results[i].error.text);
    if (status != STATUS_OK)
        return status;
    job->position += b->n;
    job->done = job->position;
    return job_told(b->run, err);
}

static enum status read_mode(const struct job *job, enum put_mode *out, struct error *err)
{
    static const char *const names[] = {"upsert", "create", "update", NULL};
    static const enum put_mode modes[] = {PUT_UPSERT, PUT_CREATE, PUT_UPDATE};
    json_t *arguments = NULL;
    enum status status = api_parse_body(job->arguments.data, job->arguments.len, &arguments, err);
    if (status == STATUS_OK)
        *out = modes[shape_choice(arguments, "mode", names, 0)];
    json_decref(arguments);
    return status;
}

enum status job_ingest(struct job_run *run, struct error *err)
{
    struct ingest_batch *b = calloc(1, sizeof *b);
    bool more = true;
    if (b == NULL)
        return error_memory(err, "taking documents in");
    b->run = run;
    enum status status = read_mode(&run->job, &b->mode, err);
    while (status == STATUS_OK && more) {
        status = store_job_rows(engine_store(run->engine), run->job.id, run->job.position, BATCH_ROWS,
                                &b->bodies, &b->n, err);
        more = b->n > 0;
        if (status == STATUS_OK && more)
            status = take_batch(b, err);
        batch_clear(b);
    }
    free(b);
    return status;
}
