/* A few threads that share one short job, step by step, for work too short to queue.
 *
 *     struct team *team = NULL;
 *     team_new(2, &team, &err);
 *     team_run(team, walk, job);              // walk(job, turn) here, and on every helper that is awake
 *     team_free(team);
 *
 *     static void walk(void *job, struct turn *turn)
 *     {
 *         for (size_t i; team_next(turn, 18, &i);)
 *             piece i of 18 of the first step;
 *         for (size_t i; team_next(turn, 6, &i);)     // starts when all 18 are done
 *             piece i of 6 of the second;
 *     }
 *
 * Pieces go to whoever asks first. A helper that sleeps, or that the system has set aside for another
 * program, takes none and holds nobody up, so a team on a busy machine is as fast as one thread. Between jobs
 * and at the end of steps a thread spins for some microseconds, then sleeps.
 */
#ifndef COGNATE_ENCODER_TEAM_H
#define COGNATE_ENCODER_TEAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

struct team;

/* One thread's place in a job. */
struct turn {
    struct team *team; /* NULL: a thread on its own */
    size_t part;       /* which thread this is, 0 to size - 1 */
    uint32_t step;     /* the step it is in */
    uint64_t behind;   /* pieces of all steps before that */
    size_t piece;      /* on its own: the next piece */
    bool busy;         /* it has a piece */
};

/* `threads` counts the caller; 1 to 64. */
enum status team_new(size_t threads, struct team **out, struct error *err);
void team_free(struct team *team);         /* accepts NULL */
size_t team_size(const struct team *team); /* 1 for NULL */

/* Runs job(context, turn) here, and with turns of their own on the helpers that come in time. One caller at a
 * time. A NULL team has one thread. */
void team_run(struct team *team, void (*job)(void *context, struct turn *turn), void *context);

/* The next piece of this step, which has `pieces` of them (at least one, and as many in every thread); false
 * when all are done. Ends the piece handed out before. */
bool team_next(struct turn *turn, size_t pieces, size_t *piece);

#endif
