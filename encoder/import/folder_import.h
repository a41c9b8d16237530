/* A Hugging Face folder as one GGUF file.
 *
 *     struct import_report report = {0};
 *     if (folder_import("/models/bert", "/models/bert.gguf", &report, &err) != STATUS_OK) …
 *
 * Weights are copied as they are (f32, f16 or bf16); names and keys are those of llama.cpp where it has some.
 */
#ifndef COGNATE_IMPORT_FOLDER_IMPORT_H
#define COGNATE_IMPORT_FOLDER_IMPORT_H

#include "encoder/import/import.h"

/* As model_import, for a folder with a config.json. */
enum status folder_import(const char *folder, const char *out_path, struct import_report *report,
                          struct error *err);

#endif
