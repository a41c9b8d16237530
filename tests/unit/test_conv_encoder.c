#include "tiny_conv_model.h"

#include <math.h>

#include "encoder/encoder.h"

#define MOST_TOKENS 150
#define MOST_WIDTH  640

/* Three texts: of one token, of a few, and of more than a block. */
#define TEXTS 3
static const uint32_t starts[TEXTS + 1] = {0, 1, 8, 8 + MOST_TOKENS};
static int32_t ids[8 + MOST_TOKENS];

static void make_ids(void)
{
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        ids[i] = (int32_t)(i * i % 23);
}

static const float *tensor(const struct gguf *file, const char *name)
{
    const struct gguf_tensor *t = gguf_tensor(file, name);
    assert_non_null(t);
    return (const float *)(const void *)t->data; /* the writer aligns to 32 bytes */
}

__attribute__((format(printf, 2, 3))) static const float *part(const struct gguf *file, const char *format,
                                                               ...)
{
    char name[64];
    va_list list;
    va_start(list, format);
    vsnprintf(name, sizeof name, format, list);
    va_end(list);
    return tensor(file, name);
}

static void plain_norm(double *x, size_t n, const float *weight, const float *bias)
{
    double mean = 0, variance = 0;
    for (size_t i = 0; i < n; i++)
        mean += x[i] / (double)n;
    for (size_t i = 0; i < n; i++)
        variance += (x[i] - mean) * (x[i] - mean) / (double)n;
    for (size_t i = 0; i < n; i++)
        x[i] = (x[i] - mean) / sqrt(variance + 1e-12) * weight[i] + bias[i];
}

static void plain_product(const double *x, size_t in, size_t out, const float *weight, const float *bias,
                          double *y)
{
    for (size_t o = 0; o < out; o++) {
        y[o] = bias != NULL ? bias[o] : 0;
        for (size_t i = 0; i < in; i++)
            y[o] += weight[o * in + i] * x[i];
    }
}

/* y = x + relu(conv x) for one sequence, straight from the definition. */
static void plain_convolution(const struct gguf *file, const struct tiny_conv *t, uint32_t order,
                              uint32_t layer, size_t n, double (*x)[MOST_WIDTH], double (*y)[MOST_WIDTH])
{
    const float *weight = part(file, "conv.%u.%u.weight", order, layer);
    const float *bias = part(file, "conv.%u.%u.bias", order, layer);
    size_t window = t->orders[order], in = window * t->width;
    for (size_t r = 0; r < n; r++)
        for (size_t o = 0; o < t->width; o++) {
            double sum = bias[o];
            for (size_t i = 0; i < window; i++) {
                size_t from = r + i;
                if (from < (window - 1) / 2 || from - (window - 1) / 2 >= n)
                    continue;
                for (size_t j = 0; j < t->width; j++)
                    sum += weight[o * in + i * t->width + j] * x[from - (window - 1) / 2][j];
            }
            y[r][o] = x[r][o] + fmax(sum, 0);
        }
}

static double features[MOST_TOKENS][MOST_WIDTH], branch[MOST_TOKENS][MOST_WIDTH],
    inside[MOST_TOKENS][MOST_WIDTH], after[MOST_TOKENS][MOST_WIDTH], projected[MOST_TOKENS][MOST_WIDTH];

/* The network as its definition has it, in double precision; returns the width. */
static size_t plain_network(const struct gguf *file, const struct tiny_conv *t, const int32_t *words,
                            size_t n, double *out)
{
    size_t branches = t->order_count * t->width, hidden = t->embedding + branches, in = t->summed;
    const unsigned char *bytes = gguf_tensor(file, "token_embd.weight")->data;
    double mean[MOST_WIDTH] = {0}, x[MOST_WIDTH], next[MOST_WIDTH];
    for (size_t r = 0; r < n; r++) {
        size_t table = (size_t)words[r] % t->tables;
        for (size_t j = 0; j < t->embedding; j++)
            features[r][j] =
                (double)tensor(file, "token_embd.scale")[table] * bytes[(size_t)words[r] * t->embedding + j] +
                tensor(file, "token_embd.least")[table];
        plain_product(features[r], t->embedding, branches, tensor(file, "project.weight"),
                      tensor(file, "project.bias"), projected[r]);
        plain_norm(projected[r], branches, tensor(file, "project_norm.weight"),
                   tensor(file, "project_norm.bias"));
    }
    for (uint32_t i = 0; i < t->order_count; i++) {
        for (size_t r = 0; r < n; r++)
            memcpy(branch[r], projected[r] + i * t->width, t->width * sizeof **branch);
        plain_convolution(file, t, i, 0, n, branch, inside);
        plain_convolution(file, t, i, 1, n, inside, after);
        for (size_t r = 0; r < n; r++)
            memcpy(features[r] + t->embedding + i * t->width, after[r], t->width * sizeof **after);
    }
    for (size_t r = 0; r < n; r++) {
        plain_norm(features[r], hidden, tensor(file, "features_norm.weight"),
                   tensor(file, "features_norm.bias"));
        for (size_t j = 0; j < hidden; j++)
            mean[j] += features[r][j] / (double)n;
    }
    plain_product(mean, hidden, t->summed, tensor(file, "sum.weight"), tensor(file, "sum.bias"), x);
    for (size_t j = 0; j < t->summed; j++)
        x[j] *= sqrt((double)n);
    for (uint32_t i = 0; i < t->block_count; i++) {
        plain_product(x, in, t->insides[i], part(file, "residual.%u.inside.weight", i), NULL, x + in);
        for (size_t j = 0; j < t->insides[i]; j++)
            x[in + j] = fmax(x[in + j], 0);
        plain_product(x, in + t->insides[i], t->ends[i], part(file, "residual.%u.out.weight", i), NULL, next);
        in = t->ends[i];
        for (size_t j = 0; j < in; j++)
            x[j] = i + 1 == t->block_count ? tanh(next[j]) : fmax(next[j], 0);
    }
    memcpy(out, x, in * sizeof *out);
    return in;
}

/* Embeds `n` texts from `first` on and returns the width. */
static size_t run(const struct gguf *file, enum precision precision, enum isa isa, size_t threads,
                  size_t first, size_t n, float *out)
{
    struct model *m = NULL;
    struct embedder *e = NULL;
    struct error err = {0};
    if (model_open(file, &(struct model_options){.precision = precision, .isa = isa}, &m, &err) !=
            STATUS_OK ||
        embedder_new(m, 0, &e, &err) != STATUS_OK || embedder_set_threads(e, threads, &err) != STATUS_OK ||
        embedder_embed(e, ids, starts + first, n, out, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    size_t width = model_info(m)->width;
    embedder_free(e);
    model_free(m);
    return width;
}

static double cosine(const float *a, const double *b, size_t n)
{
    double dot = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        dot += a[i] * b[i];
        squares += b[i] * b[i];
    }
    return dot / sqrt(squares);
}

static void agrees(const struct tiny_conv *t)
{
    struct gguf *file = tiny_conv_open(t);
    float exact[TEXTS * MOST_WIDTH], bytes[TEXTS * MOST_WIDTH];
    size_t width = run(file, PRECISION_F32, cpu_best(), 1, 0, TEXTS, exact);
    run(file, PRECISION_INT8, cpu_best(), 1, 0, TEXTS, bytes);
    for (size_t i = 0; i < TEXTS; i++) {
        double wanted[MOST_WIDTH];
        assert_int_equal(plain_network(file, t, ids + starts[i], starts[i + 1] - starts[i], wanted), width);
        double like = cosine(exact + i * width, wanted, width);
        if (like < 0.999999)
            fail_msg("text %zu in f32: cosine %.8f", i, like);
        like = cosine(bytes + i * width, wanted, width);
        if (like < 0.999)
            fail_msg("text %zu in int8: cosine %.8f", i, like);
    }
    gguf_free(file);
}

static void computes_what_the_definition_says(void **state)
{
    (void)state;
    struct tiny_conv t = tiny_conv_default;
    agrees(&t);
    t.block_count = 1;
    t.order_count = 4;
    memcpy(t.orders, (uint32_t[]){1, 7, 2, 3}, 4 * sizeof *t.orders);
    t.tables = 1;
    agrees(&t);
    t.block_count = 0;
    t.order_count = 1;
    t.width = 128;
    agrees(&t);
}

static void has_the_same_bits_everywhere(void **state)
{
    (void)state;
    struct gguf *file = tiny_conv_open(&tiny_conv_default);
    float first[TEXTS * MOST_WIDTH], other[TEXTS * MOST_WIDTH];
    size_t width = run(file, PRECISION_INT8, ISA_REFERENCE, 1, 0, TEXTS, first);
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (size_t threads = 1; cpu_has((enum isa)isa) && threads <= 3; threads++) {
            run(file, PRECISION_INT8, (enum isa)isa, threads, 0, TEXTS, other);
            assert_memory_equal(first, other, TEXTS * width * sizeof *first);
            for (size_t i = 0; i < TEXTS; i++) { /* alone */
                run(file, PRECISION_INT8, (enum isa)isa, threads, i, 1, other);
                assert_memory_equal(first + i * width, other, width * sizeof *first);
            }
        }
    gguf_free(file);
}

static void shows_what_it_makes_of_tokens(void **state)
{
    (void)state;
    struct gguf *file = tiny_conv_open(&tiny_conv_default);
    struct model *m = NULL;
    struct embedder *e = NULL;
    float raw[MOST_WIDTH], states[7 * MOST_WIDTH];
    double wanted[MOST_WIDTH];
    assert_int_equal(model_open(file, &(struct model_options){.precision = PRECISION_F32}, &m, NULL),
                     STATUS_OK);
    assert_int_equal(embedder_new(m, 0, &e, NULL), STATUS_OK);
    size_t hidden = model_info(m)->hidden;
    assert_int_equal(hidden, 3 * 64);
    assert_int_equal(model_info(m)->products, 64 * 2 * 64 + 2 * (2 + 5) * 64 * 64);
    assert_int_equal(embedder_look_inside(e, ids, starts + 1, 1, raw, states, NULL), STATUS_OK);
    size_t width = plain_network(file, &tiny_conv_default, ids + starts[1], 7, wanted);
    for (size_t i = 0; i < width; i++)
        assert_float_equal(raw[i], wanted[i], 1e-4);
    for (size_t r = 0; r < 7; r++)
        for (size_t j = 0; j < hidden; j++)
            assert_float_equal(states[r * hidden + j], features[r][j], 1e-4);
    embedder_free(e);
    model_free(m);
    gguf_free(file);
}

static void refuses(const struct tiny_conv *t, enum status status, const char *words)
{
    struct gguf *file = tiny_conv_open(t);
    struct model *m = NULL;
    struct error err = {0};
    enum status got = model_open(file, &(struct model_options){.isa = cpu_best()}, &m, &err);
    if (got != status || strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\", got %s: %s", words, status_code(got), err.text);
    assert_null(m);
    gguf_free(file);
}

static void refuses_tensors_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const names[] = {"token_embd.least",     "project.weight",  "project.bias",
                                        "project_norm.weight",  "conv.0.1.weight", "conv.1.0.bias",
                                        "features_norm.bias",   "sum.weight",      "sum.bias",
                                        "residual.1.out.weight"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct tiny_conv t = tiny_conv_default;
        t.missing = names[i];
        refuses(&t, STATUS_CORRUPT, names[i]);
        t.missing = NULL;
        t.misshapen = names[i];
        refuses(&t, STATUS_CORRUPT, names[i]);
        t.misshapen = NULL;
        t.infinite = names[i];
        refuses(&t, STATUS_CORRUPT, "not a number");
    }
    struct tiny_conv t = tiny_conv_default;
    t.missing = "token_embd.weight";
    refuses(&t, STATUS_CORRUPT, "token_embd.weight");
    t.missing = "token_embd.scale";
    refuses(&t, STATUS_CORRUPT, "token_embd.scale");
}

static void refuses_sizes_out_of_range(void **state)
{
    (void)state;
    struct tiny_conv t = tiny_conv_default;
    t.embedding = 80;
    refuses(&t, STATUS_UNSUPPORTED, "multiple of 64");
    t = tiny_conv_default;
    t.width = 32;
    refuses(&t, STATUS_UNSUPPORTED, "convolution.width");
    t = tiny_conv_default;
    t.context = 1;
    refuses(&t, STATUS_UNSUPPORTED, "context_length");
    t = tiny_conv_default;
    t.orders[1] = 16;
    refuses(&t, STATUS_UNSUPPORTED, "more than 15");
    t.orders[1] = 0;
    refuses(&t, STATUS_UNSUPPORTED, "sees no token");
    t = tiny_conv_default;
    t.order_count = 9;
    refuses(&t, STATUS_UNSUPPORTED, "more than eight orders");
    t = tiny_conv_default;
    t.block_count = 5;
    for (size_t i = 0; i < 5; i++)
        t.insides[i] = t.ends[i] = 16;
    refuses(&t, STATUS_UNSUPPORTED, "more than four blocks");
    t = tiny_conv_default;
    t.ends[0] = 17;
    refuses(&t, STATUS_CORRUPT, "multiple of 16");
    t = tiny_conv_default;
    t.words = GGML_F32;
    refuses(&t, STATUS_UNSUPPORTED, "I8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_what_the_definition_says),
        cmocka_unit_test(has_the_same_bits_everywhere),
        cmocka_unit_test(shows_what_it_makes_of_tokens),
        cmocka_unit_test(refuses_tensors_that_do_not_fit),
        cmocka_unit_test(refuses_sizes_out_of_range),
    };
    make_ids();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
