/* Writes a GGUF model file (version 3) front to back.
 *
 *     struct gguf_writer *w = NULL;
 *     if (gguf_writer_new("model.gguf", &w, &err) != STATUS_OK) …
 *     gguf_put_text(w, "general.architecture", text_of("bert"));
 *     gguf_put_u32(w, "bert.block_count", 12);
 *     gguf_put_tensor(w, "token_embd.weight", GGML_F16, 2, (uint64_t[]){384, 250037});
 *     gguf_put_data(w, rows, n);                         // in pieces of any size
 *     if (gguf_writer_finish(w, &err) != STATUS_OK) …    // complete and on the disk, under a name of its own
 *     look at gguf_writer_path(w);
 *     if (gguf_writer_commit(w, &err) != STATUS_OK) …    // under its name
 *     gguf_writer_free(w);                               // what was not committed is removed
 *
 * All keys and tensors are announced before the first byte of data; the data then follow in the order of the
 * announcements. The put functions keep the first failure and do nothing after it; gguf_writer_finish tells
 * it. A key or tensor that comes twice, more or fewer data than announced: gguf_writer_finish says CORRUPT.
 */
#ifndef COGNATE_COMMON_GGUF_WRITE_H
#define COGNATE_COMMON_GGUF_WRITE_H

#include "common/gguf.h"

struct gguf_writer;

/* Creates a file beside `path`, which stays as it is until the commit. */
enum status gguf_writer_new(const char *path, struct gguf_writer **out, struct error *err);
void gguf_writer_free(struct gguf_writer *w); /* accepts NULL */

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t value);
void gguf_put_i32(struct gguf_writer *w, const char *key, int32_t value);
void gguf_put_f32(struct gguf_writer *w, const char *key, float value);
void gguf_put_bool(struct gguf_writer *w, const char *key, bool value);
void gguf_put_text(struct gguf_writer *w, const char *key, struct text value);

/* `count` packed elements of a number type, in the machine's order of bytes. */
void gguf_put_array(struct gguf_writer *w, const char *key, enum gguf_type type, const void *elements,
                    uint64_t count);
void gguf_put_texts(struct gguf_writer *w, const char *key, const struct text *texts, uint64_t count);

/* A pair of another file as it stands there (gguf_pair). */
void gguf_put_pair(struct gguf_writer *w, struct text raw);

/* Announces a tensor: `dimensions` (1 to 4) sizes, dims[0] running fastest. */
void gguf_put_tensor(struct gguf_writer *w, const char *name, enum ggml_type type, uint32_t dimensions,
                     const uint64_t *dims);

/* The next n bytes of the announced tensors; a piece never holds bytes of two tensors. */
void gguf_put_data(struct gguf_writer *w, const void *bytes, size_t n);

/* False once something failed, for a loop that need not go on. */
bool gguf_writer_works(const struct gguf_writer *w);

enum status gguf_writer_finish(struct gguf_writer *w, struct error *err);
const char *gguf_writer_path(const struct gguf_writer *w); /* of the file until the commit */
enum status gguf_writer_commit(struct gguf_writer *w, struct error *err);

#endif
