#include "unit.h"

#include <math.h>
#include <string.h>

#include "encoder/dequant.h"

static void halves(void **state)
{
    (void)state;
    static const struct {
        uint16_t half;
        float value;
    } cases[] = {{0x0000, 0.0f},
                 {0x3c00, 1.0f},
                 {0xc000, -2.0f},
                 {0x7bff, 65504.0f},
                 {0x0400, 6.103515625e-5f},
                 {0x0001, 5.9604644775e-8f},
                 {0x83ff, -6.0975551605e-5f},
                 {0x3555, 0.333251953125f}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_float_equal(half_to_float(cases[i].half), cases[i].value, 0);
    assert_true(signbit(half_to_float(0x8000)));
    assert_true(isinf(half_to_float(0x7c00)) && half_to_float(0xfc00) < 0);
    assert_true(isnan(half_to_float(0x7e01)));
}

static void plain_types(void **state)
{
    (void)state;
    const unsigned char floats[] = {0x00, 0x00, 0x20, 0xc1, 0xcd, 0xcc, 0xcc, 0x3d}; /* -10, 0.1 */
    const unsigned char half[] = {0x00, 0x3e, 0x00, 0xb4};                           /* 1.5, -0.25 */
    const unsigned char brain[] = {0x80, 0x3f, 0x40, 0xc0};                          /* 1, -3 */
    float out[2];
    dequantize(GGML_F32, floats, 2, out);
    assert_float_equal(out[0], -10, 0);
    assert_float_equal(out[1], 0.1f, 0);
    dequantize(GGML_F16, half, 2, out);
    assert_float_equal(out[0], 1.5f, 0);
    assert_float_equal(out[1], -0.25f, 0);
    dequantize(GGML_BF16, brain, 2, out);
    assert_float_equal(out[0], 1, 0);
    assert_float_equal(out[1], -3, 0);
}

/* Scale 0.5, minimum 2 where the type has one; byte j of the nibbles is 0xJK with K = j, J = 15 - j. */
static void blocks_of_32(void **state)
{
    (void)state;
    unsigned char block[40];
    float out[32];
    static const struct {
        enum ggml_type type;
        size_t nibbles; /* where they start */
        bool minimum, fifth;
    } types[] = {{GGML_Q4_0, 2, false, false},
                 {GGML_Q4_1, 4, true, false},
                 {GGML_Q5_0, 6, false, true},
                 {GGML_Q5_1, 8, true, true}};
    for (size_t t = 0; t < 4; t++) {
        memset(block, 0, sizeof block);
        block[1] = 0x38;
        if (types[t].minimum)
            block[3] = 0x40;
        if (types[t].fifth) { /* bits 0, 5, 16 and 31 of the fifth bits */
            unsigned char *high = block + types[t].nibbles - 4;
            high[0] = 0x21;
            high[2] = 0x01;
            high[3] = 0x80;
        }
        for (size_t j = 0; j < 16; j++)
            block[types[t].nibbles + j] = (unsigned char)(j | (15 - j) << 4);
        dequantize(types[t].type, block, 32, out);
        for (size_t j = 0; j < 32; j++) {
            int value = (int)(j < 16 ? j : 31 - j);
            if (types[t].fifth && (j == 0 || j == 5 || j == 16 || j == 31))
                value += 16;
            float wanted = types[t].minimum ? 0.5f * (float)value + 2
                                            : 0.5f * (float)(value - (types[t].fifth ? 16 : 8));
            assert_float_equal(out[j], wanted, 0);
        }
    }
    block[0] = 0x00;
    block[1] = 0xbc; /* -1 */
    for (size_t j = 0; j < 32; j++)
        block[2 + j] = (unsigned char)(8 * j);
    dequantize(GGML_Q8_0, block, 32, out);
    for (size_t j = 0; j < 32; j++)
        assert_float_equal(out[j], j < 16 ? -8.0f * (float)j : 256 - 8.0f * (float)j, 0);
}

static void blocks_of_256(void **state)
{
    (void)state;
    unsigned char block[210];
    float out[256];
    memset(block, 0, sizeof block);
    block[209] = 0x3c; /* 1 */
    for (size_t g = 0; g < 16; g++)
        block[192 + g] = (unsigned char)(g + 1);
    block[192 + 15] = 0xff; /* the last group's scale is -1 */
    block[0] = 0x5a;        /* values 0 and 64: low nibbles 10 and 5 */
    block[128] = 0xe4;      /* their upper bits 0 and 2; values 32 and 96: 1 and 3 */
    block[127] = 0x0f;      /* value 128 + 63 */
    block[128 + 63] = 0x0c; /* its upper bits: 3 */
    dequantize(GGML_Q6_K, block, 256, out);
    assert_float_equal(out[0], 1 * (10 - 32), 0);
    assert_float_equal(out[32], 3 * (16 - 32), 0);
    assert_float_equal(out[64], 5 * (32 + 5 - 32), 0);
    assert_float_equal(out[96], 7 * (48 - 32), 0);
    assert_float_equal(out[16], 2 * -32, 0);
    assert_float_equal(out[128 + 63], 12 * (48 + 15 - 32), 0);
    assert_float_equal(out[255], -1 * -32, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves),
        cmocka_unit_test(plain_types),
        cmocka_unit_test(blocks_of_32),
        cmocka_unit_test(blocks_of_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
