/* Filters: from conditions on documents to the set of documents that meet them, before any vector is looked
 * at.
 *
 *     struct document_set set = {0};
 *     if (filter_resolve(c, sql, query->filter, &set, NULL, &err) == STATUS_OK)
 *         if (document_set_has(&set, document)) …
 *     document_set_release(&set);
 *
 * metadata.h says what a condition on a field means.
 */
#ifndef COGNATE_INDEX_FILTER_H
#define COGNATE_INDEX_FILTER_H

#include "index/document_set.h"
#include "index/store.h"

#define FILTER_DEPTH      16    /* and, or, not inside each other */
#define FILTER_CONDITIONS 256   /* in one filter; languages count as one each */
#define FILTER_VALUES     10000 /* in one filter */

/* How it was found out. */
enum filter_plan {
    FILTER_INDEX,          /* from indexes alone */
    FILTER_INDEX_AND_ROWS, /* from the metadata of those documents that indexes left over */
    FILTER_ROWS,           /* from the metadata of every document */
    FILTER_KEPT            /* as it was found for an earlier search (filter_cache.h) */
};
const char *filter_plan_name(enum filter_plan plan); /* "index", "index+rows", "rows", "kept" */

struct filter_report {
    enum filter_plan kind;
    uint64_t rows; /* documents whose metadata was read */
};

/* INVALID when the filter is malformed or too large. Never takes in documents whose time is over. `report`
 * may be NULL. */
enum status filter_resolve(struct collection *c, struct sql *sql, const struct filter *filter,
                           struct document_set *out, struct filter_report *report, struct error *err);

/* The documents whose time is over and whose rows are still there: what a search without a filter must pass
 * over. Few, as a rule. */
enum status expired_documents(struct collection *c, struct sql *sql, struct document_set *out,
                              struct error *err);

#endif
