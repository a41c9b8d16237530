#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/gguf.h"

/* A small file written field by field: three keys and two tensors. */
static void number(struct buf *b, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        unsigned char byte = (unsigned char)(value >> 8 * i);
        assert_int_equal(buf_append(b, &byte, 1, NULL), STATUS_OK);
    }
}

static void string(struct buf *b, const char *s)
{
    number(b, strlen(s), 8);
    assert_int_equal(buf_append(b, s, strlen(s), NULL), STATUS_OK);
}

static void tensor(struct buf *b, const char *name, uint64_t x, uint64_t y, unsigned type, uint64_t offset)
{
    string(b, name);
    number(b, 2, 4);
    number(b, x, 8);
    number(b, y, 8);
    number(b, type, 4);
    number(b, offset, 8);
}

static void small_file(struct buf *b)
{
    buf_init(b, 1 << 20);
    assert_int_equal(buf_append(b, "GGUF", 4, NULL), STATUS_OK);
    number(b, 3, 4);
    number(b, 2, 8);
    number(b, 3, 8);
    string(b, "a.number");
    number(b, GGUF_U32, 4);
    number(b, 7, 4);
    string(b, "a.list");
    number(b, GGUF_ARRAY, 4);
    number(b, GGUF_STRING, 4);
    number(b, 2, 8);
    string(b, "one");
    string(b, "");
    string(b, "a.flag");
    number(b, GGUF_BOOL, 4);
    number(b, 1, 1);
    tensor(b, "x", 4, 2, GGML_F32, 0);
    tensor(b, "y", 32, 3, GGML_Q4_0, 32);
    while (b->len % 32 != 0)
        number(b, 0, 1);
    for (size_t i = 0; i < 32 + 54; i++)
        number(b, i, 1);
}

static void reads_a_small_file(void **state)
{
    (void)state;
    struct buf b;
    struct gguf *g = NULL;
    struct error err = {0};
    uint32_t value = 0;
    bool flag = false;
    struct text text;
    struct gguf_array list;
    small_file(&b);
    assert_int_equal(gguf_open_bytes("small", b.data, b.len, &g, &err), STATUS_OK);
    assert_int_equal(gguf_u32(g, "a.number", &value, NULL), STATUS_OK);
    assert_int_equal(value, 7);
    assert_int_equal(gguf_bool(g, "a.flag", &flag, NULL), STATUS_OK);
    assert_true(flag);
    assert_int_equal(gguf_text(g, "a.number", &text, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "a.number"));
    assert_int_equal(gguf_u32(g, "absent", &value, NULL), STATUS_NOT_FOUND);
    assert_int_equal(value, 7);
    assert_int_equal(gguf_array(g, "a.list", GGUF_STRING, &list, NULL), STATUS_OK);
    assert_int_equal(list.count, 2);
    size_t at = 0;
    assert_true(text_is(gguf_array_text(&list, &at), "one"));
    assert_true(text_is(gguf_array_text(&list, &at), ""));
    assert_int_equal(gguf_array(g, "a.list", GGUF_F32, &list, NULL), STATUS_CORRUPT);
    const struct gguf_tensor *x = gguf_tensor(g, "x"), *y = gguf_tensor(g, "y");
    assert_non_null(x);
    assert_int_equal(x->size, 32);
    assert_int_equal(x->data[1], 1);
    assert_int_equal(y->size, 54);
    assert_int_equal(y->data[0], 32);
    assert_int_equal(y->dims[1], 3);
    assert_null(gguf_tensor(g, "z"));
    gguf_free(g);
    buf_release(&b);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    struct buf b;
    small_file(&b);
    for (size_t n = 0; n < b.len; n++) {
        struct gguf *g = NULL;
        struct error err = {0};
        char *copy = malloc(n + 1); /* a copy of its own, so that a read behind the end is seen */
        memcpy(copy, b.data, n);
        assert_int_not_equal(gguf_open_bytes("cut", copy, n, &g, &err), STATUS_OK);
        assert_null(g);
        assert_true(err.text[0] != '\0');
        free(copy);
    }
    buf_release(&b);
}

static void survives_every_byte_changed(void **state)
{
    (void)state;
    static const unsigned char changes[] = {0x01, 0x80, 0xFF, 0x7F};
    struct buf b;
    small_file(&b);
    size_t refused = 0;
    for (size_t i = 0; i < b.len; i++)
        for (size_t j = 0; j < sizeof changes; j++) {
            struct gguf *g = NULL;
            b.data[i] ^= (char)changes[j];
            if (gguf_open_bytes("changed", b.data, b.len, &g, NULL) != STATUS_OK)
                refused++;
            for (uint64_t t = 0; g != NULL && t < gguf_tensor_count(g); t++) {
                const struct gguf_tensor *tensor_ = gguf_tensor_at(g, t);
                assert_true(tensor_->data >= (unsigned char *)b.data);
                assert_true(tensor_->data + tensor_->size <= (unsigned char *)b.data + b.len);
            }
            gguf_free(g);
            b.data[i] ^= (char)changes[j];
        }
    assert_true(refused > 300);
    buf_release(&b);
}

/* Replaces the 8 bytes of value `from` by `to` and expects the file to be refused with `words`. */
static void expect_refusal(uint64_t from, uint64_t to, const char *words)
{
    struct buf b;
    struct gguf *g = NULL;
    struct error err = {0};
    small_file(&b);
    size_t i = 24;
    for (; i + 8 <= b.len; i++)
        if (memcmp(b.data + i, &from, 8) == 0)
            break;
    assert_true(i + 8 <= b.len);
    memcpy(b.data + i, &to, 8);
    assert_int_not_equal(gguf_open_bytes("lying", b.data, b.len, &g, &err), STATUS_OK);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, err.text);
    buf_release(&b);
}

static void refuses_lying_sizes(void **state)
{
    (void)state;
    expect_refusal(3, UINT64_MAX, "longer than the file");         /* length of the string "one" */
    expect_refusal(32, UINT64_MAX / 2, "overflow");                /* a dimension */
    expect_refusal(32, (uint64_t)1 << 60, "larger than the file"); /* and one that fits in 64 bits */
    expect_refusal(32, 33, "whole blocks");
}

static void refuses_overlap_duplicates_and_unknown_types(void **state)
{
    (void)state;
    const struct {
        const char *name;
        unsigned type;
        uint64_t offset;
        const char *words;
    } cases[] = {{"y", GGML_Q4_0, 0, "overlap"},
                 {"x", GGML_Q4_0, 32, "one name"},
                 {"y", 19, 32, "element type"},
                 {"y", GGML_Q4_0, 33, "alignment"},
                 {"y", GGML_Q4_0, 64, "outside the file"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b;
        struct gguf *g = NULL;
        struct error err = {0};
        buf_init(&b, 1 << 20);
        assert_int_equal(buf_append(&b, "GGUF", 4, NULL), STATUS_OK);
        number(&b, 2, 4); /* version 2 has the same layout */
        number(&b, 2, 8);
        number(&b, 0, 8);
        tensor(&b, "x", 4, 2, GGML_F32, 0);
        tensor(&b, cases[i].name, 32, 3, cases[i].type, cases[i].offset);
        while (b.len % 32 != 0)
            number(&b, 0, 1);
        for (size_t j = 0; j < 32 + 54; j++)
            number(&b, j, 1);
        assert_int_not_equal(gguf_open_bytes("odd", b.data, b.len, &g, &err), STATUS_OK);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("expected \"%s\" in: %s", cases[i].words, err.text);
        buf_release(&b);
    }
}

static void opens_the_default_model(void **state)
{
    (void)state;
    struct gguf *g = NULL;
    struct error err = {0};
    const char *path = getenv("COGNATE_MODEL");
    if (path == NULL)
        skip();
    if (gguf_open(path, &g, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    uint32_t layers = 0;
    assert_int_equal(gguf_u32(g, "bert.block_count", &layers, NULL), STATUS_OK);
    assert_true(layers > 0);
    assert_non_null(gguf_tensor(g, "token_embd.weight"));
    gguf_free(g);
    assert_int_equal(gguf_open("/nonexistent.gguf", &g, &err), STATUS_NOT_FOUND);
    err = (struct error){0};
    assert_int_equal(gguf_open_bytes("text", "hello world, no model", 21, &g, &err), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_small_file),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(survives_every_byte_changed),
        cmocka_unit_test(refuses_lying_sizes),
        cmocka_unit_test(refuses_overlap_duplicates_and_unknown_types),
        cmocka_unit_test(opens_the_default_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
