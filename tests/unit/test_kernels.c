#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "encoder/kernels.h"

static uint32_t state_now = 3;

static float random_float(float range)
{
    state_now = state_now * 1664525u + 1013904223u;
    return range * ((float)(state_now >> 8) * 0x1p-23f - 1);
}

static float *floats(size_t n, float range)
{
    float *x = malloc((n + 1) * sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < n; i++)
        x[i] = random_float(range);
    return x;
}

static const struct kernels *table(int isa)
{
    return cpu_has((enum isa)isa) ? kernels_for((enum isa)isa) : NULL;
}

/* Sums and scales worked out one by one, for every rest of a tile and the largest codes there are. */
static void linear_is_exact(void **state)
{
    (void)state;
    static const size_t ins[] = {64, 384, 1536}, outs[] = {64, 192};
    for (size_t shape = 0; shape < 6; shape++) {
        size_t in = ins[shape / 2], out = outs[shape % 2], rows = 19;
        struct linear w = {.in = in, .out = out, .bias = floats(out, 1), .scale = floats(out, 0.01f)};
        struct codes codes = {malloc(rows * in), in, floats(rows, 0.1f), floats(rows, 9)};
        w.panels = malloc(in * out);
        w.sum = floats(out, 5000);
        for (size_t i = 0; i < in * out; i++)
            w.panels[i] = (int8_t)(i % 64 < 4 ? -127 : lrintf(random_float(127)));
        for (size_t i = 0; i < rows * in; i++)
            codes.bytes[i] = (uint8_t)(i < in ? 255 : (size_t)lrintf(fabsf(random_float(255))));
        float *wanted = malloc(rows * out * sizeof *wanted), *got = malloc(rows * out * sizeof *got);
        for (size_t r = 0; r < rows; r++)
            for (size_t o = 0; o < out; o++) {
                int32_t sum = 0;
                for (size_t k = 0; k < in; k++)
                    sum += codes.bytes[r * in + k] *
                           w.panels[o / 64 * 64 * in + k / 4 * 256 + o % 64 * 4 + k % 4];
                float value = fmaf(codes.least[r], w.sum[o], (float)sum * codes.scale[r]);
                wanted[r * out + o] = fmaf(value, w.scale[o], w.bias[o]);
            }
        for (int isa = 0; isa < ISA_COUNT; isa++)
            for (size_t some = 1; table(isa) != NULL && some <= rows; some += some < 13 ? 1 : 6) {
                for (size_t i = 0; i < rows * out; i++)
                    got[i] = NAN;
                for (size_t p = 0; p < out / 64; p++) /* a panel at a time, as threads share them */
                    table(isa)->linear(&w, &codes, some, p, p + 1, NULL, got);
                assert_memory_equal(wanted, got, some * out * sizeof *wanted);
                for (size_t i = some * out; i < rows * out; i++)
                    assert_true(isnan(got[i]));
            }
        free(w.panels);
        free(w.bias);
        free(w.scale);
        free(w.sum);
        free(codes.bytes);
        free(codes.scale);
        free(codes.least);
        free(wanted);
        free(got);
    }
}

/* What a product does behind its tiles equals the same done afterwards, in one share or in two. */
static void activated_products(void **state)
{
    (void)state;
    enum { IN = 64, OUT = 192, ROWS = 19 };
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (size_t rows = 1; table(isa) != NULL && rows <= ROWS; rows++)
            for (int f = 0; f < ACTIVATION_KINDS; f++) {
                static int8_t panels[IN * OUT];
                static uint8_t in[ROWS * IN], wanted_bytes[ROWS * OUT], bytes[ROWS * OUT];
                static float wanted[ROWS * OUT], got[ROWS * OUT], parts[2 * ROWS * 2 * STRIPES];
                struct linear w = {
                    IN, OUT, floats(OUT, 1), NULL, panels, floats(OUT, 0.001f), floats(OUT, 50)};
                struct codes codes = {in, IN, floats(ROWS, 0.1f), floats(ROWS, 9)};
                struct codes wanted_codes = {wanted_bytes, OUT, floats(ROWS, 1), floats(ROWS, 1)};
                struct codes got_codes = {bytes, OUT, floats(ROWS, 1), floats(ROWS, 1)};
                for (size_t i = 0; i < sizeof panels; i++)
                    panels[i] = (int8_t)lrintf(random_float(127));
                for (size_t i = 0; i < sizeof in; i++)
                    in[i] = (uint8_t)lrintf(fabsf(random_float(255)));
                table(isa)->linear(&w, &codes, rows, 0, OUT / PAD, NULL, wanted);
                table(isa)->activate((enum activation)f, wanted, OUT, OUT, 0, rows);
                table(isa)->quantize(wanted, OUT, OUT, 0, rows, NULL, &wanted_codes);
                for (size_t share = 1; share <= 2; share++) {
                    struct ranges ranges = {parts, share, rows};
                    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
                        parts[i] = NAN;
                    for (size_t i = 0; i < share; i++) {
                        struct after after = {(enum activation)f, parts + i * rows * 2 * STRIPES};
                        table(isa)->linear(&w, &codes, rows, i == 0 ? 0 : 2, i + 1 == share ? 3 : 2, &after,
                                           got);
                    }
                    table(isa)->quantize(got, OUT, OUT, 0, rows, &ranges, &got_codes);
                    assert_memory_equal(got, wanted, rows * OUT * sizeof *got);
                    assert_memory_equal(bytes, wanted_bytes, rows * OUT);
                    assert_memory_equal(got_codes.scale, wanted_codes.scale, rows * sizeof(float));
                    assert_memory_equal(got_codes.least, wanted_codes.least, rows * sizeof(float));
                }
                free(w.bias);
                free(w.scale);
                free(w.sum);
                free(codes.scale);
                free(codes.least);
                free(wanted_codes.scale);
                free(wanted_codes.least);
                free(got_codes.scale);
                free(got_codes.least);
            }
}

static void norm_and_its_codes(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 15, 16, 17, 48, 63, 64, 312, 384};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        size_t width = widths[i], stride = padded(width, PAD), rows = 3;
        struct norm w = {width, stride, 1e-5f, floats(stride, 2), floats(stride, 1), floats(stride, 1)};
        float *x = floats(rows * stride, 4), *add = floats(rows * stride, 1), *first = NULL;
        uint8_t *bytes = malloc(rows * stride), *first_bytes = NULL;
        for (size_t j = 0; j < rows * stride; j++)
            if (j % stride >= width) {
                x[j] = add[j] = 0;
                w.weight[j % stride] = w.bias[j % stride] = w.spread[j % stride] = 0;
            }
        for (int isa = 0; isa < ISA_COUNT; isa++) {
            if (table(isa) == NULL)
                continue;
            float *y = malloc(rows * stride * sizeof *y), scale[3], least[3];
            struct codes codes = {bytes, stride, scale, least};
            memcpy(y, x, rows * stride * sizeof *y);
            table(isa)->norm(&w, y, add, 0, rows, &codes);
            if (first == NULL) {
                first = y;
                first_bytes = malloc(rows * stride);
                memcpy(first_bytes, bytes, rows * stride);
                for (size_t r = 0; r < rows; r++) {
                    double mean = 0, variance = 0;
                    for (size_t j = 0; j < width; j++)
                        mean += ((double)x[r * stride + j] + add[r * stride + j]) / (double)width;
                    for (size_t j = 0; j < width; j++)
                        variance +=
                            pow((double)x[r * stride + j] + add[r * stride + j] - mean, 2) / (double)width;
                    for (size_t j = 0; j < width; j++) {
                        double sum = (double)x[r * stride + j] + add[r * stride + j];
                        double z = (sum - mean) / sqrt(variance + 1e-5);
                        double code = (double)scale[r] * bytes[r * stride + j] + least[r];
                        assert_float_equal(y[r * stride + j], z * w.weight[j] + w.bias[j], 2e-5);
                        assert_float_equal(code, z * w.spread[j], scale[r] * 0.51);
                    }
                }
                continue;
            }
            assert_memory_equal(first, y, rows * stride * sizeof *y);
            assert_memory_equal(first_bytes, bytes, rows * stride);
            free(y);
        }
        free(w.weight);
        free(w.bias);
        free(w.spread);
        free(x);
        free(add);
        free(first);
        free(first_bytes);
        free(bytes);
    }
}

static void attention_of_every_length(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 47, 49, 63, 64, 65, 131},
                        heads[] = {16, 32, 48};
    for (size_t l = 0; l < sizeof lengths / sizeof lengths[0]; l++)
        for (size_t h = 0; h < 3; h++) {
            size_t n = lengths[l], head = heads[h], width = head + 16, stride = 3 * width;
            bool biased = n % 2 == 0;
            float *qkv = floats((n + 15) * stride, 2), *bias = floats(2 * n + 15, 1), *first = NULL;
            for (int isa = 0; isa < ISA_COUNT; isa++) {
                if (table(isa) == NULL)
                    continue;
                float *x = malloc((n + 15) * stride * sizeof *x);
                int32_t *scratch = malloc(attend_scratch(head, n) * sizeof *scratch);
                memcpy(x, qkv, (n + 15) * stride * sizeof *x);
                if (biased)
                    table(isa)->attend_float(x, stride, width, head, n, bias + n - 1, scratch);
                else
                    table(isa)->attend(x, stride, width, head, n, scratch);
                free(scratch);
                if (first != NULL) {
                    assert_memory_equal(first, x, n * stride * sizeof *x);
                    free(x);
                    continue;
                }
                first = x;
                for (size_t i = 0; i < n; i++) {
                    double weights[131], sum = 0;
                    for (size_t j = 0; j < n; j++) {
                        double score = 0;
                        for (size_t d = 0; d < head; d++)
                            score += (double)qkv[i * stride + d] * qkv[j * stride + width + d];
                        weights[j] = exp(score + (biased ? bias[n - 1 + j - i] : 0));
                        sum += weights[j];
                    }
                    for (size_t d = 0; d < head; d++) {
                        double wanted = 0;
                        for (size_t j = 0; j < n; j++)
                            wanted += weights[j] / sum * qkv[j * stride + 2 * width + d];
                        /* values up to 2, scores up to 60 */
                        assert_float_equal(x[i * stride + d], wanted, biased ? 2e-5 : 6e-3);
                    }
                }
            }
            free(qkv);
            free(bias);
            free(first);
        }
}

static void functions_are_as_close_as_they_say(void **state)
{
    (void)state;
    enum { N = 40000 };
    static float x[N], y[N];
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (table(isa) == NULL)
            continue;
        double gelu = 0, by_tanh = 0, tangent = 0;
        for (size_t i = 0; i < N; i++)
            x[i] = y[i] = 9 * ((float)i / (N / 2) - 1);
        table(isa)->activate(ACTIVATION_GELU, y, N, N, 0, 1);
        for (size_t i = 0; i < N; i++)
            gelu = fmax(gelu, fabs(y[i] - 0.5 * x[i] * erfc(-x[i] / sqrt(2))));
        memcpy(y, x, sizeof y);
        table(isa)->activate(ACTIVATION_GELU_TANH, y, N, N, 0, 1);
        for (size_t i = 0; i < N; i++) {
            double inside = sqrt(2 / acos(-1)) * (x[i] + 0.044715 * x[i] * x[i] * x[i]);
            by_tanh = fmax(by_tanh, fabs(y[i] - 0.5 * x[i] * (1 + tanh(inside))));
        }
        memcpy(y, x, sizeof y);
        table(isa)->activate(ACTIVATION_RELU, y, N, N, 0, 1);
        for (size_t i = 0; i < N; i++)
            assert_float_equal(y[i], fmaxf(x[i], 0), 0);
        memcpy(y, x, sizeof y);
        table(isa)->activate(ACTIVATION_NONE, y, N, N, 0, 1);
        assert_memory_equal(y, x, sizeof y);
        table(isa)->activate(ACTIVATION_TANH, y, N, N, 0, 1);
        for (size_t i = 0; i < N; i++)
            tangent = fmax(tangent, fabs(y[i] - tanh(x[i])));
        assert_true(gelu < 4.1e-5);
        assert_true(by_tanh < 9 * 2e-7);
        assert_true(tangent < 3e-7);
    }
}

static void gelu_codes_and_plain_codes(void **state)
{
    (void)state;
    enum { WIDTH = 192 };
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (table(isa) == NULL)
            continue;
        uint8_t bytes[WIDTH];
        float scale, least, x[WIDTH], y[WIDTH];
        struct codes codes = {bytes, WIDTH, &scale, &least};
        for (size_t i = 0; i < WIDTH; i++)
            x[i] = y[i] = (float)i / 16 - 6;
        table(isa)->activate(ACTIVATION_GELU, y, WIDTH, WIDTH, 0, 1);
        table(isa)->quantize(y, WIDTH, WIDTH, 0, 1, NULL, &codes);
        for (size_t i = 0; i < WIDTH; i++)
            assert_float_equal(scale * bytes[i] + least, 0.5 * x[i] * erfc(-x[i] / sqrt(2)),
                               0.51 * scale + 1e-4);
        table(isa)->quantize(x, WIDTH, WIDTH, 0, 1, NULL, &codes);
        for (size_t i = 0; i < WIDTH; i++)
            assert_float_equal(scale * bytes[i] + least, x[i], 0.51 * scale);
        memset(x, 0, sizeof x);
        table(isa)->quantize(x, WIDTH, WIDTH, 0, 1, NULL, &codes);
        assert_float_equal(scale, 0, 0);
        assert_float_equal(least, 0, 0);
    }
}

static void products_and_pools(void **state)
{
    (void)state;
    for (size_t rows = 1; rows <= 21; rows++)
        for (size_t columns = 16; columns <= 80; columns += 16) {
            size_t inner = rows + 3;
            float *a = floats(rows * inner, 1), *b = floats(inner * columns, 1), *start = floats(columns, 1);
            float *c = malloc(rows * columns * sizeof *c);
            for (int isa = 0; isa < ISA_COUNT; isa++) {
                if (table(isa) == NULL)
                    continue;
                table(isa)->product(a, inner, rows, b, columns, inner, columns, start, c, columns);
                for (size_t i = 0; i < rows; i++)
                    for (size_t j = 0; j < columns; j++) {
                        float sum = start[j];
                        for (size_t k = 0; k < inner; k++)
                            sum = fmaf(a[i * inner + k], b[k * columns + j], sum);
                        assert_float_equal(c[i * columns + j], sum, 0);
                    }
                float pooled[80];
                for (int kind = 0; kind < POOL_KINDS; kind++) {
                    table(isa)->pool((enum pooling)kind, c, columns, rows, columns, pooled);
                    for (size_t j = 0; j < columns; j++) {
                        float sum = 0, weighted = 0, most = c[j];
                        for (size_t i = 0; i < rows; i++) {
                            sum = i == 0 ? c[j] : sum + c[i * columns + j];
                            weighted = fmaf(c[i * columns + j], (float)(i + 1), weighted);
                            most = fmaxf(most, c[i * columns + j]);
                        }
                        const float wanted[POOL_KINDS] = {[POOL_MEAN] = sum / (float)rows,
                                                          [POOL_MAX] = most,
                                                          [POOL_CLS] = c[j],
                                                          [POOL_LAST] = c[(rows - 1) * columns + j],
                                                          [POOL_MEAN_SQRT] = sum / sqrtf((float)rows),
                                                          [POOL_WEIGHTED] =
                                                              weighted / (float)(rows * (rows + 1) / 2)};
                        assert_float_equal(pooled[j], wanted[kind], 0);
                    }
                }
            }
            free(a);
            free(b);
            free(c);
            free(start);
        }
}

static void no_length_no_unit(void **state)
{
    (void)state;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (table(isa) == NULL)
            continue;
        float x[16] = {0};
        assert_false(table(isa)->unit(x, 16));
        x[3] = -2;
        assert_true(table(isa)->unit(x, 16));
        assert_float_equal(x[3], -1, 0);
        x[5] = INFINITY;
        assert_false(table(isa)->unit(x, 16));
        x[5] = NAN;
        assert_false(table(isa)->unit(x, 16));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_is_exact),
        cmocka_unit_test(activated_products),
        cmocka_unit_test(norm_and_its_codes),
        cmocka_unit_test(attention_of_every_length),
        cmocka_unit_test(functions_are_as_close_as_they_say),
        cmocka_unit_test(gelu_codes_and_plain_codes),
        cmocka_unit_test(products_and_pools),
        cmocka_unit_test(no_length_no_unit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
