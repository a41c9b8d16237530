/* One worker's scratch memory: a fixed block, cut from the front, given back as a whole.
 *
 *     struct arena a;
 *     arena_init(&a, bytes, &err);
 *     float *row = arena_take(&a, n * sizeof *row);   // 64-byte aligned, not zeroed; NULL when the block is
 * used up arena_reset(&a);                                // everything taken is void arena_release(&a);
 *
 *     | taken | taken | 64-byte aligned … |   free   |
 *     0                                 used      size
 */
#ifndef COGNATE_COMMON_ARENA_H
#define COGNATE_COMMON_ARENA_H

#include <stddef.h>

#include "common/status.h"

#define ARENA_ALIGN 64

struct arena {
    unsigned char *base;
    size_t used;
    size_t size;
};

/* Reserves `size` bytes, on huge pages where the system offers them on request. What is never taken and
 * written to takes no memory. */
enum status arena_init(struct arena *a, size_t size, struct error *err);
void arena_release(struct arena *a); /* accepts a zeroed arena */
void *arena_take(struct arena *a, size_t bytes);
void arena_reset(struct arena *a);

/* What arena_take uses up for `bytes`. */
static inline size_t arena_rounded(size_t bytes)
{
    return (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
}

/* Memory for large read-mostly tables: aligned to 2 MiB with huge pages advised when it is that large, to 64
 * bytes otherwise. Zero-filled. NULL when there is none. Freed with big_free. */
void *big_alloc(size_t bytes);
void big_free(void *memory);

#endif
