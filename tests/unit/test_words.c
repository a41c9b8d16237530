/* Which words a text has. In the expectations "=" stands before a word in the place of the one before it, "'"
 * behind a part and "!" behind a code. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "index/words.h"

static struct words words;

static void find(struct text text, struct buf *out)
{
    const struct word *word;
    size_t before = 0;
    buf_clear(out);
    words_begin(&words, text);
    while (words_next(&words, &word, NULL) == STATUS_OK && word != NULL) {
        struct text folded = words_text(&words, word);
        assert_true(word->start < word->end && word->end <= text.len);
        assert_true(word->start >= before || word->part);
        before = word->part ? before : word->start;
        assert_int_equal(buf_printf(out, NULL, "%s%s%.*s%s%s", out->len > 0 ? " " : "",
                                    word->beside ? "=" : "", (int)folded.len, folded.data,
                                    word->part ? "'" : "", word->code ? "!" : ""),
                         STATUS_OK);
    }
}

static void assert_words(const char *text, const char *wanted)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    find(text_of(text), &out);
    if (!text_is(buf_text(&out), wanted))
        fail_msg("%s has the words %.*s, not %s", text, (int)out.len, out.data, wanted);
    buf_release(&out);
}

static void plain_words(void **state)
{
    (void)state;
    assert_words("", "");
    assert_words(" … — !", "");
    assert_words("The train, late again.", "the train late again");
    assert_words("wait...what foo--bar __init__", "wait what foo bar init");
    assert_words("Der Zug fährt über Köln", "der zug fahrt uber koln");
    assert_words("हिन्दी भाषा", "हिन्दी भाषा");
    assert_words("so\u00adft", "soft");
}

static void codes_and_their_pieces(void **state)
{
    (void)state;
    assert_words("AB-1234/7 pump", "ab-1234/7! =ab' 1234' 7' pump");
    assert_words("ERR_CONN_RESET", "err_conn_reset! =err' conn' reset'");
    assert_words("v2.10.3", "v2.10.3! =2.10.3' =v2' 10' 3'");
    assert_words("iPhone15", "iphone15 =iphone' 15'");
    assert_words("Python3 UTF-8 RFC2616 covid-19",
                 "python3 =python' 3' utf-8 =utf' 8' rfc2616! =rfc' 2616' covid-19! =covid' 19'");
    assert_words("2N3904 1990s 10kg", "2n3904! 1990s 10kg =10' kg'");
    assert_words("ab12cd34ef56gh", "ab12cd34ef56gh!");
    assert_words("a@b.org", "a@b.org! =a' b' org'");
    assert_words("https://ex.org/a", "https://ex.org/a! =https' ex' org' a'");
    assert_words("192.168.0.1", "192.168.0.1! =192' 168' 0' 1'");
    assert_words("9783161484100 404", "9783161484100! 404");
    assert_words("3,14 1,234,567 10:30", "3,14 =3' 14' 1,234,567 =1' 234' 567' 10:30 =10' 30'");
    assert_words("one,two", "one two");
    assert_words("std::vector C++ C# g++.", "std::vector =std' vector' c++ =c' c# =c' g++ =g'");
    assert_words("ＡＢ－１２", "ab-12! =ab' 12'");
    assert_words("well\u2011known", "well-known =well' known'");
}

static void apostrophes(void **state)
{
    (void)state;
    assert_words("l'heure d\u2019été", "l'heure =l' heure' d'ete =d' ete'");
    assert_words("п\u02bcять п'ять", "п'ять =п' ять' п'ять =п' ять'");
    assert_words("צה\"ל \"כן\"", "צה\"ל =צה' ל' כן");
    assert_words("5\"x7\"", "5 x7");
    assert_words("می\u200cخواهم", "ميخواهم =مي' خواهم'");
}

static void scripts_without_spaces(void **state)
{
    (void)state;
    assert_words("ภาษาไทยไม่มีช่องว่าง", "ภาษา ไทย ไม่มี ช่อง ว่าง");
    assert_words("人工智能和自然语言处理", "人工 智能 和 自然 语言 处理");
    assert_words("私はWi-Fi接続", "私 は wi-fi =wi' fi' 接続");
    assert_words("図書館", "図書館 =図書' =書館'");
    assert_words("2024年", "2024 年");
    assert_words("ພາສາລາວ", "ພາສາ ລາວ");
    assert_words("မြန်မာ", "မြန်မာ");
}

static void korean(void **state)
{
    (void)state;
    assert_words("서울에서 GPU를", "서울에서 =서울' =울에' =에서' gpu 를");
    assert_words("서울", "서울");
}

static void no_end_in_sight(void **state)
{
    (void)state;
    struct buf out;
    char *text = malloc(100000);
    const char *const units[] = {"a", "-", "a-", "é", "中", "ก", "가", "1", "a1", "\u0301", "a\u0301"};
    buf_init(&out, 1 << 24);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t n = 0, unit = strlen(units[i]);
        for (; n + unit <= 100000; n += unit)
            memcpy(text + n, units[i], unit);
        find((struct text){text, n}, &out);
    }
    buf_release(&out);
    free(text);
}

static int open_words(void **state)
{
    (void)state;
    return words_open(&words, NULL) == STATUS_OK ? 0 : -1;
}

static int close_words(void **state)
{
    (void)state;
    words_close(&words);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_words), cmocka_unit_test(codes_and_their_pieces),
        cmocka_unit_test(apostrophes), cmocka_unit_test(scripts_without_spaces),
        cmocka_unit_test(korean),      cmocka_unit_test(no_end_in_sight),
    };
    return cmocka_run_group_tests(tests, open_words, close_words);
}
