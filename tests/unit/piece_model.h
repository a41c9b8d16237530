/* Model files of nothing but pieces, for the tests of tokenizer/. */
#ifndef COGNATE_TESTS_PIECE_MODEL_H
#define COGNATE_TESTS_PIECE_MODEL_H

#include "unit.h"

#include <string.h>

#include "common/buf.h"
#include "tokenizer/tokenizer.h"

struct piece {
    const char *text;
    float score;
    int32_t type;
};

static void put(struct buf *b, const void *bytes, size_t n)
{
    assert_int_equal(buf_append(b, bytes, n, NULL), STATUS_OK);
}

static void number(struct buf *b, uint64_t value, size_t bytes)
{
    put(b, &value, bytes);
}

static void string(struct buf *b, const char *s)
{
    number(b, strlen(s), 8);
    put(b, s, strlen(s));
}

static void list(struct buf *b, const char *key, enum gguf_type type, uint64_t count)
{
    string(b, key);
    number(b, GGUF_ARRAY, 4);
    number(b, type, 4);
    number(b, count, 8);
}

/* A model file of nothing but these pieces. */
static inline struct gguf *model(struct buf *b, const struct piece *p, size_t count, size_t scores,
                                 const char *kind)
{
    struct gguf *opened = NULL;
    buf_init(b, 1 << 20);
    put(b, "GGUF", 4);
    number(b, 3, 4);
    number(b, 0, 8);
    number(b, 6, 8);
    string(b, "tokenizer.ggml.model");
    number(b, GGUF_STRING, 4);
    string(b, kind);
    string(b, "tokenizer.ggml.eos_token_id");
    number(b, GGUF_U32, 4);
    number(b, 1, 4);
    string(b, "tokenizer.ggml.add_eos_token");
    number(b, GGUF_BOOL, 4);
    number(b, 1, 1);
    list(b, "tokenizer.ggml.tokens", GGUF_STRING, count);
    for (size_t i = 0; i < count; i++)
        string(b, p[i].text);
    list(b, "tokenizer.ggml.scores", GGUF_F32, scores);
    for (size_t i = 0; i < scores; i++)
        put(b, &p[i].score, 4);
    list(b, "tokenizer.ggml.token_type", GGUF_I32, count);
    for (size_t i = 0; i < count; i++)
        number(b, (uint32_t)p[i].type, 4);
    assert_int_equal(gguf_open_bytes("small", b->data, b->len, &opened, NULL), STATUS_OK);
    return opened;
}

#endif
