/* The life of a store, in steps that are struck on their way, beside a ledger of what it must hold.
 *
 *     life_begin(&life, seed);
 *     for (size_t i = 0; i < life_step_count; i++)
 *         life_torture(&life, &life_steps[i], &fault, 7);
 *     life_end(&life);
 *
 * A step is run again and again, with the fault at a later chance each time, until it ends without meeting
 * it. After each run it must have returned success, or an error with a message; the store must hold what it
 * held before or, all of it, what the step was to make of it, and the latter when the step said so; searches
 * must find what a comparison with everything finds. All that without opening the store again, except after a
 * loss of power.
 */
#ifndef COGNATE_TESTS_STORE_LIFE_H
#define COGNATE_TESTS_STORE_LIFE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store_ledger.h"

struct life {
    char folder[64], path[96], backup[96], copy[96], old[96];
    struct store *store;
    struct collection *collection;
    struct ledger now;
    uint64_t seed;
    unsigned round;            /* of all runs of all steps */
    uint64_t refused, carried; /* runs that met the fault: with an error, and without */
};

/* `arm` takes the n-th chance from now on, `disarm` says how many were taken. */
struct fault {
    const char *name;
    void (*arm)(uint64_t n);
    uint64_t (*disarm)(void);
    bool (*restart)(
        uint64_t seed);    /* the machine went down and starts again; NULL when the process goes on */
    enum status wanted[2]; /* the errors it may lead to */
};

struct life_step {
    const char *name;
    enum status (*run)(struct life *life, struct ledger *after, struct error *err);
    void (*check)(struct life *life); /* of what a step leaves beside the store; NULL for none */
};
extern const struct life_step life_steps[];
extern const size_t life_step_count;

void life_begin(struct life *life, uint64_t seed);

/* At every chance with COGNATE_LONG in the environment, otherwise about every `stride`-th. */
void life_torture(struct life *life, const struct life_step *step, const struct fault *fault,
                  uint64_t stride);

void life_end(struct life *life); /* opens the store once more, checks it, and removes its files */

void life_open(struct life *life); /* store and collection, where they are not open */

#endif
