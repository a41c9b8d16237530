/* The background threads of an engine that writes: one works through the store's jobs, oldest first, and clears
 * away documents whose time is over; another makes the clusters of large collections. They end with the engine; a
 * job in hand goes on with the next one.
 *
 *     worker_start(e, &err);            // goes on with what an earlier process left; safe to call again
 *     worker_wake(e);                   // there is a new job
 *
 * A kind of job is a function that works from job->position on, and tells after each step that is committed:
 *
 *     while (position < end) {
 *         …                                            // one batch, committed
 *         run->job.position = run->job.done = …;
 *         if ((status = job_told(run, err)) != STATUS_OK) …   // CANCELLED: leave
 *     }
 */
#ifndef COGNATE_SERVER_WORKER_H
#define COGNATE_SERVER_WORKER_H

#include <stdatomic.h>

#include "index/job.h"
#include "server/engine.h"

struct worker;

struct job_run {
    struct engine *engine;
    struct worker *worker;
    struct job job;
    const atomic_bool *stopping; /* the engine is about to end */
    char message[512];           /* what job.message points to while it runs */
    int64_t told_ms;
};

/* Commits how far the job is. CANCELLED when somebody cancelled it or the engine is about to end. */
enum status job_told(struct job_run *run, struct error *err);

/* The same for work that tells a watcher, at most a few times a second; `context` is the run. */
bool job_watches(void *context, uint64_t done, uint64_t total);

/* Counts an error of one row, which does not end the job. */
void job_fault(struct job_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum status worker_start(struct engine *e, struct error *err);
void worker_wake(struct engine *e);
void worker_stop(struct engine *e); /* before the store is closed */

/* The kinds. */
enum status job_ingest(struct job_run *run, struct error *err);
enum status job_compact(struct job_run *run, struct error *err);
enum status job_reembed(struct job_run *run, struct error *err);

#endif
