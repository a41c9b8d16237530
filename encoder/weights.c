/* From the tensors of the file to the block that the forward pass reads.
 *
 * What is folded on the way costs nothing at run time:
 *
 *     (1) token type row 0 into the positions; 1/√head into the query weights and biases;
 *     (2) int8: a norm's weight and bias into the linear layer that reads its codes. The norm's z stands in
 *         the codes as z · spread, so W (γ z + β) + b = (W γ / spread) (z · spread) + (W β + b);.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder/dequant.h"
#include "encoder/model.h"

#define DISTANCE_BUCKETS 32

struct cursor {
    unsigned char *block; /* NULL: only measuring */
    size_t used;
};

static void *take(struct cursor *c, size_t count, size_t size)
{
    void *p = c->block == NULL ? NULL : c->block + c->used;
    c->used += padded(count * size, PAD);
    return p;
}

static void place_norm(const struct model *m, struct cursor *c, struct norm *n)
{
    n->width = m->config.hidden;
    n->stride = m->hidden;
    n->epsilon = m->config.epsilon;
    n->weight = take(c, n->stride, sizeof *n->weight);
    n->bias = take(c, n->stride, sizeof *n->bias);
    if (m->precision == PRECISION_INT8)
        n->spread = take(c, n->stride, sizeof *n->spread);
}

static void place_linear(const struct model *m, struct cursor *c, struct linear *w, size_t in, size_t out)
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

size_t model_place(struct model *m, unsigned char *block)
{
    const struct config *config = &m->config;
    struct cursor c = {block, 0};
    m->hidden = padded(config->hidden, PAD);
    m->head = padded(config->head_width, STRIPES);
    m->heads_width = padded(config->heads * m->head, PAD);
    m->feed_forward = padded(config->feed_forward, PAD);
    place_norm(m, &c, &m->embedding_norm);
    m->positions = take(&c, config->context * m->hidden, sizeof *m->positions);
    m->distances = padded(2 * config->context - 1 + STRIPES, STRIPES);
    m->relative = config->relative ? take(&c, config->heads * m->distances, sizeof *m->relative) : NULL;
    for (size_t i = 0; i < config->layers; i++) {
        struct layer *l = &m->layers[i];
        place_linear(m, &c, &l->qkv, m->hidden, 3 * m->heads_width);
        place_linear(m, &c, &l->output, m->heads_width, m->hidden);
        place_norm(m, &c, &l->attention_norm);
        place_linear(m, &c, &l->up, m->hidden, m->feed_forward);
        place_linear(m, &c, &l->down, m->feed_forward, m->hidden);
        place_norm(m, &c, &l->output_norm);
    }
    m->pooled = config->part_count * m->hidden;
    for (size_t i = 0, in = m->pooled; i < config->dense_count; i++) {
        struct dense *d = &m->dense[i];
        d->in = in;
        d->out = in = padded(config->dense[i].out, STRIPES);
        d->activation = config->dense[i].activation;
        d->weight = take(&c, d->in * d->out, sizeof *d->weight);
        d->bias = take(&c, d->out, sizeof *d->bias);
    }
    return c.used;
}

/* Values in groups of `width`, each group `step` from the last: heads in a padded row. */
struct grid {
    size_t width, step;
};

static size_t grid_at(struct grid g, size_t i)
{
    return i / g.width * g.step + i % g.width;
}

struct reader {
    struct model *m;
    float *row;    /* one row of any tensor */
    float *matrix; /* one linear layer, padded */
    struct error *err;
};

static enum status find(const struct reader *r, const char *name, size_t in, size_t out,
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

/* Row i of t to r->row. */
static enum status read_row(const struct reader *r, const struct gguf_tensor *t, size_t i)
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

/* `out` rows of tensor `name`, of `total` rows of `in` values, from row `from` on, times `factor`. */
static enum status read_matrix(const struct reader *r, const char *name, size_t from, size_t total, size_t in,
                               struct grid in_grid, size_t out, struct grid out_grid, float factor, float *to,
                               size_t stride)
{
    const struct gguf_tensor *t = NULL;
    enum status status = find(r, name, in, total, &t);
    for (size_t i = 0; status == STATUS_OK && i < out; i++) {
        float *row = to + grid_at(out_grid, i) * stride;
        status = read_row(r, t, from + i);
        for (size_t j = 0; status == STATUS_OK && j < in; j++)
            row[grid_at(in_grid, j)] = factor * r->row[j];
    }
    return status;
}

static enum status read_vector(const struct reader *r, const char *name, size_t from, size_t total, size_t n,
                               struct grid grid, float factor, float *to)
{
    const struct gguf_tensor *t = NULL;
    enum status status = find(r, name, total, 1, &t);
    if (status == STATUS_OK)
        status = read_row(r, t, 0);
    for (size_t i = 0; status == STATUS_OK && i < n; i++)
        to[grid_at(grid, i)] = factor * r->row[from + i];
    return status;
}

static enum status read_norm(const struct reader *r, const char *name, const struct norm *n)
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

static enum status read_positions(const struct reader *r)
{
    struct model *m = r->m;
    size_t hidden = m->config.hidden, context = m->config.context;
    const struct gguf_tensor *t = gguf_tensor(m->file, "position_embd.weight"), *types;
    struct grid plain = {hidden, m->hidden}, rows = {context, 0};
    if (t != NULL && t->dims[1] < context)
        return error_set(r->err, STATUS_CORRUPT,
                         "%s: position_embd.weight has %" PRIu64 " rows for a context of %zu",
                         gguf_path(m->file), t->dims[1], context);
    enum status status = read_matrix(r, "position_embd.weight", 0, t != NULL ? (size_t)t->dims[1] : context,
                                     hidden, plain, context, rows, 1, m->positions, m->hidden);
    types = gguf_tensor(m->file, "token_types.weight");
    if (status != STATUS_OK || types == NULL)
        return status;
    status = find(r, "token_types.weight", hidden, (size_t)types->dims[1], &types);
    if (status == STATUS_OK)
        status = read_row(r, types, 0);
    for (size_t i = 0; status == STATUS_OK && i < context; i++)
        for (size_t j = 0; j < hidden; j++)
            m->positions[i * m->hidden + j] += r->row[j];
    return status;
}

/* The bucket of a key `distance` rows behind the query, as MPNet and T5 count them: 16 for keys in front, 16
 * for keys behind; within 7 rows one each, then twice as many for each doubling, the last for all that is
 * further. */
static size_t bucket(long distance)
{
    size_t away = (size_t)labs(distance), place = away < 8 ? away : 8;
    while (away >= 8 && place < 15 &&
           away * away >= (size_t)128 << (place - 8)) /* away ≥ 8 · √2^(place - 7) */
        place++;
    return distance > 0 ? 16 + place : place;
}

static enum status read_relative(const struct reader *r)
{
    const struct model *m = r->m;
    size_t heads = m->config.heads, context = m->config.context;
    const struct gguf_tensor *t = NULL;
    if (!m->config.relative)
        return STATUS_OK;
    enum status status = find(r, "attn_rel_b.weight", heads, DISTANCE_BUCKETS, &t);
    for (size_t b = 0; status == STATUS_OK && b < DISTANCE_BUCKETS; b++) {
        status = read_row(r, t, b);
        for (size_t i = 0; status == STATUS_OK && i < 2 * context - 1; i++)
            for (size_t h = 0; bucket((long)i - (long)(context - 1)) == b && h < heads; h++)
                m->relative[h * m->distances + i] = r->row[h];
    }
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

/* Keeps the matrix just read, in the form of the precision. `before` is the norm whose codes the layer reads,
 * or NULL. */
static void finish_linear(const struct reader *r, const struct linear *w, const struct norm *before)
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

static enum status read_linear(const struct reader *r, const char *name, const struct linear *w, size_t in,
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

/* Queries, keys and values: three tensors, or one that holds them in this order. */
static enum status read_qkv(const struct reader *r, size_t layer, const struct norm *before)
{
    static const char *const parts[] = {"attn_q", "attn_k", "attn_v"};
    const struct model *m = r->m;
    const struct linear *w = &m->layers[layer].qkv;
    size_t hidden = m->config.hidden;
    struct grid heads = {m->config.head_width, m->head}, plain = {hidden, m->hidden};
    enum status status = STATUS_OK;
    char full[80];
    snprintf(full, sizeof full, "blk.%zu.attn_qkv.weight", layer);
    bool fused = gguf_tensor(m->file, full) != NULL;
    memset(r->matrix, 0, w->out * w->in * sizeof *r->matrix);
    for (size_t i = 0; status == STATUS_OK && i < 3; i++) {
        const char *part = fused ? "attn_qkv" : parts[i];
        size_t from = fused ? i * hidden : 0, total = fused ? 3 * hidden : hidden, at = i * m->heads_width;
        float factor = i == 0 ? 1 / sqrtf((float)m->config.head_width) : 1;
        snprintf(full, sizeof full, "blk.%zu.%s.weight", layer, part);
        status = read_matrix(r, full, from, total, hidden, plain, hidden, heads, factor,
                             r->matrix + at * w->in, w->in);
        snprintf(full, sizeof full, "blk.%zu.%s.bias", layer, part);
        if (status == STATUS_OK)
            status = read_vector(r, full, from, total, hidden, heads, factor, w->bias + at);
    }
    if (status == STATUS_OK)
        finish_linear(r, w, before);
    return status;
}

static enum status read_layer(const struct reader *r, size_t i)
{
    const struct model *m = r->m;
    const struct layer *l = &m->layers[i];
    size_t hidden = m->config.hidden, feed_forward = m->config.feed_forward;
    struct grid heads = {m->config.head_width, m->head}, plain = {hidden, m->hidden};
    char name[64];
    enum status status = read_qkv(r, i, i == 0 ? &m->embedding_norm : &m->layers[i - 1].output_norm);
    snprintf(name, sizeof name, "blk.%zu.attn_output_norm", i);
    if (status == STATUS_OK)
        status = read_norm(r, name, &l->attention_norm);
    snprintf(name, sizeof name, "blk.%zu.layer_output_norm", i);
    if (status == STATUS_OK)
        status = read_norm(r, name, &l->output_norm);
    snprintf(name, sizeof name, "blk.%zu.attn_output", i);
    if (status == STATUS_OK)
        status = read_linear(r, name, &l->output, hidden, heads, hidden, NULL);
    snprintf(name, sizeof name, "blk.%zu.ffn_up", i);
    if (status == STATUS_OK)
        status = read_linear(r, name, &l->up, hidden, plain, feed_forward, &l->attention_norm);
    snprintf(name, sizeof name, "blk.%zu.ffn_down", i);
    if (status == STATUS_OK)
        status = read_linear(r, name, &l->down, feed_forward, (struct grid){feed_forward, feed_forward},
                             hidden, NULL);
    return status;
}

/* Turned on its side: output i is column i. */
static enum status read_dense(const struct reader *r, size_t i)
{
    const struct model *m = r->m;
    const struct dense *d = &m->dense[i];
    size_t in = m->config.dense[i].in, out = m->config.dense[i].out;
    struct grid parts = i == 0 ? (struct grid){m->config.hidden, m->hidden} : (struct grid){in, in};
    char name[64];
    const struct gguf_tensor *t = NULL;
    snprintf(name, sizeof name, "cognate.dense.%zu.weight", i);
    enum status status = find(r, name, in, out, &t);
    for (size_t o = 0; status == STATUS_OK && o < out; o++) {
        status = read_row(r, t, o);
        for (size_t j = 0; status == STATUS_OK && j < in; j++)
            d->weight[grid_at(parts, j) * d->out + o] = r->row[j];
    }
    snprintf(name, sizeof name, "cognate.dense.%zu.bias", i);
    if (status == STATUS_OK)
        status = read_vector(r, name, 0, out, out, (struct grid){out, out}, 1, d->bias);
    return status;
}

enum status weights_read(struct model *m, struct error *err)
{
    const struct config *c = &m->config;
    struct reader r = {m, NULL, NULL, err};
    size_t widest = 3 * m->heads_width > m->feed_forward ? 3 * m->heads_width : m->feed_forward;
    size_t inner = m->hidden > m->heads_width ? m->hidden : m->heads_width, longest = widest;
    for (size_t i = 0; i < c->dense_count; i++) {
        longest = c->dense[i].in > longest ? c->dense[i].in : longest;
        longest = c->dense[i].out > longest ? c->dense[i].out : longest;
    }
    enum status status = STATUS_OK;
    r.row = malloc(longest * sizeof *r.row);
    r.matrix = malloc(widest * inner * sizeof *r.matrix);
    if (r.row == NULL || r.matrix == NULL) {
        status = error_memory(err, "reading the weights of a model");
        goto done;
    }
    status = read_norm(&r, "token_embd_norm", &m->embedding_norm);
    if (status == STATUS_OK)
        status = read_positions(&r);
    if (status == STATUS_OK)
        status = read_relative(&r);
    for (size_t i = 0; status == STATUS_OK && i < c->layers; i++)
        status = read_layer(&r, i);
    for (size_t i = 0; status == STATUS_OK && i < c->dense_count; i++)
        status = read_dense(&r, i);
done:
    free(r.row);
    free(r.matrix);
    return status;
}
