/* A model file with its weights in other types.
 *
 *     if (requantize(file, GGML_Q8_0, NULL, 0, "model-q8.gguf", &err) != STATUS_OK) …
 *
 * Matrices of layers and the table of words take the type; a row that is no multiple of its block becomes
 * F16. Everything else is copied: norms, biases, positions, the heads behind the pooling, and every key but
 * general.file_type and the known answers, which are other ones now.
 */
#ifndef COGNATE_ENCODER_REQUANTIZE_H
#define COGNATE_ENCODER_REQUANTIZE_H

#include "common/gguf.h"

/* `answers`: the vectors of the file's known answers under the new weights; NULL leaves the answers out.
 * UNSUPPORTED for a type that is not written here (quantize.h), CORRUPT for a weight that is not finite. */
enum status requantize(const struct gguf *file, enum ggml_type type, const float *answers, size_t count,
                       const char *out_path, struct error *err);

#endif
