/* A whole encoder of a few kilobytes, written to memory field by field, and ways to get one of its fields
 * wrong. */
#ifndef COGNATE_TESTS_TINY_MODEL_H
#define COGNATE_TESTS_TINY_MODEL_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "common/buf.h"
#include "common/gguf.h"

struct tiny {
    uint32_t layers, hidden, heads, feed_forward, context, positions, vocabulary, dense_out;
    const char *architecture, *pooling, *activation;
    bool fused, causal;
    const char *missing;   /* a tensor to leave out */
    const char *misshapen; /* a tensor to give one row more */
    const char *infinite;  /* a tensor whose first value is not a number */
    const char *extra;     /* a tensor too many */
};

static const struct tiny tiny_default = {.layers = 2,
                                         .hidden = 24,
                                         .heads = 3,
                                         .feed_forward = 40,
                                         .context = 20,
                                         .positions = 22,
                                         .vocabulary = 11,
                                         .dense_out = 10,
                                         .architecture = "bert",
                                         .pooling = "mean",
                                         .activation = "tanh"};

struct tiny_writer {
    const struct tiny *tiny;
    struct buf head, infos, data;
    uint64_t pairs, tensors;
    uint32_t state;
};

static inline void tiny_number(struct buf *b, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        assert_int_equal(buf_append(b, &byte, 1, NULL), STATUS_OK);
    }
}

static inline void tiny_string(struct buf *b, const char *s)
{
    tiny_number(b, strlen(s), 8);
    assert_int_equal(buf_append(b, s, strlen(s), NULL), STATUS_OK);
}

static inline void tiny_key(struct tiny_writer *w, const char *key, enum gguf_type type)
{
    tiny_string(&w->head, key);
    tiny_number(&w->head, type, 4);
    w->pairs++;
}

static inline void tiny_u32(struct tiny_writer *w, const char *key, uint32_t value)
{
    tiny_key(w, key, GGUF_U32);
    tiny_number(&w->head, value, 4);
}

static inline void tiny_text(struct tiny_writer *w, const char *key, const char *value)
{
    tiny_key(w, key, GGUF_STRING);
    tiny_string(&w->head, value);
}

static inline void tiny_tensor(struct tiny_writer *w, const char *name, uint64_t in, uint64_t out)
{
    const struct tiny *t = w->tiny;
    if (t->missing != NULL && strcmp(name, t->missing) == 0)
        return;
    if (t->misshapen != NULL && strcmp(name, t->misshapen) == 0)
        out++;
    tiny_string(&w->infos, name);
    tiny_number(&w->infos, 2, 4);
    tiny_number(&w->infos, in, 8);
    tiny_number(&w->infos, out, 8);
    tiny_number(&w->infos, GGML_F32, 4);
    tiny_number(&w->infos, w->data.len, 8);
    w->tensors++;
    bool norm = strstr(name, "norm.weight") != NULL;
    for (uint64_t i = 0; i < in * out; i++) {
        uint32_t bits;
        w->state = w->state * 1664525u + 1013904223u;
        float value = (float)(w->state >> 8) * 0x1p-24f - 0.5f + (norm ? 1.0f : 0.0f);
        if (i == 0 && t->infinite != NULL && strcmp(name, t->infinite) == 0)
            value = 1e38f * 1e38f;
        memcpy(&bits, &value, sizeof bits);
        tiny_number(&w->data, bits, 4);
    }
    while (w->data.len % 32 != 0)
        tiny_number(&w->data, 0, 1);
}

static inline void tiny_pair(struct tiny_writer *w, const char *name, uint64_t in, uint64_t out)
{
    char full[96];
    snprintf(full, sizeof full, "%s.weight", name);
    if (in > 0)
        tiny_tensor(w, full, in, out);
    else
        tiny_tensor(w, full, out, 1);
    snprintf(full, sizeof full, "%s.bias", name);
    tiny_tensor(w, full, out, 1);
}

static inline void tiny_layer(struct tiny_writer *w, uint32_t layer)
{
    const struct tiny *t = w->tiny;
    const struct {
        const char *name;
        uint64_t in, out;
    } parts[] = {{"attn_q", t->hidden, t->fused ? 0 : t->hidden},
                 {"attn_k", t->hidden, t->fused ? 0 : t->hidden},
                 {"attn_v", t->hidden, t->fused ? 0 : t->hidden},
                 {"attn_qkv", t->hidden, t->fused ? 3 * t->hidden : 0},
                 {"attn_output", t->hidden, t->hidden},
                 {"attn_output_norm", 0, t->hidden},
                 {"ffn_up", t->hidden, t->feed_forward},
                 {"ffn_down", t->feed_forward, t->hidden},
                 {"layer_output_norm", 0, t->hidden}};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char name[64];
        snprintf(name, sizeof name, "blk.%u.%s", layer, parts[i].name);
        if (parts[i].out > 0)
            tiny_pair(w, name, parts[i].in, parts[i].out);
    }
}

/* The file's bytes to `out`, which the caller releases. */
static inline void tiny_write(const struct tiny *t, struct buf *out)
{
    struct tiny_writer w = {.tiny = t, .state = 7};
    buf_init(&w.head, 1 << 20);
    buf_init(&w.infos, 1 << 20);
    buf_init(&w.data, 64 << 20);
    buf_init(out, 64 << 20);
    tiny_text(&w, "general.architecture", t->architecture);
    tiny_u32(&w, "bert.block_count", t->layers);
    tiny_u32(&w, "bert.embedding_length", t->hidden);
    tiny_u32(&w, "bert.attention.head_count", t->heads);
    tiny_u32(&w, "bert.feed_forward_length", t->feed_forward);
    tiny_u32(&w, "bert.context_length", t->context);
    tiny_key(&w, "bert.attention.layer_norm_epsilon", GGUF_F32);
    tiny_number(&w.head, 0x2b8cbccc, 4); /* 1e-12 */
    if (t->causal) {
        tiny_key(&w, "bert.attention.causal", GGUF_BOOL);
        tiny_number(&w.head, 1, 1);
    }
    tiny_key(&w, "cognate.pooling", GGUF_ARRAY);
    tiny_number(&w.head, GGUF_STRING, 4);
    tiny_number(&w.head, 2, 8);
    tiny_string(&w.head, t->pooling);
    tiny_string(&w.head, "max");
    tiny_text(&w, "cognate.dense.0.activation", t->activation);
    tiny_tensor(&w, "token_embd.weight", t->hidden, t->vocabulary);
    tiny_tensor(&w, "position_embd.weight", t->hidden, t->positions);
    tiny_tensor(&w, "token_types.weight", t->hidden, 2);
    tiny_pair(&w, "token_embd_norm", 0, t->hidden);
    for (uint32_t i = 0; i < t->layers; i++)
        tiny_layer(&w, i);
    if (t->dense_out > 0)
        tiny_pair(&w, "cognate.dense.0", 2 * (uint64_t)t->hidden, t->dense_out);
    if (t->extra != NULL)
        tiny_tensor(&w, t->extra, 1, 1);
    assert_int_equal(buf_append(out, "GGUF", 4, NULL), STATUS_OK);
    tiny_number(out, 3, 4);
    tiny_number(out, w.tensors, 8);
    tiny_number(out, w.pairs, 8);
    assert_int_equal(buf_append(out, w.head.data, w.head.len, NULL), STATUS_OK);
    assert_int_equal(buf_append(out, w.infos.data, w.infos.len, NULL), STATUS_OK);
    while (out->len % 32 != 0)
        tiny_number(out, 0, 1);
    assert_int_equal(buf_append(out, w.data.data, w.data.len, NULL), STATUS_OK);
    buf_release(&w.head);
    buf_release(&w.infos);
    buf_release(&w.data);
}

#endif
