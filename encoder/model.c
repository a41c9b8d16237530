#include "encoder/model.h"

#include <inttypes.h>
#include <stdlib.h>

#include "common/arena.h"
#include "encoder/selftest.h"

#define BLOCK_NAME    "int8-weights"
#define BLOCK_VERSION 2 /* raise with any change of what weights.c puts into the block */

static enum status read_canaries(struct model *m, struct error *err)
{
    uint64_t floats;
    if (!gguf_has(m->file, "cognate.canary.texts"))
        return STATUS_OK;
    enum status status = gguf_array(m->file, "cognate.canary.texts", GGUF_STRING, &m->canary_texts, err);
    if (status == STATUS_OK)
        status = gguf_array(m->file, "cognate.canary.vectors", GGUF_F32, &m->canary_vectors, err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    if (m->canary_texts.count > UINT32_MAX ||
        __builtin_mul_overflow(m->canary_texts.count, (uint64_t)m->info.width, &floats) ||
        floats != m->canary_vectors.count)
        return error_set(err, STATUS_CORRUPT,
                         "%s: cognate.canary.vectors does not hold %" PRIu32 " numbers for each text",
                         gguf_path(m->file), m->info.width);
    m->info.canaries = (uint32_t)m->canary_texts.count;
    return STATUS_OK;
}

static enum status find_words(struct model *m, struct error *err)
{
    m->words = gguf_tensor(m->file, "token_embd.weight");
    if (m->words == NULL || m->words->dims[0] != m->config.hidden || m->words->dims[1] > INT32_MAX ||
        m->words->dims[2] != 1 || m->words->dims[3] != 1)
        return error_set(err, STATUS_CORRUPT,
                         "%s: tensor token_embd.weight is missing or its rows are not %zu values wide",
                         gguf_path(m->file), m->config.hidden);
    m->config.vocabulary = (size_t)m->words->dims[1];
    m->info.vocabulary = (uint32_t)m->words->dims[1];
    return STATUS_OK;
}

/* Kept blocks are only ever read. */
static enum status load_block(struct model *m, const unsigned char *digest, struct error *err)
{
    size_t size = model_place(m, NULL);
    bool keep = digest != NULL && m->precision == PRECISION_INT8;
    if (keep && cache_open(&m->kept, digest, BLOCK_NAME, BLOCK_VERSION) && m->kept.size == size) {
        model_place(m, (unsigned char *)(uintptr_t)m->kept.data);
        return STATUS_OK;
    }
    cache_close(&m->kept);
    m->block = big_alloc(size);
    if (m->block == NULL)
        return error_memory(err, "reading the weights of a model");
    model_place(m, m->block);
    enum status status = weights_read(m, err);
    if (status == STATUS_OK && keep)
        cache_store(digest, BLOCK_NAME, BLOCK_VERSION, m->block, size);
    return status;
}

enum status model_open(const struct gguf *file, const struct model_options *options, struct model **out,
                       struct error *err)
{
    struct model *m = calloc(1, sizeof *m);
    if (m == NULL)
        return error_memory(err, "opening a model");
    m->file = file;
    m->precision = options->precision;
    m->isa = kernels_trusted(options->isa);
    m->kernels = kernels_for(m->isa);
    enum status status = config_read(file, &m->config, &m->info, err);
    if (status == STATUS_OK)
        status = find_words(m, err);
    if (status == STATUS_OK)
        status = read_canaries(m, err);
    if (status == STATUS_OK && m->precision == PRECISION_F32)
        status = blas_open("the precision f32", &m->sgemm, err);
    if (status != STATUS_OK)
        goto done;
    m->layers = calloc(m->config.layers, sizeof *m->layers);
    status = m->layers == NULL ? error_memory(err, "reading the weights of a model")
                               : load_block(m, options->digest, err);
done:
    if (status != STATUS_OK)
        model_free(m);
    else
        *out = m;
    return status;
}

void model_free(struct model *m)
{
    if (m == NULL)
        return;
    big_free(m->block);
    cache_close(&m->kept);
    free(m->layers);
    free(m);
}

const struct model_info *model_info(const struct model *m)
{
    return &m->info;
}

enum isa model_isa(const struct model *m)
{
    return m->isa;
}

enum precision model_precision(const struct model *m)
{
    return m->precision;
}

void model_canary(const struct model *m, uint32_t i, struct text *text, const unsigned char **vector)
{
    size_t at = 0;
    for (uint32_t j = 0; j <= i; j++)
        *text = gguf_array_text(&m->canary_texts, &at);
    *vector = m->canary_vectors.data + (size_t)i * m->info.width * sizeof(float);
}
