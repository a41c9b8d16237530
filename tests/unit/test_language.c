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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_and_scripts),
        cmocka_unit_test(nothing_to_tell),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
