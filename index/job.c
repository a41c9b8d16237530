#include "index/job.h"

#include <stdlib.h>

#include "common/grow.h"
#include "index/store.h"

const char *const job_state_names[] = {"queued", "running", "done", "failed", "cancelled", NULL};

#define COLUMNS                                                                                              \
    "id, kind, state, collection, arguments, position, done, total, errors, message, created, started, "     \
    "updated"

void job_release(struct job *job)
{
    free((char *)(uintptr_t)job->kind.data);
    free((char *)(uintptr_t)job->collection.data);
    free((char *)(uintptr_t)job->arguments.data);
    free((char *)(uintptr_t)job->message.data);
    *job = (struct job){0};
}

void jobs_free(struct job *jobs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        job_release(&jobs[i]);
    free(jobs);
}

void job_rows_free(struct text *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)rows[i].data);
    free(rows);
}

/* ---- reading ---- */

static enum status read_job(sqlite3_stmt *st, struct job *out, struct error *err)
{
    struct job job = {.id = sqlite3_column_int64(st, 0),
                      .position = (uint64_t)sqlite3_column_int64(st, 5),
                      .done = (uint64_t)sqlite3_column_int64(st, 6),
                      .total = (uint64_t)sqlite3_column_int64(st, 7),
                      .errors = (uint64_t)sqlite3_column_int64(st, 8),
                      .created = sqlite3_column_int64(st, 10),
                      .started = sqlite3_column_int64(st, 11),
                      .updated = sqlite3_column_int64(st, 12)};
    while (job.state < JOB_CANCELLED && !text_is(sql_text(st, 2), job_state_names[job.state]))
        job.state++;
    enum status status = sql_text_copy(st, 1, &job.kind, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 3, &job.collection, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 4, &job.arguments, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 9, &job.message, err);
    if (status == STATUS_OK)
        *out = job;
    else
        job_release(&job);
    return status;
}

static enum status no_job(int64_t id, struct error *err)
{
    return error_field(err, STATUS_NOT_FOUND, "id", "there is no job %lld; list those there are",
                       (long long)id);
}

enum status store_job(struct store *s, int64_t id, struct job *out, struct error *err)
{
    struct sql *sql;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_get(sql, "SELECT " COLUMNS " FROM jobs WHERE id = ?1", &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, id);
        status = sql_step(sql, st, &row, err);
    }
    if (status == STATUS_OK)
        status = row ? read_job(st, out, err) : no_job(id, err);
    store_reader_done(s, sql);
    return status;
}

enum status store_jobs(struct store *s, struct job **out, size_t *n, struct error *err)
{
    struct job *jobs = NULL;
    struct sql *sql;
    sqlite3_stmt *st;
    size_t count = 0, capacity = 0;
    bool row;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_get(sql, "SELECT " COLUMNS " FROM jobs ORDER BY id DESC", &st, err);
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        struct job *more = grown(jobs, count, &capacity, sizeof *more);
        if (more == NULL) {
            status = error_memory(err, "listing jobs");
            break;
        }
        jobs = more;
        status = read_job(st, &jobs[count], err);
        count += status == STATUS_OK;
    }
    store_reader_done(s, sql);
    if (status == STATUS_OK) {
        *out = jobs;
        *n = count;
    } else {
        jobs_free(jobs, count);
    }
    return status;
}

enum status store_job_rows(struct store *s, int64_t id, uint64_t first, size_t most, struct text **out,
                           size_t *n, struct error *err)
{
    struct text *rows = calloc(most + 1, sizeof *rows);
    struct sql *sql;
    sqlite3_stmt *st;
    size_t count = 0;
    bool row = false;
    if (rows == NULL)
        return error_memory(err, "reading a job");
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK) {
        free(rows);
        return status;
    }
    status = sql_get(sql, "SELECT body FROM job_rows WHERE job = ?1 AND row >= ?2 ORDER BY row LIMIT ?3", &st,
                     err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, id);
        sqlite3_bind_int64(st, 2, (int64_t)first);
        sqlite3_bind_int64(st, 3, (int64_t)most);
    }
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        status = sql_text_copy(st, 0, &rows[count], err);
        count += status == STATUS_OK;
    }
    store_reader_done(s, sql);
    if (status == STATUS_OK) {
        *out = rows;
        *n = count;
    } else {
        job_rows_free(rows, count);
    }
    return status;
}

/* ---- writing ---- */

static enum status run_with(struct sql *sql, const char *literal, int64_t id, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(sql, literal, &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, id);
    return sql_step(sql, st, NULL, err);
}

static enum status insert_job(struct sql *sql, const struct job *job, int64_t *id, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(
        sql,
        "INSERT INTO jobs (kind, state, collection, arguments, position, done, total, errors, message, "
        "created, updated) VALUES (?1, 'queued', ?2, ?3, 0, 0, ?4, 0, '', ?5, ?5)",
        &st, err);
    if (status != STATUS_OK)
        return status;
    sql_bind_text(st, 1, job->kind);
    sql_bind_text(st, 2, job->collection);
    sql_bind_text(st, 3, job->arguments.len > 0 ? job->arguments : text_of("{}"));
    sqlite3_bind_int64(st, 4, (int64_t)job->total);
    sqlite3_bind_int64(st, 5, time_now_ms());
    status = sql_step(sql, st, NULL, err);
    if (status == STATUS_OK)
        *id = sqlite3_last_insert_rowid(sql->db);
    return status;
}

static enum status insert_rows(struct sql *sql, int64_t id, const struct text *rows, size_t n,
                               struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        sqlite3_stmt *st;
        status = sql_get(sql, "INSERT INTO job_rows (job, row, body) VALUES (?1, ?2, ?3)", &st, err);
        if (status != STATUS_OK)
            break;
        sqlite3_bind_int64(st, 1, id);
        sqlite3_bind_int64(st, 2, (int64_t)i);
        sql_bind_text(st, 3, rows[i]);
        status = sql_step(sql, st, NULL, err);
    }
    return status;
}

enum status store_job_add(struct store *s, const struct job *job, const struct text *rows, size_t n,
                          int64_t *id, struct error *err)
{
    int64_t made = 0;
    enum status status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    status = insert_job(&s->writer, job, &made, err);
    if (status == STATUS_OK)
        status = insert_rows(&s->writer, made, rows, n, err);
    if (status == STATUS_OK)
        status =
            run_with(&s->writer,
                     "DELETE FROM jobs WHERE id <= (SELECT id FROM jobs WHERE state NOT IN ('queued', "
                     "'running') ORDER BY id DESC LIMIT 1 OFFSET ?1) AND state NOT IN ('queued', 'running')",
                     JOBS_KEPT, err);
    if (status == STATUS_OK)
        status = store_commit(s, err);
    store_end(s);
    if (status == STATUS_OK)
        *id = made;
    return status;
}

static enum status take(struct sql *sql, struct job *out, bool *found, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(sql,
                                 "SELECT " COLUMNS " FROM jobs WHERE state IN ('queued', 'running') "
                                 "ORDER BY id LIMIT 1",
                                 &st, err);
    if (status == STATUS_OK)
        status = sql_step(sql, st, found, err);
    if (status != STATUS_OK || !*found)
        return status;
    status = read_job(st, out, err);
    sqlite3_reset(st);
    if (status != STATUS_OK)
        return status;
    out->state = JOB_RUNNING;
    out->started = out->started != 0 ? out->started : time_now_ms();
    status =
        sql_get(sql, "UPDATE jobs SET state = 'running', started = ?2, updated = ?3 WHERE id = ?1", &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, out->id);
        sqlite3_bind_int64(st, 2, out->started);
        sqlite3_bind_int64(st, 3, time_now_ms());
        status = sql_step(sql, st, NULL, err);
    }
    if (status != STATUS_OK)
        job_release(out);
    return status;
}

enum status store_job_take(struct store *s, struct job *out, bool *found, struct error *err)
{
    struct job job = {0};
    bool any = false;
    enum status status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    status = take(&s->writer, &job, &any, err);
    if (status == STATUS_OK && any)
        status = store_commit(s, err);
    store_end(s);
    if (status == STATUS_OK) {
        *found = any;
        *out = job;
    } else if (any) {
        job_release(&job);
    }
    return status;
}

static enum status update(struct sql *sql, const struct job *job, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(
        sql,
        "UPDATE jobs SET state = ?2, position = ?3, done = ?4, total = ?5, errors = ?6, message = ?7, "
        "updated = ?8 WHERE id = ?1 AND state IN ('queued', 'running')",
        &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, job->id);
    sql_bind_text(st, 2, text_of(job_state_names[job->state]));
    sqlite3_bind_int64(st, 3, (int64_t)job->position);
    sqlite3_bind_int64(st, 4, (int64_t)job->done);
    sqlite3_bind_int64(st, 5, (int64_t)job->total);
    sqlite3_bind_int64(st, 6, (int64_t)job->errors);
    sql_bind_text(st, 7, job->message);
    sqlite3_bind_int64(st, 8, time_now_ms());
    status = sql_step(sql, st, NULL, err);
    if (status == STATUS_OK && sqlite3_changes(sql->db) == 0)
        status = error_set(err, STATUS_CANCELLED, "job %lld was cancelled", (long long)job->id);
    if (status == STATUS_OK && job->state > JOB_RUNNING)
        status = run_with(sql, "DELETE FROM job_rows WHERE job = ?1", job->id, err);
    return status;
}

enum status store_job_update(struct store *s, const struct job *job, struct error *err)
{
    enum status status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    status = update(&s->writer, job, err);
    if (status == STATUS_OK)
        status = store_commit(s, err);
    store_end(s);
    return status;
}

enum status store_job_cancel(struct store *s, int64_t id, struct error *err)
{
    struct job job = {0};
    struct error ended = {0};
    enum status status = store_job(s, id, &job, err);
    if (status != STATUS_OK)
        return status;
    job.state = JOB_CANCELLED;
    status = store_job_update(s, &job, &ended);
    if (status == STATUS_CANCELLED)
        status = error_set(err, STATUS_CONFLICT, "job %lld has ended already", (long long)id);
    else if (status != STATUS_OK)
        error_set(err, status, "%s", ended.text);
    job_release(&job);
    return status;
}
