#include "unit.h"

#include <math.h>
#include <string.h>

#include "server/vector_json.h"

static void writes_each_form(void **state)
{
    (void)state;
    static const float v[] = {0.5f, -0.25f, 0, 1, -1, 0.125f, 0.0625f, -0.5f, 0.75f};
    static const struct {
        struct vector_format format;
        const char *text;
    } cases[] = {
        {{VECTOR_FLOAT, false, 3}, "[0.5,-0.25,0.0]"},    {{VECTOR_FLOAT, true, 1}, "\"AAAAPw==\""},
        {{VECTOR_INT8, false, 5}, "[64,-32,0,127,-127]"}, {{VECTOR_INT8, true, 3}, "\"f8AA\""},
        {{VECTOR_BINARY, false, 9}, "[150,128]"},
        {{VECTOR_SIGNED_BINARY, false, 9}, "[22,0]"},
        {{VECTOR_UINT8, false, 5}, "[192,96,128,255,1]"},         {{VECTOR_BINARY, true, 8}, "\"lg==\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, 1 << 16);
        assert_int_equal(vector_write(v, &cases[i].format, &out, NULL), STATUS_OK);
        assert_string_equal(out.data, cases[i].text);
        assert_int_equal(out.len, strlen(cases[i].text));
        buf_release(&out);
    }
}

static void a_shorter_vector_is_a_unit_vector(void **state)
{
    (void)state;
    float v[] = {0.6f, 0, 0.8f}, w[] = {0, 0, 1};
    vector_shorten(v, 3, 3);
    assert_true(v[0] == 0.6f);
    vector_shorten(v, 3, 2);
    assert_true(fabsf(v[0] - 1) < 1e-6f && v[1] == 0);
    vector_shorten(w, 3, 2); /* nothing there to make a unit vector of */
    assert_true(w[0] == 0 && w[1] == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_each_form),
        cmocka_unit_test(a_shorter_vector_is_a_unit_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
