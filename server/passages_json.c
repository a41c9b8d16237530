#include "server/passages_json.h"

#include <stdlib.h>
#include <string.h>

#include <nettle/base16.h>
#include <nettle/base64.h>

#include "server/handler.h"
#include "server/json_shape.h"
#include "server/vector_json.h"

#define MOST_PASSAGES 1000000

static const struct field passage_fields[] = {
    {.name = "start",
     .kind = FIELD_INTEGER,
     .required = true,
     .least = 0,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "First byte of the text."},
    {.name = "end",
     .kind = FIELD_INTEGER,
     .required = true,
     .least = 0,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "One past its last."},
    {.name = "tokens",
     .kind = FIELD_INTEGER,
     .required = true,
     .least = 0,
     .most = 1 << 24,
     .about = "Its tokens."},
    {.name = "lang",
     .kind = FIELD_TEXT,
     .most = PASSAGE_LANG_BYTES - 1,
     .about = "Its language, where it is another one than the document's; detected when absent."},
    {.name = "vector",
     .kind = FIELD_TEXT,
     .required = true,
     .least = 4,
     .most = 1 << 16,
     .about = "Base64 of little-endian float32, of length one."},
};
static const struct shape shape_passage = SHAPE("PassageVector", "A passage and its vector.", passage_fields);

static const struct field vectors_fields[] = {
    {.name = "space_id",
     .kind = FIELD_TEXT,
     .required = true,
     .least = 64,
     .most = 64,
     .about = "What made them: that of the collection they come from."},
    {.name = "passages",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .items = MOST_PASSAGES,
     .of = &shape_passage,
     .about = "In the order of the text."},
};
const struct shape shape_vectors = SHAPE("DocumentVectors", "The vectors of a document.", vectors_fields);

/* ---- reading ---- */

static enum status read_space(const json_t *vectors, unsigned char out[32], struct error *err)
{
    struct base16_decode_ctx context;
    struct text text = shape_text(vectors, "space_id");
    size_t n = 32;
    base16_decode_init(&context);
    if (!base16_decode_update(&context, &n, out, text.len, text.data) || n != 32 ||
        !base16_decode_final(&context))
        return error_field(err, STATUS_INVALID, "vectors.space_id", "space_id must be 64 hexadecimal digits");
    return STATUS_OK;
}

/* How many numbers the base64 of a vector holds; 0 when it is none. */
static size_t width_of(struct text base64)
{
    size_t n = base64.len;
    while (n > 0 && base64.data[n - 1] == '=')
        n--;
    return n * 3 / 4 % 4 == 0 ? n * 3 / 16 : 0;
}

static enum status read_vector(struct text base64, size_t width, float *out, struct error *err)
{
    struct base64_decode_ctx context;
    size_t n = BASE64_DECODE_LENGTH(base64.len);
    uint8_t *bytes = malloc(n + 1);
    if (bytes == NULL)
        return error_memory(err, "reading vectors");
    base64_decode_init(&context);
    bool good = width_of(base64) == width &&
                base64_decode_update(&context, &n, bytes, base64.len, base64.data) &&
                base64_decode_final(&context) && n == width * sizeof *out;
    for (size_t i = 0; i < width && good; i++) {
        uint32_t bits = (uint32_t)bytes[4 * i] | (uint32_t)bytes[4 * i + 1] << 8 |
                        (uint32_t)bytes[4 * i + 2] << 16 | (uint32_t)bytes[4 * i + 3] << 24;
        memcpy(&out[i], &bits, sizeof bits);
    }
    free(bytes);
    return good ? STATUS_OK
                : error_field(err, STATUS_INVALID, "vectors.passages",
                              "the vectors must be base64 of float32, all of one length");
}

enum status passages_read(const json_t *vectors, size_t extra, struct ingest_vectors **out, char **behind,
                          struct error *err)
{
    const json_t *list = shape_get(vectors, "passages"), *first = json_array_get(list, 0);
    size_t n = json_array_size(list), width = first != NULL ? width_of(shape_text(first, "vector")) : 0;
    size_t rows = n * sizeof(struct passage_row), floats = n * width * sizeof(float);
    struct ingest_vectors *v = malloc(sizeof *v + rows + floats + extra + 1);
    if (v == NULL)
        return error_memory(err, "reading vectors");
    struct passage_row *passages = (struct passage_row *)(v + 1);
    float *values = (float *)(passages + n);
    *v = (struct ingest_vectors){.width = (uint32_t)width, .passages = passages, .count = n};
    enum status status = read_space(vectors, v->space_id, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        const json_t *row = json_array_get(list, i);
        passages[i] = (struct passage_row){.start = (size_t)shape_integer(row, "start", 0),
                                           .end = (size_t)shape_integer(row, "end", 0),
                                           .tokens = (uint32_t)shape_integer(row, "tokens", 0),
                                           .vector = values + i * width};
        struct text lang = shape_text(row, "lang"); /* its shape has looked at its length */
        if (lang.len > 0)
            memcpy(passages[i].lang, lang.data, lang.len);
        status = read_vector(shape_text(row, "vector"), width, values + i * width, err);
    }
    if (status != STATUS_OK) {
        free(v);
        return status;
    }
    *behind = (char *)(values + n * width);
    *out = v;
    return STATUS_OK;
}

/* ---- writing ---- */

enum status passages_write(const unsigned char space_id[32], const struct passage_row *rows, size_t n,
                           size_t width, struct buf *out, struct error *err)
{
    const struct vector_format format = {.type = VECTOR_FLOAT, .base64 = true, .dimensions = width};
    char space[65];
    hex_text(space_id, 32, space);
    enum status status = buf_printf(out, err, "{\"space_id\":\"%s\",\"passages\":[", space);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        status = buf_printf(out, err, "%s{\"start\":%zu,\"end\":%zu,\"tokens\":%u,", i > 0 ? "," : "",
                            rows[i].start, rows[i].end, (unsigned)rows[i].tokens);
        if (status == STATUS_OK && rows[i].lang[0] != '\0')
            status = buf_printf(out, err, "\"lang\":\"%s\",", rows[i].lang);
        if (status == STATUS_OK)
            status = buf_printf(out, err, "\"vector\":");
        if (status == STATUS_OK)
            status = vector_write(rows[i].vector, &format, out, err);
        if (status == STATUS_OK)
            status = buf_append(out, "}", 1, err);
    }
    return status == STATUS_OK ? buf_append(out, "]}", 2, err) : status;
}
