#include "server/batcher.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BULK_TURN       4   /* each 4th pass begins with bulk: queries slow it down, but cannot starve it */
#define BATCH_TOKENS    768 /* of one pass: the kernels reach their full rate from 96 */
#define BATCH_SEQUENCES 256
#define SHARE_TOKENS    96 /* a thread takes this much even when others idle */

const double batch_wait_bounds[BATCH_WAITS] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10};
const double batch_fill_bounds[BATCH_FILLS] = {16, 32, 64, 96, 192, 384, 576, BATCH_TOKENS};

struct claim {
    struct batch_job *job;
    size_t sequence;
};

struct worker {
    struct batcher *batcher;
    pthread_t thread;
    bool started;
    struct embedder *embedder;
    int32_t *ids; /* of one pass */
    size_t id_room;
    float *vectors; /* [BATCH_SEQUENCES][width] */
    struct claim claims[BATCH_SEQUENCES];
    uint32_t starts[BATCH_SEQUENCES + 1];
};

struct lane {
    struct batch_job *first, *last;
};

struct batcher {
    size_t width;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_condattr_t monotonic;
    struct lane query, bulk;
    uint64_t unclaimed; /* tokens */
    unsigned running;   /* passes */
    uint64_t passes;    /* begun */
    bool stopping;
    uint32_t most_calls;
    struct batch_stats stats;
    unsigned thread_count;
    struct worker *workers;
    struct embedder *together; /* of whoever runs alone; NULL for f32, whose library has threads of its own */
};

/* ---- lanes, under the lock ---- */

static struct lane *lane_of(struct batcher *b, const struct batch_job *job)
{
    return job->bulk ? &b->bulk : &b->query;
}

static void lane_append(struct lane *lane, struct batch_job *job)
{
    job->next = NULL;
    if (lane->last != NULL)
        lane->last->next = job;
    else
        lane->first = job;
    lane->last = job;
    job->listed = true;
}

static void lane_remove(struct lane *lane, struct batch_job *job)
{
    struct batch_job **at = &lane->first, *before = NULL;
    while (*at != job) {
        before = *at;
        at = &before->next;
    }
    *at = job->next;
    if (lane->last == job)
        lane->last = before;
    job->listed = false;
}

static void tell(struct batch_job *job)
{
    if (job->finished == job->n)
        pthread_cond_signal(&job->ended);
}

/* Takes what nobody works on yet back from the lane. */
static void withdraw(struct batcher *b, struct batch_job *job)
{
    if (!job->listed)
        return;
    b->stats.dropped += job->n - job->claimed;
    b->unclaimed -= job->starts[job->n] - job->starts[job->claimed];
    job->finished += job->n - job->claimed;
    job->claimed = job->n;
    lane_remove(lane_of(b, job), job);
    tell(job);
}

/* Ends a job whose caller has left, as far as nobody works on it. */
static bool cancelled(struct batcher *b, struct batch_job *job)
{
    if (job->cancelled == NULL || !atomic_load(job->cancelled))
        return false;
    error_set(&job->error, STATUS_CANCELLED, "nobody waits for these texts any more");
    withdraw(b, job);
    return true;
}

static void drop_cancelled(struct batcher *b, struct lane *lane)
{
    for (struct batch_job *job = lane->first, *next; job != NULL; job = next) {
        next = job->next;
        cancelled(b, job);
    }
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void count_into(uint64_t *buckets, const double *bounds, size_t n, double value)
{
    size_t i = 0;
    while (i < n && value > bounds[i])
        i++;
    buckets[i]++;
}

static void count_wait(struct batcher *b, const struct batch_job *job)
{
    uint64_t waited = now_us() - job->submitted_us;
    count_into(b->stats.waits, batch_wait_bounds, BATCH_WAITS, (double)waited / 1e6);
    b->stats.waited_us += waited;
}

/* Claims sequences of one lane into the worker's pass, which holds `count` with `tokens` so far. */
static size_t claim(struct worker *w, struct lane *lane, uint64_t budget, size_t count, size_t *tokens)
{
    struct batcher *b = w->batcher;
    while (lane->first != NULL && count < BATCH_SEQUENCES) {
        struct batch_job *job = lane->first;
        if (cancelled(b, job))
            continue;
        size_t length = job->starts[job->claimed + 1] - job->starts[job->claimed];
        if (count > 0 && *tokens + length > budget)
            break;
        if (job->claimed == 0)
            count_wait(b, job);
        w->claims[count++] = (struct claim){job, job->claimed++};
        *tokens += length;
        b->unclaimed -= length;
        if (job->claimed == job->n)
            lane_remove(lane, job);
    }
    return count;
}

/* ---- threads ---- */

static enum status run_pass(struct worker *w, size_t count, size_t tokens, struct error *err)
{
    if (tokens > w->id_room) {
        int32_t *ids = realloc(w->ids, tokens * sizeof *ids);
        if (ids == NULL)
            return error_memory(err, "packing texts");
        w->ids = ids;
        w->id_room = tokens;
    }
    w->starts[0] = 0;
    for (size_t i = 0; i < count; i++) {
        const struct batch_job *job = w->claims[i].job;
        uint32_t from = job->starts[w->claims[i].sequence], to = job->starts[w->claims[i].sequence + 1];
        memcpy(w->ids + w->starts[i], job->ids + from, (to - from) * sizeof *w->ids);
        w->starts[i + 1] = w->starts[i] + (to - from);
    }
    return embedder_embed(w->embedder, w->ids, w->starts, count, w->vectors, err);
}

/* Under the lock. */
static void end_pass(struct batcher *b, uint64_t start, size_t texts, size_t tokens)
{
    b->running--;
    b->stats.busy_us += now_us() - start;
    b->stats.batches++;
    b->stats.texts += texts;
    b->stats.tokens += tokens;
    count_into(b->stats.fills, batch_fill_bounds, BATCH_FILLS, (double)tokens);
}

static void *work(void *argument)
{
    struct worker *w = argument;
    struct batcher *b = w->batcher;
    pthread_mutex_lock(&b->lock);
    for (;;) {
        while (!b->stopping && b->query.first == NULL && b->bulk.first == NULL)
            pthread_cond_wait(&b->work, &b->lock);
        if (b->query.first == NULL && b->bulk.first == NULL)
            break;
        uint64_t share = b->unclaimed / b->thread_count;
        uint64_t budget = share < SHARE_TOKENS ? SHARE_TOKENS : share > BATCH_TOKENS ? BATCH_TOKENS : share;
        bool turn = ++b->passes % BULK_TURN == 0;
        size_t tokens = 0, count = claim(w, turn ? &b->bulk : &b->query, budget, 0, &tokens);
        count = claim(w, turn ? &b->query : &b->bulk, budget, count, &tokens);
        if (count == 0) /* all that waited was cancelled */
            continue;
        b->running++;
        pthread_mutex_unlock(&b->lock);

        struct error err = {0};
        uint64_t start = now_us();
        enum status status = run_pass(w, count, tokens, &err);
        for (size_t i = 0; i < count && status == STATUS_OK; i++)
            memcpy(w->claims[i].job->out + w->claims[i].sequence * b->width, w->vectors + i * b->width,
                   b->width * sizeof *w->vectors);

        pthread_mutex_lock(&b->lock);
        end_pass(b, start, count, tokens);
        for (size_t i = 0; i < count; i++) {
            struct batch_job *job = w->claims[i].job;
            job->finished++;
            tell(job);
            if (status != STATUS_OK) {
                error_set(&job->error, status, "%s", err.text);
                withdraw(b, job);
            }
        }
        drop_cancelled(b, &b->query);
        drop_cancelled(b, &b->bulk);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

enum status batcher_new(const struct model *model, unsigned threads, uint32_t most_calls,
                        struct batcher **out, struct error *err)
{
    enum status status = STATUS_OK;
    struct batcher *b = calloc(1, sizeof *b);
    if (b == NULL)
        return error_memory(err, "starting the encoder");
    b->most_calls = most_calls;
    b->width = model_info(model)->width;
    pthread_mutex_init(&b->lock, NULL);
    pthread_condattr_init(&b->monotonic);
    pthread_condattr_setclock(&b->monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&b->work, &b->monotonic);
    b->workers = calloc(threads, sizeof *b->workers);
    if (b->workers == NULL) {
        status = error_memory(err, "starting the encoder");
        goto done;
    }
    b->thread_count = threads;
    if (model_precision(model) == PRECISION_INT8) {
        status = embedder_new(model, 0, &b->together, err);
        if (status == STATUS_OK)
            status = embedder_set_threads(b->together, threads, err);
    }
    for (unsigned i = 0; i < threads && status == STATUS_OK; i++) {
        struct worker *w = &b->workers[i];
        w->batcher = b;
        w->vectors = malloc(BATCH_SEQUENCES * b->width * sizeof *w->vectors);
        status = w->vectors != NULL ? embedder_new(model, BATCH_TOKENS, &w->embedder, err)
                                    : error_memory(err, "starting the encoder");
        if (status != STATUS_OK)
            break;
        int rc = pthread_create(&w->thread, NULL, work, w);
        if (rc != 0)
            status = error_system(err, rc, "start", "an encoder thread");
        w->started = rc == 0;
    }
done:
    if (status == STATUS_OK)
        *out = b;
    else
        batcher_free(b);
    return status;
}

void batcher_free(struct batcher *b)
{
    if (b == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    b->stopping = true;
    pthread_cond_broadcast(&b->work);
    pthread_mutex_unlock(&b->lock);
    for (unsigned i = 0; i < b->thread_count; i++) {
        struct worker *w = &b->workers[i];
        if (w->started)
            pthread_join(w->thread, NULL);
        embedder_free(w->embedder);
        free(w->ids);
        free(w->vectors);
    }
    free(b->workers);
    embedder_free(b->together);
    pthread_condattr_destroy(&b->monotonic);
    pthread_cond_destroy(&b->work);
    pthread_mutex_destroy(&b->lock);
    free(b);
}

/* ---- callers ---- */

enum status batcher_enter(struct batcher *b, struct error *err)
{
    pthread_mutex_lock(&b->lock);
    bool full = b->stats.calls >= b->most_calls;
    b->stats.refused += full;
    b->stats.calls += !full;
    pthread_mutex_unlock(&b->lock);
    if (full)
        return error_set(err, STATUS_OVERLOADED, "%u calls wait for the encoder already; try again later",
                         (unsigned)b->most_calls);
    return STATUS_OK;
}

void batcher_leave(struct batcher *b)
{
    pthread_mutex_lock(&b->lock);
    b->stats.calls--;
    pthread_mutex_unlock(&b->lock);
}

static void late(struct batch_job *job)
{
    error_set(&job->error, STATUS_DEADLINE, "the time for this call was up while its texts were embedded");
}

/* Whether all cores are free for this job and it is too short to be worth several passes. */
static bool goes_alone(const struct batcher *b, const struct batch_job *job)
{
    return b->together != NULL && b->running == 0 && b->query.first == NULL && b->bulk.first == NULL &&
           (job->n == 1 || job->starts[job->n] - job->starts[0] <= SHARE_TOKENS) &&
           !(job->cancelled != NULL && atomic_load(job->cancelled));
}

static void run_alone(struct batcher *b, struct batch_job *job)
{
    uint64_t start = now_us();
    embedder_embed(b->together, job->ids, job->starts, job->n, job->out, &job->error);
    pthread_mutex_lock(&b->lock);
    end_pass(b, start, job->n, job->starts[job->n] - job->starts[0]);
    b->stats.alone++;
    pthread_mutex_unlock(&b->lock);
    job->finished = job->n;
    job->alone = false;
}

void batcher_submit(struct batcher *b, struct batch_job *job)
{
    job->claimed = job->finished = 0;
    job->submitted_us = now_us();
    job->listed = job->alone = false;
    job->error = (struct error){0};
    pthread_cond_init(&job->ended, &b->monotonic);
    if (job->n == 0)
        return;
    pthread_mutex_lock(&b->lock);
    if (job->deadline_ms != 0 && now_us() / 1000 >= (uint64_t)job->deadline_ms) {
        late(job);
        job->claimed = job->finished = job->n;
        b->stats.dropped += job->n;
    } else if (goes_alone(b, job)) {
        count_wait(b, job);
        job->alone = true;
        job->claimed = job->n;
        b->running++;
    } else {
        lane_append(lane_of(b, job), job);
        b->unclaimed += job->starts[job->n] - job->starts[0];
        pthread_cond_broadcast(&b->work);
    }
    pthread_mutex_unlock(&b->lock);
}

enum status batcher_wait(struct batcher *b, struct batch_job *job, struct error *err)
{
    struct timespec until = {.tv_sec = job->deadline_ms / 1000, .tv_nsec = job->deadline_ms % 1000 * 1000000};
    if (job->alone)
        run_alone(b, job);
    pthread_mutex_lock(&b->lock);
    while (job->finished < job->n) {
        if (cancelled(b, job) && job->finished == job->n)
            break;
        if (job->deadline_ms == 0 || job->error.status != STATUS_OK) {
            pthread_cond_wait(&job->ended, &b->lock);
        } else if (pthread_cond_timedwait(&job->ended, &b->lock, &until) != 0 && job->finished < job->n) {
            late(job);
            withdraw(b, job); /* and wait for the passes it is part of */
        }
    }
    pthread_mutex_unlock(&b->lock);
    pthread_cond_destroy(&job->ended);
    if (job->error.status != STATUS_OK)
        return error_set(err, job->error.status, "%s", job->error.text);
    return STATUS_OK;
}

void batcher_stats(struct batcher *b, struct batch_stats *out)
{
    pthread_mutex_lock(&b->lock);
    *out = b->stats;
    pthread_mutex_unlock(&b->lock);
}
