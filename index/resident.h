/* The int8 copy of a collection's vectors in memory. The picture is in resident.c.
 *
 * The caller holds the collection's lock: for writing to change it, for reading to look at it.
 */
#ifndef COGNATE_INDEX_RESIDENT_H
#define COGNATE_INDEX_RESIDENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "index/clusters.h"
#include "index/scan.h"
#include "index/sql.h"

#define RESIDENT_NONE UINT32_MAX

/* Up to SCAN_BLOCK slots. A free slot has document 0 and an error of -infinity, so that no bound admits it.
 */
struct resident_block {
    struct scan_codes codes; /* `heads` owns the memory of the others too, in the first block of an allocation */
    float *scales, *errors, *tails; /* see scan.h */
    uint64_t *prints; /* a hash of the stored floats under the key below: equal vectors have equal ones */
    int64_t *passages, *documents;
    uint64_t loose[SCAN_WORDS]; /* bits of slots that are not in the lists of the clusters */
    bool first;
};

struct resident {
    size_t width, stride;
    uint64_t key[2];    /* drawn by chance, so that nobody can make different vectors look equal */
    int64_t generation; /* of the collection; 0: nothing loaded */
    int64_t next;       /* every passage with a smaller number has been seen */
    struct resident_block *blocks;
    size_t block_count, block_capacity;
    uint32_t slots;    /* used ones lie below this */
    uint32_t capacity; /* slots that have memory */
    uint32_t live;
    uint32_t free;       /* first of the chain of free slots (through `passages`), RESIDENT_NONE at its end */
    uint32_t *table;     /* open addressing: passage → slot + 1 */
    uint32_t table_size; /* power of two */
    struct clusters *clusters; /* owned; NULL while there are none, and then every slot is loose */
    uint32_t placed;           /* slots that are not loose */
};

void resident_init(struct resident *r, size_t width);
void resident_clear(struct resident *r); /* forgets everything; the next search loads again */

/* Brings the copy to the state that `sql` sees, which is `generation` with `passages` rows in `space`. On
 * failure the copy is empty. */
enum status resident_refresh(struct resident *r, struct sql *sql, int64_t space, int64_t generation,
                             int64_t passages, struct error *err);

/* Frees the slot of a passage that is gone; unknown numbers are ignored. */
void resident_remove(struct resident *r, int64_t passage);

uint32_t resident_find(const struct resident *r, int64_t passage); /* slot or RESIDENT_NONE */

/* Puts new clusters, which it takes over, in the place of those there are. The placements whose passages are
 * still there are not loose from now on; nor are, with `keep`, those that were not. */
void resident_arrange(struct resident *r, struct clusters *clusters, const struct placement *placements,
                      size_t n, bool keep);

static inline bool resident_is_loose(const struct resident *r, uint32_t slot)
{
    return r->blocks[slot / SCAN_BLOCK].loose[slot % SCAN_BLOCK / 64] >> slot % 64 & 1;
}

#endif
