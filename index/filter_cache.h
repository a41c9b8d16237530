/* The sets of the filters asked for last. Many questions are asked under few filters, and what a filter keeps
 * stays the same until something is written to the collection.
 *
 * A set stands for one generation of the collection and is never used for another. Documents whose time is
 * over are told apart anew each time.
 */
#ifndef COGNATE_INDEX_FILTER_CACHE_H
#define COGNATE_INDEX_FILTER_CACHE_H

#include <pthread.h>

#include "common/buf.h"
#include "index/document_set.h"

#define FILTERS_KEPT       32        /* of a collection */
#define FILTERS_KEPT_BYTES (2 << 20) /* of a set, at most */
#define FILTERS_KEPT_KEY   4096      /* of a filter, at most */

struct collection;
struct filter;
struct filter_report;
struct sql;

struct filter_cache {
    pthread_mutex_t lock;
    struct filter_kept {
        struct buf key; /* the filter, as bytes; none where nothing is kept */
        int64_t generation;
        uint64_t asked; /* when, counted in filters */
        struct document_set set;
    } kept[FILTERS_KEPT];
    uint64_t asked;
};

void filter_cache_init(struct filter_cache *cache);
void filter_cache_release(struct filter_cache *cache);

/* filter_resolve for a snapshot of that generation, out of the cache where it can be. */
enum status filter_cache_resolve(struct filter_cache *cache, int64_t generation, struct collection *c,
                                 struct sql *sql, const struct filter *filter, struct document_set *out,
                                 struct filter_report *report, struct error *err);

#endif
