/* What an encoding has seen before never changes what comes out. */
#include "default_tokenizer_fixture.h"
#include "piece_model.h"

#include "common/arena.h"
#include "tokenizer/memo.h"

#define WORDS 3000 /* that there are */
#define TEXTS 400

static uint64_t seed = 7;

static uint32_t drawn(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % below);
}

/* Letters of a few scripts, digits, marks, and characters that no piece has. */
static void make_word(size_t i, struct buf *out)
{
    static const char *const letters[] = {
        "e",   "n", "a",  "t", "s",  "r",  "un", "ing",        "tion", "о", "е",    "а",      "ст",
        "ние", "ع", "ال", "ة", "가", "는", "的", "中",         "ก",    "า", "ä",    "ß",      "é",
        "1",   "7", ".",  ",", "-",  "/",  "(",  "\U00010330", "A",    "Z", "\xff", "\u200d", "\u2581"};
    uint64_t kept = seed;
    seed = i * 0x9e3779b97f4a7c15u + 1;
    drawn(2);
    uint32_t first = drawn(33), kinds = 1 + drawn(i % 9 == 0 ? 36 : 5);
    for (uint32_t n = 1 + drawn(i % 11 == 0 ? 25 : 8); n > 0; n--) {
        const char *letter = letters[(first + drawn(kinds)) % (sizeof letters / sizeof *letters)];
        put(out, letter, strlen(letter));
    }
    seed = kept;
}

static void words_come_out_as_if_new(void **state)
{
    (void)state;
    static const char *const spaces[] = {" ", " ", " ", "  ", "\n", "\t", "\u3000"};
    struct encoding e = {0};
    struct buf text;
    buf_init(&text, 1 << 24);
    for (size_t i = 0; i < TEXTS; i++) {
        struct encoding fresh = {0};
        struct text prefix = text_of(i % 3 == 0 ? "" : "query: ");
        buf_clear(&text);
        put(&text, "", 0);
        for (uint32_t n = i % 50 == 49 ? 20000 : drawn(60); n > 0; n--) {
            const char *space = spaces[drawn(7)];
            make_word(drawn(1 + drawn(WORDS)), &text);
            put(&text, space, strlen(space));
        }
        struct text whole = {text.data, text.len};
        assert_int_equal(tokenizer_encode(tokenizer, &e, prefix, whole, NULL), STATUS_OK);
        assert_int_equal(tokenizer_encode(tokenizer, &fresh, prefix, whole, NULL), STATUS_OK);
        assert_int_equal(e.count, fresh.count);
        assert_int_equal(e.prefix_count, fresh.prefix_count);
        assert_true(e.count == 0 || memcmp(e.tokens, fresh.tokens, e.count * sizeof *e.tokens) == 0);
        encoding_release(&fresh);
    }
    encoding_release(&e);
    buf_release(&text);
}

/* "ab" as one piece is better than as two by this much: rounding decides, sooner or later. */
static const float better_by[] = {-1e-3f, -1e-5f, -2e-7f, 0, 2e-7f, 1e-6f, 1e-5f, 1e-4f, 1e-3f, 1};

static struct tokenizer *open_near_tie(float by, struct buf *b, struct gguf **model_file)
{
    const struct piece pieces[] = {{"<unk>", 0, 2},           {"\u2581", -2.3f, 1}, {"a", -3.1f, 1},
                                   {"b", -3.7f, 1},           {"c", -4.9f, 1},      {"ab", -6.8f + by, 1},
                                   {"\u2581c", -7.2f - by, 1}};
    struct tokenizer *t = NULL;
    struct error err = {0};
    *model_file = model(b, pieces, sizeof pieces / sizeof *pieces, sizeof pieces / sizeof *pieces, "t5");
    if (tokenizer_open(*model_file, NULL, &t, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return t;
}

static void near_ties_are_left_to_rounding(void **state)
{
    (void)state;
    static char text[24001];
    for (size_t i = 0; i + 4 <= 24000; i += 4)
        memcpy(text + i, i % 12 == 8 ? "c ab" : i % 8 == 0 ? "ab c" : " ab ", 4);
    for (size_t i = 0; i < sizeof better_by / sizeof *better_by; i++) {
        struct buf b;
        struct gguf *model_file;
        struct tokenizer *t = open_near_tie(better_by[i], &b, &model_file);
        struct encoding e = {0}, fresh = {0};
        for (size_t round = 0; round < 3; round++)
            assert_int_equal(tokenizer_encode(t, &e, text_of(""), text_of(text), NULL), STATUS_OK);
        assert_int_equal(tokenizer_encode(t, &fresh, text_of(""), text_of(text), NULL), STATUS_OK);
        assert_int_equal(e.count, fresh.count);
        assert_memory_equal(e.tokens, fresh.tokens, e.count * sizeof *e.tokens);
        encoding_release(&e);
        encoding_release(&fresh);
        tokenizer_free(t);
        gguf_free(model_file);
        buf_release(&b);
    }
}

/* A word is kept when it comes again, and told as long as rounding cannot change it. */
static void words_are_kept_and_told(void **state)
{
    (void)state;
    struct buf b;
    const struct piece pieces[] = {
        {"<unk>", 0, 2}, {"\u2581", -2, 1}, {"a", -3, 1}, {"b", -4, 1}, {"ab", -6.99f, 1}};
    struct gguf *model_file = model(&b, pieces, 5, 5, "t5");
    struct rules rules = {0};
    struct tables *tables = NULL;
    assert_int_equal(tables_build(model_file, TABLES_UNIGRAM, &rules, &tables, NULL), STATUS_OK);
    assert_int_equal(tables->spaces_inside, 0);
    struct memo *m = memo_new(tables);
    assert_non_null(m);
    assert_true(memo_is_of(m, tables));
    uint16_t word[] = {SYMBOL_SPACE, (uint16_t)tables_symbol(tables_character(tables, 'a')),
                       (uint16_t)tables_symbol(tables_character(tables, 'b'))};
    struct cell cells[4] = {{.score = -1}};
    assert_false(memo_cut(m, word, 3, cells));
    assert_true(memo_cut(m, word, 3, cells));
    assert_true(cells[1].score == -3 && cells[1].last == (1u | 1u << 24));
    assert_true(cells[3].score == -3 + -6.99f && cells[3].last == (4u | 2u << 24));
    assert_true(cells[2].last == 0);
    cells[0].score = -1e4f; /* 0.01 better, and sums that are off by .0006 each */
    assert_true(memo_cut(m, word, 3, cells));
    cells[0].score = -1e5f;
    assert_false(memo_cut(m, word, 3, cells));
    assert_false(memo_cut(m, word, 2, cells)); /* another word */
    memo_free(m);
    big_free(tables);
    gguf_free(model_file);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_come_out_as_if_new),
        cmocka_unit_test(near_ties_are_left_to_rounding),
        cmocka_unit_test(words_are_kept_and_told),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
