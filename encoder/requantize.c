#include "encoder/requantize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/gguf_write.h"
#include "encoder/dequant.h"
#include "encoder/quantize.h"

static bool begins(struct text text, const char *with)
{
    size_t n = strlen(with);
    return text.len >= n && memcmp(text.data, with, n) == 0;
}

static bool has(struct text text, const char *part)
{
    return memmem(text.data, text.len, part, strlen(part)) != NULL;
}

/* Whether a tensor is one of the large matrices, for which the type is meant. */
static bool is_matrix(const struct gguf_tensor *t)
{
    return t->dimensions == 2 && t->dims[0] > 1 && t->dims[1] > 1 && has(t->name, ".weight") &&
           !has(t->name, "norm") && !begins(t->name, "position_embd") && !begins(t->name, "token_types") &&
           !begins(t->name, "cognate.") && !begins(t->name, "cls");
}

static enum ggml_type type_of(const struct gguf_tensor *t, enum ggml_type wanted)
{
    if (!is_matrix(t))
        return t->type;
    return t->dims[0] % ggml_block_values(wanted) == 0 ? wanted : GGML_F16;
}

/* As llama.cpp numbers what a file is made of. */
static uint32_t file_type(enum ggml_type type)
{
    return type == GGML_F32 ? 0 : type == GGML_F16 ? 1 : type == GGML_Q4_0 ? 2 : 7;
}

static void put_keys(struct gguf_writer *w, const struct gguf *file, enum ggml_type type,
                     const float *answers, size_t count)
{
    for (uint64_t i = 0; i < gguf_pair_count(file); i++) {
        struct text key, pair = gguf_pair(file, i, &key);
        if (text_is(key, "general.file_type") || text_is(key, "cognate.canary.vectors") ||
            (text_is(key, "cognate.canary.texts") && answers == NULL))
            continue;
        gguf_put_pair(w, pair);
    }
    gguf_put_u32(w, "general.file_type", file_type(type));
    if (answers != NULL)
        gguf_put_array(w, "cognate.canary.vectors", GGUF_F32, answers, count);
}

static enum status announce(struct gguf_writer *w, const struct gguf_tensor *t, enum ggml_type type,
                            struct error *err)
{
    char *name = strndup(t->name.data, t->name.len);
    if (name == NULL)
        return error_memory(err, "writing a model");
    gguf_put_tensor(w, name, type, t->dimensions, t->dims);
    free(name);
    return STATUS_OK;
}

/* Row by row through floats. */
static enum status convert(struct gguf_writer *w, const struct gguf_tensor *t, enum ggml_type type,
                           struct error *err)
{
    size_t n = t->dims[0], rows = t->dims[1];
    size_t from = n / ggml_block_values(t->type) * ggml_block_bytes(t->type);
    size_t to = n / ggml_block_values(type) * ggml_block_bytes(type);
    float *row = malloc(n * sizeof *row);
    unsigned char *out = malloc(to);
    enum status status = row != NULL && out != NULL ? STATUS_OK : error_memory(err, "writing a model");
    for (size_t i = 0; i < rows && status == STATUS_OK && gguf_writer_works(w); i++) {
        dequantize(t->type, t->data + i * from, n, row);
        for (size_t j = 0; j < n && status == STATUS_OK; j++)
            if (!isfinite(row[j]))
                status = error_set(err, STATUS_CORRUPT, "the tensor %.*s has a value that is not a number",
                                   (int)t->name.len, t->name.data);
        if (status == STATUS_OK) {
            quantize(type, row, n, out);
            gguf_put_data(w, out, to);
        }
    }
    free(out);
    free(row);
    return status;
}

enum status requantize(const struct gguf *file, enum ggml_type type, const float *answers, size_t count,
                       const char *out_path, struct error *err)
{
    struct gguf_writer *w = NULL;
    if (!can_quantize(type))
        return error_set(err, STATUS_UNSUPPORTED,
                         "weights of that type are read and not written here; take q8_0, q4_0 or "
                         "f16");
    enum status status = gguf_writer_new(out_path, &w, err);
    if (status != STATUS_OK)
        return status;
    put_keys(w, file, type, answers, count);
    for (uint64_t i = 0; i < gguf_tensor_count(file) && status == STATUS_OK; i++) {
        const struct gguf_tensor *t = gguf_tensor_at(file, i);
        status = announce(w, t, type_of(t, type), err);
    }
    for (uint64_t i = 0; i < gguf_tensor_count(file) && status == STATUS_OK; i++) {
        const struct gguf_tensor *t = gguf_tensor_at(file, i);
        if (type_of(t, type) == t->type)
            gguf_put_data(w, t->data, t->size);
        else
            status = convert(w, t, type_of(t, type), err);
    }
    if (status == STATUS_OK)
        status = gguf_writer_finish(w, err);
    if (status == STATUS_OK)
        status = gguf_writer_commit(w, err);
    gguf_writer_free(w);
    return status;
}
