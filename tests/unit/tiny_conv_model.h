/* A whole convolutional encoder of some hundred kilobytes in a file of its own, and ways to get one of its
 * fields wrong. */
#ifndef COGNATE_TESTS_TINY_CONV_MODEL_H
#define COGNATE_TESTS_TINY_CONV_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit.h"

#include "common/gguf_write.h"

struct tiny_conv {
    uint32_t embedding, width, context, vocabulary, tables, summed;
    uint32_t orders[9], order_count;
    uint32_t insides[5], ends[5], block_count;
    enum ggml_type words;
    const char *missing;   /* a tensor to leave out */
    const char *misshapen; /* a tensor to give one row more */
    const char *infinite;  /* a tensor whose first value is not a number */
};

static const struct tiny_conv tiny_conv_default = {.embedding = 64,
                                                   .width = 64,
                                                   .context = 150,
                                                   .vocabulary = 23,
                                                   .tables = 3,
                                                   .summed = 48,
                                                   .orders = {2, 5},
                                                   .order_count = 2,
                                                   .insides = {32, 16},
                                                   .ends = {16, 80},
                                                   .block_count = 2,
                                                   .words = GGML_I8};

struct tiny_conv_writer {
    const struct tiny_conv *tiny;
    struct gguf_writer *file;
    bool data; /* the second walk, which writes what the first announced */
    uint32_t state;
};

static inline void tiny_conv_tensor(struct tiny_conv_writer *w, const char *name, uint64_t in, uint64_t out,
                                    float range, float middle)
{
    const struct tiny_conv *t = w->tiny;
    if (t->missing != NULL && strcmp(name, t->missing) == 0)
        return;
    if (t->misshapen != NULL && strcmp(name, t->misshapen) == 0)
        out++;
    if (!w->data)
        gguf_put_tensor(w->file, name, GGML_F32, 2, (uint64_t[]){in, out});
    for (uint64_t i = 0; w->data && i < in * out; i++) {
        w->state = w->state * 1664525u + 1013904223u;
        float value = middle + range * ((float)(w->state >> 8) * 0x1p-23f - 1);
        if (i == 0 && t->infinite != NULL && strcmp(name, t->infinite) == 0)
            value = 1e38f * 1e38f;
        gguf_put_data(w->file, &value, sizeof value);
    }
}

static inline void tiny_conv_words(struct tiny_conv_writer *w)
{
    const struct tiny_conv *t = w->tiny;
    if (t->missing != NULL && strcmp("token_embd.weight", t->missing) == 0)
        return;
    if (!w->data)
        gguf_put_tensor(w->file, "token_embd.weight", t->words, 2, (uint64_t[]){t->embedding, t->vocabulary});
    for (size_t i = 0; w->data && i < (size_t)t->embedding * t->vocabulary; i++) {
        const unsigned char value[4] = {(unsigned char)(i * i * 7 + i / 64)};
        gguf_put_data(w->file, value, ggml_block_bytes(t->words));
    }
}

static inline void tiny_conv_layers(struct tiny_conv_writer *w)
{
    const struct tiny_conv *t = w->tiny;
    uint32_t branches = t->order_count * t->width, in = t->summed;
    char name[64];
    tiny_conv_words(w);
    tiny_conv_tensor(w, "token_embd.scale", t->tables, 1, 0.005f, 0.01f);
    tiny_conv_tensor(w, "token_embd.least", t->tables, 1, 0.1f, -1);
    tiny_conv_tensor(w, "project.weight", t->embedding, branches, 0.3f, 0);
    tiny_conv_tensor(w, "project.bias", branches, 1, 0.3f, 0);
    tiny_conv_tensor(w, "project_norm.weight", branches, 1, 0.3f, 1);
    tiny_conv_tensor(w, "project_norm.bias", branches, 1, 0.3f, 0);
    for (uint32_t i = 0; i < 2 * t->order_count; i++) {
        snprintf(name, sizeof name, "conv.%u.%u.weight", i / 2, i % 2);
        tiny_conv_tensor(w, name, (t->orders[i / 2] > 0 ? (uint64_t)t->orders[i / 2] : 1) * t->width,
                         t->width, 0.1f, 0);
        snprintf(name, sizeof name, "conv.%u.%u.bias", i / 2, i % 2);
        tiny_conv_tensor(w, name, t->width, 1, 0.3f, 0);
    }
    tiny_conv_tensor(w, "features_norm.weight", t->embedding + branches, 1, 0.3f, 1);
    tiny_conv_tensor(w, "features_norm.bias", t->embedding + branches, 1, 0.3f, 0);
    tiny_conv_tensor(w, "sum.weight", t->embedding + branches, t->summed, 0.2f, 0);
    tiny_conv_tensor(w, "sum.bias", t->summed, 1, 0.2f, 0);
    for (uint32_t i = 0; i < t->block_count; i++) {
        snprintf(name, sizeof name, "residual.%u.inside.weight", i);
        tiny_conv_tensor(w, name, in, t->insides[i], 0.3f, 0);
        snprintf(name, sizeof name, "residual.%u.out.weight", i);
        tiny_conv_tensor(w, name, in + t->insides[i], t->ends[i], 0.3f, 0);
        in = t->ends[i];
    }
}

/* A file that is open and has no name any more. */
static inline struct gguf *tiny_conv_open(const struct tiny_conv *t)
{
    char path[] = "/tmp/cognate-conv-XXXXXX";
    struct tiny_conv_writer w = {.tiny = t};
    struct gguf *file = NULL;
    struct error err = {0};
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(gguf_writer_new(path, &w.file, NULL), STATUS_OK);
    gguf_put_text(w.file, "general.architecture", text_of("use-multilingual"));
    gguf_put_u32(w.file, "use-multilingual.context_length", t->context);
    gguf_put_u32(w.file, "use-multilingual.embedding_length", t->embedding);
    gguf_put_u32(w.file, "use-multilingual.convolution.width", t->width);
    gguf_put_array(w.file, "use-multilingual.convolution.orders", GGUF_U32, t->orders, t->order_count);
    gguf_put_f32(w.file, "use-multilingual.layer_norm_epsilon", 1e-12f);
    tiny_conv_layers(&w);
    w.data = true;
    w.state = 5;
    tiny_conv_layers(&w);
    if (gguf_writer_finish(w.file, &err) != STATUS_OK || gguf_writer_commit(w.file, &err) != STATUS_OK ||
        gguf_open(path, &file, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    gguf_writer_free(w.file);
    assert_int_equal(unlink(path), 0);
    return file;
}

#endif
