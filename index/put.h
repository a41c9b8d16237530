/* Checks of what callers put into a store, and the list of passages that go with a change. */
#ifndef COGNATE_INDEX_PUT_H
#define COGNATE_INDEX_PUT_H

#include "index/store.h"

#define DOCUMENT_ID_BYTES       512
#define DOCUMENT_LANG_BYTES     64
#define DOCUMENT_TITLE_BYTES    (1 << 20)
#define DOCUMENT_METADATA_BYTES (1 << 20)
#define DOCUMENT_TEXT_BYTES     (512 << 20)

/* Numbers of passages that a transaction deletes. */
struct removals {
    int64_t *ids;
    size_t n, capacity;
};
enum status removals_add(struct removals *r, struct sql *sql, int64_t document, struct error *err);
void removals_release(struct removals *r);

/* One passage less in its space's count, when that is not the space of `c`, which collection_touch counts. */
enum status passage_uncount(struct collection *c, struct sql *sql, int64_t passage, struct error *err);

/* The row of a document; *id is 0 when there is none. The statement's columns are id, content_hash, passages,
 * lang, title, metadata, expires (NULL: never), borrowed until `st` is reset. */
enum status document_find(struct collection *c, struct sql *sql, struct text name, sqlite3_stmt **st,
                          int64_t *id, struct error *err);

/* INVALID or TOO_LARGE naming the field. An empty lang is "und", empty metadata "{}". */
enum status title_check(struct text title, struct error *err);
enum status lang_check(struct text lang, struct error *err);
enum status metadata_check(struct sql *sql, struct text metadata, struct error *err);
struct text lang_or_und(struct text lang);
struct text metadata_or_empty(struct text metadata);

#endif
