/* Passes over the int8 copy of a collection: at most one a core at a time, each for up to SCAN_QUERIES
 * searches (sweep.h).
 *
 * A search that finds a core free starts its pass at once, alone. While all are taken, those that come wait,
 * and go together in the pass that begins next. Under load a pass is worth waiting for: when those that wait,
 * ride and are on their way (scan_gate_expect) would fill one, it begins once it is full, none is on the way
 * any more, or SCAN_LINGER_MS are over.
 */
#ifndef COGNATE_INDEX_SCAN_PASS_H
#define COGNATE_INDEX_SCAN_PASS_H

#include <pthread.h>
#include <stddef.h>

#define SCAN_LINGER_MS 10

struct search;
struct sweep;
struct scan_ticket;

struct scan_gate {
    pthread_mutex_t lock;
    unsigned running, most;         /* passes */
    struct sweep *idle;             /* their memory, as long as the gate */
    struct scan_ticket *first;      /* waiting, in the order they came */
    size_t coming, waiting, riding; /* searches */
};

void scan_gate_init(struct scan_gate *gate);
void scan_gate_release(struct scan_gate *gate);

/* Says that n searches will come soon, or, when they have come or will not, takes that back. */
void scan_gate_expect(struct scan_gate *gate, size_t n);
void scan_gate_came(struct scan_gate *gate, size_t n);

/* Finds the candidates of n searches of one call. Each has its own status afterwards. */
void scan_pass(struct scan_gate *gate, struct search *const *searches, size_t n);

#endif
