#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "encoder/model.h"

#define MAX_LAYERS       512
#define MAX_HIDDEN       8192
#define MAX_FEED_FORWARD 65536 /* 255 · 127 · 65,536 < 2³¹: an int8 sum never overflows */
#define MAX_CONTEXT      65536
#define LEAST_HEAD_WIDTH 8 /* heads are padded to 16: never more than twice their size */

struct reader {
    const struct gguf *file;
    char prefix[64]; /* of the architecture's keys, "bert" */
    struct error *err;
};

static enum status refuse(struct reader *r, enum status status, const char *what)
{
    return error_set(r->err, status,
                     "%s: %s; this program runs encoders of the GGUF architectures bert and mpnet",
                     gguf_path(r->file), what);
}

static enum status number(struct reader *r, const char *key, uint32_t least, uint32_t most, size_t *out)
{
    char name[160];
    uint32_t value = 0;
    snprintf(name, sizeof name, "%s.%s", r->prefix, key);
    enum status status = gguf_u32(r->file, name, &value, r->err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (value < least || value > most)
        return error_set(r->err, STATUS_UNSUPPORTED,
                         "%s: %s is %" PRIu32 "; this program takes %" PRIu32 " to %" PRIu32,
                         gguf_path(r->file), name, value, least, most);
    *out = value;
    return STATUS_OK;
}

static enum status add_part(struct reader *r, struct config *c, struct text name)
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
static enum status read_pooling(struct reader *r, struct config *c)
{
    if (!gguf_has(r->file, "cognate.pooling")) {
        static const char *const names[] = {"none", "mean", "cls", "last", "rank"};
        size_t kind = 0;
        enum status status = number(r, "pooling_type", 0, 4, &kind);
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

static enum status read_activation(struct reader *r, const char *key, enum activation *out)
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

static enum status read_dense(struct reader *r, struct config *c)
{
    size_t in = c->hidden * c->part_count;
    for (c->dense_count = 0;; c->dense_count++) {
        char weight[64], activation[64];
        snprintf(weight, sizeof weight, "cognate.dense.%zu.weight", c->dense_count);
        snprintf(activation, sizeof activation, "cognate.dense.%zu.activation", c->dense_count);
        const struct gguf_tensor *t = gguf_tensor(r->file, weight);
        if (t == NULL)
            return STATUS_OK;
        if (c->dense_count == MAX_HEADS)
            return refuse(r, STATUS_UNSUPPORTED, "more than four dense layers follow the pooling");
        if (t->dimensions != 2 || t->dims[0] != in || t->dims[1] > MAX_HIDDEN)
            return error_set(r->err, STATUS_CORRUPT,
                             "%s: tensor %s takes %" PRIu64 " values and gives %" PRIu64
                             "; what goes in has %zu and at most %d may come out",
                             gguf_path(r->file), weight, t->dims[0], t->dims[1], in, MAX_HIDDEN);
        enum status status = read_activation(r, activation, &c->dense[c->dense_count].activation);
        if (status != STATUS_OK)
            return status;
        c->dense[c->dense_count].in = in;
        c->dense[c->dense_count].out = in = (size_t)t->dims[1];
    }
}

/* Things that would run and give wrong vectors. */
static enum status check_kind(struct reader *r)
{
    char name[160];
    bool causal = false;
    snprintf(name, sizeof name, "%s.attention.causal", r->prefix);
    if (gguf_has(r->file, name)) {
        enum status status = gguf_bool(r->file, name, &causal, r->err);
        if (status != STATUS_OK)
            return status;
    }
    if (causal)
        return refuse(r, STATUS_UNSUPPORTED, "its attention is causal");
    if (gguf_tensor(r->file, "cls.output.weight") != NULL || gguf_tensor(r->file, "cls.weight") != NULL)
        return refuse(r, STATUS_UNSUPPORTED, "it is a reranker, not an embedding model");
    if (gguf_tensor(r->file, "dense_2.weight") != NULL)
        return refuse(r, STATUS_UNSUPPORTED, "its dense layers do not say their activation (dense_2.weight)");
    return STATUS_OK;
}

static enum status read_curve(const struct gguf *file, const char *key, float out[2], struct error *err)
{
    struct gguf_array list;
    enum status status = gguf_array(file, key, GGUF_F32, &list, err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (list.count != 2)
        return error_set(err, STATUS_CORRUPT, "%s: %s does not have two numbers", gguf_path(file), key);
    memcpy(out, list.data, 2 * sizeof *out);
    return STATUS_OK;
}

/* Texts that a file may lack stay empty. */
static void optional_text(const struct gguf *file, const char *key, struct text *out)
{
    *out = (struct text){"", 0};
    gguf_text(file, key, out, NULL);
}

static enum status read_info(const struct gguf *file, struct model_info *info, struct error *err)
{
    optional_text(file, "general.name", &info->name);
    optional_text(file, "general.version", &info->version);
    optional_text(file, "general.license", &info->license);
    optional_text(file, "general.description", &info->description);
    optional_text(file, "cognate.prompt.query", &info->prompt_query);
    optional_text(file, "cognate.prompt.document", &info->prompt_document);
    info->has_relevance = gguf_has(file, "cognate.relevance");
    if (!info->has_relevance)
        return STATUS_OK;
    enum status status = read_curve(file, "cognate.relevance", info->relevance, err);
    if (status == STATUS_OK)
        status = read_curve(file, "cognate.relevance.symmetric", info->relevance_symmetric, err);
    return status;
}

enum status config_read(const struct gguf *file, struct config *c, struct model_info *info, struct error *err)
{
    struct reader r = {file, "", err};
    char epsilon[96];
    enum status status = gguf_text(file, "general.architecture", &info->architecture, err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    c->relative = text_is(info->architecture, "mpnet");
    if (!text_is(info->architecture, "bert") && !c->relative)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s has architecture \"%.*s\"; this program runs bert (BERT, XLM-R, RoBERTa and "
                         "DistilBERT convert to it) and mpnet",
                         gguf_path(file), (int)(info->architecture.len < 40 ? info->architecture.len : 40),
                         info->architecture.data);
    snprintf(r.prefix, sizeof r.prefix, "%.*s", (int)info->architecture.len, info->architecture.data);
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
        status = number(&r, numbers[i].key, numbers[i].least, numbers[i].most, numbers[i].out);
        if (status != STATUS_OK)
            return status;
    }
    if (c->hidden % c->heads != 0 || c->hidden / c->heads < LEAST_HEAD_WIDTH)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s: width %zu does not divide into %zu heads of at least %d", gguf_path(file),
                         c->hidden, c->heads, LEAST_HEAD_WIDTH);
    c->head_width = c->hidden / c->heads;
    snprintf(epsilon, sizeof epsilon, "%s.attention.layer_norm_epsilon", r.prefix);
    status = gguf_f32(file, epsilon, &c->epsilon, err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (!(c->epsilon >= 0 && c->epsilon < 1))
        return refuse(&r, STATUS_CORRUPT, "the layer norm's epsilon is not between 0 and 1");
    status = check_kind(&r);
    c->activation = ACTIVATION_GELU;
    if (status == STATUS_OK && gguf_has(file, "cognate.activation"))
        status = read_activation(&r, "cognate.activation", &c->activation);
    if (status == STATUS_OK)
        status = read_pooling(&r, c);
    if (status == STATUS_OK)
        status = read_dense(&r, c);
    if (status == STATUS_OK)
        status = read_info(file, info, err);
    if (status != STATUS_OK)
        return status;
    info->layers = (uint32_t)c->layers;
    info->hidden = (uint32_t)c->hidden;
    info->heads = (uint32_t)c->heads;
    info->feed_forward = (uint32_t)c->feed_forward;
    info->context = (uint32_t)c->context;
    info->width =
        (uint32_t)(c->dense_count > 0 ? c->dense[c->dense_count - 1].out : c->hidden * c->part_count);
    return STATUS_OK;
}
