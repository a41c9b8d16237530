#include "server/embed_call.h"

#include <math.h>
#include <stdlib.h>

const char *const long_text_names[] = {"pool", "passages", "truncate", "error", NULL}; /* as enum long_text */

enum status embed_call_texts(struct embed_call *m, struct api_call *call, const json_t *input,
                             enum input_type type)
{
    enum status status = call_model(call, shape_text(call->body, "model"), &m->model);
    if (status == STATUS_OK)
        status = json_texts(input, &m->texts, &m->n, &call->err);
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
        embed_call_texts(m, call, shape_get(body, "input"), input_type_of(body, "input_type"));
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

enum status embed_call_run(struct embed_call *m, struct api_call *call)
{
    double start = clock_ms();
    struct embed_request request = {.texts = m->texts,
                                    .n = m->n,
                                    .input_type = m->input_type,
                                    .long_text = m->long_text,
                                    .bulk = m->n > EMBED_BULK,
                                    .deadline_ms = call->request->deadline_ms,
                                    .cancelled = call->request->cancelled};
    enum status status = engine_embed(call->engine, &request, &m->rows, &call->err);
    for (size_t i = 0; i < m->rows.rows && status == STATUS_OK; i++)
        vector_shorten(m->rows.vectors + i * m->rows.width, m->rows.width, m->format.dimensions);
    call->reply->encode_ms = clock_ms() - start;
    return status;
}

uint64_t embed_call_tokens(const struct embed_call *m)
{
    uint64_t tokens = 0;
    for (size_t i = 0; i < m->n; i++)
        tokens += m->rows.texts[i].tokens;
    return tokens;
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
    *m = (struct embed_call){0};
}

float embeddings_cosine(const struct embeddings *v, size_t a, size_t b)
{
    double dot = 0;
    for (size_t i = 0; i < v->width; i++)
        dot += (double)v->vectors[a * v->width + i] * v->vectors[b * v->width + i];
    return (float)fmax(-1, fmin(1, dot));
}
