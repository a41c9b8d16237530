/* A few threads that walk through one job together, for work too short to hand over piece by piece.
 *
 *     struct team *team = NULL;
 *     team_new(2, &team, &err);
 *     team_run(team, walk, job);          // walk(job, 0, 2) here and walk(job, 1, 2) on the helper
 *     team_free(team);
 *
 *     static void walk(void *job, size_t part, size_t parts)
 *     {
 *         …one step's share…
 *         team_barrier(team, part);       // all parts have done their share
 *         …
 *     }
 *
 * Between jobs and at barriers a thread spins for some microseconds, then sleeps.
 */
#ifndef COGNATE_ENCODER_TEAM_H
#define COGNATE_ENCODER_TEAM_H

#include <stddef.h>

#include "common/status.h"

struct team;

/* `threads` counts the caller; 1 to 64. */
enum status team_new(size_t threads, struct team **out, struct error *err);
void team_free(struct team *team);         /* accepts NULL */
size_t team_size(const struct team *team); /* 1 for NULL */

/* Runs job(context, part, parts) once for every part, part 0 here. A NULL team has one part. */
void team_run(struct team *team, void (*job)(void *context, size_t part, size_t parts), void *context);

/* Returns when every part has called it as often as this one. */
void team_barrier(struct team *team, size_t part);

#endif
