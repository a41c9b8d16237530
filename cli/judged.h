/* Judged queries in the layout of BEIR (github.com/beir-cellar/beir): which documents answer which query.
 *
 *     struct judged j = {0};
 *     if (judged_read(&j, "data/samples", &err) == STATUS_OK)
 *         for (size_t i = 0; i < j.query_count; i++)
 *             use(j.queries[i].text, &j.judgements[j.queries[i].first], j.queries[i].count);
 *     judged_release(&j);
 *
 * queries.jsonl: an object a line with `_id`, `text` and `lang` or `metadata.lang`. qrels.tsv: a header, then
 * query-id, corpus-id, score. corpus.jsonl: `_id` and `lang` or `metadata.lang` of the documents. Queries
 * without a judgement are left out. All texts are owned by the set.
 */
#ifndef COGNATE_CLI_JUDGED_H
#define COGNATE_CLI_JUDGED_H

#include <jansson.h>

#include "common/status.h"
#include "common/text.h"

struct judgement {
    struct text query, document, lang; /* lang: of the document; "und" when unknown */
    double grade;                      /* 0: judged not relevant */
};

struct judged_query {
    struct text id, text, lang;
    size_t first, count; /* its judgements */
};

struct judged {
    struct judged_query *queries; /* by id */
    size_t query_count;
    struct judgement *judgements; /* by query, then document */
    size_t judgement_count;
    json_t *rows; /* what the texts are borrowed from */
};

enum status judged_read(struct judged *j, const char *folder, struct error *err);
void judged_release(struct judged *j); /* accepts a zeroed one */

/* The judgement of a document for a query, with a grade above 0; NULL when there is none. */
const struct judgement *judged_find(const struct judged *j, const struct judged_query *q,
                                    struct text document);

#endif
