#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/walk.h"
#include "common/buf.h"

static const char *const skip_names[] = {
#define X(name, says, failure) #name,
    SKIP_TABLE(X)
#undef X
};

/* What was visited, a line each: "id" or "-WHY last/part". */
struct seen {
    struct buf lines;
    size_t stop; /* files after which it stops; 0 for never */
    size_t files;
};

static enum status see_file(void *context, const char *path, const char *id, uint64_t bytes, bool named,
                            struct error *err)
{
    struct seen *s = context;
    assert_int_equal(access(path, F_OK), 0);
    enum status status = buf_printf(&s->lines, err, "%s%s %d\n", id, named ? " (named)" : "", (int)bytes);
    return ++s->files == s->stop ? error_set(err, STATUS_CANCELLED, "enough") : status;
}

static enum status see_skip(void *context, const char *path, enum skip why, const char *reason,
                            struct error *err)
{
    struct seen *s = context;
    (void)reason;
    return buf_printf(&s->lines, err, "-%s %s\n", skip_names[why], strrchr(path, '/') + 1);
}

static char root[] = "/tmp/cognate-walk-XXXXXX";

static void write_file(const char *name, const char *content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(content, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void make_folder(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static int set_up(void **state)
{
    char path[256];
    (void)state;
    assert_non_null(mkdtemp(root));
    make_folder("docs");
    make_folder("docs/b");
    make_folder("docs/.git");
    write_file("docs/z.txt", "12345");
    write_file("docs/B.txt", "1");
    write_file("docs/b/a.txt", "12");
    write_file("docs/b/.hidden", "x");
    write_file("docs/.git/config", "x");
    snprintf(path, sizeof path, "%s/docs/link", root);
    assert_int_equal(symlink("/etc", path), 0);
    snprintf(path, sizeof path, "%s/docs/queue", root);
    assert_int_equal(mkfifo(path, 0600), 0);
    snprintf(path, sizeof path, "%s/way", root);
    assert_int_equal(symlink("docs", path), 0);
    return 0;
}

static int tear_down(void **state)
{
    char command[256];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void walks(const char *name, bool hidden, size_t stop, enum status result, const char *wanted)
{
    char path[256];
    struct seen seen = {.stop = stop};
    struct walk_visitor visitor = {see_file, see_skip, &seen};
    buf_init(&seen.lines, 1 << 16);
    snprintf(path, sizeof path, "%s/%s", root, name);
    assert_int_equal(walk(path, &(struct walk_options){.hidden = hidden}, &visitor, NULL), result);
    assert_string_equal(seen.lines.data != NULL ? seen.lines.data : "", wanted);
    buf_release(&seen.lines);
}

#define USUAL                                                                                                \
    "-HIDDEN .git\ndocs/B.txt 1\n-HIDDEN .hidden\ndocs/b/a.txt 2\n-LINK link\n-SPECIAL queue\ndocs/z.txt "   \
    "5\n"

static void in_the_order_of_names(void **state)
{
    (void)state;
    walks("docs", false, 0, STATUS_OK, USUAL);
    walks("docs/", false, 0, STATUS_OK, USUAL);
    walks("docs/b/..", false, 0, STATUS_OK, USUAL); /* the same ids from wherever it starts */
    walks("way", false, 0, STATUS_OK, USUAL);       /* a link that was named is followed */
}

static void hidden_ones_on_request(void **state)
{
    (void)state;
    walks("docs", true, 0, STATUS_OK,
          "docs/.git/config 1\ndocs/B.txt 1\ndocs/b/.hidden 1\ndocs/b/a.txt 2\n-LINK link\n-SPECIAL "
          "queue\ndocs/z.txt 5\n");
}

static void a_named_file_counts_whatever_it_is_called(void **state)
{
    (void)state;
    walks("docs/b/.hidden", false, 0, STATUS_OK, ".hidden (named) 1\n");
    walks("docs/z.txt", false, 0, STATUS_OK, "z.txt (named) 5\n");
    walks("none", false, 0, STATUS_NOT_FOUND, "");
}

static void rules_are_followed(void **state)
{
    (void)state;
    make_folder("ruled");
    make_folder("ruled/out");
    make_folder("ruled/in");
    make_folder("ruled/jn");
    write_file("ruled/jn/b.txt", "1");
    write_file("ruled/.gitignore", "out/\n*.log\n");
    write_file("ruled/in/.ignore", "!b.log\nb.txt\n");
    write_file("ruled/in/a.log", "1");
    write_file("ruled/in/b.log", "1");
    write_file("ruled/out/c.txt", "1");
    write_file("ruled/z.log", "1");
    walks("ruled", false, 0, STATUS_OK,
          "-HIDDEN .gitignore\n-HIDDEN .ignore\n-IGNORED a.log\nruled/in/b.log 1\nruled/jn/b.txt 1\n-IGNORED "
          "out\n-IGNORED "
          "z.log\n");
    walks("ruled/out", false, 0, STATUS_OK, "out/c.txt 1\n"); /* what was named is read */
}

static void a_visitor_ends_it(void **state)
{
    (void)state;
    walks("docs", false, 1, STATUS_CANCELLED, "-HIDDEN .git\ndocs/B.txt 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_order_of_names),
        cmocka_unit_test(hidden_ones_on_request),
        cmocka_unit_test(a_named_file_counts_whatever_it_is_called),
        cmocka_unit_test(rules_are_followed),
        cmocka_unit_test(a_visitor_ends_it),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
