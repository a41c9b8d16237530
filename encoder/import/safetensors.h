/* A read-only view of the tensors in a model's folder: model.safetensors, or the files that
 * model.safetensors.index.json names.
 *
 *     struct safetensors *s = NULL;
 *     if (safetensors_open("/models/bert", "model.safetensors", &s, &err) != STATUS_OK) …
 *     const struct safetensor *t = safetensors_find(s, "embeddings.LayerNorm.weight");
 *     safetensors_free(s);
 *
 * A file is checked once, when it is opened: the tensors cover its data from the first byte to the last
 * without a gap or an overlap, each has the size that its shape and type ask for, and no name stands twice,
 * in all files together. Everything returned is borrowed and lives until safetensors_free.
 *
 * Format: github.com/huggingface/safetensors.
 *
 *     u64 length | JSON {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …} | data …
 */
#ifndef COGNATE_IMPORT_SAFETENSORS_H
#define COGNATE_IMPORT_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/gguf.h"
#include "common/status.h"

#define SAFETENSOR_DIMENSIONS 4 /* most of a tensor that is used; others are listed all the same */

struct safetensor {
    const char *name;
    const char *dtype; /* "F32" as it stands in the file */
    bool usable;       /* its type is F32, F16 or BF16 and it has one to four dimensions */
    enum ggml_type type;
    uint32_t dimensions;
    uint64_t shape[SAFETENSOR_DIMENSIONS]; /* outermost first; unused ones are 1 */
    const unsigned char *data;             /* unaligned */
    size_t size;                           /* bytes */
};

struct safetensors;

/* `name` is the file in `folder`; where it is missing, the files that NAME.index.json names. */
enum status safetensors_open(const char *folder, const char *name, struct safetensors **out,
                             struct error *err);

/* The same of one file in memory, which must outlive the view. */
enum status safetensors_open_bytes(const char *path, const void *bytes, size_t size, struct safetensors **out,
                                   struct error *err);
void safetensors_free(struct safetensors *s); /* accepts NULL */

size_t safetensors_count(const struct safetensors *s);
const struct safetensor *safetensors_at(const struct safetensors *s, size_t i); /* by name */
const struct safetensor *safetensors_find(const struct safetensors *s, const char *name);

#endif
