/* The queue in front of the encoder threads. Texts of many callers are packed into one pass over the weights.
 *
 *     struct batcher *b = NULL;
 *     struct batch_job job = {.ids = ids, .starts = starts, .n = n, .out = vectors};
 *     if (batcher_new(model, threads, 512, &b, &err) != STATUS_OK) …
 *     if (batcher_enter(b, &err) != STATUS_OK) …          // OVERLOADED
 *     batcher_submit(b, &job);
 *     status = batcher_wait(b, &job, &err);               // vectors hold n rows, or the job failed as a
 * whole batcher_leave(b); batcher_free(b);
 *
 *     callers ──submit──▶ query lane ─┐
 *             ├─────────▶ bulk lane  ─┴─▶ thread: up to BATCH_TOKENS tokens, queries first ─▶ one pass ─▶
 * rows └─ nothing else to do ────▶ the caller itself, all cores sharing every step ──────────────▶ rows
 *
 * Each fourth pass takes bulk first: queries may slow it down, never starve it.
 * A thread takes its share of what waits and no more, so that little work is spread over all threads and much
 * work comes in full passes: the schedule for throughput. A job of one text, or of a few short ones, that
 * finds nothing waiting and nobody working is run by its caller in batcher_wait, and the other cores help
 * with every step of it: the schedule for a lone query. A sequence's vector does not depend on the schedule,
 * nor on what it was packed with.
 */
#ifndef COGNATE_SERVER_BATCHER_H
#define COGNATE_SERVER_BATCHER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "encoder/encoder.h"

struct batcher;

/* One caller's sequences; lent to the batcher from submit to wait. */
struct batch_job {
    const int32_t *ids;     /* as embedder_embed takes them: */
    const uint32_t *starts; /* n + 1 */
    size_t n;
    float *out; /* [n][width] */
    bool bulk;
    int64_t deadline_ms;          /* CLOCK_MONOTONIC milliseconds; 0 for none */
    const atomic_bool *cancelled; /* set from outside when nobody waits for the rows any more; or NULL */

    /* the batcher's, under its lock */
    struct batch_job *next;
    pthread_cond_t ended; /* each caller is woken for its own rows alone */
    uint64_t submitted_us;
    size_t claimed, finished;
    bool listed; /* in its lane: not all sequences are claimed */
    bool alone;  /* its caller runs it */
    struct error error;
};

/* Upper bounds of the histograms below; the last bucket is for what lies above all. */
#define BATCH_WAITS 10
#define BATCH_FILLS 8
extern const double batch_wait_bounds[BATCH_WAITS]; /* seconds */
extern const double batch_fill_bounds[BATCH_FILLS]; /* tokens */

struct batch_stats {
    uint64_t texts, tokens, batches, busy_us;
    uint64_t alone;                             /* of the batches: run by their callers */
    uint64_t waits[BATCH_WAITS + 1], waited_us; /* of jobs, until a thread took their first sequence */
    uint64_t fills[BATCH_FILLS + 1];            /* of passes; the sum is `tokens` */
    uint64_t refused;                           /* calls */
    uint64_t dropped; /* texts that nobody had begun with when their caller gave up */
    uint32_t calls;   /* now inside */
};

/* Starts `threads` threads, each with an embedder of `model`, which must outlive the batcher, and the helpers
 * of a lone query. */
enum status batcher_new(const struct model *model, unsigned threads, uint32_t most_calls,
                        struct batcher **out, struct error *err);
void batcher_free(struct batcher *b); /* accepts NULL; every call must have left */

/* A call goes in before its first job and out after its last, so that it is refused at once or not at all:
 * OVERLOADED when `most_calls` are inside. */
enum status batcher_enter(struct batcher *b, struct error *err);
void batcher_leave(struct batcher *b);

void batcher_submit(struct batcher *b, struct batch_job *job);

/* Follows every submit. Until every sequence is embedded, one of them failed, the deadline passed, or the job
 * is cancelled while sequences of it wait, which is seen at the end of a pass; then the job is the caller's
 * again. */
enum status batcher_wait(struct batcher *b, struct batch_job *job, struct error *err);

void batcher_stats(struct batcher *b, struct batch_stats *out);

#endif
