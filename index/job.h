/* Work that goes on in the background, as rows of the store: it survives the process that began it.
 *
 *     queued ──▶ running ──▶ done | failed
 *        └──────────┴──────▶ cancelled
 *
 * Whoever works on a job tells the store how far it is with store_job_update; what lies before `position` is
 * committed, and after a crash the next one goes on from there. A cancelled job is noticed by the same call.
 */
#ifndef COGNATE_INDEX_JOB_H
#define COGNATE_INDEX_JOB_H

#include "index/index.h"

#define JOBS_KEPT 200 /* that have ended; older ones are forgotten */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };
extern const char *const job_state_names[]; /* NULL at the end */

struct job {
    int64_t id;
    enum job_state state;
    struct text kind, collection, arguments,
        message; /* owned; collection is empty for the whole store,
                    arguments is a JSON object, message of the last error */
    uint64_t position, done, total, errors;
    int64_t created, started, updated; /* Unix milliseconds; started is 0 before it was */
};

void job_release(struct job *job); /* accepts a zeroed one */
void jobs_free(struct job *jobs, size_t n);

/* Queues a job of this kind, with rows that it will work through; *id is its number. */
enum status store_job_add(struct store *s, const struct job *job, const struct text *rows, size_t n,
                          int64_t *id, struct error *err);

enum status store_job(struct store *s, int64_t id, struct job *out, struct error *err);  /* NOT_FOUND */
enum status store_jobs(struct store *s, struct job **out, size_t *n, struct error *err); /* newest first */

/* The oldest job that has not ended, which becomes running; *found is false when there is none. */
enum status store_job_take(struct store *s, struct job *out, bool *found, struct error *err);

/* Writes state, position, done, total, errors and message. CANCELLED when the job was cancelled meanwhile. A
 * job that ends lets go of its rows. */
enum status store_job_update(struct store *s, const struct job *job, struct error *err);

/* NOT_FOUND, or CONFLICT when it has ended. */
enum status store_job_cancel(struct store *s, int64_t id, struct error *err);

/* At most `most` of its rows from number `first` on, in order. */
enum status store_job_rows(struct store *s, int64_t id, uint64_t first, size_t most, struct text **out,
                           size_t *n, struct error *err);
void job_rows_free(struct text *rows, size_t n);

#endif
