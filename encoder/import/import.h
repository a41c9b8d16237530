/* Models of other programs as the one kind of file that this program runs.
 *
 *     struct import_report report;
 *     if (model_import("/downloads/model.gguf", "/models/new.gguf", &report, &err) != STATUS_OK) …
 *     printf("%s: %u numbers a vector\n", report.kind, report.width);
 *
 * What lies at the path is recognised by its content: a GGUF file is taken over byte for byte, a Hugging Face
 * folder (config.json, safetensors, a tokenizer) or the package of Universal Sentence Encoder Multilingual
 * (use_import.h) is put together as one file. The result is opened with its tokenizer, every weight is read
 * once, and known answers in the file are computed before it gets its name: `out_path` is either a model that
 * works or what it was before. What this program does not run is refused by its name (UNSUPPORTED), a damaged
 * file with the place (CORRUPT); nothing of it is ever executed.
 */
#ifndef COGNATE_IMPORT_H
#define COGNATE_IMPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"

struct import_report {
    const char *kind;      /* of what lay at the path: "GGUF file", "Hugging Face folder" */
    char architecture[32]; /* "bert" */
    bool scores;           /* a cross-encoder */
    uint32_t width;        /* numbers in a vector; 1 of a cross-encoder */
    uint32_t context;      /* tokens of the longest sequence */
    uint64_t bytes;        /* of the file written */
    uint32_t canaries;     /* known answers in it */
    double lowest;         /* the least cosine with one; 1 when there are none */
    char notes[1024];      /* a sentence that a user should know of the model; "" when nothing */
};

enum status model_import(const char *path, const char *out_path, struct import_report *report,
                         struct error *err);

#endif
