#include "tiny_model.h"

#include <math.h>
#include <unistd.h>

#include "encoder/encoder.h"
#include "encoder/quantize.h"
#include "encoder/requantize.h"

static char path[] = "/tmp/cognate-requantize-XXXXXX";

/* A tiny model whose rows are whole blocks, in the given type. */
static struct gguf *made(struct buf *bytes, enum ggml_type type, const float *answers, size_t count)
{
    struct tiny tiny = tiny_default;
    struct gguf *file = NULL, *out = NULL;
    struct error err = {0};
    tiny.hidden = 32;
    tiny.heads = 4;
    tiny.feed_forward = 40; /* no multiple of 32: such rows become F16 */
    tiny_write(&tiny, bytes);
    assert_int_equal(gguf_open_bytes("tiny", bytes->data, bytes->len, &file, NULL), STATUS_OK);
    if (requantize(file, type, answers, count, path, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    gguf_free(file);
    assert_int_equal(gguf_open(path, &out, NULL), STATUS_OK);
    return out;
}

static enum ggml_type type_of(const struct gguf *file, const char *name)
{
    const struct gguf_tensor *t = gguf_tensor(file, name);
    assert_non_null(t);
    return t->type;
}

static void weights_change_and_the_rest_stays(void **state)
{
    (void)state;
    static const enum ggml_type types[] = {GGML_Q8_0, GGML_Q4_0, GGML_F16};
    static const uint32_t numbers[] = {7, 2, 1};
    for (size_t i = 0; i < 3; i++) {
        struct buf bytes;
        struct gguf *source = NULL, *file = made(&bytes, types[i], NULL, 0);
        uint32_t number = 99;
        assert_int_equal(gguf_open_bytes("tiny", bytes.data, bytes.len, &source, NULL), STATUS_OK);
        assert_int_equal(gguf_tensor_count(file), gguf_tensor_count(source));
        assert_int_equal(type_of(file, "blk.0.attn_q.weight"), types[i]);
        assert_int_equal(type_of(file, "token_embd.weight"), types[i]);
        assert_int_equal(type_of(file, "blk.1.ffn_down.weight"), GGML_F16);
        static const char *const kept[] = {"blk.0.attn_q.bias", "blk.0.attn_output_norm.weight",
                                           "position_embd.weight", "token_types.weight",
                                           "cognate.dense.0.weight"};
        for (size_t j = 0; j < sizeof kept / sizeof *kept; j++) {
            const struct gguf_tensor *a = gguf_tensor(source, kept[j]), *b = gguf_tensor(file, kept[j]);
            assert_true(a != NULL && b != NULL && a->type == b->type && a->size == b->size);
            assert_memory_equal(a->data, b->data, a->size);
        }
        assert_int_equal(gguf_u32(file, "general.file_type", &number, NULL), STATUS_OK);
        assert_int_equal(number, numbers[i]);
        gguf_free(source);
        gguf_free(file);
        buf_release(&bytes);
    }
}

/* The vectors of a text stay near, and the space is another one. */
static void the_model_still_works(void **state)
{
    (void)state;
    struct buf bytes;
    float vectors[2][10];
    unsigned char spaces[2][32];
    const int32_t ids[] = {1, 4, 7, 2};
    const uint32_t starts[] = {0, 4};
    struct gguf *files[2] = {NULL, made(&bytes, GGML_Q8_0, NULL, 0)};
    assert_int_equal(gguf_open_bytes("tiny", bytes.data, bytes.len, &files[0], NULL), STATUS_OK);
    for (size_t i = 0; i < 2; i++) {
        struct model *m = NULL;
        struct embedder *e = NULL;
        struct model_options options = {.precision = PRECISION_INT8};
        assert_int_equal(model_open(files[i], &options, &m, NULL), STATUS_OK);
        assert_int_equal(embedder_new(m, 0, &e, NULL), STATUS_OK);
        assert_int_equal(embedder_embed(e, ids, starts, 1, vectors[i], NULL), STATUS_OK);
        model_space_id(files[i], &options, spaces[i]);
        embedder_free(e);
        model_free(m);
    }
    float cosine = 0;
    for (size_t i = 0; i < 10; i++)
        cosine += vectors[0][i] * vectors[1][i];
    assert_true(cosine > 0.999f);
    assert_memory_not_equal(spaces[0], spaces[1], 32);
    gguf_free(files[0]);
    gguf_free(files[1]);
    buf_release(&bytes);
}

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    struct tiny tiny = tiny_default;
    struct buf bytes;
    struct gguf *file = NULL;
    struct error err = {0};
    tiny.infinite = "token_embd.weight";
    tiny_write(&tiny, &bytes);
    assert_int_equal(gguf_open_bytes("tiny", bytes.data, bytes.len, &file, NULL), STATUS_OK);
    assert_int_equal(requantize(file, GGML_Q6_K, NULL, 0, path, &err), STATUS_UNSUPPORTED);
    err = (struct error){0};
    assert_int_equal(requantize(file, GGML_F16, NULL, 0, path, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "token_embd.weight"));
    gguf_free(file);
    buf_release(&bytes);
}

static int start(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_change_and_the_rest_stays),
        cmocka_unit_test(the_model_still_works),
        cmocka_unit_test(what_cannot_be_is_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
