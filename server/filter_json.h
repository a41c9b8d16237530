/* The filter of a search, from JSON to the tree that the index takes.
 *
 *     struct filter *filter = NULL;
 *     if (filter_parse(json, NULL, &filter, &err) != STATUS_OK) …   // field: "filter.and[1].field"
 *     free(filter);
 *
 *     filter    = object of one or more of (all must hold):
 *                 "and": [filter, …] | "or": [filter, …] | "not": filter
 *                 "lang": test | "id": test                              eq and in only
 *                 "field": NAME with a test beside it                    a top-level key of the metadata
 *     test      = {"eq": v} | {"in": [v, …]} | {"gt": v} | {"gte": v} | {"lt": v} | {"lte": v}
 *                 | {"prefix": text} | {"exists": true or false}         several: all must hold
 *     v         = text | number | true | false | null                    gt … lte: text or number
 *
 *     {"and": [{"field": "year", "gte": 2000}, {"lang": {"in": ["de", "fr"]}},
 *              {"not": {"field": "kind", "eq": "draft"}}]}
 *
 * The tree is one allocation; its texts are borrowed from the JSON value.
 */
#ifndef COGNATE_SERVER_FILTER_JSON_H
#define COGNATE_SERVER_FILTER_JSON_H

#include <jansson.h>

#include "common/status.h"
#include "index/index.h"

#define FILTER_VALUES 10000 /* tests and values of one filter */

/* `value` (NULL: none) and, where `languages` is not NULL, a document's language is one of that text or list
 * of texts. INVALID for what the grammar does not have, TOO_LARGE for more than FILTER_VALUES. */
enum status filter_parse(const json_t *value, const json_t *languages, struct filter **out,
                         struct error *err);

#endif
