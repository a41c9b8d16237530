#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "tokenizer/segments.h"

static struct segments segments;

static void find(struct text text, const char *lang)
{
    struct breaks b;
    breaks_open(&b, text_of(lang));
    assert_int_equal(segments_find(&b, text, &segments, NULL), STATUS_OK);
    breaks_close(&b);
    size_t end = 0;
    for (size_t i = 0; i < segments.count; i++) {
        struct segment s = segments.items[i];
        assert_true(s.start >= end && s.start < s.end && s.end <= text.len);
        for (; end < s.start; end++)
            assert_non_null(strchr(" \t\r\n", text.data[end]));
        end = s.end;
    }
}

/* A letter for the kind of each segment, and its text. */
static void expect(const char *text, const char *wanted)
{
    struct buf got;
    buf_init(&got, 1 << 16);
    find(text_of(text), "en");
    assert_int_equal(buf_append(&got, "", 0, NULL), STATUS_OK);
    for (size_t i = 0; i < segments.count; i++) {
        struct segment s = segments.items[i];
        struct text words = s.kind == SEGMENT_HEADING ? segment_heading(text_of(text), &s)
                                                      : (struct text){text + s.start, s.end - s.start};
        assert_int_equal(
            buf_printf(&got, NULL, "%c%.0u[%.*s]", "SHTC"[s.kind], s.level, (int)words.len, words.data),
            STATUS_OK);
    }
    assert_string_equal(got.data, wanted);
    buf_release(&got);
}

static void sentences(void **state)
{
    (void)state;
    expect("One. Two!  Three?", "S[One.]S[Two!]S[Three?]");
    expect("A title\nand a line", "S[A title]S[and a line]");
    expect("A line of more than forty bytes that was\nwrapped goes on. Next.",
           "S[A line of more than forty bytes that was\nwrapped goes on.]S[Next.]");
    expect("", "");
    expect(" \n\t ", "");
    find(text_of("これは本です。あれは何ですか？"), "ja");
    assert_int_equal(segments.count, 2);
    find(text_of("Τι είναι αυτό; Δεν ξέρω."), "el");
    assert_int_equal(segments.count, 2);
    find(text_of("Τι είναι αυτό; Δεν ξέρω."), "en");
    assert_int_equal(segments.count, 1);
}

static void headings(void **state)
{
    (void)state;
    expect("# One\ntext", "H1[One]S[text]");
    expect("text\n###### Six ##\n", "S[text]H6[Six]");
    expect("####### seven", "S[####### seven]");
    expect("#hashtag and #more", "S[#hashtag and #more]");
    expect("   ## C# #\r\ntext", "H2[C#]S[text]");
    expect("One\n===\n\nTwo\n---\ntext", "H1[One]H2[Two]S[text]");
    expect("a\nb\n---\n", "S[a]S[b]S[---]"); /* a rule below a paragraph */
    expect("#\n", "H1[]");
}

static void tables_and_code(void **state)
{
    (void)state;
    expect("Before.\n| a | b |\n|---|:-:|\n| 1. Yes. | 2 |\nAfter.",
           "S[Before.]T[| a | b |\n|---|:-:|\n| 1. Yes. | 2 |]S[After.]");
    expect("a | b\n--|--\n1 | 2\n", "T[a | b\n--|--\n1 | 2]");
    expect("| a bar alone", "S[| a bar alone]");
    expect("this | that\nand | so on", "S[this | that]S[and | so on]");
    expect("```\n# no. Not. \n~~~\n```\nAfter.", "C[```\n# no. Not. \n~~~\n```]S[After.]");
    expect("~~~~ c\nx\n~~~\n~~~~~\n", "C[~~~~ c\nx\n~~~\n~~~~~]");
    expect("```\nno end. None.", "S[```]S[no end.]S[None.]");
    expect("``` a`b\nx\n```\ny", "S[``` a`b]S[x]S[```]S[y]");
}

/* Work is counted by what the finder gives back: a search that began anew at each line would not end in time,
 * and a segment of more than ICU takes would break its promise. */
static void long_texts_of_marks_are_linear(void **state)
{
    (void)state;
    static const char *const units[] = {"```x\n", "~~~~\n",  "|\n", "a|b\n", "#\n", "-\n",
                                        "=\n",    "a\n--\n", "\n",  "| |x",  "a"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        size_t n = strlen(units[i]), times = ((size_t)3 << 20) / n;
        char *text = malloc(n * times);
        assert_non_null(text);
        for (size_t j = 0; j < times; j++)
            memcpy(text + j * n, units[i], n);
        find((struct text){text, n * times}, "en");
        for (size_t j = 0; j < segments.count; j++)
            assert_in_range(segments.items[j].end - segments.items[j].start, 1, BREAKS_MAX_TEXT);
        free(text);
    }
}

static int release(void **state)
{
    (void)state;
    segments_release(&segments);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences),
        cmocka_unit_test(headings),
        cmocka_unit_test(tables_and_code),
        cmocka_unit_test(long_texts_of_marks_are_linear),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
