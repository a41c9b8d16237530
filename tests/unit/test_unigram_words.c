#include "golden_texts.h"

/* Ids against the reference: test_tokenizer_json.c. */

static const struct {
    const char *text;
    float score;
    int32_t type;
} pieces[] = {
    {"<unk>", 0, 2}, {"</s>", 0, 3}, {"\u2581", -2, 1},     {"a", -3, 1},
    {"b", -3.5f, 1}, {"ab", -4, 1},  {"\u2581a", -4.5f, 1}, {"b\u2581a", -0.1f, 1},
};

enum { PIECES = sizeof pieces / sizeof pieces[0] };

struct model {
    struct buf bytes;
    struct gguf *file;
    struct tokenizer *tokenizer;
};

static enum status open_model(struct model *m, const char *words, bool merge, bool left, bool right,
                              struct error *err)
{
    struct buf list_of[3], *b = &m->bytes;
    *m = (struct model){0};
    buf_init(b, 1 << 20);
    for (int i = 0; i < 3; i++)
        buf_init(&list_of[i], 1 << 20);
    for (size_t i = 0; i < PIECES; i++) {
        string(&list_of[0], pieces[i].text, strlen(pieces[i].text));
        put(&list_of[1], &pieces[i].score, sizeof pieces[i].score);
        number(&list_of[2], (uint32_t)pieces[i].type, 4);
    }
    put(b, "GGUF", 4);
    number(b, 3, 4);
    number(b, 0, 8);
    number(b, 8, 8);
    key(b, "tokenizer.ggml.model", GGUF_STRING);
    string(b, "t5", 2);
    list(b, "tokenizer.ggml.tokens", GGUF_STRING, PIECES, &list_of[0]);
    list(b, "tokenizer.ggml.scores", GGUF_F32, PIECES, &list_of[1]);
    list(b, "tokenizer.ggml.token_type", GGUF_I32, PIECES, &list_of[2]);
    key(b, "cognate.unigram.words", GGUF_STRING);
    string(b, words, strlen(words));
    key(b, "cognate.unigram.merge_spaces", GGUF_BOOL);
    number(b, merge, 1);
    key(b, "cognate.unigram.strip_left", GGUF_BOOL);
    number(b, left, 1);
    key(b, "cognate.unigram.strip_right", GGUF_BOOL);
    number(b, right, 1);
    for (int i = 0; i < 3; i++)
        buf_release(&list_of[i]);
    assert_int_equal(gguf_open_bytes("small", b->data, b->len, &m->file, NULL), STATUS_OK);
    return tokenizer_open(m->file, NULL, &m->tokenizer, err);
}

static void close_model(struct model *m)
{
    tokenizer_free(m->tokenizer);
    gguf_free(m->file);
    buf_release(&m->bytes);
}

static void expect(const struct model *m, const char *prefix, const char *text, size_t prefix_count,
                   const char *wanted)
{
    struct encoding e = {0};
    expect_tokens(m->tokenizer, &e, prefix, text_of(text), wanted);
    assert_int_equal(e.prefix_count, prefix_count);
    encoding_release(&e);
}

static void words_end_at_white_space(void **state)
{
    (void)state;
    struct model m;
    assert_int_equal(open_model(&m, "whitespace", false, false, false, NULL), STATUS_OK);
    expect(&m, "", "", 0, "");
    expect(&m, "", " \t ", 0, "");
    expect(&m, "", "ab\u3000 a\n", 0, "\u2581:0:0 ab:0:2 \u2581a:6:7 ");
    expect(&m, "", "b a", 0, "\u2581:0:0 b:0:1 \u2581a:2:3 "); /* no piece reaches across words */
    expect(&m, "", "a\u2581a", 0, "\u2581a:0:1 \u2581a:1:5 ");
    expect(&m, "", "xyaz", 0, "\u2581:0:0 <unk>:0:2 a:2:3 <unk>:3:4 ");
    expect(&m, "",
           "\xff"
           "a",
           0, "\u2581:0:0 <unk>:0:1 a:1:2 ");
    expect(&m, "b: ", "a", 3, "\u2581:0:0 b:0:0 <unk>:0:0 \u2581a:0:1 ");
    expect(&m, "a", "b", 1, "\u2581:0:0 ab:0:1 "); /* a piece of both belongs to the text */
    close_model(&m);
}

static void spaces_begin_words(void **state)
{
    (void)state;
    struct model m;
    assert_int_equal(open_model(&m, "spaces", false, false, false, NULL), STATUS_OK);
    expect(&m, "", "  a ", 0, "\u2581:0:1 \u2581a:1:3 \u2581:3:4 ");
    expect(&m, "", "a\tb", 0, "\u2581a:0:1 <unk>:1:2 b:2:3 ");
    close_model(&m);
    assert_int_equal(open_model(&m, "spaces", true, true, true, NULL), STATUS_OK);
    expect(&m, "", "   a   b   ", 0, "\u2581a:3:4 \u2581:4:5 b:7:8 ");
    expect(&m, "", "\t ", 0, "");
    close_model(&m);
}

static void another_way_to_cut_words_is_refused(void **state)
{
    (void)state;
    struct model m;
    struct error err = {0};
    assert_int_equal(open_model(&m, "lines", false, false, false, &err), STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "cuts words at \"lines\""));
    close_model(&m);
}

static void time_is_linear(void **state)
{
    (void)state;
    static const char *const parts[] = {"a", "a\t", " ", "a\u0301", "\u0301", "x ", "\r\n"};
    size_t n = 2000000;
    struct model m;
    struct encoding e = {0};
    char *text = malloc(n);
    assert_non_null(text);
    for (int kind = 0; kind < 2; kind++) {
        assert_int_equal(open_model(&m, kind == 0 ? "whitespace" : "spaces", false, false, false, NULL),
                         STATUS_OK);
        for (size_t p = 0; p < sizeof parts / sizeof parts[0]; p++) {
            size_t length = strlen(parts[p]);
            for (size_t i = 0; i < n; i++)
                text[i] = parts[p][i % length];
            assert_int_equal(tokenizer_encode(m.tokenizer, &e, text_of("a b"),
                                              (struct text){text, n / length * length}, NULL),
                             STATUS_OK);
            assert_true(e.prefix_count > 0);
        }
        close_model(&m);
    }
    encoding_release(&e);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_end_at_white_space),
        cmocka_unit_test(spaces_begin_words),
        cmocka_unit_test(another_way_to_cut_words_is_refused),
        cmocka_unit_test(time_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
