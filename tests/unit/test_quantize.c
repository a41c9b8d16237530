#include "unit.h"

#include <math.h>
#include <string.h>

#include "encoder/dequant.h"
#include "encoder/quantize.h"

#define N 4096

static float values[N];

/* Numbers as weights have them: small, of both signs, of several sizes. */
static int fill(void **state)
{
    (void)state;
    uint32_t x = 12345;
    for (size_t i = 0; i < N; i++) {
        x = x * 1664525u + 1013904223u;
        values[i] = ((float)(x >> 8) * 0x1p-24f - 0.5f) * powf(10, (float)(i / 512) - 5);
    }
    return 0;
}

/* Every half is itself again, and what lies between two is the nearer one, ties to even. */
static void halves(void **state)
{
    (void)state;
    for (uint32_t h = 0; h < 0x10000; h++)
        if ((h & 0x7c00) != 0x7c00 || (h & 0x3ff) == 0)
            assert_int_equal(float_to_half(half_to_float((uint16_t)h)), h);
    for (uint16_t h = 0; h < 0x7bff; h++) {
        float low = half_to_float(h), high = half_to_float(h + 1), middle = (low + high) / 2;
        assert_int_equal(float_to_half(nextafterf(middle, 0)), h);
        assert_int_equal(float_to_half(nextafterf(middle, 1e9f)), h + 1);
        assert_int_equal(float_to_half(middle), (h & 1) == 0 ? h : h + 1);
        assert_int_equal(float_to_half(-middle), 0x8000 | ((h & 1) == 0 ? h : h + 1));
    }
    assert_int_equal(float_to_half(65519.99f), 0x7bff);
    assert_int_equal(float_to_half(65520), 0x7c00);
    assert_int_equal(float_to_half(-1e30f), 0xfc00);
    assert_int_equal(float_to_half(1e-30f), 0);
    assert_true(isnan(half_to_float(float_to_half(NAN))));
}

/* There and back: within half a step of the block's scale, and exact the second time. */
static void there_and_back(void **state)
{
    (void)state;
    static const struct {
        enum ggml_type type;
        float step; /* of the largest value in a block */
    } cases[] = {{GGML_Q8_0, 1.0f / 127}, {GGML_Q4_0, 1.0f / 8}, {GGML_F16, 0x1p-10f}, {GGML_F32, 0}};
    static unsigned char first[N * 4], second[N * 4];
    static float back[N];
    for (size_t i = 0; i < 4; i++) {
        enum ggml_type type = cases[i].type;
        size_t size = N / ggml_block_values(type) * ggml_block_bytes(type);
        assert_true(can_quantize(type));
        quantize(type, values, N, first);
        dequantize(type, first, N, back);
        for (size_t j = 0; j < N; j++) {
            float most = 0;
            for (size_t k = j / 32 * 32; k < j / 32 * 32 + 32; k++)
                most = fmaxf(most, fabsf(values[k]));
            /* a value opposite to the furthest one can lie a whole step beyond the last level of Q4_0; the
             * scale is a half, with an error of its own */
            float allowed =
                most * cases[i].step * (type == GGML_Q4_0 ? 1.0f : 0.501f) + most * 0x1p-11f + 128 * 0x1p-25f;
            if (type == GGML_F32)
                allowed = 0;
            if (!(fabsf(back[j] - values[j]) <= allowed))
                fail_msg("type %d, value %zu: %g became %g", (int)type, j, (double)values[j],
                         (double)back[j]);
        }
        quantize(type, back, N, second);
        assert_memory_equal(first, second, size);
    }
}

static void known_blocks(void **state)
{
    (void)state;
    unsigned char out[34];
    float x[32] = {0};
    quantize(GGML_Q8_0, x, 32, out);
    for (size_t i = 0; i < 34; i++)
        assert_int_equal(out[i], 0);
    quantize(GGML_Q4_0, x, 32, out);
    assert_int_equal(out[0] | out[1] << 8, 0x8000); /* 0 / -8 */
    for (size_t i = 2; i < 18; i++)
        assert_int_equal(out[i], 0x88);
    for (size_t i = 0; i < 32; i++)
        x[i] = (float)i - 16; /* -16 … 15: the furthest is -16, the scale 2 */
    quantize(GGML_Q4_0, x, 32, out);
    assert_int_equal(out[0] | out[1] << 8, 0x4000);
    assert_int_equal(out[2], 0x80);      /* -16 and 0: the first level, and the one of zero */
    assert_int_equal(out[2 + 15], 0xf8); /* -1 rounds up to zero, 15 stays at the last level */
    x[0] = -127;
    quantize(GGML_Q8_0, x, 32, out);
    assert_int_equal(out[0] | out[1] << 8, 0x3c00);
    assert_int_equal((int8_t)out[2], -127);
    assert_int_equal((int8_t)out[2 + 31], 15);
}

static void what_is_not_written(void **state)
{
    (void)state;
    static const enum ggml_type others[] = {GGML_Q4_1, GGML_Q5_0, GGML_Q5_1, GGML_Q6_K, GGML_BF16};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(can_quantize(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves),
        cmocka_unit_test_setup(there_and_back, fill),
        cmocka_unit_test(known_blocks),
        cmocka_unit_test(what_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
