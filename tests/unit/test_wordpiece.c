#include "golden_texts.h"

/* Two vocabularies, without capitals and with them. */
enum { UNCASED, CASED, KINDS };

static struct golden_file golden, texts;
static struct buf models[KINDS];
static struct gguf *files[KINDS];
static struct tokenizer *tokenizers[KINDS];
static struct encoding e;

static bool is_special(const char *piece)
{
    return piece[0] == '[' && piece[strlen(piece) - 1] == ']' && piece[1] != '\0';
}

/* A model file of the next vocabulary, its pieces marked as converters mark them. */
static void read_vocabulary(int kind)
{
    struct buf *b = &models[kind], pieces, types;
    struct error err = {0};
    size_t count = golden_count(&golden);
    buf_init(b, 1 << 20), buf_init(&pieces, 1 << 20), buf_init(&types, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        const char *piece = golden_line(&golden);
        bool special = is_special(piece), inner = strncmp(piece, "##", 2) == 0 && piece[2] != '\0';
        const char *mark = special || inner ? "" : "\u2581";
        piece += inner ? 2 : 0;
        number(&pieces, strlen(mark) + strlen(piece), 8);
        put(&pieces, mark, strlen(mark));
        put(&pieces, piece, strlen(piece));
        number(&types, special ? 3 : 1, 4);
    }
    put(b, "GGUF", 4);
    number(b, 3, 4);
    number(b, 0, 8);
    number(b, 3, 8);
    key(b, "tokenizer.ggml.model", GGUF_STRING);
    string(b, "bert", 4);
    list(b, "tokenizer.ggml.tokens", GGUF_STRING, count, &pieces);
    list(b, "tokenizer.ggml.token_type", GGUF_I32, count, &types);
    buf_release(&pieces), buf_release(&types);
    if (gguf_open_bytes("small", b->data, b->len, &files[kind], &err) != STATUS_OK ||
        tokenizer_open(files[kind], NULL, &tokenizers[kind], &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    (void)state;
    golden_open(&golden, "wordpiece.txt");
    golden_open(&texts, "texts.txt");
    for (int kind = 0; kind < KINDS; kind++)
        read_vocabulary(kind);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++) {
        tokenizer_free(tokenizers[kind]);
        gguf_free(files[kind]);
        buf_release(&models[kind]);
    }
    encoding_release(&e);
    buf_release(&golden.bytes), buf_release(&texts.bytes);
    return 0;
}

static void ids_of_texts_equal_the_reference(void **state)
{
    (void)state;
    size_t count = golden_count(&texts);
    assert_true(count > 2000);
    for (size_t i = 0; i < count; i++) {
        struct text text = golden_text(&texts);
        char *line = golden_line(&golden);
        for (int kind = 0; kind < KINDS; kind++) {
            size_t wanted = strtoul(line, &line, 10);
            uint64_t hash = strtoull(line, &line, 16);
            if (hash_ids(tokenizers[kind], &e, text, HASH_START) != hash || e.count != wanted)
                fail_msg("text %zu, vocabulary %d, %zu ids instead of %zu: %.*s", i, kind, e.count, wanted,
                         (int)text.len, text.data);
        }
    }
}

static void every_character_is_taken_as_in_the_reference(void **state)
{
    (void)state;
    for (uint32_t start = 0; start < 0x110000; start += 0x1000) {
        char *line = golden_line(&golden);
        for (int kind = 0; kind < KINDS; kind++)
            if (hash_characters(tokenizers[kind], &e, start) != strtoull(line, &line, 16))
                fail_msg("a character from U+%X on, vocabulary %d", (unsigned)start, kind);
    }
}

static void expect(const char *prefix, const char *text, const char *wanted)
{
    expect_tokens(tokenizers[UNCASED], &e, prefix, text_of(text), wanted);
}

static void ranges_are_those_of_the_original_text(void **state)
{
    (void)state;
    expect("", "Q, \u00e9", "\u2581q:0:1 \u2581,:1:2 \u2581e:3:5 ");
    expect("", "e\u0301\u00ad.", "\u2581e:0:1 \u2581.:5:6 "); /* what is dropped belongs to no token */
    expect("", "\u6771\u4eac", "[UNK]:0:3 [UNK]:3:6 ");
    expect("a: ", "b", "\u2581a:0:0 \u2581::0:0 \u2581b:0:1 ");
    assert_int_equal(e.prefix_count, 2);
    expect("a", "\xff.", "\u2581a:0:0 \u2581.:1:2 ");
    assert_int_equal(e.prefix_count, 1);
    assert_int_equal(tokenizer_start_id(tokenizers[UNCASED]), 2);
    assert_int_equal(tokenizer_end_id(tokenizers[CASED]), 3);
    assert_true(tokenizer_is_special(tokenizers[CASED], 1) && !tokenizer_is_special(tokenizers[CASED], 9));
}

/* A word of any length is read once. */
static void a_long_word_is_one_unknown_token(void **state)
{
    (void)state;
    size_t n = 10000000;
    char *text = malloc(n);
    assert_non_null(text);
    memset(text, 'a', n);
    assert_int_equal(tokenizer_encode(tokenizers[UNCASED], &e, text_of(""), (struct text){text, n}, NULL),
                     STATUS_OK);
    assert_int_equal(e.count, 1);
    assert_int_equal(e.tokens[0].id, 1);
    assert_int_equal(e.tokens[0].end, n);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_texts_equal_the_reference),
        cmocka_unit_test(every_character_is_taken_as_in_the_reference),
        cmocka_unit_test(ranges_are_those_of_the_original_text),
        cmocka_unit_test(a_long_word_is_one_unknown_token),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
