/* What is folded into the weights on the way costs nothing at run time. In int8, a norm's weight and bias go
 * into the linear layer that reads its codes. The norm's z stands in the codes as z · spread, so
 * W (γ z + β) + b = (W γ / spread) (z · spread) + (W β + b).
 */
#include "encoder/tensors.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder/dequant.h"

void *take(struct cursor *c, size_t count, size_t size)
{
    void *p = c->block == NULL ? NULL : c->block + c->used;
    c->used += padded(count * size, PAD);
    return p;
}

void place_norm(const struct model *m, struct cursor *c, struct norm *n, size_t width)
{
    n->width = width;
    n->stride = padded(width, PAD);
    n->epsilon = m->config.epsilon;
    n->weight = take(c, n->stride, sizeof *n->weight);
    n->bias = take(c, n->stride, sizeof *n->bias);
    if (m->precision == PRECISION_INT8)
        n->spread = take(c, n->stride, sizeof *n->spread);
}

void place_linear(const struct model *m, struct cursor *c, struct linear *w, size_t in, size_t out)
{
    w->in = in;
    w->out = out;
    w->bias = take(c, out, sizeof *w->bias);
    if (m->precision == PRECISION_F32) {
        w->weight = take(c, out * in, sizeof *w->weight);
        return;
    }
    w->scale = take(c, out, sizeof *w->scale);
    w->sum = take(c, out, sizeof *w->sum);
    w->panels = take(c, out * in, sizeof *w->panels);
}

void place_dense(struct cursor *c, struct dense *d, size_t in, size_t out, bool bias)
{
    d->in = in;
    d->out = padded(out, STRIPES);
    d->weight = take(c, d->in * d->out, sizeof *d->weight);
    if (bias)
        d->bias = take(c, d->out, sizeof *d->bias);
}

enum status tensor_reader_init(struct tensor_reader *r, struct model *m, size_t longest, size_t largest,
                               struct error *err)
{
    *r = (struct tensor_reader){.m = m, .err = err};
    r->row = malloc(longest * sizeof *r->row);
    r->matrix = malloc(largest * sizeof *r->matrix);
    return r->row != NULL && r->matrix != NULL ? STATUS_OK
                                               : error_memory(err, "reading the weights of a model");
}

void tensor_reader_release(struct tensor_reader *r)
{
    free(r->row);
    free(r->matrix);
}

enum status find_tensor(const struct tensor_reader *r, const char *name, size_t in, size_t out,
                        const struct gguf_tensor **tensor)
{
    const struct gguf_tensor *t = gguf_tensor(r->m->file, name);
    if (t == NULL)
        return error_set(r->err, STATUS_CORRUPT, "%s has no tensor %s, which an encoder of its kind needs",
                         gguf_path(r->m->file), name);
    if (t->dims[0] != in || t->dims[1] != out || t->dims[2] != 1 || t->dims[3] != 1)
        return error_set(r->err, STATUS_CORRUPT,
                         "%s: tensor %s has shape [%" PRIu64 ", %" PRIu64 ", %" PRIu64 ", %" PRIu64
                         "] where the sizes in the file ask for [%zu, %zu]",
                         gguf_path(r->m->file), name, t->dims[0], t->dims[1], t->dims[2], t->dims[3], in,
                         out);
    *tensor = t;
    return STATUS_OK;
}

enum status read_row(const struct tensor_reader *r, const struct gguf_tensor *t, size_t i)
{
    size_t n = (size_t)t->dims[0];
    size_t bytes = n / ggml_block_values(t->type) * ggml_block_bytes(t->type);
    dequantize(t->type, t->data + i * bytes, n, r->row);
    for (size_t j = 0; j < n; j++)
        if (!isfinite(r->row[j]))
            return error_set(r->err, STATUS_CORRUPT,
                             "%s is damaged: tensor %.*s holds a value that is not a number; fetch the file "
                             "again and compare its SHA-256",
                             gguf_path(r->m->file), (int)t->name.len, t->name.data);
    return STATUS_OK;
}

enum status read_matrix(const struct tensor_reader *r, const char *name, size_t from, size_t total, size_t in,
                        struct grid in_grid, size_t out, struct grid out_grid, float factor, float *to,
                        size_t stride)
{
    const struct gguf_tensor *t = NULL;
    enum status status = find_tensor(r, name, in, total, &t);
    for (size_t i = 0; status == STATUS_OK && i < out; i++) {
        float *row = to + grid_at(out_grid, i) * stride;
        status = read_row(r, t, from + i);
        for (size_t j = 0; status == STATUS_OK && j < in; j++)
            row[grid_at(in_grid, j)] = factor * r->row[j];
    }
    return status;
}

enum status read_vector(const struct tensor_reader *r, const char *name, size_t from, size_t total, size_t n,
                        struct grid grid, float factor, float *to)
{
    const struct gguf_tensor *t = NULL;
    enum status status = find_tensor(r, name, total, 1, &t);
    if (status == STATUS_OK)
        status = read_row(r, t, 0);
    for (size_t i = 0; status == STATUS_OK && i < n; i++)
        to[grid_at(grid, i)] = factor * r->row[from + i];
    return status;
}

enum status read_norm(const struct tensor_reader *r, const char *name, const struct norm *n)
{
    char full[80];
    struct grid plain = {n->width, n->stride};
    snprintf(full, sizeof full, "%s.weight", name);
    enum status status = read_vector(r, full, 0, n->width, n->width, plain, 1, n->weight);
    snprintf(full, sizeof full, "%s.bias", name);
    if (status == STATUS_OK)
        status = read_vector(r, full, 0, n->width, n->width, plain, 1, n->bias);
    for (size_t i = 0; status == STATUS_OK && r->m->precision == PRECISION_INT8 && i < n->width; i++)
        n->spread[i] = n->weight[i];
    return status;
}

static void fold_norm(const struct linear *w, float *matrix, const struct norm *n)
{
    for (size_t o = 0; o < w->out; o++) {
        float *row = matrix + o * w->in;
        double shift = 0;
        for (size_t j = 0; j < n->width; j++) {
            shift += (double)row[j] * n->bias[j];
            row[j] = n->spread[j] != 0 ? row[j] * (n->weight[j] / n->spread[j]) : 0;
        }
        w->bias[o] = (float)(w->bias[o] + shift);
    }
}

/* Rounds row `o` of `matrix` to bytes and puts them into their panel. */
static void pack_row(const struct linear *w, size_t o, const float *row)
{
    int8_t *panel = w->panels + o / PAD * PAD * w->in + 4 * (o % PAD);
    float top = 0;
    int32_t sum = 0;
    for (size_t j = 0; j < w->in; j++)
        top = fmaxf(top, fabsf(row[j]));
    float scale = top / 127, up = top >= 1e-30f ? 127 / top : 0;
    for (size_t j = 0; j < w->in; j++) {
        int value = (int)lrintf(row[j] * up);
        panel[j / 4 * 4 * PAD + j % 4] = (int8_t)value;
        sum += value;
    }
    w->scale[o] = up > 0 ? scale : 0;
    w->sum[o] = (float)sum;
}

void finish_linear(const struct tensor_reader *r, const struct linear *w, const struct norm *before)
{
    if (r->m->precision == PRECISION_F32) {
        memcpy(w->weight, r->matrix, w->out * w->in * sizeof *w->weight);
        return;
    }
    if (before != NULL)
        fold_norm(w, r->matrix, before);
    for (size_t o = 0; o < w->out; o++)
        pack_row(w, o, r->matrix + o * w->in);
}

enum status read_linear(const struct tensor_reader *r, const char *name, const struct linear *w, size_t in,
                        struct grid in_grid, size_t out, const struct norm *before)
{
    char full[80];
    struct grid plain = {out, w->out};
    memset(r->matrix, 0, w->out * w->in * sizeof *r->matrix);
    snprintf(full, sizeof full, "%s.weight", name);
    enum status status = read_matrix(r, full, 0, out, in, in_grid, out, plain, 1, r->matrix, w->in);
    snprintf(full, sizeof full, "%s.bias", name);
    if (status == STATUS_OK)
        status = read_vector(r, full, 0, out, out, plain, 1, w->bias);
    if (status == STATUS_OK)
        finish_linear(r, w, before);
    return status;
}

enum status read_dense(const struct tensor_reader *r, const char *name, const struct dense *d, size_t in,
                       struct grid in_grid, size_t out)
{
    char full[80];
    const struct gguf_tensor *t = NULL;
    snprintf(full, sizeof full, "%s.weight", name);
    enum status status = find_tensor(r, full, in, out, &t);
    for (size_t o = 0; status == STATUS_OK && o < out; o++) {
        status = read_row(r, t, o);
        for (size_t j = 0; status == STATUS_OK && j < in; j++)
            d->weight[grid_at(in_grid, j) * d->out + o] = r->row[j];
    }
    if (status != STATUS_OK || d->bias == NULL)
        return status;
    snprintf(full, sizeof full, "%s.bias", name);
    return read_vector(r, full, 0, out, out, (struct grid){out, out}, 1, d->bias);
}
