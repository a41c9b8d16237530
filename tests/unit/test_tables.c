#include "piece_model.h"

#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

/* Pieces of every type, two of them with a space sign inside. */
static const struct piece pieces[] = {
    {"<unk>", 0, 2}, {"</s>", 0, 3},        {"\u2581", -2, 1}, {"a", -3, 1},        {"b", -3.5f, 1},
    {"ab", -4, 1},   {"\u2581a", -4.5f, 1}, {"aba", -5, 1},    {"c\u2581d", -1, 1}, {"<x>", 0, 4},
    {"<y>", 0, 4},   {"zz", -1, 5},         {"\u00e9", -2, 1}, {"A", -1.5f, 1},     {"long\u2581long", -2, 1},
};

enum { PIECES = sizeof pieces / sizeof pieces[0] };

/* Tokens as the sentencepiece package (0.2.3) gives them for the same pieces. */
static void every_type_of_piece_is_treated_as_in_the_reference(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"ab aba", "2:0:0 5:0:2 2:2:3 7:3:6"}, /* of equal sums the first stays */
        {"babab", "2:0:0 4:0:1 5:1:3 5:3:5"},
        {"a<x>b", "6:0:1 9:1:4 4:4:5"}, /* user-defined */
        {"q<x>qq a", "2:0:0 0:0:1 9:1:4 0:4:6 6:6:8"},
        {"</s>", "2:0:0 0:0:4"}, /* control: not from text */
        {"zz", "2:0:0 0:0:2"},   /* unused */
        {"c d c  d", "2:0:0 8:0:3 2:3:4 8:4:8"},
        {"long long", "2:0:0 14:0:9"},
        {"\u00e9A ab", "2:0:0 12:0:2 13:2:3 2:3:4 5:4:6"},
        {"   a   ", "6:3:4"},
        {"\u2581a\u2581", "2:0:0 6:0:4"}, /* without rules the sign stays what it is */
        {"a\u2581", "6:0:1"},
        {"", ""},
    };
    struct buf b, got;
    struct encoding e = {0};
    struct tokenizer *t = NULL;
    struct error err = {0};
    struct gguf *file = model(&b, pieces, PIECES, PIECES, "t5");
    if (tokenizer_open(file, NULL, &t, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(tokenizer_start_id(t), -1);
    assert_int_equal(tokenizer_end_id(t), 1);
    buf_init(&got, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&got);
        put(&got, "", 0);
        assert_int_equal(tokenizer_encode(t, &e, text_of(""), text_of(cases[i][0]), NULL), STATUS_OK);
        for (size_t j = 0; j < e.count; j++)
            assert_int_equal(buf_printf(&got, NULL, "%s%d:%u:%u", j == 0 ? "" : " ", e.tokens[j].id,
                                        e.tokens[j].start, e.tokens[j].end),
                             STATUS_OK);
        assert_string_equal(got.data, cases[i][1]);
    }
    buf_release(&got);
    encoding_release(&e);
    tokenizer_free(t);
    gguf_free(file);
    buf_release(&b);
}

static void expect_refusal(const struct piece *p, size_t count, size_t scores, const char *kind,
                           enum status status, const char *words)
{
    struct buf b;
    struct tokenizer *t = NULL;
    struct error err = {0};
    struct gguf *file = model(&b, p, count, scores, kind);
    assert_int_equal(tokenizer_open(file, NULL, &t, &err), status);
    assert_null(t);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, err.text);
    gguf_free(file);
    buf_release(&b);
}

static void refuses_pieces_that_do_not_make_a_vocabulary(void **state)
{
    (void)state;
    char longest[300];
    memset(longest, 'x', sizeof longest);
    longest[256] = '\0';
    const struct {
        struct piece piece; /* behind the others */
        enum status status;
        const char *words;
    } cases[] = {
        {{"ab", -1, 1}, STATUS_CORRUPT, "one piece under two numbers"},
        {{"<unk2>", 0, 2}, STATUS_CORRUPT, "exactly one piece of type unknown"},
        {{"x", NAN, 1}, STATUS_CORRUPT, "a score that is no number"},
        {{"x", -INFINITY, 1}, STATUS_CORRUPT, "a score that is no number"},
        {{"x", -1, 9}, STATUS_CORRUPT, "unknown type"},
        {{"", -1, 1}, STATUS_CORRUPT, "empty or not UTF-8"},
        {{"\xff", -1, 1}, STATUS_CORRUPT, "empty or not UTF-8"},
        {{"<0x00>", 0, 6}, STATUS_UNSUPPORTED, "falls back to bytes"},
        {{longest, -1, 1}, STATUS_UNSUPPORTED, "more than 255 characters"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct piece all[PIECES + 1];
        memcpy(all, pieces, sizeof pieces);
        all[PIECES] = cases[i].piece;
        expect_refusal(all, PIECES + 1, PIECES + 1, "t5", cases[i].status, cases[i].words);
    }
    expect_refusal(pieces, PIECES, PIECES - 1, "t5", STATUS_CORRUPT, "differ in number");
    expect_refusal(pieces, 0, 0, "t5", STATUS_CORRUPT, "differ in number");
    expect_refusal(pieces, 2, 2, "t5", STATUS_CORRUPT, "no piece of type normal");
    expect_refusal(pieces + 1, PIECES - 1, PIECES - 1, "t5", STATUS_CORRUPT,
                   "exactly one piece of type unknown");
    expect_refusal(pieces, PIECES, PIECES, "llama", STATUS_UNSUPPORTED, "kind \"llama\"");
    expect_refusal(pieces, PIECES, PIECES, "bert", STATUS_CORRUPT, "no piece for unknown words");
}

/* The tokens of a few texts, and whether the tokenizer opens at all, with what the cache folder holds. */
static void expect_the_same_tokens(const struct gguf *file, const unsigned char *digest)
{
    struct tokenizer *t = NULL;
    struct encoding e = {0};
    assert_int_equal(tokenizer_open(file, digest, &t, NULL), STATUS_OK);
    assert_int_equal(tokenizer_encode(t, &e, text_of("ab "), text_of("aba c d \u00e9A long long q"), NULL),
                     STATUS_OK);
    static const int32_t wanted[] = {2, 5, 2, 7, 2, 8, 2, 12, 13, 2, 14, 2, 0};
    assert_int_equal(e.count, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < e.count; i++)
        assert_int_equal(e.tokens[i].id, wanted[i]);
    assert_true(text_is(tokenizer_piece(t, 14), "long\u2581long"));
    assert_int_equal(tokenizer_end_id(t), 1);
    encoding_release(&e);
    tokenizer_free(t);
}

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static void kept_tables_give_the_same_tokens_and_damaged_ones_are_not_used(void **state)
{
    (void)state;
    static const unsigned char digest[32] = "stands for the digest of a file";
    char folder[] = "/tmp/cognate-tables-XXXXXX", pattern[128];
    struct buf b, kept;
    glob_t found;
    struct gguf *file = model(&b, pieces, PIECES, PIECES, "t5");
    assert_non_null(mkdtemp(folder));
    setenv("XDG_CACHE_HOME", folder, 1);
    expect_the_same_tokens(file, digest);
    expect_the_same_tokens(file, digest);
    snprintf(pattern, sizeof pattern, "%s/cognate/tables/tokenizer-tables-*", folder);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    const char *path = found.gl_pathv[0];
    buf_init(&kept, 64 << 20);
    assert_int_equal(file_read(path, &kept, NULL), STATUS_OK);

    for (size_t at = 0; at < kept.len; at += at < 256 ? 1 : kept.len / 64) {
        kept.data[at] ^= (char)(1 << at % 8);
        write_file(path, kept.data, kept.len);
        expect_the_same_tokens(file, digest);
        kept.data[at] ^= (char)(1 << at % 8);
    }
    for (size_t n = 0; n < kept.len; n += n < 256 ? 16 : kept.len / 16) {
        write_file(path, kept.data, n);
        expect_the_same_tokens(file, digest);
    }
    /* Tables whose checksum is right, of a file with other pieces. */
    gguf_free(file);
    buf_release(&b);
    write_file(path, kept.data, kept.len);
    file = model(&b, pieces, PIECES - 1, PIECES - 1, "t5");
    struct tokenizer *t = NULL;
    assert_int_equal(tokenizer_open(file, digest, &t, NULL), STATUS_OK);
    assert_int_equal(tokenizer_size(t), PIECES - 1);
    tokenizer_free(t);

    snprintf(pattern, sizeof pattern, "rm -r %s", folder);
    assert_int_equal(system(pattern), 0);
    globfree(&found);
    gguf_free(file);
    buf_release(&kept);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_of_piece_is_treated_as_in_the_reference),
        cmocka_unit_test(refuses_pieces_that_do_not_make_a_vocabulary),
        cmocka_unit_test(kept_tables_give_the_same_tokens_and_damaged_ones_are_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
