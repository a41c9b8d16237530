#include "golden_texts.h"

static struct golden_file golden, texts;
static struct buf model;
static struct gguf *file;
static struct tokenizer *tokenizer;
static struct encoding e;

static void read_strings(struct golden_file *f, struct buf *out, size_t *count)
{
    *count = golden_count(f);
    buf_init(out, 1 << 20);
    for (size_t i = 0; i < *count; i++) {
        const char *line = golden_line(f);
        string(out, line, strlen(line));
    }
}

/* A model file of `count` pieces, the first five of them control pieces when `special`. */
static enum status open_model(struct buf *b, const struct buf *pieces, size_t count, const struct buf *merges,
                              size_t merge_count, bool special, struct gguf **gguf, struct tokenizer **t,
                              struct error *err)
{
    struct buf types;
    buf_init(b, 1 << 20), buf_init(&types, 1 << 20);
    for (size_t i = 0; i < count; i++)
        number(&types, special && i < 5 ? 3 : 1, 4);
    put(b, "GGUF", 4);
    number(b, 3, 4);
    number(b, 0, 8);
    number(b, 5, 8);
    key(b, "tokenizer.ggml.model", GGUF_STRING);
    string(b, "gpt2", 4);
    key(b, "tokenizer.ggml.pre", GGUF_STRING);
    string(b, "roberta-bpe", 11);
    list(b, "tokenizer.ggml.tokens", GGUF_STRING, count, pieces);
    list(b, "tokenizer.ggml.token_type", GGUF_I32, count, &types);
    list(b, "tokenizer.ggml.merges", GGUF_STRING, merge_count, merges);
    buf_release(&types);
    assert_int_equal(gguf_open_bytes("small", b->data, b->len, gguf, NULL), STATUS_OK);
    return tokenizer_open(*gguf, NULL, t, err);
}

static int set_up(void **state)
{
    (void)state;
    struct buf pieces, merges;
    size_t count, merge_count;
    struct error err = {0};
    golden_open(&golden, "bpe.txt");
    golden_open(&texts, "texts.txt");
    read_strings(&golden, &pieces, &count);
    read_strings(&golden, &merges, &merge_count);
    if (open_model(&model, &pieces, count, &merges, merge_count, true, &file, &tokenizer, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    buf_release(&pieces), buf_release(&merges);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tokenizer_free(tokenizer);
    gguf_free(file);
    encoding_release(&e);
    buf_release(&model), buf_release(&golden.bytes), buf_release(&texts.bytes);
    return 0;
}

static void ids_and_ranges_of_texts_equal_the_reference(void **state)
{
    (void)state;
    size_t count = golden_count(&texts);
    assert_true(count > 2000);
    for (size_t i = 0; i < count; i++) {
        struct text text = golden_text(&texts);
        char *line = golden_line(&golden);
        size_t wanted = strtoul(line, &line, 10);
        uint64_t hash = strtoull(line, &line, 16), ranges = HASH_START;
        if (hash_ids(tokenizer, &e, text, HASH_START) != hash || e.count != wanted)
            fail_msg("text %zu, %zu ids instead of %zu: %.*s", i, e.count, wanted, (int)text.len, text.data);
        for (size_t k = 0; k < e.count; k++)
            ranges = hash_number(hash_number(ranges, e.tokens[k].start), e.tokens[k].end);
        if (ranges != strtoull(line, NULL, 16))
            fail_msg("text %zu, other ranges: %.*s", i, (int)text.len, text.data);
    }
}

static void every_character_is_taken_as_in_the_reference(void **state)
{
    (void)state;
    for (uint32_t start = 0; start < 0x110000; start += 0x1000)
        if (hash_characters(tokenizer, &e, start) != strtoull(golden_line(&golden), NULL, 16))
            fail_msg("a character from U+%X on", (unsigned)start);
}

static void expect(const char *prefix, const char *text, const char *wanted)
{
    expect_tokens(tokenizer, &e, prefix, text_of(text), wanted);
}

static void ranges_are_those_of_the_original_text(void **state)
{
    (void)state;
    expect("", "a Q", "a:0:1 \u0120:1:2 Q:2:3 ");
    expect("", "\U0001f923",
           "\u00f0:0:4 \u0141:0:4 \u00a4:0:4 \u00a3:0:4 "); /* a part of a character has all of it */
    expect("a:", " Q", "a:0:0 ::0:0 \u0120:0:1 Q:1:2 ");
    assert_int_equal(e.prefix_count, 2);
    expect("a: ", "Q", "a:0:0 ::0:0 \u0120:0:0 Q:0:1 ");
    assert_int_equal(e.prefix_count, 3);
    expect("", "\xff\x80", "\u00ff:0:1 \u0122:1:2 "); /* malformed bytes stay what they are */
    expect("", "</s>", "<:0:1 /:1:2 s:2:3 >:3:4 ");
    assert_int_equal(tokenizer_start_id(tokenizer), 0);
    assert_int_equal(tokenizer_end_id(tokenizer), 2);
}

static void what_tokens_say_is_the_text(void **state)
{
    (void)state;
    static const char text[] = " don't  stop \xff\n\u00ad\u0120 \U0001f923";
    struct buf said;
    buf_init(&said, 1 << 10);
    assert_int_equal(tokenizer_encode(tokenizer, &e, text_of(""), text_of(text), NULL), STATUS_OK);
    for (size_t i = 0; i < e.count; i++)
        assert_int_equal(tokenizer_spell(tokenizer, e.tokens[i].id, &said, NULL), STATUS_OK);
    assert_string_equal(said.data, text);
    buf_release(&said);
}

/* ---- any vocabulary ---- */

static void add_bytes(struct buf *pieces, size_t *count)
{
    uint32_t odd = 0x100;
    for (uint32_t byte = 0; byte < 256; byte++, ++*count) {
        char c[4];
        bool plain = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
        string(pieces, c, utf8_encode(plain ? byte : odd++, c));
    }
}

/* The rule itself: of all pairs that merge the one of the lowest rank, of equals the leftmost; again and
 * again. */
static size_t merge_plainly(char parts[][16], size_t count, char merges[][2][16], size_t merge_count)
{
    for (;;) {
        size_t best = merge_count, where = 0;
        for (size_t i = 0; i + 1 < count; i++)
            for (size_t rank = 0; rank < best; rank++)
                if (strcmp(parts[i], merges[rank][0]) == 0 && strcmp(parts[i + 1], merges[rank][1]) == 0) {
                    best = rank;
                    where = i;
                }
        if (best == merge_count)
            return count;
        memcpy(parts[where] + strlen(parts[where]), parts[where + 1], strlen(parts[where + 1]) + 1);
        memmove(parts[where + 1], parts[where + 2], (count - where - 2) * sizeof parts[0]);
        count--;
    }
}

/* Merges in no order at all, pieces that come about in several ways, words full of repetitions. */
static void merges_of_any_order_follow_the_rule(void **state)
{
    (void)state;
    uint32_t random = 7;
    for (int round = 0; round < 300; round++) {
        char spelled[40][16] = {"a", "b", "c"}, merges[60][2][16];
        size_t count = 3, merge_count = 0, all = 0;
        struct buf pieces, lines, b;
        struct gguf *small = NULL;
        struct tokenizer *t = NULL;
        struct error err = {0};
        buf_init(&pieces, 1 << 20), buf_init(&lines, 1 << 20);
        while (merge_count < 60) {
            char joined[16];
            size_t left = (random = random * 1103515245 + 12345) / 65536 % count;
            size_t right = (random = random * 1103515245 + 12345) / 65536 % count, known = 0;
            if (strlen(spelled[left]) + strlen(spelled[right]) > 7)
                continue;
            snprintf(joined, sizeof joined, "%.7s%.7s", spelled[left], spelled[right]);
            while (known < count && strcmp(spelled[known], joined) != 0)
                known++;
            if (known == 40)
                break;
            if (known == count)
                memcpy(spelled[count++], joined, sizeof joined);
            bool twice = false;
            for (size_t i = 0; i < merge_count; i++)
                twice = twice || (strcmp(merges[i][0], spelled[left]) == 0 &&
                                  strcmp(merges[i][1], spelled[right]) == 0);
            if (twice)
                continue;
            memcpy(merges[merge_count][0], spelled[left], 16);
            memcpy(merges[merge_count++][1], spelled[right], 16);
        }
        for (size_t i = merge_count; i > 1; i--) {
            char kept[2][16];
            size_t other = (random = random * 1103515245 + 12345) / 65536 % i;
            memcpy(kept, merges[i - 1], sizeof kept);
            memcpy(merges[i - 1], merges[other], sizeof kept);
            memcpy(merges[other], kept, sizeof kept);
        }
        add_bytes(&pieces, &all);
        for (size_t i = 3; i < count; i++, all++)
            string(&pieces, spelled[i], strlen(spelled[i]));
        for (size_t i = 0; i < merge_count; i++) {
            char line[40];
            string(&lines, line, (size_t)snprintf(line, sizeof line, "%s %s", merges[i][0], merges[i][1]));
        }
        if (open_model(&b, &pieces, all, &lines, merge_count, false, &small, &t, &err) != STATUS_OK)
            fail_msg("%s", err.text);
        for (int word = 0; word < 40; word++) {
            char text[65] = "", parts[64][16];
            size_t n = 1 + (random = random * 1103515245 + 12345) / 65536 % 64;
            uint32_t letters = 1 + word % 3;
            for (size_t i = 0; i < n; i++) {
                text[i] = (char)('a' + (random = random * 1103515245 + 12345) / 65536 % letters);
                parts[i][0] = text[i];
                parts[i][1] = '\0';
            }
            size_t wanted = merge_plainly(parts, n, merges, merge_count);
            assert_int_equal(tokenizer_encode(t, &e, text_of(""), (struct text){text, n}, NULL), STATUS_OK);
            assert_int_equal(e.count, wanted);
            for (size_t i = 0; i < wanted; i++) {
                struct text piece = tokenizer_piece(t, e.tokens[i].id);
                if (!text_is(piece, parts[i]))
                    fail_msg("round %d, word %s, token %zu: %.*s instead of %s", round, text, i,
                             (int)piece.len, piece.data, parts[i]);
            }
        }
        tokenizer_free(t);
        gguf_free(small);
        buf_release(&pieces), buf_release(&lines), buf_release(&b);
    }
}

static void a_word_of_ten_million_letters_is_merged(void **state)
{
    (void)state;
    static const char *const words[] = {"a", "ab", "-", " "};
    size_t n = 10000000;
    char *text = malloc(n);
    assert_non_null(text);
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        size_t length = strlen(words[w]), covered = 0;
        for (size_t i = 0; i < n; i++)
            text[i] = words[w][i % length];
        assert_int_equal(tokenizer_encode(tokenizer, &e, text_of(""), (struct text){text, n}, NULL),
                         STATUS_OK);
        assert_true(e.count > 0 && e.count <= n);
        for (size_t i = 0; i < e.count; i++) {
            assert_int_equal(e.tokens[i].start, covered);
            covered = e.tokens[i].end;
        }
        assert_int_equal(covered, n);
    }
    free(text);
}

static void refused(const char *extra_piece, const char *merge, enum status status, const char *reason)
{
    struct buf pieces, merges, b;
    struct gguf *small = NULL;
    struct tokenizer *t = NULL;
    struct error err = {0};
    size_t count = 0;
    buf_init(&pieces, 1 << 20), buf_init(&merges, 1 << 20);
    add_bytes(&pieces, &count);
    string(&pieces, extra_piece, strlen(extra_piece));
    string(&merges, merge, strlen(merge));
    assert_int_equal(open_model(&b, &pieces, count + 1, &merges, 1, false, &small, &t, &err), status);
    assert_non_null(strstr(err.text, reason));
    gguf_free(small);
    buf_release(&pieces), buf_release(&merges), buf_release(&b);
}

static void damaged_vocabularies_are_refused(void **state)
{
    (void)state;
    refused("ab", "ab", STATUS_CORRUPT, "a merge that is not two pieces: \"ab\"");
    refused("ab", "a c", STATUS_CORRUPT, "a merge of what are no pieces: \"a c\"");
    refused("a", "a b", STATUS_CORRUPT, "a piece that is there twice: \"a\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_and_ranges_of_texts_equal_the_reference),
        cmocka_unit_test(every_character_is_taken_as_in_the_reference),
        cmocka_unit_test(ranges_are_those_of_the_original_text),
        cmocka_unit_test(what_tokens_say_is_the_text),
        cmocka_unit_test(merges_of_any_order_follow_the_rule),
        cmocka_unit_test(a_word_of_ten_million_letters_is_merged),
        cmocka_unit_test(damaged_vocabularies_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
