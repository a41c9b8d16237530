#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "tokenizer/breaks.h"

static void expect(struct breaks *b, enum break_kind kind, const char *text, const uint32_t *ends,
                   size_t count)
{
    assert_int_equal(breaks_find(b, kind, text_of(text), NULL), STATUS_OK);
    assert_int_equal(b->count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(b->ends[i], ends[i]);
}

static void finds_ends_in_bytes(void **state)
{
    (void)state;
    struct breaks b;
    breaks_open(&b, text_of("fr"));
    expect(&b, BREAK_SENTENCE, "Été. Où ?", (uint32_t[]){7, 12}, 2);
    expect(&b, BREAK_WORD, "é à", (uint32_t[]){2, 3, 5}, 3);
    expect(&b, BREAK_GRAPHEME, "e\u0301\r\n\U0001f469\u200d\U0001f467", (uint32_t[]){3, 5, 16}, 3);
    expect(&b, BREAK_CHARACTER, "e\u0301\U0001f469", (uint32_t[]){1, 3, 7}, 3);
    expect(&b, BREAK_SENTENCE, "", NULL, 0);
    breaks_close(&b);
    breaks_close(&b);
}

static void the_language_chooses_the_rules(void **state)
{
    (void)state;
    struct breaks b;
    breaks_open(&b, text_of("el"));
    assert_string_equal(b.locale, "el");
    expect(&b, BREAK_SENTENCE, "Τι; Α", (uint32_t[]){6, 8}, 2); /* a Greek question mark */
    breaks_close(&b);
    breaks_open(&b, text_of("en"));
    expect(&b, BREAK_SENTENCE, "Τι; Α", (uint32_t[]){8}, 1);
    breaks_close(&b);
    breaks_open(&b, (struct text){"en\0x", 4});
    assert_string_equal(b.locale, "");
    breaks_close(&b);
    breaks_open(&b, text_of("not a language at all, and far too long to be the name of one, really not"));
    assert_string_equal(b.locale, "");
    expect(&b, BREAK_WORD, "ab", (uint32_t[]){2}, 1);
    breaks_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_ends_in_bytes),
        cmocka_unit_test(the_language_chooses_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
