/* The second look at what a search has found: a cross-encoder reads the query with the best passage of each
 * hit, the title before it, and orders them anew.
 *
 *     struct reranker r = {.engine = e, .model = m, .deadline_ms = …};
 *     if (search_rerank(&r, text_of("late train"), items, n, &err) == STATUS_OK)
 *         use(items[0].rerank);
 */
#ifndef COGNATE_SERVER_SEARCH_RERANK_H
#define COGNATE_SERVER_SEARCH_RERANK_H

#include "server/engine.h"
#include "server/search_lists.h"

#define RERANK_DEPTH 50  /* hits that are looked at, when no more are wanted */
#define RERANK_MOST  500 /* of all queries of a call together */

struct reranker {
    struct engine *engine;
    const struct engine_model *model; /* a cross-encoder, held */
    int64_t deadline_ms;
    const atomic_bool *cancelled;
};

/* Sets score and rerank of n hits, and sorts them. */
enum status search_rerank(const struct reranker *r, struct text query, struct listed *items, size_t n,
                          struct error *err);

#endif
