/* The weights of a transformer, from the tensors of the file to the block that the forward pass reads. What
 * is folded on the way costs nothing at run time: token types into the positions, 1/√head into the query
 * weights and biases, and what tensors.c folds. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "encoder/architecture.h"
#include "encoder/tensors.h"

#define DISTANCE_BUCKETS 32

size_t transformer_place(struct model *m, unsigned char *block)
{
    const struct config *config = &m->config;
    struct cursor c = {block, 0};
    m->hidden = padded(config->hidden, PAD);
    m->head = padded(config->head_width, STRIPES);
    m->heads_width = padded(config->heads * m->head, PAD);
    m->feed_forward = padded(config->feed_forward, PAD);
    place_norm(m, &c, &m->embedding_norm, config->hidden);
    m->positions = take(&c, config->types * config->context * m->hidden, sizeof *m->positions);
    m->distances = padded(2 * config->context - 1 + STRIPES, STRIPES);
    bool floats = config->relative || (config->scores && m->precision == PRECISION_F32);
    m->relative = floats ? take(&c, config->heads * m->distances, sizeof *m->relative) : NULL;
    for (size_t i = 0; i < config->layers; i++) {
        struct layer *l = &m->layers[i];
        place_linear(m, &c, &l->qkv, m->hidden, 3 * m->heads_width);
        place_linear(m, &c, &l->output, m->heads_width, m->hidden);
        place_norm(m, &c, &l->attention_norm, config->hidden);
        place_linear(m, &c, &l->up, m->hidden, m->feed_forward);
        place_linear(m, &c, &l->down, m->feed_forward, m->hidden);
        place_norm(m, &c, &l->output_norm, config->hidden);
    }
    m->pooled = m->out = config->part_count * m->hidden;
    for (size_t i = 0; i < config->dense_count; i++) {
        place_dense(&c, &m->dense[i], m->out, config->dense[i].out, true);
        m->dense[i].activation = config->dense[i].activation;
        m->out = m->dense[i].out;
    }
    return c.used;
}

/* Adds row `type` of the token types to a copy of the positions. */
static enum status add_type(const struct tensor_reader *r, const struct gguf_tensor *types, size_t type)
{
    struct model *m = r->m;
    size_t table = m->config.context * m->hidden;
    float *to = m->positions + type * table;
    enum status status = read_row(r, types, type);
    for (size_t i = 0; status == STATUS_OK && i < m->config.context; i++)
        for (size_t j = 0; j < m->config.hidden; j++)
            to[i * m->hidden + j] = m->positions[i * m->hidden + j] + r->row[j];
    return status;
}

static enum status read_positions(const struct tensor_reader *r)
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
    status = find_tensor(r, "token_types.weight", hidden, (size_t)types->dims[1], &types);
    for (size_t type = m->config.types; status == STATUS_OK && type > 0; type--) /* the first one last: in place */
        status = add_type(r, types, type - 1);
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

static enum status read_relative(const struct tensor_reader *r)
{
    const struct model *m = r->m;
    size_t heads = m->config.heads, context = m->config.context;
    const struct gguf_tensor *t = NULL;
    if (!m->config.relative)
        return STATUS_OK;
    enum status status = find_tensor(r, "attn_rel_b.weight", heads, DISTANCE_BUCKETS, &t);
    for (size_t b = 0; status == STATUS_OK && b < DISTANCE_BUCKETS; b++) {
        status = read_row(r, t, b);
        for (size_t i = 0; status == STATUS_OK && i < 2 * context - 1; i++)
            for (size_t h = 0; bucket((long)i - (long)(context - 1)) == b && h < heads; h++)
                m->relative[h * m->distances + i] = r->row[h];
    }
    return status;
}

/* Queries, keys and values: three tensors, or one that holds them in this order. */
static enum status read_qkv(const struct tensor_reader *r, size_t layer, const struct norm *before)
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

static enum status read_layer(const struct tensor_reader *r, size_t i)
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

static enum status read_head(const struct tensor_reader *r, size_t i)
{
    const struct model *m = r->m;
    size_t in = m->config.dense[i].in, out = m->config.dense[i].out;
    struct grid parts = i == 0 ? (struct grid){m->config.hidden, m->hidden} : (struct grid){in, in};
    return read_dense(r, m->config.dense[i].name, &m->dense[i], in, parts, out);
}

enum status transformer_read(struct model *m, struct error *err)
{
    const struct config *c = &m->config;
    struct tensor_reader r;
    size_t widest = 3 * m->heads_width > m->feed_forward ? 3 * m->heads_width : m->feed_forward;
    size_t inner = m->hidden > m->heads_width ? m->hidden : m->heads_width, longest = widest;
    for (size_t i = 0; i < c->dense_count; i++) {
        longest = c->dense[i].in > longest ? c->dense[i].in : longest;
        longest = c->dense[i].out > longest ? c->dense[i].out : longest;
    }
    enum status status = tensor_reader_init(&r, m, longest, widest * inner, err);
    if (status == STATUS_OK)
        status = read_norm(&r, "token_embd_norm", &m->embedding_norm);
    if (status == STATUS_OK)
        status = read_positions(&r);
    if (status == STATUS_OK)
        status = read_relative(&r);
    for (size_t i = 0; status == STATUS_OK && i < c->layers; i++)
        status = read_layer(&r, i);
    for (size_t i = 0; status == STATUS_OK && i < c->dense_count; i++)
        status = read_head(&r, i);
    tensor_reader_release(&r);
    return status;
}
