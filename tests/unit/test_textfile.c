#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "cli/textfile.h"

static void titles_of_markdown(void **state)
{
    (void)state;
    static const struct {
        const char *text, *title;
    } cases[] = {
        {"# One\n\ntext", "One"},
        {"intro\n\n## Two ##\n", "Two"},
        {"---\nauthor: x\ntitle: \"In front\"\n---\n# Later\n", "In front"},
        {"---\r\ntitle: 'Windows'\r\n---\r\n", "Windows"},
        {"---\nauthor: x\n---\n# Heading\n", "Heading"},
        {"---\n\n# After a rule\n", "After a rule"},
        {"```\n# in code\n```\n# Real\n", "Real"},
        {"#hashtag\n#\n####### seven\n", ""},
        {"no heading", ""},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text title = markdown_title(text_of(cases[i].text));
        if (!text_is(title, cases[i].title))
            fail_msg("\"%s\" has the title \"%.*s\"", cases[i].text, (int)title.len, title.data);
    }
}

static enum status read_bytes(const char *bytes, size_t n, json_t **document, enum skip *why,
                              const char **encoding)
{
    struct error err = {0};
    uint64_t substituted = 0;
    struct charset *in = calloc(1, sizeof *in);
    assert_non_null(in);
    *document = NULL;
    *encoding = NULL;
    assert_int_equal(charset_open_memory(in, (struct text){bytes, n}, NULL, &err), STATUS_OK);
    enum status status =
        textfile_read(in, "folder/a.md", NULL, true, "de", document, why, encoding, &substituted, &err);
    charset_close(in);
    free(in);
    return status;
}

static void one_file_is_one_document(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF# Überschrift\n\nText";
    json_t *d;
    enum skip why;
    const char *encoding;
    assert_int_equal(read_bytes(text, sizeof text - 1, &d, &why, &encoding), STATUS_OK);
    assert_string_equal(json_string_value(json_object_get(d, "id")), "folder/a.md");
    assert_string_equal(json_string_value(json_object_get(d, "title")), "Überschrift");
    assert_string_equal(json_string_value(json_object_get(d, "text")), "# Überschrift\n\nText");
    assert_string_equal(json_string_value(json_object_get(d, "lang")), "de");
    assert_null(encoding);
    json_decref(d);
}

static void legacy_text_is_converted(void **state)
{
    (void)state;
    static const char text[] =
        "Le caf\xE9 est ferm\xE9 le dimanche apr\xE8s-midi, mais la p\xE2tisserie reste ouverte.";
    json_t *d;
    enum skip why;
    const char *encoding;
    assert_int_equal(read_bytes(text, sizeof text - 1, &d, &why, &encoding), STATUS_OK);
    assert_non_null(encoding);
    assert_non_null(strstr(json_string_value(json_object_get(d, "text")), "café est fermé"));
    json_decref(d);
}

static void what_is_no_text_says_why(void **state)
{
    (void)state;
    json_t *d;
    enum skip why;
    const char *encoding;
    assert_int_equal(read_bytes("a\0b", 3, &d, &why, &encoding), STATUS_INVALID);
    assert_int_equal(why, SKIP_BINARY);
    assert_int_equal(read_bytes(" \n\t", 3, &d, &why, &encoding), STATUS_INVALID);
    assert_int_equal(why, SKIP_EMPTY);
    assert_int_equal(read_bytes("", 0, &d, &why, &encoding), STATUS_INVALID);
    assert_int_equal(why, SKIP_EMPTY);
    assert_null(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(titles_of_markdown),
        cmocka_unit_test(one_file_is_one_document),
        cmocka_unit_test(legacy_text_is_converted),
        cmocka_unit_test(what_is_no_text_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
