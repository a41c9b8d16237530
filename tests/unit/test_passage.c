#include "default_tokenizer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "tokenizer/passage.h"

static struct encoding scratch;
static struct passages passages;

static int close_all(void **state)
{
    passages_release(&passages);
    encoding_release(&scratch);
    return close_model(state);
}

static uint32_t count(struct text text, size_t start, size_t end)
{
    assert_int_equal(tokenizer_encode(tokenizer, &scratch, text_of(""),
                                      (struct text){text.data + start, end - start}, NULL),
                     STATUS_OK);
    return (uint32_t)scratch.count;
}

static void blank(struct text text, size_t start, size_t end)
{
    for (size_t i = start; i < end; i++)
        if (strchr(" \t\r\n", text.data[i]) == NULL || text.data[i] == '\0')
            fail_msg("byte %zu is in no passage", i);
}

/* Cuts, and checks what every cut must satisfy. */
static void cut(struct text text, const char *lang, uint32_t max, uint32_t overlap, uint32_t reserved)
{
    struct error err = {0};
    struct passage_options options = {max, overlap};
    if (passages_cut(tokenizer, &scratch, text, text_of(lang), &options, reserved, &passages, &err) !=
        STATUS_OK)
        fail_msg("%s", err.text);
    size_t covered = 0;
    for (size_t i = 0; i < passages.count; i++) {
        struct passage p = passages.items[i];
        assert_true(p.start < p.end && p.end <= text.len && p.end > covered);
        assert_int_equal(p.tokens, count(text, p.start, p.end));
        assert_in_range(p.tokens, 1, max - reserved);
        if (p.start > covered)
            blank(text, covered, p.start);
        else if (p.start < covered)
            assert_in_range(count(text, p.start, covered), 1, overlap);
        covered = p.end;
    }
    blank(text, covered, text.len);
}

static void expect(struct text text, size_t i, const char *content)
{
    assert_true(i < passages.count);
    struct passage p = passages.items[i];
    char got[512];
    snprintf(got, sizeof got, "%.*s", (int)(p.end - p.start), text.data + p.start);
    assert_string_equal(got, content);
}

static void short_text_is_one_passage(void **state)
{
    (void)state;
    struct text text = text_of("  The library opens at nine. It closes late.\r\n");
    cut(text, "en", 200, UINT32_MAX, 0);
    assert_int_equal(passages.count, 1);
    expect(text, 0, "The library opens at nine. It closes late.");
    cut(text_of(" \r\n\t\n "), "", 200, UINT32_MAX, 0);
    assert_int_equal(passages.count, 0);
    cut(text_of(""), "", 200, UINT32_MAX, 0);
    assert_int_equal(passages.count, 0);
    struct passage_options options = {0};
    assert_int_equal(
        passages_cut(tokenizer, &scratch, text_of("\x01\u200b"), text_of(""), &options, 0, &passages, NULL),
        STATUS_OK);
    assert_int_equal(passages.count, 0); /* not white space, but nothing that makes a token */
}

static void cuts_between_sentences_and_shares_whole_ones(void **state)
{
    (void)state;
    struct text text =
        text_of("The ferry leaves at six. Tickets are sold on board. Dogs are welcome on deck. "
                "The crossing takes two hours. Breakfast is served below.");
    cut(text, "en", 16, UINT32_MAX, 0);
    assert_int_equal(passages.count, 3);
    expect(text, 0, "The ferry leaves at six. Tickets are sold on board.");
    expect(text, 1, "Dogs are welcome on deck. The crossing takes two hours.");
    expect(text, 2, "Breakfast is served below.");
    cut(text, "en", 16, 8, 0);
    assert_int_equal(passages.count, 4);
    expect(text, 0, "The ferry leaves at six. Tickets are sold on board.");
    expect(text, 1, "Tickets are sold on board. Dogs are welcome on deck.");
    expect(text, 3, "The crossing takes two hours. Breakfast is served below.");
}

static void prefers_the_end_of_a_paragraph(void **state)
{
    (void)state;
    struct text text =
        text_of("The ferry leaves at six. Tickets are sold on board.\n\nDogs are welcome. They may run "
                "on deck.\n\n# Meals\n\nBreakfast is served below. Tea and coffee cost nothing.\n");
    cut(text, "en", 24, UINT32_MAX, 0);
    expect(text, 0, "The ferry leaves at six. Tickets are sold on board.");
    expect(text, 1, "Dogs are welcome. They may run on deck.");
    expect(text, 2, "# Meals\n\nBreakfast is served below. Tea and coffee cost nothing.");
    assert_int_equal(passages.count, 3);
}

static void joins_lines_that_an_editor_wrapped(void **state)
{
    (void)state;
    struct text text =
        text_of("The harbour office sells season tickets for the\nferry and for the bus. Students pay "
                "half of the price\nif they bring a card with a recent picture.");
    cut(text, "en", 24, UINT32_MAX, 0);
    assert_int_equal(passages.count, 2);
    expect(text, 0, "The harbour office sells season tickets for the\nferry and for the bus.");
}

static void cuts_what_has_no_sentence_or_word_end(void **state)
{
    (void)state;
    static const char *const units[] = {"図書館",       "หอสมุดแห่งชาติเปิดให้บริการทุกวัน",  "x",
                                        "1234 ",        "\U0001f469\u200d\U0001f467", "e\u0301\u0302",
                                        "word ",        "متى تفتح الصيدلية ",         "12\t34\r\n",
                                        "A b. \r\n\r\n"};
    static const char *const languages[] = {"ja", "th",          "en", "",      "und",
                                            "fr", "no language", "ar", "de-CH", "en"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct buf b;
        buf_init(&b, 1 << 20);
        for (size_t j = 0; j < 700; j++)
            assert_int_equal(buf_append(&b, units[i], strlen(units[i]), NULL), STATUS_OK);
        for (uint32_t overlap = 4; overlap <= 8; overlap += 4)
            cut(buf_text(&b), languages[i], 40, overlap, 13);
        assert_true(passages.count > 5);
        buf_release(&b);
    }
    /* Family emoji and accented letters stay whole. */
    struct text text = text_of(
        "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301"
        "e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301e\u0301");
    cut(text, "", 16, UINT32_MAX, 0);
    assert_true(passages.count > 1);
    for (size_t i = 0; i < passages.count; i++)
        assert_int_equal(passages.items[i].start % 3, 0);
}

static void large_documents_are_cut_piece_by_piece(void **state)
{
    (void)state;
    static const char *const units[] = {"A sentence of a large document that goes on for a while. ",
                                        "図書館"};
    for (size_t i = 0; i < 2; i++) {
        struct buf b;
        size_t n = strlen(units[i]), bytes = ((size_t)5 << 20) / 2;
        buf_init(&b, (size_t)8 << 20);
        while (b.len < bytes)
            assert_int_equal(buf_append(&b, units[i], n, NULL), STATUS_OK);
        cut(buf_text(&b), "", 200, 40, 10);
        assert_true(passages.count > 1000);
        buf_release(&b);
    }
}

/* The words of a passage's heading and of those above it, the nearest first. */
static void expect_path(struct text text, size_t i, const char *path)
{
    char got[256] = "";
    for (uint32_t h = passages.items[i].heading; h != PASSAGE_NO_HEADING; h = passages.headings[h].parent) {
        struct heading heading = passages.headings[h];
        size_t n = strlen(got);
        snprintf(got + n, sizeof got - n, "%.*s|", (int)(heading.end - heading.start),
                 text.data + heading.start);
    }
    assert_string_equal(got, path);
}

static void headings_go_with_what_follows(void **state)
{
    (void)state;
    struct text text =
        text_of("# Boats ##\n\nA boat floats on the water of the lake. It is made of old oak.\n\n"
                "## Oars\n\nAn oar is long and made of ash. Two of them move a boat along.\n\n"
                "Rest\n====\n\nSit down.");
    cut(text, "en", 24, 12, 0);
    for (size_t i = 0; i < passages.count; i++) {
        struct passage p = passages.items[i];
        assert_true(p.end == text.len || text.data[p.end - 1] == '.');
    }
    assert_true(passages.count >= 3);
    expect_path(text, 0, "Boats|");
    assert_true(strncmp(text.data + passages.items[1].start, "## Oars", 7) == 0);
    expect_path(text, 1, "Oars|Boats|");
    expect_path(text, passages.count - 1, "Rest|");
    assert_int_equal(passages.heading_count, 3);

    struct text brief = text_of("# One\n\nwords");
    cut(brief, "en", 200, 40, 0);
    assert_int_equal(passages.count, 1);
    expect_path(brief, 0, "One|");
    cut(text_of("words\n\n# One"), "en", 200, 40, 0);
    assert_int_equal(passages.items[0].heading, PASSAGE_NO_HEADING);
}

static void tables_and_code_stay_whole_where_they_fit(void **state)
{
    (void)state;
    struct text text =
        text_of("The prices of this week are listed here. They hold until Sunday evening.\n\n"
                "| fruit | price |\n|---|---|\n| apple | 2 |\n| pear. Or quince. | 3 |\n\n"
                "The program prints them all. It reads a file of lines.\n\n"
                "```c\nfor (;;) print(line). Next = 1.\n# not a heading\n```\n\nThat is all there is.");
    cut(text, "en", 40, UINT32_MAX, 0);
    const char *table = strstr(text.data, "| fruit"), *code = strstr(text.data, "```c");
    size_t table_at = (size_t)(table - text.data), code_at = (size_t)(code - text.data);
    size_t table_end = (size_t)(strstr(table, "3 |") + 3 - text.data);
    size_t code_end = (size_t)(strstr(code, "```\n\n") + 3 - text.data);
    for (size_t i = 0; i < passages.count; i++) {
        struct passage p = passages.items[i];
        assert_false(p.start > table_at && p.start < table_end);
        assert_false(p.end > table_at && p.end < table_end);
        assert_false(p.start > code_at && p.start < code_end);
        assert_false(p.end > code_at && p.end < code_end);
    }
    assert_int_equal(passages.heading_count, 0);

    char rows[2000] = "";
    for (int i = 0; i < 60; i++)
        snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "| row %d | cell |\n", i);
    cut(text_of(rows), "en", 40, UINT32_MAX, 0);
    assert_true(passages.count > 5);
    for (size_t i = 0; i < passages.count; i++) {
        assert_true(rows[passages.items[i].start] == '|');
        assert_true(rows[passages.items[i].end] == '\n');
    }
}

static void refuses_limits_that_leave_no_room(void **state)
{
    (void)state;
    struct error err = {0};
    struct passage_options options = {20, 0};
    assert_int_equal(
        passages_cut(tokenizer, &scratch, text_of("a"), text_of(""), &options, 5, &passages, &err),
        STATUS_INVALID);
    assert_string_equal(err.field, "max_tokens");
    err = (struct error){0};
    options.overlap_tokens = 11;
    assert_int_equal(
        passages_cut(tokenizer, &scratch, text_of("a"), text_of(""), &options, 0, &passages, &err),
        STATUS_INVALID);
    assert_string_equal(err.field, "overlap_tokens");
    assert_int_equal(passages.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_text_is_one_passage),
        cmocka_unit_test(cuts_between_sentences_and_shares_whole_ones),
        cmocka_unit_test(prefers_the_end_of_a_paragraph),
        cmocka_unit_test(joins_lines_that_an_editor_wrapped),
        cmocka_unit_test(cuts_what_has_no_sentence_or_word_end),
        cmocka_unit_test(large_documents_are_cut_piece_by_piece),
        cmocka_unit_test(headings_go_with_what_follows),
        cmocka_unit_test(tables_and_code_stay_whole_where_they_fit),
        cmocka_unit_test(refuses_limits_that_leave_no_room),
    };
    return cmocka_run_group_tests(tests, open_model, close_all);
}
