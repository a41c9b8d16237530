#include <stdlib.h>
#include <string.h>

#include "server/json_write.h"
#include "server/routes.h"
#include "server/worker.h"

static const struct field job_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "Its number."},
    {.name = "kind", .kind = FIELD_TEXT, .required = true, .about = "ingest, compact or reembed."},
    {.name = "state",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "queued, running, done, failed or cancelled."},
    {.name = "collection",
     .kind = FIELD_TEXT,
     .required = true,
     .nullable = true,
     .about = "What it works on; null: the whole store."},
    {.name = "done", .kind = FIELD_INTEGER, .required = true, .about = "Rows, passages or pages done."},
    {.name = "total",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Of so many; 0 when it is not known yet."},
    {.name = "rate",
     .kind = FIELD_NUMBER,
     .required = true,
     .nullable = true,
     .about = "Done a second since it began."},
    {.name = "eta_s",
     .kind = FIELD_NUMBER,
     .required = true,
     .nullable = true,
     .about = "Seconds left at this rate."},
    {.name = "errors",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Rows that failed, or 1 for the job itself."},
    {.name = "message",
     .kind = FIELD_TEXT,
     .required = true,
     .nullable = true,
     .about = "The last error, or what came of it."},
    {.name = "created", .kind = FIELD_TEXT, .required = true, .about = "RFC 3339."},
    {.name = "updated", .kind = FIELD_TEXT, .required = true, .about = "RFC 3339."},
};
const struct shape shape_job = SHAPE("Job", "Work in the background.", job_fields);

static const struct field jobs_fields[] = {
    {.name = "jobs",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_job,
     .about = "Newest first; of those that have ended the last 200."},
};
const struct shape shape_jobs = SHAPE("Jobs", "All jobs.", jobs_fields);

static json_t *job_json(const struct job *job)
{
    char id[24];
    double seconds = (double)(job->updated - job->started) / 1000;
    double rate = job->started != 0 && seconds > 0 && job->done > 0 ? (double)job->done / seconds : 0;
    bool going = job->state == JOB_RUNNING && rate > 0 && job->total >= job->done;
    snprintf(id, sizeof id, "%lld", (long long)job->id);
    return json_pack("{s:s, s:o, s:s, s:o, s:I, s:I, s:o, s:o, s:I, s:o, s:o, s:o}", "id", id, "kind",
                     text_json(job->kind), "state", job_state_names[job->state], "collection",
                     text_or_null(job->collection), "done", (json_int_t)job->done, "total",
                     (json_int_t)job->total, "rate", rate > 0 ? json_real(rate) : json_null(), "eta_s",
                     going ? json_real((double)(job->total - job->done) / rate) : json_null(), "errors",
                     (json_int_t)job->errors, "message",
                     job->message.len > 0 ? message_json(job->message.data) : json_null(), "created",
                     time_json(job->created), "updated", time_json(job->updated));
}

/* Answers with a job. */
static void answer_job(struct api_call *call, int http, int64_t id)
{
    struct job job = {0};
    if (store_job(engine_store(call->engine), id, &job, &call->err) != STATUS_OK)
        return;
    call_answer(call, http, job_json(&job));
    job_release(&job);
}

void call_start_job(struct api_call *call, const struct job *job, const struct text *rows, size_t n)
{
    struct store *s = NULL;
    int64_t id = 0;
    enum status status = call_store(call, &s);
    if (status == STATUS_OK)
        status = worker_start(call->engine, &call->err);
    if (status == STATUS_OK)
        status = store_job_add(s, job, rows, n, &id, &call->err);
    if (status != STATUS_OK)
        return;
    worker_wake(call->engine);
    answer_job(call, 202, id);
}

/* The number in the path. */
static enum status job_id(struct api_call *call, int64_t *out)
{
    struct text text = call->captures[0];
    int64_t id = 0;
    for (size_t i = 0; i < text.len && id >= 0; i++)
        id =
            text.data[i] >= '0' && text.data[i] <= '9' && text.len < 19 ? id * 10 + (text.data[i] - '0') : -1;
    if (id < 0)
        return error_field(&call->err, STATUS_NOT_FOUND, "id", "there is no job %.*s; list those there are",
                           (int)(text.len < 64 ? text.len : 64), text.data);
    *out = id;
    return STATUS_OK;
}

void handle_jobs(struct api_call *call)
{
    struct store *s = NULL;
    struct job *jobs = NULL;
    size_t n = 0;
    enum status status = call_store(call, &s);
    if (status == STATUS_OK)
        status = store_jobs(s, &jobs, &n, &call->err);
    if (status != STATUS_OK)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < n && list != NULL; i++)
        if (json_array_append_new(list, job_json(&jobs[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    call_answer(call, 200, list != NULL ? json_pack("{s:o}", "jobs", list) : NULL);
    jobs_free(jobs, n);
}

void handle_job(struct api_call *call)
{
    struct store *s = NULL;
    int64_t id = 0;
    if (call_store(call, &s) == STATUS_OK && job_id(call, &id) == STATUS_OK)
        answer_job(call, 200, id);
}

void handle_job_cancel(struct api_call *call)
{
    struct store *s = NULL;
    int64_t id = 0;
    enum status status = call_store(call, &s);
    if (status == STATUS_OK)
        status = job_id(call, &id);
    if (status == STATUS_OK)
        status = store_job_cancel(s, id, &call->err);
    if (status == STATUS_OK)
        answer_job(call, 200, id);
}

void handle_compact(struct api_call *call)
{
    call_start_job(call, &(struct job){.kind = text_of("compact")}, NULL, 0);
}
