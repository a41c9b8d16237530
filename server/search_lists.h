/* One list of hits out of those of several collections, and at most so many of one kind in it.
 *
 *     struct listed *items = NULL;
 *     size_t n;
 *     if (lists_merge(hits, 2, k, &items, &n, &err) == STATUS_OK)
 *         lists_group(items, &n, "author", 1, &err);
 *     listed_free(items, n);
 */
#ifndef COGNATE_SERVER_SEARCH_LISTS_H
#define COGNATE_SERVER_SEARCH_LISTS_H

#include <jansson.h>

#include "index/index.h"

struct listed {
    const struct hit *hit; /* borrowed */
    size_t list;           /* which one it comes from */
    double score;          /* what the list is ordered by: the hit's own, or rerank */
    double rerank;         /* 0 to 1, by a cross-encoder (search_rerank.h); NAN when none looked at it */
    json_t *group;         /* value of the field that lists_group went by; NULL for none */
};

/* The hits of n lists: by score, equal ones by id, then by list. One list stays as it is. */
enum status lists_merge(const struct hits *lists, size_t n, struct listed **out, size_t *count,
                        struct error *err);

/* For qsort: by score, equal ones by id, then by list. */
int listed_by_score(const void *a, const void *b);

/* Leaves the first `size` hits of each value of a metadata field (the first one of an array), and all without
 * the field. */
enum status lists_group(struct listed *items, size_t *count, const char *field, size_t size,
                        struct error *err);

void listed_free(struct listed *items, size_t count); /* accepts NULL */

#endif
