/* The transformer. Its buffers in a pass:
 *
 *     tokens   | sequence 0 | sequence 1 | … |        rows of every buffer
 *     x        (rows, hidden)             the residual stream
 *     qkv      (rows, 3 · heads)          queries, keys, values; then the context in place of the queries
 *     inside   (BLOCK_ROWS, feed_forward) the inside of a feed-forward
 *     sum      (BLOCK_ROWS, hidden)       what a layer adds to x
 *
 * Only attention looks at other rows of its sequence. Everything between one attention and the next is done
 * block by block:
 *
 *     attention | block 0: output, norm, up, gelu, down, norm, queries of the next layer | block 1: … | …
 */
#include "encoder/pass.h"

#include <string.h>

#include "encoder/dequant.h"

static size_t pooled_stride(const struct model *m)
{
    size_t widest = m->pooled;
    for (size_t i = 0; i < m->config.dense_count; i++)
        widest = larger(widest, m->dense[i].out);
    return widest;
}

static size_t scratch_bytes(const struct model *m, size_t rows, size_t threads)
{
    size_t block = block_rows(rows);
    size_t floats =
        rows * m->hidden + (rows + STRIPES) * 3 * m->heads_width + block * (m->hidden + m->feed_forward) +
        threads * padded(attend_scratch(m->head, m->config.context), PAD) + 2 * PASS_TEXTS * pooled_stride(m);
    size_t bytes = floats * sizeof(float) + 16 * ARENA_ALIGN;
    if (m->precision == PRECISION_INT8)
        bytes += block * (larger(m->hidden, m->heads_width) + m->feed_forward +
                          (4 + threads * 2 * STRIPES) * sizeof(float));
    return bytes;
}

static void scratch_take(struct scratch *s, const struct model *m, size_t rows, size_t threads,
                         struct arena *arena)
{
    size_t block = block_rows(rows);
    *s = (struct scratch){.attention_size = padded(attend_scratch(m->head, m->config.context), PAD)};
    s->x = arena_take(arena, rows * m->hidden * sizeof *s->x);
    s->qkv =
        arena_take(arena, (rows + STRIPES) * 3 * m->heads_width * sizeof *s->qkv); /* attend_float reads on */
    s->sum = arena_take(arena, block * m->hidden * sizeof *s->sum);
    s->inside = arena_take(arena, block * m->feed_forward * sizeof *s->inside);
    s->attention = arena_take(arena, threads * s->attention_size * sizeof *s->attention);
    for (size_t i = 0; i < 2; i++)
        s->vectors[i] = arena_take(arena, PASS_TEXTS * pooled_stride(m) * sizeof *s->vectors[i]);
    s->out = s->vectors[m->config.dense_count % 2];
    if (m->precision == PRECISION_INT8) {
        take_codes(&s->narrow, block, larger(m->hidden, m->heads_width), arena);
        take_codes(&s->broad, block, m->feed_forward, arena);
        s->ranges = arena_take(arena, threads * block * 2 * STRIPES * sizeof *s->ranges);
    }
}

/* The first row of a sequence whose token is of the second type. */
static size_t second_type(const struct pass *p, size_t text)
{
    size_t r = p->starts[text] - p->starts[0], end = p->starts[text + 1] - p->starts[0];
    while (r < end && p->ids[r] != p->model->config.separator)
        r++;
    return r + 1;
}

/* Rows first … end - 1 of x: the word's row of the file, plus its position. */
static void look_up(const struct pass *p, struct range rows)
{
    const struct model *m = p->model;
    const struct gguf_tensor *t = m->words;
    size_t hidden = m->config.hidden, text = 0, second = p->rows;
    size_t bytes = hidden / ggml_block_values(t->type) * ggml_block_bytes(t->type);
    for (size_t r = rows.first; r < rows.end; r++) {
        bool another = r == rows.first;
        for (; p->starts[text + 1] - p->starts[0] <= r; another = true)
            text++;
        if (another && m->config.types > 1)
            second = second_type(p, text);
        float *x = p->scratch->x + r * m->hidden;
        size_t place = r - (p->starts[text] - p->starts[0]) + (r >= second ? m->config.context : 0);
        const float *position = m->positions + place * m->hidden;
        dequantize(t->type, t->data + (size_t)p->ids[r] * bytes, hidden, x);
        for (size_t j = 0; j < hidden; j++)
            x[j] += position[j];
        memset(x + hidden, 0, (m->hidden - hidden) * sizeof *x);
    }
}

static void attention(const struct worker *k)
{
    const struct pass *p = k->pass;
    const struct model *m = p->model;
    size_t heads = m->config.heads, stride = 3 * m->heads_width;
    struct range tasks;
    while (next_share(k, p->texts * heads, 1, &tasks))
        for (size_t task = tasks.first; task < tasks.end; task++) {
            size_t text = task / heads, from = p->starts[text] - p->starts[0];
            size_t n = p->starts[text + 1] - p->starts[text];
            float *qkv = p->scratch->qkv + from * stride + task % heads * m->head;
            int32_t *scratch = p->scratch->attention + k->turn->part * p->scratch->attention_size;
            if (m->relative == NULL)
                m->kernels->attend(qkv, stride, m->heads_width, m->head, n, scratch);
            else
                m->kernels->attend_float(qkv, stride, m->heads_width, m->head, n,
                                         m->relative + task % heads * m->distances + m->config.context - 1,
                                         scratch);
        }
}

/* x = norm(x + add) of a block, add lying in the block's own rows or NULL. */
static void norm(const struct worker *k, const struct block *b, const struct norm *w, const float *add,
                 const struct codes *codes)
{
    const struct model *m = k->pass->model;
    struct range rows;
    while (next_rows(k, b, &rows))
        m->kernels->norm(w, k->pass->scratch->x + b->first * m->hidden, add, rows.first, rows.end, codes);
}

/* Queries, keys and values of a block for layer i. */
static void ask(const struct worker *k, const struct block *b, size_t i)
{
    const struct scratch *s = k->pass->scratch;
    const struct linear *w = &k->pass->model->layers[i].qkv;
    linear_step(k, w, b->count, &s->narrow, s->x + b->first * w->in, w->in, s->qkv + b->first * w->out);
}

static void embed(const struct worker *k, const struct block *b)
{
    struct range rows;
    while (next_rows(k, b, &rows))
        look_up(k->pass, (struct range){b->first + rows.first, b->first + rows.end});
    norm(k, b, &k->pass->model->embedding_norm, NULL, is_int8(k) ? &k->pass->scratch->narrow : NULL);
}

/* All of a layer behind its attention. */
static void finish(const struct worker *k, const struct block *b, const struct layer *l, bool last)
{
    const struct scratch *s = k->pass->scratch;
    const struct kernels *kernels = k->pass->model->kernels;
    const struct codes *narrow = is_int8(k) ? &s->narrow : NULL, *broad = is_int8(k) ? &s->broad : NULL;
    const float *context = s->qkv + b->first * l->qkv.out;
    enum activation f = k->pass->model->config.activation;
    struct range rows;
    while (is_int8(k) && next_rows(k, b, &rows))
        kernels->quantize(context, l->qkv.out, l->output.in, rows.first, rows.end, NULL, narrow);
    linear_step(k, &l->output, b->count, narrow, context, l->qkv.out, s->sum);
    norm(k, b, &l->attention_norm, s->sum, narrow);
    if (is_int8(k))
        linear_coded_step(k, &l->up, b->count, narrow, f, s->ranges, s->inside, broad);
    else {
        linear_step(k, &l->up, b->count, NULL, s->x + b->first * l->up.in, l->up.in, s->inside);
        while (next_rows(k, b, &rows))
            kernels->activate(f, s->inside, l->up.out, l->up.out, rows.first, rows.end);
    }
    linear_step(k, &l->down, b->count, broad, s->inside, l->down.in, s->sum);
    norm(k, b, &l->output_norm, s->sum, last ? NULL : narrow);
}

static void pool(const struct worker *k, float *out)
{
    const struct pass *p = k->pass;
    const struct model *m = p->model;
    struct range columns;
    while (next_share(k, m->hidden, STRIPES, &columns))
        for (size_t t = 0; t < p->texts; t++)
            for (size_t i = 0; i < m->config.part_count; i++) {
                size_t from = p->starts[t] - p->starts[0];
                m->kernels->pool(m->config.parts[i], p->scratch->x + from * m->hidden + columns.first,
                                 m->hidden, p->starts[t + 1] - p->starts[t], columns.end - columns.first,
                                 out + t * m->pooled + i * m->hidden + columns.first);
            }
}

static void walk(const struct worker *k)
{
    const struct model *m = k->pass->model;
    const struct scratch *s = k->pass->scratch;
    size_t layers = m->config.layers;
    for (struct block b = {0}; next_block(k->pass, &b);) {
        embed(k, &b);
        ask(k, &b, 0);
    }
    for (size_t i = 0; i < layers; i++) {
        attention(k);
        for (struct block b = {0}; next_block(k->pass, &b);) {
            finish(k, &b, &m->layers[i], i + 1 == layers);
            if (i + 1 < layers)
                ask(k, &b, i + 1);
        }
    }
    pool(k, s->vectors[0]);
    for (size_t i = 0; i < m->config.dense_count; i++) {
        const struct dense *d = &m->dense[i];
        dense_step(k, d, s->vectors[i % 2], d->in, s->vectors[(i + 1) % 2], d->out);
    }
}

const struct architecture transformer = {.configure = transformer_configure,
                                         .place = transformer_place,
                                         .read = transformer_read,
                                         .scratch_bytes = scratch_bytes,
                                         .scratch_take = scratch_take,
                                         .walk = walk};
