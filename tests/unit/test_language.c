#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "tokenizer/language.h"

static void expect(const char *text, const char *tag)
{
    struct language l;
    language_detect(text_of(text), &l);
    assert_string_equal(l.tag, tag);
    assert_true(l.share > 0.5 && l.share <= 1);
}

static void languages_and_scripts(void **state)
{
    (void)state;
    expect("The kettle is on the stove and the cups are already on the table.", "en");
    expect("Der Schlüssel liegt unter der Matte, falls du früher nach Hause kommst.", "de");
    expect("Les magasins ferment plus tôt le dimanche, pensez à acheter du pain.", "fr");
    expect("Поезд опаздывает на двадцать минут, подождите на второй платформе.", "ru");
    expect("Өглөө бүр би цайгаа уугаад ажилдаа явдаг.", "mn"); /* of the full tables */
    expect("Το φαρμακείο είναι δίπλα στο ταχυδρομείο, απέναντι από την πλατεία.", "el");
    expect("明天早上七点半的火车已经没有座位了，我们坐下一班吧。", "zh");
    expect("明日の朝は早く起きて、駅まで歩いて行きましょう。", "ja");
    expect("내일 아침 기차표가 매진되어서 다음 기차를 타야 합니다.", "ko");
    expect("הרכבת הבאה יוצאת בעוד עשר דקות מהרציף השני.", "he");
    expect("ร้านขายยาอยู่ข้างที่ทำการไปรษณีย์ตรงข้ามตลาด", "th");
}

static void nothing_to_tell(void **state)
{
    (void)state;
    struct language l;
    for (const char *const *text = (const char *const[]){"", " \n", "12345 67", "\U0001F600 !?", NULL}; *text != NULL;
         text++) {
        language_detect(text_of(*text), &l);
        assert_string_equal(l.tag, "und");
        assert_true(l.share >= 0 && l.share <= 0);
    }
}

static void a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    const char *sentence = "Η βιβλιοθήκη ανοίγει στις εννέα. ";
    size_t n = strlen(sentence), repeats = 4000;
    char *text = malloc(n * repeats);
    struct language l;
    for (size_t i = 0; i < repeats; i++)
        memcpy(text + i * n, sentence, n);
    for (size_t skip = 0; skip < 4; skip += 2) {
        language_detect((struct text){text + skip, n * repeats - skip}, &l);
        assert_string_equal(l.tag, "el");
    }
    free(text);
}

static void ranks_what_a_text_is_made_of(void **state)
{
    (void)state;
    struct language l[LANGUAGE_CANDIDATES];
    const char *mixed = "Die Bibliothek öffnet um neun Uhr und schließt am Abend um acht. Bücher können vier Wochen lang "
                        "ausgeliehen werden, und an der Kasse gibt es Karten für die Ausstellung. Η βιβλιοθήκη ανοίγει στις εννέα το πρωί.";
    assert_int_equal(language_rank(text_of(mixed), l), 2);
    assert_string_equal(l[0].tag, "de");
    assert_string_equal(l[1].tag, "el");
    assert_true(l[0].share > l[1].share && l[0].share + l[1].share <= 1.01);
    assert_true(l[0].confidence <= l[0].share && l[0].confidence > l[1].confidence);
    assert_int_equal(language_rank(text_of("123 !"), l), 0);
}

static void a_short_text_is_less_certain(void **state)
{
    (void)state;
    struct language brief, full;
    language_detect(text_of("Guten Tag"), &brief);
    language_detect(text_of("Guten Tag, wir möchten gern einen Tisch am Fenster für heute Abend reservieren."), &full);
    assert_string_equal(full.tag, "de");
    assert_true(brief.confidence < full.confidence && full.confidence > 0.8 && full.confidence <= 1);
}

static void a_part_speaks_for_itself_only_when_it_can(void **state)
{
    (void)state;
    struct language l;
    language_detect_within(text_of("Ja"), "nl", &l);
    assert_string_equal(l.tag, "nl");
    language_detect_within(text_of("12.30"), "nl", &l);
    assert_string_equal(l.tag, "nl");
    language_detect_within(text_of("Le magasin ferme plus tôt le dimanche, pensez à acheter du pain."), "nl", &l);
    assert_string_equal(l.tag, "fr");
    language_detect_within(text_of("?"), "und", &l);
    assert_string_equal(l.tag, "und");
}

static void a_passage_names_a_language_of_its_own(void **state)
{
    (void)state;
    static const struct {
        const char *part, *whole, *wanted;
    } cases[] = {
        {"Le magasin ferme plus tôt le dimanche, pensez à acheter du pain.", "nl", "fr"},
        {"Le magasin ferme plus tôt le dimanche, pensez à acheter du pain.", "fr", ""},
        {"Le magasin ferme plus tôt le dimanche, pensez à acheter du pain.", "FR-CA", ""},
        {"Le magasin ferme plus tôt le dimanche, pensez à acheter du pain.", "frr", "fr"},
        {"Le magasin ferme plus tôt le dimanche, pensez à acheter du pain.", "a-tag-of-sixteen-bytes", "fr"},
        {"Ja", "nl", ""},
        {"12.30", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char own[16] = "left over";
        language_of_passage(text_of(cases[i].part), text_of(cases[i].whole), own);
        assert_string_equal(own, cases[i].wanted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_and_scripts),
        cmocka_unit_test(nothing_to_tell),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(ranks_what_a_text_is_made_of),
        cmocka_unit_test(a_short_text_is_less_certain),
        cmocka_unit_test(a_part_speaks_for_itself_only_when_it_can),
        cmocka_unit_test(a_passage_names_a_language_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
