/* Everything rests on one monotonic counter a thread, its steps done:
 *
 *     (1) part p adds one to done[p] when it reaches a barrier, then waits until every done[q] ≥ done[p];
 *     (2) a job starts when part 0 adds one to `jobs`, and ends with a barrier of its own;
 *     (3) a sleeper counts itself in `sleepers` before it looks a last time, and whoever changes a counter
 *         looks at `sleepers` afterwards, both with sequential consistency: no change is slept through.
 */
#include "encoder/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 64
#define SPINS       4096 /* some ten microseconds */
#define LINE        64   /* bytes that one core writes without disturbing another */

struct member {
    _Alignas(LINE) atomic_uint_fast64_t done;
    struct team *team;
    size_t part;
    pthread_t thread;
};

struct team {
    size_t size, started;
    struct member members[MAX_THREADS];
    _Alignas(LINE) atomic_uint_fast64_t jobs;
    void (*job)(void *context, size_t part, size_t parts);
    void *context;
    atomic_bool leaving;
    _Alignas(LINE) atomic_size_t sleepers;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void wait_until(struct team *t, atomic_uint_fast64_t *counter, uint64_t value)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(counter, memory_order_acquire) >= value)
            return;
        relax();
    }
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->sleepers, 1);
    while (atomic_load(counter) < value)
        pthread_cond_wait(&t->changed, &t->lock);
    atomic_fetch_sub(&t->sleepers, 1);
    pthread_mutex_unlock(&t->lock);
}

static void advance(struct team *t, atomic_uint_fast64_t *counter)
{
    atomic_fetch_add(counter, 1);
    if (atomic_load(&t->sleepers) == 0)
        return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

void team_barrier(struct team *t, size_t part)
{
    if (t == NULL)
        return;
    advance(t, &t->members[part].done);
    uint64_t mine = atomic_load_explicit(&t->members[part].done, memory_order_relaxed);
    for (size_t i = 0; i < t->size; i++)
        wait_until(t, &t->members[i].done, mine);
}

static void *help(void *context)
{
    struct member *member = context;
    struct team *t = member->team;
    for (uint64_t job = 1;; job++) {
        wait_until(t, &t->jobs, job);
        if (atomic_load(&t->leaving))
            return NULL;
        t->job(t->context, member->part, t->size);
        team_barrier(t, member->part);
    }
}

void team_run(struct team *t, void (*job)(void *context, size_t part, size_t parts), void *context)
{
    if (t == NULL) {
        job(context, 0, 1);
        return;
    }
    t->job = job;
    t->context = context;
    advance(t, &t->jobs);
    job(context, 0, t->size);
    team_barrier(t, 0);
}

size_t team_size(const struct team *t)
{
    return t == NULL ? 1 : t->size;
}

enum status team_new(size_t threads, struct team **out, struct error *err)
{
    if (threads == 0 || threads > MAX_THREADS)
        return error_set(err, STATUS_INVALID, "a team has 1 to %d threads, not %zu", MAX_THREADS, threads);
    struct team *t = aligned_alloc(LINE, sizeof *t);
    if (t == NULL)
        return error_memory(err, "starting helper threads");
    memset(t, 0, sizeof *t);
    t->size = threads;
    t->started = 1;
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->changed, NULL);
    for (size_t i = 1; i < threads; i++) {
        struct member *member = &t->members[i];
        member->team = t;
        member->part = i;
        int failed = pthread_create(&member->thread, NULL, help, member);
        if (failed != 0) {
            team_free(t);
            return error_system(err, failed, "start", "a helper thread");
        }
        t->started++;
    }
    *out = t;
    return STATUS_OK;
}

void team_free(struct team *t)
{
    if (t == NULL)
        return;
    atomic_store(&t->leaving, true);
    advance(t, &t->jobs);
    for (size_t i = 1; i < t->started; i++)
        pthread_join(t->members[i].thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
    free(t);
}
