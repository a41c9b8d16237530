/* Looks at the int8 rows of a collection for a few searches at once: a row is brought from memory once for
 * all of them. The picture is in sweep.c. */
#ifndef COGNATE_INDEX_SWEEP_H
#define COGNATE_INDEX_SWEEP_H

#include <stddef.h>

struct search;
struct sweep;

/* Memory for a run: one that is not in use, or a new one, or NULL; and back to those not in use. The caller
 * holds the lock that guards them. */
struct sweep *sweep_take(struct sweep **idle);
void sweep_give(struct sweep **idle, struct sweep *w);
void sweep_release(struct sweep *idle); /* all of them */

/* Finds the candidates of up to SCAN_QUERIES searches of one collection, whatever documents each may look at.
 * Each has its own status afterwards; their order changes. */
void sweep_run(struct sweep *w, struct search **searches, size_t n);

#endif
