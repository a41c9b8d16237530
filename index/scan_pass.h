/* Passes over the int8 copy of a collection: at most one a core at a time, each for up to SCAN_QUERIES
 * searches.
 *
 * A search that finds a core free starts its pass at once, alone. While all are taken, those that come wait,
 * and the first of them takes the others along when its turn comes: memory is read once for all of them.
 */
#ifndef COGNATE_INDEX_SCAN_PASS_H
#define COGNATE_INDEX_SCAN_PASS_H

#include <pthread.h>
#include <stddef.h>

struct search;
struct scan_ticket;

struct scan_gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    unsigned running, most;
    struct scan_ticket *first; /* waiting, in the order they came */
};

void scan_gate_init(struct scan_gate *gate);
void scan_gate_release(struct scan_gate *gate);

/* Finds the candidates of n searches of one call, which share their view of the collection and the set of
 * documents allowed. Each has its own status afterwards. */
void scan_pass(struct scan_gate *gate, struct search *const *searches, size_t n);

#endif
