/* The weights of a convolutional encoder: sizes from the file's keys and tensors, and the tensors into the
 * block that conv_encoder.c reads.
 *
 *     use-multilingual.context_length, .embedding_length, .convolution.width, .layer_norm_epsilon
 *     use-multilingual.convolution.orders      u32 array
 *     token_embd.weight                        I8 [embedding, words], bytes without a sign
 *     token_embd.scale, token_embd.least       F32 [tables]: word i is scale[i mod tables] · byte + least[…]
 *     project.weight, .bias, project_norm.*    [embedding, orders · width]
 *     conv.ORDER.LAYER.weight, .bias           [order · width, width], ORDER counting from 0, LAYER 0 and 1
 *     features_norm.*, sum.weight, .bias       [features, summed]
 *     residual.N.inside.weight, .out.weight    [in, inside], [in + inside, out]
 *
 * Widths are whole panels of the int8 product, or whole vectors behind the sum.
 */
#include <inttypes.h>
#include <stdio.h>

#include "encoder/architecture.h"
#include "encoder/tensors.h"

#define MAX_EMBEDDING 8192
#define MAX_WIDTH     1024
#define MAX_ORDER     15 /* tokens of a window: 15 · 1,024 codes, whose sum does not overflow */
#define MAX_TABLES    65536
#define MAX_CONTEXT   65536

static enum status refuse(const struct settings *s, const char *what)
{
    return error_set(s->err, STATUS_UNSUPPORTED, "%s: %s", gguf_path(s->file), what);
}

static enum status read_orders(const struct settings *s, struct conv_weights *w)
{
    struct gguf_array list;
    enum status status = gguf_array(s->file, "use-multilingual.convolution.orders", GGUF_U32, &list, s->err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (list.count == 0 || list.count > MAX_ORDERS)
        return refuse(s, "it has no convolutions, or of more than eight orders");
    w->order_count = (size_t)list.count;
    for (size_t i = 0; i < w->order_count; i++) {
        uint32_t order;
        memcpy(&order, list.data + i * sizeof order, sizeof order);
        if (order == 0 || order > MAX_ORDER)
            return refuse(s, "a convolution sees no token, or more than 15");
        w->orders[i] = order;
        w->gap = order / 2 > w->gap ? order / 2 : w->gap;
    }
    return STATUS_OK;
}

/* How many rows a tensor has whose rows have `in` values; 0 when there is no such tensor. */
static enum status outputs(const struct settings *s, const char *name, size_t in, size_t *out)
{
    const struct gguf_tensor *t = gguf_tensor(s->file, name);
    if (t == NULL)
        return STATUS_OK;
    if (t->dims[0] != in || t->dims[1] > MAX_EMBEDDING || t->dims[1] % STRIPES != 0)
        return error_set(s->err, STATUS_CORRUPT,
                         "%s: tensor %s takes %" PRIu64 " values and gives %" PRIu64
                         "; what goes in has %zu, and a multiple of 16 up to %d may come out",
                         gguf_path(s->file), name, t->dims[0], t->dims[1], in, MAX_EMBEDDING);
    *out = (size_t)t->dims[1];
    return STATUS_OK;
}

static enum status read_blocks(const struct settings *s, struct conv_weights *w)
{
    size_t in = w->summed;
    for (w->block_count = 0;; w->block_count++) {
        char name[64];
        size_t inside = 0, out = 0;
        snprintf(name, sizeof name, "residual.%zu.inside.weight", w->block_count);
        enum status status = outputs(s, name, in, &inside);
        if (status != STATUS_OK || inside == 0)
            return status;
        if (w->block_count == MAX_BLOCKS)
            return refuse(s, "more than four blocks follow the sum over the tokens");
        snprintf(name, sizeof name, "residual.%zu.out.weight", w->block_count);
        if ((status = outputs(s, name, in + inside, &out)) != STATUS_OK)
            return status;
        if (out == 0)
            return error_set(s->err, STATUS_CORRUPT,
                             "%s has no tensor %s, which an encoder of its kind needs", gguf_path(s->file),
                             name);
        w->insides[w->block_count] = inside;
        w->ends[w->block_count] = in = out;
    }
}

/* The scales of words, and that words are bytes. */
static enum status check_words(const struct settings *s, struct model *m)
{
    const struct gguf_tensor *t = gguf_tensor(s->file, "token_embd.scale");
    if (t == NULL || t->dims[0] > MAX_TABLES)
        return error_set(s->err, STATUS_CORRUPT,
                         "%s: tensor token_embd.scale is missing or has more than %d values",
                         gguf_path(s->file), MAX_TABLES);
    m->conv.tables = (size_t)t->dims[0];
    enum status status = settings_words(s, m, m->conv.embedding);
    if (status == STATUS_OK && m->words->type != GGML_I8)
        status = error_set(s->err, STATUS_UNSUPPORTED, "%s: tensor token_embd.weight is not of type I8",
                           gguf_path(s->file));
    return status;
}

enum status convolutional_configure(struct model *m, struct error *err)
{
    const struct settings s = {m->file, m->info.architecture, err};
    struct conv_weights *w = &m->conv;
    struct config *c = &m->config;
    size_t features;
    enum status status = settings_number(&s, "context_length", 2, MAX_CONTEXT, &c->context);
    if (status == STATUS_OK)
        status = settings_number(&s, "embedding_length", PAD, MAX_EMBEDDING, &w->embedding);
    if (status == STATUS_OK)
        status = settings_number(&s, "convolution.width", PAD, MAX_WIDTH, &w->width);
    if (status == STATUS_OK)
        status = settings_epsilon(&s, "layer_norm_epsilon", &c->epsilon);
    if (status == STATUS_OK)
        status = read_orders(&s, w);
    if (status == STATUS_OK && (w->embedding % PAD != 0 || w->width % PAD != 0))
        status = refuse(&s, "its embedding_length or convolution.width is not a multiple of 64");
    if (status == STATUS_OK)
        status = check_words(&s, m);
    if (status != STATUS_OK)
        return status;
    features = w->embedding + w->order_count * w->width;
    status = outputs(&s, "sum.weight", features, &w->summed);
    if (status == STATUS_OK && w->summed == 0)
        status =
            error_set(err, STATUS_CORRUPT, "%s has no tensor sum.weight, which an encoder of its kind needs",
                      gguf_path(m->file));
    if (status == STATUS_OK)
        status = read_blocks(&s, w);
    if (status != STATUS_OK)
        return status;
    c->hidden = features;
    c->part_count = 1;
    m->info.layers = 2;
    m->info.hidden = (uint32_t)features;
    m->info.feed_forward = (uint32_t)w->width;
    m->info.products = (uint64_t)w->embedding * w->order_count * w->width;
    for (size_t i = 0; i < w->order_count; i++)
        m->info.products += 2 * (uint64_t)w->orders[i] * w->width * w->width;
    m->info.context = (uint32_t)c->context;
    m->info.width = (uint32_t)(w->block_count > 0 ? w->ends[w->block_count - 1] : w->summed);
    return STATUS_OK;
}

size_t convolutional_place(struct model *m, unsigned char *block)
{
    struct conv_weights *w = &m->conv;
    struct cursor c = {block, 0};
    m->hidden = m->config.hidden;
    w->scale = take(&c, w->tables, sizeof *w->scale);
    w->least = take(&c, w->tables, sizeof *w->least);
    place_linear(m, &c, &w->project, w->embedding, w->order_count * w->width);
    place_norm(m, &c, &w->project_norm, w->order_count * w->width);
    for (size_t i = 0; i < w->order_count; i++)
        for (size_t j = 0; j < 2; j++)
            place_linear(m, &c, &w->convolutions[i][j], w->orders[i] * w->width, w->width);
    place_norm(m, &c, &w->norm, m->hidden);
    place_dense(&c, &w->sum, m->hidden, w->summed, true);
    m->out = w->summed;
    for (size_t i = 0; i < w->block_count; i++) {
        place_dense(&c, &w->blocks[i].inside, m->out, w->insides[i], false);
        place_dense(&c, &w->blocks[i].out, m->out + w->insides[i], w->ends[i], false);
        w->blocks[i].inside.activation = ACTIVATION_RELU;
        w->blocks[i].out.activation = i + 1 == w->block_count ? ACTIVATION_TANH : ACTIVATION_RELU;
        m->out = w->ends[i];
    }
    return c.used;
}

static struct grid plain(size_t width)
{
    return (struct grid){width, width};
}

static enum status read_convolutions(const struct tensor_reader *r)
{
    const struct conv_weights *w = &r->m->conv;
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < 2 * w->order_count; i++) {
        const struct linear *l = &w->convolutions[i / 2][i % 2];
        char name[32];
        snprintf(name, sizeof name, "conv.%zu.%zu", i / 2, i % 2);
        status = read_linear(r, name, l, l->in, plain(l->in), l->out, NULL);
    }
    return status;
}

static enum status read_residual(const struct tensor_reader *r, size_t i, const char *part,
                                 const struct dense *d)
{
    char name[64];
    snprintf(name, sizeof name, "residual.%zu.%s", i, part);
    return read_dense(r, name, d, d->in, plain(d->in), d->out);
}

static size_t largest(size_t a, size_t b)
{
    return a > b ? a : b;
}

static enum status start_reading(struct tensor_reader *r, struct model *m, struct error *err)
{
    const struct conv_weights *w = &m->conv;
    size_t longest = largest(m->hidden, w->tables), matrix = w->project.in * w->project.out;
    for (size_t i = 0; i < w->order_count; i++) {
        longest = largest(longest, w->orders[i] * w->width);
        matrix = largest(matrix, w->orders[i] * w->width * w->width);
    }
    for (size_t i = 0; i < w->block_count; i++)
        longest = largest(longest, w->blocks[i].out.in);
    return tensor_reader_init(r, m, longest, matrix, err);
}

enum status convolutional_read(struct model *m, struct error *err)
{
    const struct conv_weights *w = &m->conv;
    struct tensor_reader r;
    enum status status = start_reading(&r, m, err);
    if (status == STATUS_OK)
        status = read_vector(&r, "token_embd.scale", 0, w->tables, w->tables, plain(w->tables), 1, w->scale);
    if (status == STATUS_OK)
        status = read_vector(&r, "token_embd.least", 0, w->tables, w->tables, plain(w->tables), 1, w->least);
    if (status == STATUS_OK)
        status =
            read_linear(&r, "project", &w->project, w->embedding, plain(w->embedding), w->project.out, NULL);
    if (status == STATUS_OK)
        status = read_norm(&r, "project_norm", &w->project_norm);
    if (status == STATUS_OK)
        status = read_convolutions(&r);
    if (status == STATUS_OK)
        status = read_norm(&r, "features_norm", &w->norm);
    if (status == STATUS_OK)
        status = read_dense(&r, "sum", &w->sum, w->sum.in, plain(w->sum.in), w->summed);
    for (size_t i = 0; status == STATUS_OK && i < w->block_count; i++) {
        status = read_residual(&r, i, "inside", &w->blocks[i].inside);
        if (status == STATUS_OK)
            status = read_residual(&r, i, "out", &w->blocks[i].out);
    }
    tensor_reader_release(&r);
    return status;
}
