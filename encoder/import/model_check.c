#include "encoder/import/model_check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "encoder/encoder.h"
#include "tokenizer/pair.h"

struct check {
    struct mapping mapping;
    struct gguf *file;
    struct tokenizer *tokenizer;
    struct model *model;
    struct embedder *embedder;
    struct encoding encoding;
    int32_t *ids;  /* (context) */
    float *vector; /* (width) */
};

static void release(struct check *c)
{
    free(c->vector);
    free(c->ids);
    encoding_release(&c->encoding);
    embedder_free(c->embedder);
    model_free(c->model);
    tokenizer_free(c->tokenizer);
    gguf_free(c->file);
    mapping_close(&c->mapping);
}

static enum status open_all(struct check *c, const char *path, const char *name, struct error *err)
{
    enum status status = mapping_open(&c->mapping, path, err);
    if (status == STATUS_OK)
        status = gguf_open_bytes(name, c->mapping.data, c->mapping.size, &c->file, err);
    if (status == STATUS_OK)
        status = model_open(c->file, &(struct model_options){.isa = cpu_best()}, &c->model, err);
    if (status == STATUS_OK)
        status = tokenizer_open(c->file, NULL, &c->tokenizer, err);
    if (status == STATUS_OK)
        status = embedder_new(c->model, 0, &c->embedder, err);
    if (status != STATUS_OK)
        return status;
    const struct model_info *info = model_info(c->model);
    if (tokenizer_size(c->tokenizer) > info->vocabulary)
        return error_set(err, STATUS_CORRUPT,
                         "%s: the tokenizer has %" PRIu32 " pieces and the embedding table %" PRIu32 " rows",
                         name, tokenizer_size(c->tokenizer), info->vocabulary);
    if (info->scores && tokenizer_end_id(c->tokenizer) < 0)
        return error_set(err, STATUS_CORRUPT,
                         "%s is a cross-encoder whose tokenizer has nothing to put between two texts", name);
    c->ids = calloc(info->context, sizeof *c->ids);
    c->vector = calloc(info->width, sizeof *c->vector);
    return c->ids != NULL && c->vector != NULL ? STATUS_OK : error_memory(err, "checking a model");
}

/* The ids of the text, which a cross-encoder gets as both of a pair. */
static uint32_t write_ids(const struct check *c)
{
    const struct model_info *info = model_info(c->model);
    int32_t start = tokenizer_start_id(c->tokenizer), end = tokenizer_end_id(c->tokenizer);
    uint32_t n = 0, most = info->context - (end >= 0);
    if (info->scores) {
        size_t room = info->context - pair_specials(c->tokenizer, info->separators);
        struct pair pair = pair_fit(c->encoding.count, c->encoding.count, room);
        return (uint32_t)pair_write(&pair, c->tokenizer, info->separators, &c->encoding, &c->encoding, c->ids);
    }
    if (start >= 0)
        c->ids[n++] = start;
    for (size_t i = 0; i < c->encoding.count && n < most; i++)
        c->ids[n++] = c->encoding.tokens[i].id;
    if (end >= 0)
        c->ids[n++] = end;
    return n;
}

static enum status embed(struct check *c, struct text text, struct error *err)
{
    enum status status =
        tokenizer_encode(c->tokenizer, &c->encoding, model_info(c->model)->prompt_query, text, err);
    if (status != STATUS_OK)
        return status;
    uint32_t starts[] = {0, write_ids(c)};
    return starts[1] == 0 ? STATUS_OK : embedder_embed(c->embedder, c->ids, starts, 1, c->vector, err);
}

/* Of the vector just computed with a known one of any length. */
static double cosine(const struct check *c, const unsigned char *known)
{
    double dot = 0, squares = 0;
    for (size_t i = 0; i < model_info(c->model)->width; i++) {
        float value;
        memcpy(&value, known + i * sizeof value, sizeof value);
        dot += (double)value * c->vector[i];
        squares += (double)value * value;
    }
    return dot / sqrt(squares);
}

static enum status answer(struct check *c, uint32_t i, double *lowest, struct error *err)
{
    struct text text;
    const unsigned char *known;
    model_canary(c->model, i, &text, &known);
    enum status status = embed(c, text, err);
    if (status != STATUS_OK)
        return status;
    double like = cosine(c, known);
    if (!(like >= MODEL_LEAST_COSINE))
        return error_set(err, STATUS_CORRUPT,
                         "%s misses known answer %" PRIu32 " in it: cosine %.4f, at least %.2f is asked for; "
                         "fetch the file again and compare its SHA-256",
                         gguf_path(c->file), i, like, MODEL_LEAST_COSINE);
    *lowest = fmin(*lowest, like);
    return STATUS_OK;
}

enum status model_check(const char *path, const char *name, struct import_report *report, struct error *err)
{
    struct check c = {0};
    double lowest = 1;
    uint32_t canaries = 0;
    enum status status = open_all(&c, path, name, err);
    if (status == STATUS_OK)
        status = embed(&c, text_of("One text in one language."), err);
    if (status == STATUS_OK)
        canaries = model_info(c.model)->canaries;
    for (uint32_t i = 0; status == STATUS_OK && i < canaries; i++)
        status = answer(&c, i, &lowest, err);
    if (status != STATUS_OK)
        goto done;
    const struct model_info *info = model_info(c.model);
    snprintf(report->architecture, sizeof report->architecture, "%.*s", (int)info->architecture.len,
             info->architecture.data);
    report->scores = info->scores;
    report->width = info->width;
    report->context = info->context;
    report->bytes = c.mapping.size;
    report->canaries = canaries;
    report->lowest = lowest;
done:
    release(&c);
    return status;
}
