/* A condition on one field of a document's metadata, looked up in its JSON text without building a tree.
 *
 *     struct field_condition *c = NULL;
 *     if (field_condition_new(filter, &c, &err) == STATUS_OK)          // filter->kind is FILTER_FIELD
 *         if (field_condition_met(c, metadata)) …
 *     field_condition_free(c);
 *
 * A field that is an array meets a condition when one of its elements does. Values compare within their type:
 * strings by bytes, numbers as doubles. Metadata that is not a JSON object meets nothing. A condition is one
 * thread's at a time.
 */
#ifndef COGNATE_INDEX_METADATA_H
#define COGNATE_INDEX_METADATA_H

#include "index/index.h"

struct field_condition;

/* INVALID when the operator cannot take these values. The filter must outlive the condition. */
enum status field_condition_new(const struct filter *filter, struct field_condition **out, struct error *err);
void field_condition_free(struct field_condition *c); /* accepts NULL */
bool field_condition_met(struct field_condition *c, struct text metadata);

#endif
