/* Lists that grow by one element at a time.
 *
 *     struct row *more = grown(rows, count, &capacity, sizeof *more);
 *     if (more == NULL)
 *         return error_memory(err, "reading rows");        // `rows` is as it was
 *     rows = more;
 *     rows[count++] = …;
 */
#ifndef COGNATE_COMMON_GROW_H
#define COGNATE_COMMON_GROW_H

#include <stddef.h>
#include <stdlib.h>

#define GROW_FIRST 16 /* elements */

/* The list with room for one element more than `count`, or NULL. A NULL list with a capacity of 0 is an empty
 * one; free ends it. */
static inline void *grown(void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    size_t wanted = *capacity * 2 + GROW_FIRST;
    void *more = wanted > *capacity ? reallocarray(list, wanted, size) : NULL;
    if (more != NULL)
        *capacity = wanted;
    return more;
}

#endif
