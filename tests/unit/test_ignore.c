/* Rules of gitignore(5). */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/ignore.h"

static void patterns(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path;
        bool matches;
    } cases[] = {
        {"a", "a", true},
        {"a", "b", false},
        {"a", "a/b", false},
        {"*.c", "x.c", true},
        {"*.c", "x.c/y", false},
        {"a*c*e", "abcde", true},
        {"a*c*e", "abcd", false},
        {"?", "x", true},
        {"?", "", false},
        {"[a-c]x", "bx", true},
        {"[!a-c]x", "bx", false},
        {"[^a-c]x", "dx", true},
        {"[]]", "]", true},
        {"[a", "[a", true},
        {"\\*", "*", true},
        {"\\*", "x", false},
        {"a/b", "a/b", true},
        {"a/*", "a/b/c", false},
        {"**/b", "b", true},
        {"**/b", "x/y/b", true},
        {"a/**", "a/b/c", true},
        {"a/**", "a", false},
        {"a/**/c", "a/c", true},
        {"a/**/c", "a/x/y/c", true},
        {"a/**/c", "a/x/y/d", false},
        {"**/x/**/y", "x/x/q/y", true},
        {"*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (ignore_pattern(text_of(cases[i].pattern), text_of(cases[i].path)) != cases[i].matches)
            fail_msg("%s against %s", cases[i].pattern, cases[i].path);
}

static char root[] = "/tmp/cognate-ignore-XXXXXX";

static void write_rules(const char *name, const char *rules)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(rules, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static bool ignored(const struct ignore *rules, const char *below, bool folder)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", root, below);
    return ignore_match(rules, path, folder);
}

static void folders_one_in_another(void **state)
{
    (void)state;
    struct ignore rules = {0};
    char sub[128];
    assert_non_null(mkdtemp(root));
    snprintf(sub, sizeof sub, "%s/sub", root);
    assert_int_equal(mkdir(sub, 0700), 0);
    write_rules(".gitignore",
                "# a comment\n\n*.tmp\r\n/top\nbuild/\n!keep.tmp\ntrailing  \n\\#odd\nsub/deep.txt\n");
    write_rules(".cognateignore", "*.log\n!keep.log\n");
    write_rules("sub/.ignore", "!a.tmp\nb.txt\n");
    assert_int_equal(ignore_enter(&rules, root, NULL), STATUS_OK);
    assert_true(ignored(&rules, "a.tmp", false));
    assert_true(ignored(&rules, "sub/a.tmp", false));
    assert_false(ignored(&rules, "keep.tmp", false));
    assert_true(ignored(&rules, "top", false));
    assert_false(ignored(&rules, "sub/top", false));
    assert_true(ignored(&rules, "build", true));
    assert_false(ignored(&rules, "build", false));
    assert_true(ignored(&rules, "trailing", false));
    assert_true(ignored(&rules, "#odd", false));
    assert_true(ignored(&rules, "x.log", false));
    assert_false(ignored(&rules, "keep.log", false));
    assert_true(ignored(&rules, "sub/deep.txt", false));
    assert_false(ignored(&rules, "deep.txt", false));
    assert_int_equal(ignore_enter(&rules, sub, NULL), STATUS_OK);
    assert_false(ignored(&rules, "sub/a.tmp", false));
    assert_true(ignored(&rules, "sub/c.tmp", false));
    assert_true(ignored(&rules, "sub/b.txt", false));
    ignore_leave(&rules);
    assert_true(ignored(&rules, "sub/a.tmp", false));
    ignore_release(&rules);
    snprintf(sub, sizeof sub, "rm -r %s", root);
    assert_int_equal(system(sub), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(patterns), cmocka_unit_test(folders_one_in_another)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
