/* What the README.md in a model's folder says at its top.
 *
 *     ---
 *     license: apache-2.0
 *     language: [en, de]
 *     ---
 *
 *     char license[MODEL_CARD_VALUE];
 *     if (model_card_value("/models/bert", "license", license)) …
 */
#ifndef COGNATE_IMPORT_MODEL_CARD_H
#define COGNATE_IMPORT_MODEL_CARD_H

#include <stdbool.h>

#define MODEL_CARD_VALUE 128

/* The value of a key that stands on one line at the top level; false, and nothing written, when there is none
 * or it is longer than that, has control characters or is not UTF-8. */
bool model_card_value(const char *folder, const char *key, char out[MODEL_CARD_VALUE]);

#endif
