#include "unit.h"

#include <string.h>

#include "common/utf8.h"

static void every_scalar_value_round_trips(void **state)
{
    (void)state;
    char bytes[4];
    for (uint32_t c = 0; c <= 0x10FFFF; c++) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        uint32_t back;
        size_t n = utf8_encode(c, bytes);
        assert_int_equal(utf8_invalid(bytes, n), n);
        assert_int_equal(utf8_decode(bytes, n, &back), n);
        assert_int_equal(back, c);
        assert_int_equal(utf8_length(bytes, n), 1);
        for (size_t cut = 1; cut < n; cut++) { /* a sequence cut short is not one */
            assert_int_equal(utf8_invalid(bytes, cut), 0);
            assert_int_equal(utf8_floor(bytes, cut, cut), 0);
            assert_int_equal(utf8_floor(bytes, n, cut), 0);
        }
    }
}

/* Which sequences are well-formed, decided by decoding arithmetically instead of by table 3-7. */
static int reference(const unsigned char *s, size_t n)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t wanted = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
    if (wanted != n)
        return 0;
    uint32_t c = n == 1 ? s[0] : s[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (s[i] >> 6 != 2)
            return 0;
        c = c << 6 | (s[i] & 63);
    }
    return c >= least[n] && c <= 0x10FFFF && (c < 0xD800 || c > 0xDFFF);
}

static void agrees_with_arithmetic_on_all_short_strings(void **state)
{
    (void)state;
    static const unsigned char tails[] = {0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF};
    unsigned char s[4];
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++)
            for (size_t c = 0; c < sizeof tails; c++)
                for (size_t d = 0; d < sizeof tails; d++) {
                    s[0] = (unsigned char)a, s[1] = (unsigned char)b, s[2] = tails[c], s[3] = tails[d];
                    size_t n = 1;
                    while (n <= 4 && !reference(s, n))
                        n++;
                    uint32_t code_point;
                    size_t got = utf8_decode((char *)s, 4, &code_point);
                    assert_int_equal(got, n <= 4 ? n : 1);
                    assert_int_equal(utf8_invalid((char *)s, got) == got, n <= 4);
                    if (n > 4)
                        assert_int_equal(code_point, 0xFFFD);
                }
}

static void finds_the_first_bad_byte(void **state)
{
    (void)state;
    char text[64];
    for (size_t at = 0; at < sizeof text; at++) {
        memset(text, 'x', sizeof text);
        assert_int_equal(utf8_invalid(text, sizeof text), sizeof text);
        text[at] = (char)0x80;
        assert_int_equal(utf8_invalid(text, sizeof text), at);
    }
    assert_int_equal(utf8_invalid(NULL, 0), 0);
}

static void floor_steps_back_to_a_border(void **state)
{
    (void)state;
    const char *text = "a\u00e9\u20ac\U0001f600";
    size_t borders[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 10};
    for (size_t at = 0; at < 12; at++)
        assert_int_equal(utf8_floor(text, 10, at), borders[at]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_round_trips),
        cmocka_unit_test(agrees_with_arithmetic_on_all_short_strings),
        cmocka_unit_test(finds_the_first_bad_byte),
        cmocka_unit_test(floor_steps_back_to_a_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
