/* What an answer tells of the best passage of a hit besides its text: where in the document it lies, in
 * which language it is, and which sentence of it is meant.
 *
 *     struct hit_passage *passages = NULL;
 *     if (hit_passages_find(e, collections, items, n, deadline_ms, &passages, &err) == STATUS_OK)
 *         json_t *passage = hit_passage_json(items[0].hit, &passages[0]);
 *     hit_passages_free(passages, n);
 *
 * The sentence nearest to the query is looked for only when it is asked for, since that embeds all of them.
 * Places are found in the documents as they are now, for the hits that are shown: a hit whose document has
 * changed since the search has none.
 */
#ifndef COGNATE_SERVER_HIT_PASSAGE_H
#define COGNATE_SERVER_HIT_PASSAGE_H

#include <jansson.h>

#include "common/buf.h"
#include "server/engine.h"
#include "server/search_lists.h"
#include "tokenizer/place.h"

struct hit_passage {
    bool placed;
    struct place place;
    struct buf headings;
    bool looked_at;       /* for its sentence: */
    struct mark sentence; /* bytes of the document; empty when it has none */
};

/* Of n hits; items[i].list is the index of a hit's collection. */
enum status hit_passages_find(struct engine *e, const struct text *collections, const struct listed *items,
                              size_t n, int64_t deadline_ms, struct hit_passage **out, struct error *err);
/* Finds their sentences. `query` names the collection whose model embeds them. */
enum status hit_passages_sentences(struct engine *e, const struct engine_query *query,
                                   const struct listed *items, size_t n, struct hit_passage *passages,
                                   struct error *err);
void hit_passages_free(struct hit_passage *passages, size_t n); /* accepts NULL */

/* The object "passage" of a hit; NULL when memory runs out. */
json_t *hit_passage_json(const struct hit *hit, const struct hit_passage *p);

#endif
