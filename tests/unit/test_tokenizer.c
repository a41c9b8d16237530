#include "default_tokenizer_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/utf8.h"
#include "tokenizer/tokenizer.h"

/* Texts, and id:start:end of each token, as the sentencepiece package (0.2.3) gives them for the pieces of
 * the default model. */
static const struct {
    const char *text;
    size_t len;
    const char *tokens;
} recorded[] = {
    {"Hello world", 11, "35378:0:5 8999:5:11"},
    {"caf\303\251 cafe\314\201", 12, "26216:0:5 26216:5:12"},
    {"\341\204\222\341\205\241\341\206\253\341\204\200\341\205\263\341\206\257", 18, "170252:0:18"},
    {"\360\237\221\251\342\200\215\360\237\221\251\342\200\215\360\237\221\247 "
     "\360\237\217\263\357\270\217\342\200\215\360\237\214\210",
     33,
     "6:0:0 244785:0:4 3:4:7 244785:7:11 3:11:14 245719:14:18 6:18:19 248596:19:23 15755:23:26 3:26:29 "
     "245782:29:33"},
    {"zero\342\200\213width\342\200\215join", 19, "45234:0:4 6:4:7 146984:7:12 3:12:15 513:15:17 73:17:19"},
    {"\357\273\277bom", 6, "8634:3:6"},
    {"a\000b\000", 4, "10:0:1 3:1:2 275:2:3 3:3:4"},
    {"\000", 1, "6:0:0 3:0:1"},
    {"\342\226\201", 3, ""},
    {"\342\226\201\342\226\201x", 7, "1022:6:7"},
    {"a\342\226\201b", 5, "10:0:1 876:1:5"},
    {"</s>", 4, "6:0:0 42946:0:2 7:2:3 2740:3:4"},
    {"<mask> <s>", 10, "4426:0:1 1510:1:4 92:4:5 2740:5:6 4426:6:8 7:8:9 2740:9:10"},
    {"  two   spaces  ", 16, "6626:2:5 32628:5:13 7:13:14"},
    {"    ", 4, ""},
    {"\001\002", 2, ""},
    {"\001 \002 a\177", 6, "10:0:6"},
    {"line\012feed\015\012\011tab", 15, "13315:0:4 61590:4:9 20928:9:15"},
    {"\357\274\246\357\274\265\357\274\254\357\274\254\343\200\200\357\275\227\357\275\211\357\275\204\357"
     "\275\205\357\274\201",
     30, "167765:0:12 38134:12:27 38:27:30"},
    {"\357\254\201ne \357\254\202our \302\275 \343\216\217", 19,
     "5885:0:5 21917:5:10 474:10:12 78660:12:15 5279:15:19"},
    {"\357\267\272", 3, "16509:0:0 1423:0:0 4472:0:0 8756:0:3"},
    {"e\314\201\314\202\314\203\314\204\314\205", 11, "393:0:3 245914:3:5 42016:5:7 166757:7:9 243739:9:11"},
    {"\343\201\213\343\202\231 \357\275\266\357\276\236", 13, "6:0:0 281:0:6 6:6:7 26618:7:13"},
    {"q\314\243\314\207", 5, "8096:0:1 7035:1:3 243730:3:5"},
    {"\357\277\275", 3, ""},
    {"\302\250 x", 4, "95353:0:2 1022:2:4"},
    {"\360\240\234\216\360\220\215\210 \360\237\230\200\360\240\234\216", 17,
     "6:0:0 3:0:8 21119:8:13 3:13:17"},
    {"\340\270\231\340\271\211\340\270\263\340\270\233\340\270\243\340\270\260\340\270\233\340\270\262", 24,
     "65682:0:9 13776:9:18 32758:18:24"},
    {"\345\233\276\344\271\246\351\246\206\357\274\214\343\200\202", 15, "6:0:0 160115:0:9 4:9:12 30:12:15"},
    {"xxxxx", 5, "20112:0:3 52219:3:5"},
    {"\377", 1, "6:0:0 3:0:1"},
    {"a\377b", 3, "10:0:1 3:1:2 275:2:3"},
    {"caf\351 \344\270", 7, "377:0:2 420:2:3 3:3:4 6:4:5 3:5:7"},
    {"\300\200", 2, "6:0:0 3:0:2"},
    {"\355\240\200x", 4, "6:0:0 3:0:3 425:3:4"},
    {"\365\200\200\200", 4, "6:0:0 3:0:4"},
    {"\200\200 \200", 4, "6:0:0 3:0:2 6:2:3 3:3:4"},
};

/* A text repeated, how many tokens it has, and the FNV-1a hash of their ids, from the same package. */
static const struct {
    const char *unit;
    size_t times, tokens;
    uint64_t hash;
} repeated[] = {
    {"a", 100000, 20001, 0xc68664c4659e039fu},
    {"x", 100000, 33334, 0x310c419bbc312274u},
    {"\360\237\230\200", 30000, 30000, 0xcb0a90a873235526u},
    {"\347\232\204", 50000, 50001, 0x6ea7e6d46362e38fu},
    {"ab \314\201", 20000, 40000, 0xc3476b603a990d9fu},
    {"\341\204\222\341\205\241\341\206\253", 20000, 20000, 0x71679e2d8282b1ddu},
    {"word ", 50000, 50000, 0x5b3791f0ecefe193u},
    {"\360\240\234\216", 20000, 2, 0x9a6fdc00c54e7a34u},
    {"-", 65537, 4097, 0xe9aedd251ba09995u},
    {"\357\267\272", 5000, 20000, 0x73aa5a1572c8fa96u},
};

static void encode(struct encoding *e, const char *prefix, const char *text, size_t len)
{
    struct error err = {0};
    if (tokenizer_encode(tokenizer, e, text_of(prefix), (struct text){text, len}, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static void equals_recorded_tokens(void **state)
{
    (void)state;
    struct encoding e = {0};
    for (size_t i = 0; i < sizeof recorded / sizeof recorded[0]; i++) {
        struct buf got;
        buf_init(&got, 1 << 16);
        assert_int_equal(buf_append(&got, "", 0, NULL), STATUS_OK);
        encode(&e, "", recorded[i].text, recorded[i].len);
        for (size_t j = 0; j < e.count; j++)
            assert_int_equal(buf_printf(&got, NULL, "%s%d:%u:%u", j == 0 ? "" : " ", e.tokens[j].id,
                                        e.tokens[j].start, e.tokens[j].end),
                             STATUS_OK);
        assert_string_equal(got.data, recorded[i].tokens);
        buf_release(&got);
    }
    encoding_release(&e);
}

static void equals_recorded_hashes_of_long_texts(void **state)
{
    (void)state;
    struct encoding e = {0};
    for (size_t i = 0; i < sizeof repeated / sizeof repeated[0]; i++) {
        size_t n = strlen(repeated[i].unit), len = n * repeated[i].times;
        char *text = malloc(len);
        assert_non_null(text);
        for (size_t at = 0; at < len; at += n)
            memcpy(text + at, repeated[i].unit, n);
        encode(&e, "", text, len);
        uint64_t hash = 1469598103934665603u;
        for (size_t j = 0; j < e.count; j++)
            hash = (hash ^ (uint64_t)e.tokens[j].id) * 1099511628211u;
        assert_int_equal(e.count, repeated[i].tokens);
        assert_true(hash == repeated[i].hash);
        free(text);
    }
    encoding_release(&e);
}

static unsigned hex4(const char *s)
{
    char digits[5] = {s[0], s[1], s[2], s[3], '\0'};
    return (unsigned)strtoul(digits, NULL, 16);
}

/* The JSON string that begins behind the quote at `s`, as UTF-8; returns what follows its end. */
static const char *unquote(const char *s, struct buf *out)
{
    static const char letters[] = "nrtbf", values[] = "\n\r\t\b\f";
    buf_clear(out);
    for (; *s != '"'; s++) {
        char bytes[4] = {*s};
        size_t n = 1;
        if (*s == '\\' && *++s == 'u') {
            uint32_t c = hex4(s + 1);
            s += 4;
            if (c >= 0xD800 && c < 0xDC00) {
                c = 0x10000 + ((c - 0xD800) << 10) + (hex4(s + 3) - 0xDC00);
                s += 6;
            }
            n = utf8_encode(c, bytes);
        } else if (bytes[0] == '\\') {
            const char *letter = strchr(letters, *s);
            bytes[0] = letter != NULL ? values[letter - letters] : *s;
        }
        assert_int_equal(buf_append(out, bytes, n, NULL), STATUS_OK);
    }
    return s + 1;
}

static const char *behind(const char *s, const char *words)
{
    const char *at = strstr(s, words);
    assert_non_null(at);
    return at + strlen(words);
}

static void equals_the_golden_ids(void **state)
{
    (void)state;
    const char *source = getenv("COGNATE_SOURCE");
    char path[4096];
    struct buf lines, text;
    struct encoding e = {0};
    struct error err = {0};
    size_t count = 0;
    buf_init(&lines, 16 << 20);
    buf_init(&text, 1 << 20);
    snprintf(path, sizeof path, "%s/tests/golden/golden.jsonl", source != NULL ? source : ".");
    if (file_read(path, &lines, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    for (char *line = lines.data, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, count++) {
        *end = '\0';
        const char *kind = behind(line, "\"kind\": \"");
        const char *prefix = *kind == 'q' ? "query: " : *kind == 'd' ? "passage: " : "";
        const char *ids = unquote(behind(line, "\"text\": \""), &text);
        ids = behind(ids, "\"ids\": [");
        encode(&e, prefix, text.data != NULL ? text.data : "", text.len);
        char *next;
        assert_int_equal(strtol(ids, &next, 10), tokenizer_start_id(tokenizer));
        size_t i = 0;
        for (; i < e.count && i < 510; i++)
            assert_int_equal(strtol(next + 1, &next, 10), e.tokens[i].id);
        assert_int_equal(strtol(next + 1, &next, 10), tokenizer_end_id(tokenizer));
        assert_int_equal(*next, ']');
    }
    assert_true(count >= 100);
    encoding_release(&e);
    buf_release(&lines);
    buf_release(&text);
}

/* Ranges follow each other without gap or overlap, from the first character that is not white space to the
 * last. */
static void ranges_cover_the_text(void **state)
{
    (void)state;
    static const char text[] = "  A caf\u00e9,\u3000the   \u1112\u1161\u11ab \u00bd\ufdfa\u200b of 图书馆。 "
                               "\U0001f469\u200d\U0001f467\t";
    struct encoding e = {0};
    for (size_t skip = 0; skip < 3; skip++) {
        size_t at = 2 - skip;
        encode(&e, skip == 2 ? "passage: " : "", text + skip, sizeof text - 1 - skip);
        for (size_t i = e.prefix_count; i < e.count; i++) {
            assert_true(e.tokens[i].start == at || (i == e.prefix_count && skip == 2));
            assert_true(e.tokens[i].end >= e.tokens[i].start);
            at = e.tokens[i].end;
            assert_int_equal(utf8_floor(text + skip, sizeof text - 1 - skip, at), at);
        }
        assert_int_equal(at, sizeof text - 2 - skip);
    }
    encoding_release(&e);
}

static void a_prefix_is_part_of_the_text_but_has_no_range(void **state)
{
    (void)state;
    struct encoding joined = {0}, e = {0};
    static const char *const cases[][2] = {{"query: ", "the library"},
                                           {"query: ", "  the library"},
                                           {"que", "ry: x"},
                                           {"e", "\u0301te\u0301"},
                                           {"passage: ", ""},
                                           {"\xe4", "\xb8\xad"},
                                           {"\U0002070e", "\U0002070e a"},
                                           {" ", " x"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char both[64];
        int n = snprintf(both, sizeof both, "%s%s", cases[i][0], cases[i][1]);
        encode(&joined, "", both, (size_t)n);
        encode(&e, cases[i][0], cases[i][1], strlen(cases[i][1]));
        assert_true(e.count >= e.prefix_count);
        /* A character torn apart by the border counts as two malformed ends, so only whole ones are compared.
         */
        if (cases[i][0][0] != '\xe4')
            assert_int_equal(e.count, joined.count);
        for (size_t j = 0; j < e.count; j++) {
            if (cases[i][0][0] != '\xe4')
                assert_int_equal(e.tokens[j].id, joined.tokens[j].id);
            if (j < e.prefix_count)
                assert_int_equal(e.tokens[j].end, 0);
            else
                assert_true(e.tokens[j].end > 0);
        }
    }
    encode(&e, "query: ", "the library", 11);
    assert_int_equal(e.prefix_count, 3);
    assert_int_equal(e.tokens[3].start, 0);
    assert_int_equal(e.tokens[3].end, 3);
    encoding_release(&e);
    encoding_release(&joined);
}

static void a_text_is_the_same_wherever_blocks_end(void **state)
{
    (void)state;
    struct encoding e = {0}, alone = {0};
    static const char line[] = "Une bibliothèque \u1112\u1161\u11ab 图书馆周末开放 ";
    size_t n = sizeof line - 1, times = 400;
    char *text = malloc(n * times);
    assert_non_null(text);
    for (size_t i = 0; i < times; i++)
        memcpy(text + i * n, line, n);
    encode(&alone, "", line, n);
    for (size_t skip = 0; skip < 20; skip++) {
        char prefix[32];
        memset(prefix, 'x', sizeof prefix);
        prefix[skip] = '\0';
        if (skip > 0)
            prefix[skip - 1] = ' ';
        encode(&e, prefix, text, n * times);
        assert_int_equal(e.count - e.prefix_count, alone.count * times);
        for (size_t i = e.prefix_count; i < e.count; i++) {
            size_t j = i - e.prefix_count;
            assert_int_equal(e.tokens[i].id, alone.tokens[j % alone.count].id);
        }
    }
    free(text);
    encoding_release(&e);
    encoding_release(&alone);
}

static void tells_about_pieces(void **state)
{
    (void)state;
    assert_int_equal(tokenizer_size(tokenizer), 250037);
    assert_int_equal(tokenizer_start_id(tokenizer), 0);
    assert_int_equal(tokenizer_end_id(tokenizer), 2);
    assert_true(text_is(tokenizer_piece(tokenizer, 35378), "\u2581Hello"));
    assert_true(text_is(tokenizer_piece(tokenizer, 2), "</s>"));
    assert_int_equal(tokenizer_piece(tokenizer, -1).len, 0);
    assert_int_equal(tokenizer_piece(tokenizer, 250037).len, 0);
    assert_true(tokenizer_is_special(tokenizer, 3));
    assert_true(tokenizer_is_special(tokenizer, 0));
    assert_false(tokenizer_is_special(tokenizer, 35378));
    assert_false(tokenizer_is_special(tokenizer, -5));
    assert_true(tokenizer_starts_word(tokenizer, 35378));
    assert_false(tokenizer_starts_word(tokenizer, 425));
}

static void refuses_a_huge_text(void **state)
{
    (void)state;
    struct encoding e = {0};
    struct error err = {0};
    struct text huge = {"", (size_t)2 << 30};
    assert_int_equal(tokenizer_encode(tokenizer, &e, text_of(""), huge, &err), STATUS_TOO_LARGE);
    assert_int_equal(e.count, 0);
    encoding_release(&e);
    tokenizer_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_recorded_tokens),
        cmocka_unit_test(equals_recorded_hashes_of_long_texts),
        cmocka_unit_test(equals_the_golden_ids),
        cmocka_unit_test(ranges_cover_the_text),
        cmocka_unit_test(a_prefix_is_part_of_the_text_but_has_no_range),
        cmocka_unit_test(a_text_is_the_same_wherever_blocks_end),
        cmocka_unit_test(tells_about_pieces),
        cmocka_unit_test(refuses_a_huge_text),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
