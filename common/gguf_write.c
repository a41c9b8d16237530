/* Keys and tensor infos gather in memory, since their counts stand in front of them; the first byte of data
 * sends them to the file. */
#include "common/gguf_write.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/grow.h"

#define ALIGNMENT    32
#define MOST_HEADING ((size_t)1 << 30) /* bytes of keys, values and tensor infos */

struct gguf_writer {
    struct draft draft;
    struct buf pairs, infos;
    uint64_t pair_count;
    uint64_t *sizes; /* bytes of each tensor announced */
    size_t tensor_count, capacity;
    uint64_t offset;    /* of the tensor that is announced next */
    bool heading_done;  /* it is in the file */
    size_t tensor;      /* whose data come next */
    uint64_t written;   /* bytes of it */
    enum status status; /* the first failure */
    struct error err;
};

static void fail(struct gguf_writer *w, enum status status)
{
    if (w->status == STATUS_OK)
        w->status = status;
}

static void misuse(struct gguf_writer *w, const char *what)
{
    fail(w, error_set(&w->err, STATUS_CORRUPT, "%s: %s", w->draft.path, what));
}

bool gguf_writer_works(const struct gguf_writer *w)
{
    return w->status == STATUS_OK;
}

enum status gguf_writer_new(const char *path, struct gguf_writer **out, struct error *err)
{
    struct gguf_writer *w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_memory(err, "writing a model file");
    buf_init(&w->pairs, MOST_HEADING);
    buf_init(&w->infos, MOST_HEADING);
    enum status status = draft_open(&w->draft, path, err);
    if (status != STATUS_OK)
        gguf_writer_free(w);
    else
        *out = w;
    return status;
}

void gguf_writer_free(struct gguf_writer *w)
{
    if (w == NULL)
        return;
    draft_close(&w->draft);
    buf_release(&w->pairs);
    buf_release(&w->infos);
    free(w->sizes);
    free(w);
}

static void put(struct gguf_writer *w, struct buf *to, const void *bytes, size_t n)
{
    if (w->status == STATUS_OK && n > 0)
        fail(w, buf_append(to, bytes, n, &w->err));
}

static void number(struct gguf_writer *w, struct buf *to, uint64_t value, size_t size)
{
    unsigned char bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (unsigned char)(value >> 8 * i);
    put(w, to, bytes, size);
}

static void string(struct gguf_writer *w, struct buf *to, struct text value)
{
    number(w, to, value.len, 8);
    put(w, to, value.data, value.len);
}

static void begin_pair(struct gguf_writer *w, const char *key, enum gguf_type type)
{
    if (w->heading_done)
        misuse(w, "a key after the first data");
    string(w, &w->pairs, text_of(key));
    number(w, &w->pairs, type, 4);
    w->pair_count++;
}

void gguf_put_u32(struct gguf_writer *w, const char *key, uint32_t value)
{
    begin_pair(w, key, GGUF_U32);
    number(w, &w->pairs, value, 4);
}

void gguf_put_i32(struct gguf_writer *w, const char *key, int32_t value)
{
    begin_pair(w, key, GGUF_I32);
    number(w, &w->pairs, (uint32_t)value, 4);
}

void gguf_put_f32(struct gguf_writer *w, const char *key, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    begin_pair(w, key, GGUF_F32);
    number(w, &w->pairs, bits, 4);
}

void gguf_put_bool(struct gguf_writer *w, const char *key, bool value)
{
    begin_pair(w, key, GGUF_BOOL);
    number(w, &w->pairs, value, 1);
}

void gguf_put_text(struct gguf_writer *w, const char *key, struct text value)
{
    begin_pair(w, key, GGUF_STRING);
    string(w, &w->pairs, value);
}

static void begin_array(struct gguf_writer *w, const char *key, enum gguf_type type, uint64_t count)
{
    begin_pair(w, key, GGUF_ARRAY);
    number(w, &w->pairs, type, 4);
    number(w, &w->pairs, count, 8);
}

void gguf_put_array(struct gguf_writer *w, const char *key, enum gguf_type type, const void *elements,
                    uint64_t count)
{
    size_t bytes;
    if (gguf_number_size(type) == 0)
        misuse(w, "an array of something else than numbers");
    else if (__builtin_mul_overflow(count, gguf_number_size(type), &bytes))
        misuse(w, "an array without end");
    else {
        begin_array(w, key, type, count);
        put(w, &w->pairs, elements, bytes);
    }
}

void gguf_put_texts(struct gguf_writer *w, const char *key, const struct text *texts, uint64_t count)
{
    begin_array(w, key, GGUF_STRING, count);
    for (uint64_t i = 0; i < count; i++)
        string(w, &w->pairs, texts[i]);
}

void gguf_put_pair(struct gguf_writer *w, struct text raw)
{
    if (w->heading_done)
        misuse(w, "a key after the first data");
    put(w, &w->pairs, raw.data, raw.len);
    w->pair_count++;
}

void gguf_put_tensor(struct gguf_writer *w, const char *name, enum ggml_type type, uint32_t dimensions,
                     const uint64_t *dims)
{
    uint64_t values = 1, bytes = 0;
    uint64_t *sizes = grown(w->sizes, w->tensor_count, &w->capacity, sizeof *sizes);
    if (sizes == NULL) {
        fail(w, error_memory(&w->err, "writing a model file"));
        return;
    }
    w->sizes = sizes;
    bool fits = dimensions >= 1 && dimensions <= 4 && dims[0] % ggml_block_values(type) == 0;
    for (uint32_t i = 0; fits && i < dimensions; i++)
        fits = dims[i] > 0 && !__builtin_mul_overflow(values, dims[i], &values);
    fits = fits &&
           !__builtin_mul_overflow(values / ggml_block_values(type), ggml_block_bytes(type), &bytes) &&
           bytes <= INT64_MAX - w->offset - ALIGNMENT;
    if (!fits || w->heading_done) {
        misuse(w, fits ? "a tensor after the first data" : "a tensor of a shape that its type cannot have");
        return;
    }
    string(w, &w->infos, text_of(name));
    number(w, &w->infos, dimensions, 4);
    for (uint32_t i = 0; i < dimensions; i++)
        number(w, &w->infos, dims[i], 8);
    number(w, &w->infos, type, 4);
    number(w, &w->infos, w->offset, 8);
    w->sizes[w->tensor_count++] = bytes;
    w->offset = (w->offset + bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void send(struct gguf_writer *w, const void *bytes, size_t n)
{
    if (w->status == STATUS_OK)
        fail(w, draft_write(&w->draft, bytes, n, &w->err));
}

static void send_padding(struct gguf_writer *w, uint64_t behind)
{
    static const unsigned char zeros[ALIGNMENT];
    send(w, zeros, (size_t)((ALIGNMENT - behind % ALIGNMENT) % ALIGNMENT));
}

static void send_heading(struct gguf_writer *w)
{
    struct buf head;
    buf_init(&head, 64);
    put(w, &head, "GGUF", 4);
    number(w, &head, 3, 4);
    number(w, &head, w->tensor_count, 8);
    number(w, &head, w->pair_count, 8);
    send(w, head.data, head.len);
    send(w, w->pairs.data, w->pairs.len);
    send(w, w->infos.data, w->infos.len);
    send_padding(w, (uint64_t)head.len + w->pairs.len + w->infos.len);
    buf_release(&head);
    w->heading_done = true;
}

void gguf_put_data(struct gguf_writer *w, const void *bytes, size_t n)
{
    if (!w->heading_done)
        send_heading(w);
    if (w->tensor >= w->tensor_count || n > w->sizes[w->tensor] - w->written) {
        misuse(w, "more data than its tensors hold");
        return;
    }
    send(w, bytes, n);
    w->written += n;
    if (w->written == w->sizes[w->tensor]) {
        send_padding(w, w->written);
        w->tensor++;
        w->written = 0;
    }
}

enum status gguf_writer_finish(struct gguf_writer *w, struct error *err)
{
    struct gguf *file = NULL;
    if (!w->heading_done)
        send_heading(w);
    if (w->tensor < w->tensor_count)
        misuse(w, "fewer data than its tensors hold");
    if (w->status == STATUS_OK)
        w->status = draft_sync(&w->draft, &w->err);
    if (w->status == STATUS_OK) /* what cannot be read, a name that stands twice among it, is no result */
        w->status = gguf_open(w->draft.temporary, &file, &w->err);
    gguf_free(file);
    return w->status == STATUS_OK ? STATUS_OK : error_set(err, w->status, "%s", w->err.text);
}

const char *gguf_writer_path(const struct gguf_writer *w)
{
    return w->draft.temporary;
}

enum status gguf_writer_commit(struct gguf_writer *w, struct error *err)
{
    return draft_commit(&w->draft, err);
}
