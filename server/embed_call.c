#include "server/embed_call.h"

#include <math.h>
#include <stdlib.h>

#include "common/utf8.h"
#include "server/token_text.h"

const char *const long_text_names[] = {"pool",           "passages", "truncate",
                                       "truncate_start", "error",    NULL}; /* as enum long_text */

/* The text that a text or the ids of one stand for; NULL with the error set. */
static json_t *decoded_text(struct embed_call *m, const char *field, json_t *item, struct buf *text,
                            struct error *err)
{
    if (json_is_string(item))
        return json_incref(item);
    if (token_source(m->model->tokenizer, item, field, text, err) != STATUS_OK)
        return NULL;
    json_t *decoded = text_json(buf_text(text));
    if (decoded == NULL)
        error_memory(err, "reading token ids");
    return decoded;
}

/* The input as a list of texts in m->decoded. */
static enum status decode(struct embed_call *m, const char *field, const json_t *input, struct error *err)
{
    bool one = json_is_ids(input);
    enum status status = STATUS_OK;
    struct buf text;
    m->decoded = json_array();
    buf_init(&text, ENGINE_DOCUMENT_BYTES);
    for (size_t i = 0; i < (one ? 1 : json_array_size(input)) && status == STATUS_OK; i++) {
        char at[FIELD_PATH];
        path_item(at, field, i);
        json_t *item = one ? (json_t *)(uintptr_t)input : json_array_get(input, i);
        json_t *decoded = decoded_text(m, one ? field : at, item, &text, err);
        if (decoded == NULL)
            status = err->status;
        else if (json_array_append_new(m->decoded, decoded) != 0)
            status = error_memory(err, "reading token ids");
    }
    buf_release(&text);
    return status;
}

static bool has_ids(const json_t *input)
{
    for (size_t i = 0; i < json_array_size(input); i++)
        if (!json_is_string(json_array_get(input, i)))
            return true;
    return false;
}

enum status embed_call_texts(struct embed_call *m, struct api_call *call, const char *field,
                             const json_t *input, enum input_type type)
{
    enum status status = call_model(call, shape_text(call->body, "model"), &m->model);
    if (status == STATUS_OK && has_ids(input))
        status = decode(m, field, input, &call->err);
    if (status == STATUS_OK)
        status = json_texts(m->decoded != NULL ? m->decoded : input, &m->texts, &m->n, &call->err);
    if (status != STATUS_OK)
        return status;
    m->input_type = type;
    m->format.dimensions = m->model->info->width;
    return STATUS_OK;
}

enum status embed_call_read(struct embed_call *m, struct api_call *call)
{
    const json_t *body = call->body;
    enum status status =
        embed_call_texts(m, call, "input", shape_get(body, "input"), input_type_of(body, "input_type"));
    if (status != STATUS_OK)
        return status;
    m->long_text = (enum long_text)shape_choice(body, "long_text", long_text_names, LONG_TEXT_POOL);
    m->format.base64 = shape_choice(body, "encoding_format", vector_encoding_names, 0) == 1;
    return embed_call_dimensions(m, call, "dimensions");
}

enum status embed_call_dimensions(struct embed_call *m, struct api_call *call, const char *name)
{
    size_t width = m->model->info->width;
    m->format.dimensions = (size_t)shape_integer(call->body, name, (long long)width);
    if (m->format.dimensions > width)
        return error_field(&call->err, STATUS_INVALID, name, "%s must be 1 to %zu, the width of %s", name,
                           width, m->model->name);
    return STATUS_OK;
}

uint64_t embed_call_tokens(const struct embed_call *m)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < m->n; i++)
        tokens += m->rows.texts[i].tokens;
    return tokens;
}

enum status embed_call_run(struct embed_call *m, struct api_call *call)
{
    double start = clock_ms();
    struct embed_request request = {.model = m->model,
                                    .texts = m->texts,
                                    .n = m->n,
                                    .input_type = m->input_type,
                                    .long_text = m->long_text,
                                    .bulk = m->n > EMBED_BULK,
                                    .raw = m->raw,
                                    .states = m->states,
                                    .deadline_ms = call->request->deadline_ms,
                                    .cancelled = call->request->cancelled};
    enum status status = engine_embed(call->engine, &request, &m->rows, &call->err);
    for (size_t i = 0; i < m->rows.rows && status == STATUS_OK && !m->raw; i++)
        vector_shorten(m->rows.vectors + i * m->rows.width, m->rows.width, m->format.dimensions);
    call->reply->encode_ms += clock_ms() - start;
    call->reply->tokens += status == STATUS_OK ? embed_call_tokens(m) : 0;
    for (size_t i = 0; i < m->n && status == STATUS_OK; i++)
        call->reply->characters += utf8_length(m->texts[i].data, m->texts[i].len);
    return status;
}

enum status embed_call_write(const struct embed_call *m, size_t row, struct buf *out, struct error *err)
{
    return vector_write(m->rows.vectors + row * m->rows.width, &m->format, out, err);
}

enum status embed_call_write_rows(const struct embed_call *m, struct buf *out, struct error *err)
{
    enum status status = buf_append(out, "[", 1, err);
    for (size_t i = 0; i < m->n && status == STATUS_OK; i++) {
        if (i > 0)
            status = buf_append(out, ",", 1, err);
        if (status == STATUS_OK)
            status = embed_call_write(m, m->rows.texts[i].first, out, err);
    }
    return status == STATUS_OK ? buf_append(out, "]", 1, err) : status;
}

void embed_call_release(struct embed_call *m)
{
    embeddings_release(&m->rows);
    free(m->texts);
    json_decref(m->decoded);
    *m = (struct embed_call){0};
}

float embeddings_cosine(const struct embeddings *v, size_t a, size_t b)
{
    double dot = 0;
    for (size_t i = 0; i < v->width; i++)
        dot += (double)v->vectors[a * v->width + i] * v->vectors[b * v->width + i];
    return (float)fmax(-1, fmin(1, dot));
}
