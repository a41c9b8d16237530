#include "unit.h"

#include <string.h>

#include "tokenizer/place.h"

/* The place of the first `needle`, as "page:line headings". */
static void expect(const char *text, const char *needle, const char *wanted)
{
    struct place p;
    struct buf headings, got;
    const char *at = strstr(text, needle);
    assert_non_null(at);
    buf_init(&headings, PLACE_PATH_BYTES);
    buf_init(&got, PLACE_PATH_BYTES);
    assert_int_equal(place_find(text_of(text), (size_t)(at - text), &p, &headings, NULL), STATUS_OK);
    assert_int_equal(buf_printf(&got, NULL, "%zu:%zu %.*s", p.page, p.line, (int)headings.len,
                                headings.data != NULL ? headings.data : ""),
                     STATUS_OK);
    assert_string_equal(got.data, wanted);
    buf_release(&headings);
    buf_release(&got);
}

static void lines_and_pages(void **state)
{
    (void)state;
    expect("one", "one", "0:1 ");
    expect("one\r\ntwo\n\nthree", "three", "0:4 ");
    expect("one\n\ftwo\n\f", "one", "1:1 ");
    expect("one\n\ftwo\n\f", "two", "2:2 ");
    expect("one\f\f\nthree", "three", "3:2 ");
}

static void headings(void **state)
{
    (void)state;
    static const char guide[] = "Before.\n# Guide\ntext A\n### Deep ###\ntext B\n## Install\n\ntext C\n"
                                "```\n# no heading\ncode\n```\n\nOther\n=====\ntext D\n";
    expect(guide, "Before", "0:1 ");
    expect(guide, "# Guide", "0:2 Guide");
    expect(guide, "text A", "0:3 Guide");
    expect(guide, "text B", "0:5 Guide > Deep");
    expect(guide, "text C", "0:8 Guide > Install");
    expect(guide, "code", "0:11 Guide > Install");
    expect(guide, "text D", "0:16 Other");
    expect("# \ntext", "text", "0:2 ");
    expect("# a\n## \n### b\ntext", "text", "0:4 a > b");
    expect("# 指南\n## 安装\n文本", "文本", "0:3 指南 > 安装");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_and_pages), cmocka_unit_test(headings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
