#include "unit.h"

#include <string.h>

#include "cli/options.h"

static const char *const shapes[] = {"round", "flat", NULL};

static const struct option own[] = {
    {.name = "limit",
     .letter = 'k',
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "5",
     .least = 1,
     .most = 1000},
    {.name = "lang", .type = OPTION_TEXT, .repeated = true, .value = "TAG"},
    {.name = "shape", .type = OPTION_CHOICE, .choices = shapes, .fallback = "round"},
    {.name = "share", .letter = 's', .type = OPTION_REAL, .fallback = "0.5", .most = 1},
    {0},
};
static const struct option common[] = {
    {.name = "quiet", .letter = 'q', .type = OPTION_FLAG},
    {.name = "verbose", .letter = 'v', .type = OPTION_FLAG},
    {0},
};

/* Reads up to eight words, ended by NULL. */
static enum status read_words(struct arguments *a, const char *const *words, struct error *err)
{
    char *argv[9] = {(char *)"cognate"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)(uintptr_t)words[argc - 1];
    *a = (struct arguments){.own = own, .common = common};
    assert_int_equal(arguments_init(a, argc, argv, err), STATUS_OK);
    return arguments_read(a, argc, argv, 1, false, NULL, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void every_way_to_give_a_value(void **state)
{
    (void)state;
    static const char *const ways[][3] = {{"-k", "7"},   {"-k7"},   {"-k=7"},    {"--limit", "7"},
                                          {"--limit=7"}, {"--k=7"}, {"--k", "7"}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct arguments a;
        struct error err = {0};
        assert_int_equal(read_words(&a, ways[i], &err), STATUS_OK);
        assert_int_equal(arguments_count(&a, "limit"), 7);
        assert_int_equal(a.operand_count, 0);
        arguments_release(&a);
    }
}

static void options_and_operands_mix(void **state)
{
    (void)state;
    struct arguments a;
    struct error err = {0};
    assert_int_equal(read_words(&a, WORDS("one", "-qv", "-", "--lang", "de", "--lang=fr", "--", "-k"), &err),
                     STATUS_OK);
    assert_int_equal(a.operand_count, 3);
    assert_string_equal(a.operands[0], "one");
    assert_string_equal(a.operands[1], "-");
    assert_string_equal(a.operands[2], "-k");
    assert_true(arguments_flag(&a, "quiet") && arguments_flag(&a, "verbose"));
    assert_string_equal(arguments_each(&a, "lang", 0), "de");
    assert_string_equal(arguments_each(&a, "lang", 1), "fr");
    assert_null(arguments_each(&a, "lang", 2));
    arguments_release(&a);
}

static void what_is_not_given_has_its_fallback(void **state)
{
    (void)state;
    struct arguments a;
    struct error err = {0};
    assert_int_equal(read_words(&a, WORDS("x"), &err), STATUS_OK);
    assert_int_equal(arguments_count(&a, "limit"), 5);
    assert_false(arguments_given(&a, "limit"));
    assert_null(arguments_text(&a, "lang"));
    assert_int_equal(arguments_choice(&a, "shape"), 0);
    assert_true(arguments_real(&a, "share") == 0.5);
    arguments_release(&a);
}

static void the_last_value_counts(void **state)
{
    (void)state;
    struct arguments a;
    struct error err = {0};
    assert_int_equal(read_words(&a, WORDS("-k1", "--shape", "flat", "-k2"), &err), STATUS_OK);
    assert_int_equal(arguments_count(&a, "limit"), 2);
    assert_int_equal(arguments_choice(&a, "shape"), 1);
    arguments_release(&a);
}

static void faults_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *words[4];
        const char *says;
    } faults[] = {
        {{"--lmit", "3"}, "did you mean --limit?"},
        {{"--nothing-like-it"}, "unknown option --nothing-like-it"},
        {{"-z"}, "unknown option -z"},
        {{"-qz"}, "unknown option -z"},
        {{"-\xC3\xA9"}, "unknown option -\xC3\xA9"},
        {{"--limit"}, "--limit needs a value: --limit N"},
        {{"-k"}, "--limit needs a value"},
        {{"-k", "five"}, "whole number, not \"five\""},
        {{"-k", "1.5"}, "whole number"},
        {{"-k", ""}, "whole number"},
        {{"-k0"}, "--limit takes 1 to 1000, not 0"},
        {{"-k1001"}, "--limit takes 1 to 1000"},
        {{"--share", "nan"}, "number"},
        {{"--share=2"}, "--share takes 0 to 1"},
        {{"--shape=square"}, "--shape is one of round, flat, not \"square\""},
        {{"--quiet=yes"}, "--quiet takes no value"},
        {{"--=x"}, "unknown option"},
    };
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        struct arguments a;
        struct error err = {0};
        assert_int_equal(read_words(&a, faults[i].words, &err), STATUS_INVALID);
        if (strstr(err.text, faults[i].says) == NULL)
            fail_msg("\"%s\" does not say \"%s\"", err.text, faults[i].says);
        arguments_release(&a);
    }
}

static void stops_behind_the_first_operand(void **state)
{
    (void)state;
    char *argv[] = {(char *)"cognate", (char *)"-q", (char *)"search", (char *)"--unknown"};
    struct arguments a = {.common = common};
    struct error err = {0};
    int next = 0;
    assert_int_equal(arguments_init(&a, 4, argv, &err), STATUS_OK);
    assert_int_equal(arguments_read(&a, 4, argv, 1, true, &next, &err), STATUS_OK);
    assert_int_equal(next, 3);
    assert_string_equal(a.operands[0], "search");
    arguments_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_give_a_value),
        cmocka_unit_test(options_and_operands_mix),
        cmocka_unit_test(what_is_not_given_has_its_fallback),
        cmocka_unit_test(the_last_value_counts),
        cmocka_unit_test(faults_are_named),
        cmocka_unit_test(stops_behind_the_first_operand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
