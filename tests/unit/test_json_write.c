#include "unit.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/json_write.h"

static void comes_back(float value)
{
    char text[FLOAT_TEXT];
    size_t n = float_text(value, text);
    assert_int_equal(n, strlen(text));
    float back = strtof(text, NULL);
    if (memcmp(&back, &value, sizeof back) != 0 && value != 0)
        fail_msg("%a became %s", (double)value, text);
    assert_non_null(strpbrk(text, ".e")); /* a real in JSON */
}

static void floats_come_back(void **state)
{
    (void)state;
    static const float some[] = {
        0.5f,        -0.25f,       1,           -1,        0.1f,          1e-6f, 9.9999e-7f,
        0.99999994f, 0.099999994f, 3.14159265f, 123456792, 1e9f,          1e30f, FLT_MAX,
        FLT_MIN,     1e-45f,       16777216,    0.001f,    0.00099999993f};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        comes_back(some[i]);
    comes_back(0);
    uint32_t seed = 12345;
    for (int i = 0; i < 300000; i++) {
        seed = seed * 1664525 + 1013904223;
        uint32_t bits = (seed >> 9) | (100 + seed % 27) << 23 | (seed & 1) << 31; /* 7e-9 … 1 */
        float value;
        memcpy(&value, &bits, sizeof value);
        comes_back(value);
    }
}

static void floats_are_short(void **state)
{
    (void)state;
    static const struct {
        float value;
        const char *text;
    } cases[] = {{0.5f, "0.5"},         {0, "0.0"},         {-0.25f, "-0.25"}, {1, "1.0"},
                 {0.1f, "0.100000001"}, {0.0625f, "0.0625"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[FLOAT_TEXT];
        float_text(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
    char text[FLOAT_TEXT];
    assert_int_equal(float_text(NAN, text), 0);
    assert_int_equal(float_text(INFINITY, text), 0);
}

static void doubles_come_back(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},      {1, "1.0"},
                 {-2, "-2.0"},      {1.0 / 3, "0.3333333333333333"},
                 {1e300, "1e+300"}, {123456789.25, "123456789.25"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[FLOAT_TEXT];
        double_text(cases[i].value, text);
        assert_string_equal(text, cases[i].text);
    }
    uint64_t seed = 99;
    for (int i = 0; i < 20000; i++) {
        char text[FLOAT_TEXT];
        double value;
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        memcpy(&value, &seed, sizeof value);
        if (!isfinite(value))
            continue;
        double_text(value, text);
        assert_true(strtod(text, NULL) == value);
    }
}

/* The fewest digits from fifteen on that printf and strtod find. */
static void told_by_printf(double value, char *text)
{
    int n = 0;
    for (int precision = 15; precision <= 17; precision++) {
        n = snprintf(text, FLOAT_TEXT, "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    if (strspn(text, "-0123456789") == (size_t)n)
        memcpy(text + n, ".0", 3);
}

/* Fractions, times, powers of two and of ten and their neighbours, halves between decimals, any bits. */
static double some_double(int kind, uint64_t random)
{
    double value = (double)(random >> 11) * 0x1p-53;
    uint64_t any = ((uint64_t)(1023 - 16 + random % 72) << 52) | (random >> 12);
    switch (kind) {
    case 0:
        return value;
    case 1:
        return (float)value;
    case 2:
        return (double)(random % 1000000) / 1000;
    case 3:
        return ldexp(1, (int)(random % 72) - 16);
    case 4:
        return -pow(10, (int)(random >> 20) % 20 - 4) * (1 + ((double)(random % 5) - 2) * 0x1p-53);
    case 5:
        return (double)(random % 100000000000000) + (double)(random >> 58) / 64;
    default:
        memcpy(&value, &any, sizeof value);
        return value;
    }
}

static void doubles_are_short(void **state)
{
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < 140000; i++) {
        char text[FLOAT_TEXT], wanted[FLOAT_TEXT];
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double value = some_double(i % 7, seed ^ seed >> 29);
        told_by_printf(value, wanted);
        assert_int_equal(double_text(value, text), strlen(wanted));
        assert_string_equal(text, wanted);
    }
}

static void writes_values(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"b\":1,\"a\":[true,false,null,-7,0.1,\"é\"],\"o\":{}}",
        "[]",
        "[\"\\\"\\\\\\n\\t\\r\\b\\f\\u0001\\u0000/\",[[]],9223372036854775807]",
        "{\"schlüssel\":\"Straße 中文\"}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct buf out;
        json_t *value = json_loads(texts[i], JSON_ALLOW_NUL, NULL);
        buf_init(&out, 1 << 20);
        assert_int_equal(json_write(value, &out, NULL), STATUS_OK);
        assert_string_equal(out.data, texts[i]);
        buf_release(&out);
        buf_init(&out, 1);
        struct error err = {0};
        assert_int_equal(json_write(value, &out, &err), STATUS_TOO_LARGE);
        buf_release(&out);
        json_decref(value);
    }
}

static void writes_rows(void **state)
{
    (void)state;
    struct buf out;
    struct error err = {0};
    buf_init(&out, 1 << 20);
    assert_int_equal(json_write_floats((float[]){0.5f, -1, 0}, 3, &out, NULL), STATUS_OK);
    assert_string_equal(out.data, "[0.5,-1.0,0.0]");
    buf_clear(&out);
    assert_int_equal(json_write_floats(NULL, 0, &out, NULL), STATUS_OK);
    assert_string_equal(out.data, "[]");
    assert_int_equal(json_write_floats((float[]){NAN}, 1, &out, &err), STATUS_INTERNAL);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_come_back),  cmocka_unit_test(floats_are_short),
        cmocka_unit_test(doubles_come_back), cmocka_unit_test(doubles_are_short),
        cmocka_unit_test(writes_values),     cmocka_unit_test(writes_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
