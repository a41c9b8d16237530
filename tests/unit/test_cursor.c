/* Cursors come back as they were, and nothing else is taken for one. */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/cursor.h"

static void there_and_back(void **state)
{
    (void)state;
    static char longest[CURSOR_ID_BYTES];
    memset(longest, 'x', sizeof longest);
    const struct text ids[] = {text_of("a"), text_of("notes/\xc3\xa4.txt"), {longest, sizeof longest}};
    const double scores[] = {0.61, -1, 1, 5e-324};
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < 4; j++) {
            char text[CURSOR_TEXT];
            struct cursor back,
                c = {.generation = UINT64_MAX - i, .seen = 1 + (uint32_t)j, .score = scores[j]};
            c.id = ids[i];
            memset(c.query, (int)(200 + i), sizeof c.query);
            cursor_encode(&c, text);
            assert_true(strlen(text) < CURSOR_TEXT);
            assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
                             strlen(text));
            assert_int_equal(cursor_decode(text_of(text), &back, NULL), STATUS_OK);
            assert_true(back.generation == c.generation && back.seen == c.seen && back.score == c.score);
            assert_memory_equal(back.query, c.query, sizeof c.query);
            assert_true(text_equal(back.id, ids[i]));
        }
}

static void refuses_everything_else(void **state)
{
    (void)state;
    char text[CURSOR_TEXT], changed[CURSOR_TEXT + 8];
    struct cursor back, c = {.generation = 3, .seen = 5, .score = 0.5, .id = text_of("doc")};
    struct error err = {0};
    cursor_encode(&c, text);
    size_t n = strlen(text);
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(cursor_decode((struct text){text, cut}, &back, NULL), STATUS_INVALID);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < 3; j++) {
            memcpy(changed, text, n + 1);
            changed[i] = "A_*"[j];
            if (changed[i] != text[i])
                assert_int_equal(cursor_decode(text_of(changed), &back, &err), STATUS_INVALID);
        }
    assert_string_equal(err.field, "cursor");
    snprintf(changed, sizeof changed, "%s=", text);
    assert_int_equal(cursor_decode(text_of(changed), &back, NULL), STATUS_INVALID);
    c.score = NAN;
    cursor_encode(&c, text);
    assert_int_equal(cursor_decode(text_of(text), &back, NULL), STATUS_INVALID);
    c.score = 1;
    c.id = text_of("\xff");
    cursor_encode(&c, text);
    assert_int_equal(cursor_decode(text_of(text), &back, NULL), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(refuses_everything_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
