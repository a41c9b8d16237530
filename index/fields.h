/* Indexes of metadata fields. The picture is in fields.c.
 *
 * Whoever changes a document's row, within the writer's turn, calls fields_drop before and fields_add after.
 */
#ifndef COGNATE_INDEX_FIELDS_H
#define COGNATE_INDEX_FIELDS_H

#include "index/document_set.h"
#include "index/store.h"

struct field_name {
    int64_t id;
    struct text name; /* owned */
};

/* The declared fields of a collection, by name. */
struct field_names {
    struct field_name items[FIELDS_MOST];
    size_t n;
};
enum status field_names_read(struct field_names *names, struct sql *sql, int64_t collection,
                             struct error *err);
void field_names_release(struct field_names *names);                   /* accepts a zeroed one */
int64_t field_find(const struct field_names *names, struct text name); /* 0: not declared */

/* Removes and adds the entries of a document by the metadata that its row has now. */
enum status fields_drop(struct sql *sql, int64_t collection, int64_t document, struct error *err);
enum status fields_add(struct sql *sql, int64_t collection, int64_t document, struct error *err);

/* Adds to `out` the documents that meet a condition on a declared field; the filter has been checked by
 * field_condition_new. */
enum status fields_select(struct sql *sql, int64_t field, const struct filter *filter,
                          struct document_set *out, struct error *err);

/* CORRUPT when an index does not say what the metadata says. */
enum status fields_check(struct sql *sql, struct error *err);

#endif
