#include "common/arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE ((size_t)2 << 20)

/* Aligned and advised, not zeroed: what is never touched costs no memory. */
static void *reserve(size_t bytes)
{
    size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : ARENA_ALIGN;
    if (bytes > (size_t)-1 - align)
        return NULL;
    size_t rounded = (bytes + ARENA_ALIGN - 1) / ARENA_ALIGN * ARENA_ALIGN;
    void *memory = NULL;
    if (posix_memalign(&memory, align, rounded == 0 ? ARENA_ALIGN : rounded) != 0)
        return NULL;
    if (align == HUGE_PAGE)
        madvise(memory, rounded / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
    return memory;
}

void *big_alloc(size_t bytes)
{
    void *memory = reserve(bytes);
    if (memory != NULL)
        memset(memory, 0, bytes);
    return memory;
}

void big_free(void *memory)
{
    free(memory);
}

enum status arena_init(struct arena *a, size_t size, struct error *err)
{
    void *base = reserve(size);
    if (base == NULL)
        return error_memory(err, "reserving a worker's scratch memory");
    *a = (struct arena){base, 0, size};
    return STATUS_OK;
}

void arena_release(struct arena *a)
{
    big_free(a->base);
    *a = (struct arena){0};
}

void *arena_take(struct arena *a, size_t bytes)
{
    if (bytes > (size_t)-1 - ARENA_ALIGN)
        return NULL;
    size_t rounded = arena_rounded(bytes);
    if (rounded > a->size - a->used)
        return NULL;
    void *memory = a->base + a->used;
    a->used += rounded;
    return memory;
}

void arena_reset(struct arena *a)
{
    a->used = 0;
}
