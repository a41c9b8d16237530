/* Files as accidents and strangers leave them: bytes changed, sizes that lie, ends missing. */
#ifndef COGNATE_TESTS_MUTATION_H
#define COGNATE_TESTS_MUTATION_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static inline uint32_t mutation_next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 4;
}

/* A copy of `bytes` with one to four changes, most of them in the first `head` bytes, where the sizes are; of
 * *n bytes, in memory that ends with it. The caller frees it. */
static inline unsigned char *mutated(const void *bytes, size_t *n, size_t head, uint32_t *state)
{
    static const uint64_t sizes[] = {
        0, 1, 0x7f, 0xff, 0x7fffffff, 0xffffffff, (uint64_t)1 << 40, INT64_MAX, UINT64_MAX};
    size_t size = mutation_next(state) % 8 == 0 ? mutation_next(state) % *n : *n;
    unsigned char *copy = malloc(size + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, bytes, size);
    for (uint32_t left = 1 + mutation_next(state) % 4; left > 0 && size > 8; left--) {
        size_t reach = mutation_next(state) % 4 == 0 || head > size ? size : head;
        size_t at = mutation_next(state) % (reach - 7 > 0 ? reach - 7 : 1);
        uint64_t value = sizes[mutation_next(state) % (sizeof sizes / sizeof sizes[0])];
        switch (mutation_next(state) % 3) {
        case 0:
            copy[at] ^= (unsigned char)(1u << mutation_next(state) % 8);
            break;
        case 1:
            copy[at] = (unsigned char)mutation_next(state);
            break;
        default:
            memcpy(copy + at, &value, mutation_next(state) % 2 == 0 ? 4 : 8);
        }
    }
    *n = size;
    return copy;
}

#endif
