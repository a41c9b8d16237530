/* Does a model file work?
 *
 *     struct import_report report = {0};
 *     if (model_check("/models/new.gguf.a1b2c3", "a.gguf", &report, &err) != STATUS_OK) …
 *
 * Opens weights and tokenizer, embeds a text, and computes the known answers that the file holds.
 */
#ifndef COGNATE_IMPORT_MODEL_CHECK_H
#define COGNATE_IMPORT_MODEL_CHECK_H

#include "encoder/import/import.h"

/* Fills in everything but kind and notes. `name` stands in messages. CORRUPT when a known answer is missed by
 * more than int8 arithmetic explains. */
enum status model_check(const char *path, const char *name, struct import_report *report, struct error *err);

#endif
