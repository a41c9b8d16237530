#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "encoder/import/model_card.h"

static char folder[] = "/tmp/cognate-model-card-XXXXXX", path[sizeof folder + 16];

/* What the key license has in a card, "" when it has none. */
static const char *license_of(const char *card)
{
    static char value[MODEL_CARD_VALUE];
    value[0] = '\0';
    assert_int_equal(file_write_atomic(path, card, strlen(card), NULL), STATUS_OK);
    bool found = model_card_value(folder, "license", value);
    assert_int_equal(found, value[0] != '\0');
    return value;
}

static void reads_the_top_of_a_card(void **state)
{
    (void)state;
    assert_string_equal(license_of("---\nlanguage: en\nlicense: apache-2.0\n---\n# x"), "apache-2.0");
    assert_string_equal(license_of("---\r\nlicense: \"mit\" \r\n---\r\n"), "mit");
    assert_string_equal(license_of("---\nlicense_link: x\n license: y\n---\nlicense: mit\n"), "");
    assert_string_equal(license_of("# no top\nlicense: mit\n"), "");
    assert_string_equal(license_of("---\nlicense:\n- mit\n---\n"), "");
    assert_string_equal(license_of("---\nlicense: a\tb\n---\n"), "");
    assert_string_equal(license_of("---\nlicense: \xff\n---\n"), "");
    assert_string_equal(license_of("---\nlicense: mit"), "mit");
    assert_string_equal(license_of(""), "");
}

static void a_long_value_is_none(void **state)
{
    (void)state;
    char card[512];
    snprintf(card, sizeof card, "---\nlicense: %0*d\n", MODEL_CARD_VALUE - 1, 1);
    assert_int_equal(strlen(license_of(card)), MODEL_CARD_VALUE - 1);
    snprintf(card, sizeof card, "---\nlicense: %0*d\n", MODEL_CARD_VALUE, 1);
    assert_string_equal(license_of(card), "");
    assert_int_equal(unlink(path), 0);
    char value[MODEL_CARD_VALUE];
    assert_false(model_card_value(folder, "license", value));
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_top_of_a_card),
        cmocka_unit_test(a_long_value_is_none),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/README.md", folder);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
