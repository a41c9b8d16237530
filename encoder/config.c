#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "encoder/architecture.h"

#define MAX_LAYERS       512
#define MAX_HIDDEN       8192
#define MAX_FEED_FORWARD 65536 /* 255 · 127 · 65,536 < 2³¹: an int8 sum never overflows */
#define MAX_CONTEXT      65536
#define LEAST_HEAD_WIDTH 8 /* heads are padded to 16: never more than twice their size */

static enum status refuse(const struct settings *r, enum status status, const char *what)
{
    return error_set(r->err, status,
                     "%s: %s; this program runs encoders of the GGUF architectures bert and mpnet",
                     gguf_path(r->file), what);
}

static enum status add_part(const struct settings *r, struct config *c, struct text name)
{
    static const char *const names[] = {"mean", "max", "cls", "last", "mean_sqrt", "weighted"};
    if (c->part_count == MAX_PARTS)
        return refuse(r, STATUS_UNSUPPORTED, "cognate.pooling has more than six parts");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (text_is(name, names[i])) {
            c->parts[c->part_count++] = (enum pooling)i;
            return STATUS_OK;
        }
    return error_set(r->err, STATUS_UNSUPPORTED,
                     "%s: unknown pooling \"%.*s\"; known: mean, max, cls, last, mean_sqrt, weighted",
                     gguf_path(r->file), (int)(name.len < 40 ? name.len : 40), name.data);
}

/* cognate.pooling where it stands, else the one llama.cpp wrote: 1 mean, 2 cls, 3 last. */
static enum status read_pooling(const struct settings *r, struct config *c)
{
    if (!gguf_has(r->file, "cognate.pooling")) {
        static const char *const names[] = {"none", "mean", "cls", "last", "rank"};
        size_t kind = 0;
        enum status status = settings_number(r, "pooling_type", 0, 4, &kind);
        return status == STATUS_OK ? add_part(r, c, text_of(names[kind])) : status;
    }
    struct gguf_array list;
    size_t at = 0;
    enum status status = gguf_array(r->file, "cognate.pooling", GGUF_STRING, &list, r->err);
    if (status == STATUS_OK && list.count == 0)
        status = refuse(r, STATUS_CORRUPT, "cognate.pooling is empty");
    for (uint64_t i = 0; status == STATUS_OK && i < list.count; i++)
        status = add_part(r, c, gguf_array_text(&list, &at));
    return status;
}

enum status settings_activation(const struct settings *r, const char *key, enum activation *out)
{
    static const struct {
        const char *name;
        enum activation activation;
    } known[] = {{"identity", ACTIVATION_NONE},
                 {"gelu", ACTIVATION_GELU},
                 {"gelu_tanh", ACTIVATION_GELU_TANH},
                 {"relu", ACTIVATION_RELU},
                 {"tanh", ACTIVATION_TANH}};
    struct text name;
    enum status status = gguf_text(r->file, key, &name, r->err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (text_is(name, known[i].name)) {
            *out = known[i].activation;
            return STATUS_OK;
        }
    return error_set(r->err, STATUS_UNSUPPORTED,
                     "%s: %s is \"%.*s\"; this program knows identity, gelu, gelu_tanh, relu and tanh",
                     gguf_path(r->file), key, (int)(name.len < 40 ? name.len : 40), name.data);
}

enum status settings_head(const struct settings *r, struct config *c, const char *name, bool *found)
{
    size_t n = c->dense_count, in = n > 0 ? c->dense[n - 1].out : c->hidden * c->part_count;
    char weight[64];
    snprintf(weight, sizeof weight, "%s.weight", name);
    const struct gguf_tensor *t = gguf_tensor(r->file, weight);
    *found = t != NULL;
    if (t == NULL)
        return STATUS_OK;
    if (n == MAX_HEADS)
        return refuse(r, STATUS_UNSUPPORTED, "more than four dense layers follow the pooling");
    if (t->dimensions > 2 || t->dims[0] != in || t->dims[1] > MAX_HIDDEN)
        return error_set(r->err, STATUS_CORRUPT,
                         "%s: tensor %s takes %" PRIu64 " values and gives %" PRIu64
                         "; what goes in has %zu and at most %d may come out",
                         gguf_path(r->file), weight, t->dims[0], t->dims[1], in, MAX_HIDDEN);
    snprintf(c->dense[n].name, sizeof c->dense[n].name, "%s", name);
    c->dense[n].in = in;
    c->dense[n].out = (size_t)t->dims[1];
    c->dense_count++;
    return STATUS_OK;
}

static enum status read_dense(const struct settings *r, struct config *c)
{
    enum status status = STATUS_OK;
    bool found = true;
    while (status == STATUS_OK && found) {
        char name[32], activation[64];
        size_t i = c->dense_count;
        snprintf(name, sizeof name, "cognate.dense.%zu", i);
        snprintf(activation, sizeof activation, "%s.activation", name);
        status = settings_head(r, c, name, &found);
        if (status == STATUS_OK && found)
            status = settings_activation(r, activation, &c->dense[i].activation);
    }
    return status;
}

/* Things that would run and give wrong vectors. */
static enum status check_kind(const struct settings *r)
{
    char name[160];
    bool causal = false;
    snprintf(name, sizeof name, "%.*s.attention.causal", (int)r->prefix.len, r->prefix.data);
    if (gguf_has(r->file, name)) {
        enum status status = gguf_bool(r->file, name, &causal, r->err);
        if (status != STATUS_OK)
            return status;
    }
    if (causal)
        return refuse(r, STATUS_UNSUPPORTED, "its attention is causal");
    if (gguf_tensor(r->file, "dense_2.weight") != NULL)
        return refuse(r, STATUS_UNSUPPORTED, "its dense layers do not say their activation (dense_2.weight)");
    return STATUS_OK;
}

enum status transformer_configure(struct model *m, struct error *err)
{
    const struct settings r = {m->file, m->info.architecture, err};
    struct config *c = &m->config;
    struct model_info *info = &m->info;
    const struct {
        const char *key;
        uint32_t least, most;
        size_t *out;
    } numbers[] = {{"block_count", 1, MAX_LAYERS, &c->layers},
                   {"embedding_length", 1, MAX_HIDDEN, &c->hidden},
                   {"attention.head_count", 1, MAX_HIDDEN, &c->heads},
                   {"feed_forward_length", 1, MAX_FEED_FORWARD, &c->feed_forward},
                   {"context_length", 2, MAX_CONTEXT, &c->context}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        enum status status =
            settings_number(&r, numbers[i].key, numbers[i].least, numbers[i].most, numbers[i].out);
        if (status != STATUS_OK)
            return status;
    }
    if (c->hidden % c->heads != 0 || c->hidden / c->heads < LEAST_HEAD_WIDTH)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s: width %zu does not divide into %zu heads of at least %d", gguf_path(m->file),
                         c->hidden, c->heads, LEAST_HEAD_WIDTH);
    c->head_width = c->hidden / c->heads;
    enum status status = settings_epsilon(&r, "attention.layer_norm_epsilon", &c->epsilon);
    if (status == STATUS_OK)
        status = check_kind(&r);
    c->relative = text_is(info->architecture, "mpnet");
    c->activation = ACTIVATION_GELU;
    if (status == STATUS_OK && gguf_has(m->file, "cognate.activation"))
        status = settings_activation(&r, "cognate.activation", &c->activation);
    if (status == STATUS_OK)
        status = settings_words(&r, m, c->hidden);
    c->types = 1;
    c->scores = gguf_tensor(m->file, "cls.output.weight") != NULL || gguf_tensor(m->file, "cls.weight") != NULL;
    if (status == STATUS_OK && c->scores)
        status = cross_encoder_configure(&r, c, info);
    if (status == STATUS_OK && !c->scores)
        status = read_pooling(&r, c);
    if (status == STATUS_OK && !c->scores)
        status = read_dense(&r, c);
    if (status != STATUS_OK)
        return status;
    m->layers = calloc(c->layers, sizeof *m->layers);
    if (m->layers == NULL)
        return error_memory(err, "reading the weights of a model");
    info->layers = (uint32_t)c->layers;
    info->hidden = (uint32_t)c->hidden;
    info->heads = (uint32_t)c->heads;
    info->feed_forward = (uint32_t)c->feed_forward;
    info->products = (uint64_t)c->layers * (4 * c->hidden * c->hidden + 2 * c->hidden * c->feed_forward);
    info->context = (uint32_t)c->context;
    info->width =
        (uint32_t)(c->dense_count > 0 ? c->dense[c->dense_count - 1].out : c->hidden * c->part_count);
    return STATUS_OK;
}
