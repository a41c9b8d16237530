#include "encoder/model.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "encoder/architecture.h"
#include "encoder/selftest.h"

#define BLOCK_NAME    "int8-weights"
#define BLOCK_VERSION 2 /* raise with any change of what weights.c puts into the block */

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

/* Known answers are vectors, so a cross-encoder has none. */
static enum status read_canaries(struct model *m, struct error *err)
{
    uint64_t floats;
    if (m->info.scores || !gguf_has(m->file, "cognate.canary.texts"))
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

static enum status find_architecture(struct model *m, struct error *err)
{
    struct text name;
    enum status status = gguf_text(m->file, "general.architecture", &name, err);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_CORRUPT : status;
    m->info.architecture = name;
    m->architecture = architecture_named(name);
    if (m->architecture == NULL)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s has architecture \"%.*s\"; this program runs bert (BERT, XLM-R, RoBERTa and "
                         "DistilBERT convert to it), mpnet and use-multilingual",
                         gguf_path(m->file), (int)(name.len < 40 ? name.len : 40), name.data);
    return STATUS_OK;
}

/* Kept blocks are only ever read. */
static enum status load_block(struct model *m, const unsigned char *digest, struct error *err)
{
    size_t size = m->architecture->place(m, NULL);
    bool keep = digest != NULL && m->precision == PRECISION_INT8;
    if (keep && cache_open(&m->kept, digest, BLOCK_NAME, BLOCK_VERSION) && m->kept.size == size) {
        m->architecture->place(m, (unsigned char *)(uintptr_t)m->kept.data);
        return STATUS_OK;
    }
    cache_close(&m->kept);
    m->block = big_alloc(size);
    if (m->block == NULL)
        return error_memory(err, "reading the weights of a model");
    m->architecture->place(m, m->block);
    enum status status = m->architecture->read(m, err);
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
    enum status status = find_architecture(m, err);
    if (status == STATUS_OK)
        status = read_info(file, &m->info, err);
    if (status == STATUS_OK)
        status = m->architecture->configure(m, err);
    if (status == STATUS_OK)
        status = read_canaries(m, err);
    if (status == STATUS_OK && m->precision == PRECISION_F32)
        status = blas_open("the precision f32", &m->sgemm, err);
    if (status == STATUS_OK)
        status = load_block(m, options->digest, err);
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
