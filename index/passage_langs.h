/* Passages by language: their own where they have one (passage_row.lang), else that of their document.
 *
 *     struct passage_langs set = {0};
 *     if (passage_langs_resolve(&set, c, sql, langs, n, &err) == STATUS_OK)
 *         if (passage_langs_have(&set, document, passage)) …
 *     passage_langs_release(&set);
 *
 * Passages in another language than their document are few, and an index names them; the others follow from
 * the languages of documents.
 */
#ifndef COGNATE_INDEX_PASSAGE_LANGS_H
#define COGNATE_INDEX_PASSAGE_LANGS_H

#include "index/document_set.h"
#include "index/store.h"

struct passage_langs {
    struct document_set documents; /* in one of the languages, and so are their passages but for */
    struct document_set strange;   /* these passages of them, that are in another one; */
    struct document_set own;       /* passages in one of the languages whatever their document is in, */
    struct document_set owners;    /* and their documents */
};

/* INVALID for something that is no language. Never takes in documents whose time is over. */
enum status passage_langs_resolve(struct passage_langs *set, struct collection *c, struct sql *sql,
                                  const struct text *langs, size_t n, struct error *err);
void passage_langs_release(struct passage_langs *set); /* accepts a zeroed one */

/* Leaves in `documents` those that have such a passage; or, where there is no filter, puts them there. */
enum status passage_langs_narrow(const struct passage_langs *set, bool filtered,
                                 struct document_set *documents, struct error *err);

static inline bool passage_langs_have(const struct passage_langs *set, int64_t document, int64_t passage)
{
    return document_set_has(&set->own, passage) ||
           (document_set_has(&set->documents, document) && !document_set_has(&set->strange, passage));
}

#endif
