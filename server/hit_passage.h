/* What an answer tells of the best passage of a hit besides its text: where in the document it lies.
 *
 *     struct hit_passage *passages = NULL;
 *     if (hit_passages_find(e, collections, items, n, deadline_ms, &passages, &err) == STATUS_OK)
 *         json_t *passage = hit_passage_json(items[0].hit, &passages[0]);
 *     hit_passages_free(passages, n);
 *
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
};

/* Of n hits; items[i].list is the index of a hit's collection. */
enum status hit_passages_find(struct engine *e, const struct text *collections, const struct listed *items,
                              size_t n, int64_t deadline_ms, struct hit_passage **out, struct error *err);
void hit_passages_free(struct hit_passage *passages, size_t n); /* accepts NULL */

/* The object "passage" of a hit; NULL when memory runs out. */
json_t *hit_passage_json(const struct hit *hit, const struct hit_passage *p);

#endif
