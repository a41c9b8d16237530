/* A read-only view of a GGUF model file (versions 2 and 3, little-endian).
 *
 *     struct gguf *file = NULL;
 *     if (gguf_open("model.gguf", &file, &err) != STATUS_OK) …
 *     uint32_t layers;
 *     if (gguf_u32(file, "bert.block_count", &layers, &err) != STATUS_OK) …
 *     const struct gguf_tensor *t = gguf_tensor(file, "blk.0.attn_q.weight");
 *     gguf_free(file);
 *
 * Everything a view returns (texts, arrays, tensor bytes) is borrowed from the mapping and lives until
 * gguf_free. A file is checked once, when it is opened: every count, length, offset and product against the
 * true file size, tensors in range, aligned and not overlapping, no name twice. After that no accessor reads
 * outside the mapping. The file must not be overwritten in place while it is open (replace it by rename).
 *
 * Format: github.com/ggml-org/ggml, docs/gguf.md; block layouts from the same project's ggml-common.h.
 *
 *     "GGUF" | u32 version | u64 tensors | u64 pairs | pairs … | tensor infos … | padding | tensor data …
 */
#ifndef COGNATE_COMMON_GGUF_H
#define COGNATE_COMMON_GGUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

enum gguf_type {
    GGUF_U8 = 0,
    GGUF_I8 = 1,
    GGUF_U16 = 2,
    GGUF_I16 = 3,
    GGUF_U32 = 4,
    GGUF_I32 = 5,
    GGUF_F32 = 6,
    GGUF_BOOL = 7,
    GGUF_STRING = 8,
    GGUF_ARRAY = 9,
    GGUF_U64 = 10,
    GGUF_I64 = 11,
    GGUF_F64 = 12
};

/* Tensor element types this program knows the layout of; others make gguf_open fail by name. */
enum ggml_type {
    GGML_F32 = 0,
    GGML_F16 = 1,
    GGML_Q4_0 = 2,
    GGML_Q4_1 = 3,
    GGML_Q5_0 = 6,
    GGML_Q5_1 = 7,
    GGML_Q8_0 = 8,
    GGML_Q6_K = 14,
    GGML_I8 = 24, /* whole bytes */
    GGML_BF16 = 30
};

struct gguf_array {
    enum gguf_type type; /* of the elements; never GGUF_ARRAY */
    uint64_t count;
    const unsigned char *data; /* packed elements, unaligned; strings as u64 length + bytes */
    size_t size;               /* bytes of data */
};

struct gguf_tensor {
    struct text name;
    uint32_t dimensions; /* 1 to 4 */
    uint64_t dims[4];    /* dims[0] runs fastest: a Linear(in, out) weight is [in, out]; unused ones are 1 */
    enum ggml_type type;
    const unsigned char *data; /* unaligned by promise; file alignment is at least 8 */
    size_t size;               /* bytes */
};

struct gguf;

enum status gguf_open(const char *path, struct gguf **out, struct error *err);

/* As gguf_open on bytes in memory, which stay the caller's and must outlive the view. `name` is for messages.
 */
enum status gguf_open_bytes(const char *name, const void *bytes, size_t size, struct gguf **out,
                            struct error *err);
void gguf_free(struct gguf *file); /* accepts NULL */

const char *gguf_path(const struct gguf *file);  /* for messages */

/* Scalars: NOT_FOUND when the key is absent, CORRUPT when it has another type; *out is untouched then.
 * gguf_u32 takes every integer type whose value fits. */
bool gguf_has(const struct gguf *file, const char *key);
enum status gguf_u32(const struct gguf *file, const char *key, uint32_t *out, struct error *err);
enum status gguf_f32(const struct gguf *file, const char *key, float *out, struct error *err);
enum status gguf_bool(const struct gguf *file, const char *key, bool *out, struct error *err);
enum status gguf_text(const struct gguf *file, const char *key, struct text *out, struct error *err);

/* An array whose elements have type `type`. */
enum status gguf_array(const struct gguf *file, const char *key, enum gguf_type type, struct gguf_array *out,
                       struct error *err);

/* Walks an array of strings: start with *at = 0, call `count` times. */
struct text gguf_array_text(const struct gguf_array *array, size_t *at);

/* Key and value positions in file order, for listing and for digests: the raw bytes of pair i (key, type and
 * value). */
uint64_t gguf_pair_count(const struct gguf *file);
struct text gguf_pair(const struct gguf *file, uint64_t i, struct text *key);

uint64_t gguf_tensor_count(const struct gguf *file);
const struct gguf_tensor *gguf_tensor_at(const struct gguf *file, uint64_t i);    /* in file order */
const struct gguf_tensor *gguf_tensor(const struct gguf *file, const char *name); /* NULL when absent */

/* Bytes of one number of this type; 0 for strings, arrays and what is no type. */
size_t gguf_number_size(uint64_t type);

/* Values in a block and bytes of a block of a type. */
size_t ggml_block_values(enum ggml_type type);
size_t ggml_block_bytes(enum ggml_type type);

#endif
