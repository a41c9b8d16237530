#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/utf8.h"
#include "tokenizer/tokenizer.h"

/* What tests/golden/wordpiece.py wrote: two vocabularies, without capitals and with them, texts, and the
 * number of ids and their hash that Hugging Face's tokenizers gives for each. */
enum { UNCASED, CASED, KINDS };

static struct buf golden, models[KINDS];
static struct gguf *files[KINDS];
static struct tokenizer *tokenizers[KINDS];
static struct encoding e;
static char *rest; /* of the golden file, not yet read */

static void put(struct buf *b, const void *bytes, size_t n)
{
    assert_int_equal(buf_append(b, bytes, n, NULL), STATUS_OK);
}

static void number(struct buf *b, uint64_t value, size_t bytes)
{
    put(b, &value, bytes);
}

static void string(struct buf *b, const char *mark, const char *s)
{
    number(b, strlen(mark) + strlen(s), 8);
    put(b, mark, strlen(mark));
    put(b, s, strlen(s));
}

static void list(struct buf *b, const char *key, enum gguf_type type, uint64_t count)
{
    string(b, "", key);
    number(b, GGUF_ARRAY, 4);
    number(b, type, 4);
    number(b, count, 8);
}

static char *next_line(void)
{
    char *line = rest, *end = strchr(rest, '\n');
    assert_non_null(end);
    *end = '\0';
    rest = end + 1;
    return line;
}

static bool is_special(const char *piece)
{
    return piece[0] == '[' && piece[strlen(piece) - 1] == ']' && piece[1] != '\0';
}

/* A model file of the next vocabulary, its pieces marked as converters mark them. */
static void read_vocabulary(int kind)
{
    struct buf *b = &models[kind], types;
    size_t count = strtoul(next_line(), NULL, 10);
    buf_init(b, 1 << 20);
    buf_init(&types, 1 << 20);
    put(b, "GGUF", 4);
    number(b, 3, 4);
    number(b, 0, 8);
    number(b, 3, 8);
    string(b, "", "tokenizer.ggml.model");
    number(b, GGUF_STRING, 4);
    string(b, "", "bert");
    list(b, "tokenizer.ggml.tokens", GGUF_STRING, count);
    for (size_t i = 0; i < count; i++) {
        const char *piece = next_line();
        bool special = is_special(piece), inner = strncmp(piece, "##", 2) == 0 && piece[2] != '\0';
        string(b, special || inner ? "" : "\u2581", inner ? piece + 2 : piece);
        number(&types, special ? 3 : 1, 4);
    }
    list(b, "tokenizer.ggml.token_type", GGUF_I32, count);
    put(b, types.data, types.len);
    buf_release(&types);
    struct error err = {0};
    if (gguf_open_bytes("small", b->data, b->len, &files[kind], &err) != STATUS_OK ||
        tokenizer_open(files[kind], NULL, &tokenizers[kind], &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    (void)state;
    const char *source = getenv("COGNATE_SOURCE");
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/golden/wordpiece.txt", source != NULL ? source : ".");
    buf_init(&golden, 1 << 20);
    if (file_read(path, &golden, NULL) != STATUS_OK || buf_append(&golden, "", 1, NULL) != STATUS_OK)
        return -1;
    rest = golden.data;
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
    buf_release(&golden);
    return 0;
}

static uint64_t hash_of(int kind, struct text text, uint64_t hash)
{
    assert_int_equal(tokenizer_encode(tokenizers[kind], &e, text_of(""), text, NULL), STATUS_OK);
    for (size_t i = 0; i < e.count; i++) {
        struct token t = e.tokens[i];
        assert_true(t.start < t.end && t.end <= text.len && (i == 0 || t.start >= e.tokens[i - 1].start));
        hash = (hash ^ (uint64_t)t.id) * 1099511628211u;
    }
    return hash;
}

/* "\x0a" stands for a byte. */
static size_t unescape(char *text)
{
    char *write = text;
    for (const char *read = text; *read != '\0';) {
        if (*read != '\\') {
            *write++ = *read++;
            continue;
        }
        const char digits[3] = {read[2], read[3], '\0'};
        *write++ = (char)strtoul(digits, NULL, 16);
        read += 4;
    }
    return (size_t)(write - text);
}

static void ids_of_texts_equal_the_reference(void **state)
{
    (void)state;
    size_t texts = strtoul(next_line(), NULL, 10);
    assert_true(texts > 2000);
    for (size_t i = 0; i < texts; i++) {
        char *line = next_line(), *text = line;
        size_t counts[KINDS];
        uint64_t hashes[KINDS];
        for (int kind = 0; kind < KINDS; kind++) {
            counts[kind] = strtoul(text, &text, 10);
            hashes[kind] = strtoull(text, &text, 16);
        }
        struct text t = {text + 1, 0};
        t.len = unescape(text + 1);
        for (int kind = 0; kind < KINDS; kind++) {
            uint64_t hash = hash_of(kind, t, 1469598103934665603u);
            if (e.count != counts[kind] || hash != hashes[kind])
                fail_msg("text %zu, vocabulary %d, %zu ids instead of %zu: %.*s", i, kind, e.count,
                         counts[kind], (int)t.len, t.data);
        }
    }
}

static bool was_in_unicode_3_2(uint32_t c)
{
    UVersionInfo age;
    u_charAge((UChar32)c, age);
    bool then = age[0] > 0 && (age[0] < 3 || (age[0] == 3 && age[1] <= 2));
    return then && u_charType((UChar32)c) != U_SURROGATE && u_charType((UChar32)c) != U_UNASSIGNED;
}

static void every_character_is_taken_as_in_the_reference(void **state)
{
    (void)state;
    for (uint32_t start = 0; start < 0x110000; start += 0x1000) {
        char *line = next_line();
        for (int kind = 0; kind < KINDS; kind++) {
            uint64_t hash = 1469598103934665603u, wanted = strtoull(line, &line, 16);
            for (uint32_t c = start; c < start + 0x1000; c++)
                if (was_in_unicode_3_2(c)) {
                    char text[6] = "a";
                    size_t n = 1 + utf8_encode(c, text + 1);
                    text[n] = 'b';
                    hash = hash_of(kind, (struct text){text, n + 1}, hash);
                }
            if (hash != wanted)
                fail_msg("a character from U+%X on, vocabulary %d", (unsigned)start, kind);
        }
    }
}

static void expect(const char *prefix, const char *text, const char *wanted)
{
    struct buf got;
    buf_init(&got, 1 << 16);
    put(&got, "", 0);
    assert_int_equal(tokenizer_encode(tokenizers[UNCASED], &e, text_of(prefix), text_of(text), NULL),
                     STATUS_OK);
    for (size_t i = 0; i < e.count; i++) {
        struct text piece = tokenizer_piece(tokenizers[UNCASED], e.tokens[i].id);
        assert_int_equal(buf_printf(&got, NULL, "%.*s:%u:%u ", (int)piece.len, piece.data, e.tokens[i].start,
                                    e.tokens[i].end),
                         STATUS_OK);
    }
    assert_string_equal(got.data, wanted);
    buf_release(&got);
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
