#include "server/worker.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/engine_state.h"

#define SWEEP_MS 2000 /* between two looks for documents whose time is over */
#define TELL_MS  250  /* between two words of a watcher */

struct worker {
    struct engine *engine;
    pthread_t thread, arranger;
    pthread_mutex_t lock;
    pthread_cond_t changed, ended;
    atomic_bool stopping;
    bool woken; /* under the lock */
    int64_t swept_ms;
};

static const struct {
    const char *name;
    enum status (*run)(struct job_run *run, struct error *err);
} kinds[] = {{"ingest", job_ingest}, {"compact", job_compact}, {"reembed", job_reembed}};

/* ---- for the kinds ---- */

/* What cannot be cleared away now is cleared away later. */
static void sweep(struct worker *w)
{
    uint64_t deleted;
    int64_t now = monotonic_ms();
    if (now - w->swept_ms < SWEEP_MS)
        return;
    store_sweep(w->engine->store, &deleted, NULL);
    store_sweep_spaces(w->engine->store, NULL);
    w->swept_ms = now;
}

enum status job_told(struct job_run *run, struct error *err)
{
    run->job.message = text_of(run->message);
    run->told_ms = monotonic_ms();
    enum status status = store_job_update(run->engine->store, &run->job, err);
    sweep(run->worker);
    if (status == STATUS_OK && atomic_load(&run->worker->stopping))
        status = error_set(err, STATUS_CANCELLED, "the program is about to end");
    return status;
}

bool job_watches(void *context, uint64_t done, uint64_t total)
{
    struct job_run *run = context;
    run->job.done = done;
    run->job.total = total;
    if (monotonic_ms() - run->told_ms < TELL_MS)
        return !atomic_load(&run->worker->stopping);
    return job_told(run, NULL) == STATUS_OK;
}

void job_fault(struct job_run *run, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(run->message, sizeof run->message, format, values);
    va_end(values);
    run->job.errors++;
}

enum status job_compact(struct job_run *run, struct error *err)
{
    struct compacted result;
    struct watcher watcher = {job_watches, run};
    enum status status = store_compact(run->engine->store, &watcher, &result, err);
    if (status == STATUS_OK) {
        run->job.done = run->job.total;
        snprintf(run->message, sizeof run->message, "%lld bytes before, %lld after", (long long)result.before,
                 (long long)result.after);
    }
    return status;
}

/* ---- the thread ---- */

static void end_job(struct job_run *run, enum status status, const struct error *err)
{
    bool stopped =
        status == STATUS_CANCELLED; /* by the store, which knows, or by our own end: left as it is */
    if (stopped)
        return;
    run->job.state = status == STATUS_OK ? JOB_DONE : JOB_FAILED;
    if (status != STATUS_OK)
        job_fault(run, "%s", err->text);
    run->job.message = text_of(run->message);
    store_job_update(run->engine->store, &run->job, NULL);
}

static void work(struct worker *w, struct job *job)
{
    struct job_run run = {.engine = w->engine, .worker = w, .job = *job, .stopping = &w->stopping};
    struct error err = {0};
    enum status status = STATUS_UNSUPPORTED;
    snprintf(run.message, sizeof run.message, "%s", job->message.data);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (text_is(job->kind, kinds[i].name))
            status = kinds[i].run(&run, &err);
    if (status == STATUS_UNSUPPORTED && err.status == STATUS_OK)
        error_set(&err, status, "this program does not know jobs of the kind %s", job->kind.data);
    end_job(&run, status, &err);
}

/* Until it is time to look again, or somebody wakes it. */
static void pause_for(struct worker *w, pthread_cond_t *changed, bool *woken)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += SWEEP_MS / 1000;
    pthread_mutex_lock(&w->lock);
    if ((woken == NULL || !*woken) && !atomic_load(&w->stopping))
        pthread_cond_timedwait(changed, &w->lock, &until);
    if (woken != NULL)
        *woken = false;
    pthread_mutex_unlock(&w->lock);
}

/* ---- clusters ---- */

static bool go_on(void *context, uint64_t done, uint64_t total)
{
    struct worker *w = context;
    (void)done;
    (void)total;
    return !atomic_load(&w->stopping);
}

/* A thread of its own, since clusters of a large collection take minutes, and jobs do not wait for them. What fails
 * is tried again: without clusters searches are slower, and right. */
static void *go_arranging(void *context)
{
    struct worker *w = context;
    struct watcher watcher = {go_on, w};
    while (!atomic_load(&w->stopping)) {
        store_arrange(w->engine->store, &watcher, NULL);
        pause_for(w, &w->ended, NULL);
    }
    return NULL;
}

static void *go(void *context)
{
    struct worker *w = context;
    while (!atomic_load(&w->stopping)) {
        struct job job = {0};
        bool found = false;
        if (store_job_take(w->engine->store, &job, &found, NULL) == STATUS_OK && found)
            work(w, &job);
        else
            pause_for(w, &w->changed, &w->woken);
        job_release(&job);
        sweep(w);
    }
    return NULL;
}

static void worker_free(struct worker *w)
{
    pthread_cond_destroy(&w->ended);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void stop_all(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    atomic_store(&w->stopping, true);
    pthread_cond_broadcast(&w->changed);
    pthread_cond_broadcast(&w->ended);
    pthread_mutex_unlock(&w->lock);
}

static bool start_threads(struct worker *w)
{
    if (pthread_create(&w->thread, NULL, go, w) != 0)
        return false;
    if (pthread_create(&w->arranger, NULL, go_arranging, w) == 0)
        return true;
    stop_all(w);
    pthread_join(w->thread, NULL);
    return false;
}

enum status worker_start(struct engine *e, struct error *err)
{
    enum status status = need_store(e, err);
    if (status != STATUS_OK)
        return status;
    if (e->options.mode != STORE_WRITE)
        return error_set(err, STATUS_FORBIDDEN,
                         "the store was opened for reading only; nothing can be changed");
    pthread_mutex_lock(&e->loading);
    struct worker *w = e->worker == NULL ? calloc(1, sizeof *w) : NULL;
    if (e->worker == NULL && w == NULL)
        status = error_memory(err, "starting the background thread");
    if (w != NULL) {
        w->engine = e;
        pthread_mutex_init(&w->lock, NULL);
        pthread_cond_init(&w->changed, NULL);
        pthread_cond_init(&w->ended, NULL);
        if (start_threads(w)) {
            e->worker = w;
        } else {
            status = error_memory(err, "starting the background threads");
            worker_free(w);
        }
    }
    pthread_mutex_unlock(&e->loading);
    return status;
}

void worker_wake(struct engine *e)
{
    struct worker *w = e->worker;
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->woken = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void worker_stop(struct engine *e)
{
    struct worker *w = e->worker;
    if (w == NULL)
        return;
    stop_all(w);
    pthread_join(w->arranger, NULL);
    pthread_join(w->thread, NULL);
    worker_free(w);
    e->worker = NULL;
}
