#include "tiny_model.h"

#include "encoder/model.h"

/* Opens a tiny model and expects either success or a refusal with `words`. */
static void expect(const struct tiny *t, enum status status, const char *words)
{
    struct buf bytes;
    struct gguf *file = NULL;
    struct error err = {0};
    tiny_write(t, &bytes);
    if (gguf_open_bytes("tiny", bytes.data, bytes.len, &file, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    for (int precision = PRECISION_INT8; precision <= PRECISION_F32; precision++) {
        struct model *m = NULL;
        err = (struct error){0};
        enum status got = model_open(
            file, &(struct model_options){.precision = (enum precision)precision, .isa = cpu_best()}, &m,
            &err);
        if (got != status || (words != NULL && strstr(err.text, words) == NULL))
            fail_msg("expected \"%s\", got %s: %s", words, status_code(got), err.text);
        assert_true((m != NULL) == (status == STATUS_OK));
        model_free(m);
    }
    gguf_free(file);
    buf_release(&bytes);
}

static void takes_any_sizes(void **state)
{
    (void)state;
    struct tiny t = tiny_default;
    expect(&t, STATUS_OK, NULL);
    t.fused = true;
    expect(&t, STATUS_OK, NULL);
    t.missing = "token_types.weight"; /* a model may have none */
    expect(&t, STATUS_OK, NULL);
    t = tiny_default;
    t.hidden = 33;
    t.feed_forward = 1;
    t.dense_out = 0;
    t.pooling = "last";
    expect(&t, STATUS_OK, NULL);
}

static void refuses_tensors_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const names[] = {"token_embd_norm.weight",
                                        "token_embd_norm.bias",
                                        "position_embd.weight",
                                        "blk.0.attn_q.weight",
                                        "blk.1.attn_k.bias",
                                        "blk.0.attn_v.weight",
                                        "blk.1.attn_output.weight",
                                        "blk.0.attn_output_norm.weight",
                                        "blk.1.ffn_up.weight",
                                        "blk.0.ffn_down.bias",
                                        "blk.1.layer_output_norm.bias",
                                        "cognate.dense.0.bias"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct tiny t = tiny_default;
        t.missing = names[i];
        expect(&t, STATUS_CORRUPT, names[i]);
        t.missing = NULL;
        t.infinite = names[i];
        expect(&t, STATUS_CORRUPT, "not a number");
        t.infinite = NULL;
        t.misshapen = names[i];
        if (strcmp(names[i], "position_embd.weight") != 0) /* more positions than the context are allowed */
            expect(&t, STATUS_CORRUPT, names[i]);
    }
    struct tiny t = tiny_default;
    t.missing = "token_embd.weight";
    expect(&t, STATUS_CORRUPT, "token_embd.weight");
    t = tiny_default;
    t.positions = 19;
    expect(&t, STATUS_CORRUPT, "a context of 20");
}

static void refuses_kinds_it_does_not_know(void **state)
{
    (void)state;
    struct tiny t = tiny_default;
    t.architecture = "llama";
    expect(&t, STATUS_UNSUPPORTED, "llama");
    t = tiny_default;
    t.pooling = "median";
    expect(&t, STATUS_UNSUPPORTED, "median");
    t = tiny_default;
    t.activation = "swish";
    expect(&t, STATUS_UNSUPPORTED, "swish");
    t = tiny_default;
    t.causal = true;
    expect(&t, STATUS_UNSUPPORTED, "causal");
    t = tiny_default;
    t.extra = "dense_2.weight";
    expect(&t, STATUS_UNSUPPORTED, "dense_2");
    t.extra = "cls.output.weight";
    expect(&t, STATUS_CORRUPT, "pooling_type");
}

static void refuses_sizes_out_of_range(void **state)
{
    (void)state;
    struct tiny t = tiny_default;
    t.heads = 0;
    expect(&t, STATUS_UNSUPPORTED, "head_count");
    t.heads = 5;
    expect(&t, STATUS_UNSUPPORTED, "heads");
    t.heads = 24;
    expect(&t, STATUS_UNSUPPORTED, "heads");
    t = tiny_default;
    t.layers = 0;
    expect(&t, STATUS_UNSUPPORTED, "block_count");
    struct tiny more = tiny_default; /* says two, holds less */
    more.missing = "blk.1.ffn_up.weight";
    expect(&more, STATUS_CORRUPT, "blk.1.ffn_up.weight");
    t = tiny_default;
    t.context = 1;
    expect(&t, STATUS_UNSUPPORTED, "context_length");
    t.context = UINT32_MAX;
    expect(&t, STATUS_UNSUPPORTED, "context_length");
}

/* Runs a tiny model and returns its width. */
static size_t run_with(const struct gguf *file, const struct model_options *options, size_t threads, float *out)
{
    static const int32_t ids[] = {0, 3, 9, 10, 2,  0, 2, 0, 1, 2, 3, 4, 5,
                                  6, 7, 8, 9,  10, 1, 2, 3, 4, 5, 6, 2};
    static const uint32_t starts[] = {0, 5, 7, 25};
    struct model *m = NULL;
    struct embedder *e = NULL;
    struct error err = {0};
    if (model_open(file, options, &m, &err) != STATUS_OK ||
        embedder_new(m, 0, &e, &err) != STATUS_OK || embedder_set_threads(e, threads, &err) != STATUS_OK ||
        embedder_embed(e, ids, starts, 3, out, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    size_t width = model_info(m)->width;
    embedder_free(e);
    model_free(m);
    return width;
}

static size_t run(const struct gguf *file, enum precision precision, enum isa isa, size_t threads, float *out)
{
    return run_with(file, &(struct model_options){.precision = precision, .isa = isa}, threads, out);
}

/* Padding, heads of odd width and both pools: bytes against floats, and every instruction set against the
 * first. */
static void odd_sizes_give_right_vectors(void **state)
{
    (void)state;
    static const struct {
        uint32_t hidden, heads, feed_forward, dense_out;
    } shapes[] = {{24, 3, 40, 10}, {33, 3, 7, 0}, {64, 4, 256, 64}, {80, 2, 100, 17}};
    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        struct tiny t = tiny_default;
        struct buf bytes;
        struct gguf *file = NULL;
        t.hidden = shapes[s].hidden;
        t.heads = shapes[s].heads;
        t.feed_forward = shapes[s].feed_forward;
        t.dense_out = shapes[s].dense_out;
        tiny_write(&t, &bytes);
        assert_int_equal(gguf_open_bytes("tiny", bytes.data, bytes.len, &file, NULL), STATUS_OK);
        float exact[3 * 160], first[3 * 160], other[3 * 160];
        size_t width = run(file, PRECISION_F32, cpu_best(), 1, exact);
        run(file, PRECISION_INT8, ISA_REFERENCE, 1, first);
        for (size_t i = 0; i < 3; i++) {
            double dot = 0, length = 0;
            for (size_t j = 0; j < width; j++) {
                dot += (double)exact[i * width + j] * first[i * width + j];
                length += (double)first[i * width + j] * first[i * width + j];
            }
            assert_true(dot > 0.99);
            assert_true(length > 0.99999 && length < 1.00001);
        }
        for (int isa = 0; isa < ISA_COUNT; isa++)
            for (size_t threads = 1; cpu_has((enum isa)isa) && threads <= 3; threads++) {
                run(file, PRECISION_INT8, (enum isa)isa, threads, other);
                assert_memory_equal(first, other, 3 * width * sizeof *first);
            }
        gguf_free(file);
        buf_release(&bytes);
    }
}

static bool are_kept(const struct gguf *file, const struct model_options *options)
{
    struct model *m = NULL;
    assert_int_equal(model_open(file, options, &m, NULL), STATUS_OK);
    bool kept = m->kept.data != NULL;
    model_free(m);
    return kept;
}

/* Weights and the space's id out of the cache are those that were worked out; damaged ones are not used. */
static void keeps_what_it_worked_out(void **state)
{
    (void)state;
    static const unsigned char digest[32] = "stands for the digest of a file";
    char folder[] = "/tmp/cognate-model-XXXXXX", command[160];
    struct buf bytes;
    struct gguf *file = NULL;
    float first[3 * 160], other[3 * 160];
    unsigned char space[32], again[32];
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
    tiny_write(&tiny_default, &bytes);
    assert_int_equal(gguf_open_bytes("tiny", bytes.data, bytes.len, &file, NULL), STATUS_OK);
    struct model_options plain = {.isa = cpu_best()}, kept = {.isa = cpu_best(), .digest = digest};
    size_t width = run_with(file, &plain, 1, first);
    model_space_id(file, &plain, space);
    for (int i = 0; i < 3; i++) {
        run_with(file, &kept, 1, other);
        assert_memory_equal(first, other, 3 * width * sizeof *first);
        model_space_id(file, &kept, again);
        assert_memory_equal(space, again, sizeof space);
        assert_true(are_kept(file, &kept));
        if (i == 1) { /* a byte in the middle of every entry */
            snprintf(command, sizeof command,
                     "for f in %s/cognate/tables/*; do printf X | dd of=$f bs=1 seek=130 conv=notrunc 2>&1; done"
                     " >%s/log", folder, folder);
            assert_int_equal(system(command), 0);
            assert_false(are_kept(file, &kept));
        }
    }
    kept.precision = PRECISION_F32; /* another space, and nothing of the bytes' */
    model_space_id(file, &kept, again);
    assert_memory_not_equal(space, again, sizeof space);
    snprintf(command, sizeof command, "test $(ls %s/cognate/tables | wc -l) = 3 && rm -r %s", folder, folder);
    assert_int_equal(system(command), 0);
    gguf_free(file);
    buf_release(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_any_sizes),
        cmocka_unit_test(refuses_tensors_that_do_not_fit),
        cmocka_unit_test(refuses_kinds_it_does_not_know),
        cmocka_unit_test(refuses_sizes_out_of_range),
        cmocka_unit_test(odd_sizes_give_right_vectors),
        cmocka_unit_test(keeps_what_it_worked_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
