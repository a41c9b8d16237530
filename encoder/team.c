/* A job is a row of steps, a step a number of pieces. Two counters say how far a job is:
 *
 *     claim      step << 32 | pieces of it handed out
 *     finished   pieces done, of all steps together
 *
 *     (1) a thread may enter step s when finished reaches the sum of the pieces before s; the first one to
 * ask for a piece of s moves `claim` on, so whoever still stands in an earlier step learns that it is over;
 *     (2) a helper joins a job by adding two to `members` while its lowest bit is set; the caller clears that
 * bit when it is through and returns when nobody is left, so a job's memory is never used after team_run; (3)
 * a sleeper counts itself in `sleepers` before it looks a last time, and whoever changes a counter looks at
 *         `sleepers` afterwards, both with sequential consistency: no change is slept through.
 */
#include "encoder/team.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MAX_THREADS 64
#define SPINS       2000 /* some ten microseconds and more */
#define LINE        64   /* bytes that one core writes without disturbing another */
#define OPEN        1    /* bit of `members`: the job takes helpers */
#define MEMBER      2

struct helper {
    struct team *team;
    size_t part;
    pthread_t thread;
};

struct team {
    size_t size, started;
    struct helper helpers[MAX_THREADS];
    void (*job)(void *context, struct turn *turn);
    void *context;
    _Alignas(LINE) atomic_uint_fast64_t claim;
    _Alignas(LINE) atomic_uint_fast64_t finished;
    _Alignas(LINE) atomic_uint_fast64_t jobs;
    atomic_uint_fast64_t members;
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

static bool at_least(uint64_t value, uint64_t wanted)
{
    return value >= wanted;
}

static bool at_most(uint64_t value, uint64_t wanted)
{
    return value <= wanted;
}

static void wait_until(struct team *t, atomic_uint_fast64_t *counter, bool (*is)(uint64_t, uint64_t),
                       uint64_t wanted)
{
    for (int i = 0; i < SPINS; i++) {
        if (is(atomic_load(counter), wanted))
            return;
        relax();
    }
    pthread_mutex_lock(&t->lock);
    atomic_fetch_add(&t->sleepers, 1);
    while (!is(atomic_load(counter), wanted))
        pthread_cond_wait(&t->changed, &t->lock);
    atomic_fetch_sub(&t->sleepers, 1);
    pthread_mutex_unlock(&t->lock);
}

/* After a change of a counter. */
static void tell(struct team *t)
{
    if (atomic_load(&t->sleepers) == 0)
        return;
    pthread_mutex_lock(&t->lock);
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
}

/* A piece of the turn's step, if there is one left. */
static bool claim(struct turn *turn, size_t pieces, size_t *piece)
{
    atomic_uint_fast64_t *counter = &turn->team->claim;
    uint_fast64_t now = atomic_load(counter);
    for (;;) {
        uint64_t step = now >> 32, next = step < turn->step ? 0 : now & UINT32_MAX;
        if (step > turn->step || next >= pieces)
            return false;
        if (atomic_compare_exchange_weak(counter, &now, (uint64_t)turn->step << 32 | (next + 1))) {
            *piece = (size_t)next;
            return true;
        }
    }
}

bool team_next(struct turn *turn, size_t pieces, size_t *piece)
{
    struct team *t = turn->team;
    if (t == NULL) {
        *piece = turn->piece;
        turn->piece = turn->piece < pieces ? turn->piece + 1 : 0;
        return *piece < pieces;
    }
    if (turn->busy) {
        atomic_fetch_add(&t->finished, 1);
        tell(t);
    }
    turn->busy = claim(turn, pieces, piece);
    if (turn->busy)
        return true;
    turn->behind += pieces;
    turn->step++;
    wait_until(t, &t->finished, at_least, turn->behind);
    return false;
}

static bool join(struct team *t)
{
    uint_fast64_t now = atomic_load(&t->members);
    while ((now & OPEN) != 0)
        if (atomic_compare_exchange_weak(&t->members, &now, now + MEMBER))
            return true;
    return false;
}

static void *help(void *context)
{
    struct helper *helper = context;
    struct team *t = helper->team;
    for (uint64_t seen = 0;;) {
        wait_until(t, &t->jobs, at_least, seen + 1);
        if (atomic_load(&t->leaving))
            return NULL;
        seen = atomic_load(&t->jobs);
        if (!join(t))
            continue;
        struct turn turn = {.team = t, .part = helper->part};
        t->job(t->context, &turn);
        atomic_fetch_sub(&t->members, MEMBER);
        tell(t);
    }
}

void team_run(struct team *t, void (*job)(void *context, struct turn *turn), void *context)
{
    struct turn turn = {.team = t};
    if (t == NULL) {
        job(context, &turn);
        return;
    }
    t->job = job;
    t->context = context;
    atomic_store(&t->claim, 0);
    atomic_store(&t->finished, 0);
    atomic_store(&t->members, OPEN);
    atomic_fetch_add(&t->jobs, 1);
    tell(t);
    job(context, &turn);
    atomic_fetch_sub(&t->members, OPEN);
    wait_until(t, &t->members, at_most, 0);
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
        struct helper *helper = &t->helpers[i];
        helper->team = t;
        helper->part = i;
        int failed = pthread_create(&helper->thread, NULL, help, helper);
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
    atomic_fetch_add(&t->jobs, 1);
    tell(t);
    for (size_t i = 1; i < t->started; i++)
        pthread_join(t->helpers[i].thread, NULL);
    pthread_mutex_destroy(&t->lock);
    pthread_cond_destroy(&t->changed);
    free(t);
}
