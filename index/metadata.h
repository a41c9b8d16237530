/* Fields of a document's metadata, looked up in its JSON text without building a tree; and conditions on
 * them.
 *
 *     struct metadata_reader *r = NULL;
 *     struct filter_value value;
 *     if (metadata_reader_new(&r, &err) == STATUS_OK && metadata_field(r, metadata, text_of("year")))
 *         while (metadata_value(r, &value))
 *             …                                                        // the elements of an array, or the
 * value metadata_reader_free(r);
 *
 *     struct field_condition *c = NULL;
 *     if (field_condition_new(filter, &c, &err) == STATUS_OK)          // filter->kind is FILTER_FIELD
 *         if (field_condition_met(c, metadata)) …
 *     field_condition_free(c);
 *
 * A field that is an array meets a condition when one of its elements does. Values compare within their type:
 * strings by bytes, numbers as doubles. Metadata that is not a JSON object meets nothing. A reader and a
 * condition are one thread's at a time.
 */
#ifndef COGNATE_INDEX_METADATA_H
#define COGNATE_INDEX_METADATA_H

#include "index/index.h"

struct metadata_reader;
struct field_condition;

enum status metadata_reader_new(struct metadata_reader **out, struct error *err);
void metadata_reader_free(struct metadata_reader *r); /* accepts NULL */

/* Whether an object has the field; then metadata_value gives its values. The text must stay until then. */
bool metadata_field(struct metadata_reader *r, struct text metadata, struct text field);

/* The next string, number, bool or null; objects and arrays inside are passed over. Its string is borrowed
 * until the next call. */
bool metadata_value(struct metadata_reader *r, struct filter_value *out);

/* INVALID when the operator cannot take these values. The filter must outlive the condition. */
enum status field_condition_new(const struct filter *filter, struct field_condition **out, struct error *err);
void field_condition_free(struct field_condition *c); /* accepts NULL */
bool field_condition_met(struct field_condition *c, struct text metadata);

#endif
