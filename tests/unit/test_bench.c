#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/bench.h"

static const struct option options[] = {BENCH_SECONDS, TABLE_FORMAT, {0}};

/* A bench over the files named, as a command gets it. */
struct trial {
    struct arguments arguments;
    struct session session;
    struct bench bench;
};

static enum status start(struct trial *t, const char *file, struct error *err)
{
    char *argv[] = {"cognate", (char *)(uintptr_t)file, NULL};
    int argc = file != NULL ? 2 : 1;
    *t = (struct trial){.arguments = {.own = options, .common = session_options}};
    assert_int_equal(arguments_init(&t->arguments, argc, argv, NULL), STATUS_OK);
    assert_int_equal(arguments_read(&t->arguments, argc, argv, 1, false, NULL, NULL), STATUS_OK);
    assert_int_equal(session_init(&t->session, &t->arguments, NULL), STATUS_OK);
    return bench_init(&t->bench, &t->session, "trial", &t->arguments,
                      arguments_real(&t->arguments, "seconds"), err);
}

static void end(struct trial *t)
{
    bench_release(&t->bench);
    session_release(&t->session);
    arguments_release(&t->arguments);
}

static void without_a_file_there_are_sentences(void **state)
{
    struct trial t;
    (void)state;
    assert_int_equal(start(&t, NULL, NULL), STATUS_OK);
    assert_true(t.bench.text_count > 100);
    assert_string_equal(t.bench.texts[0].lang, "en");
    assert_int_equal(t.bench.texts[0].text.data[0], 'O');
    for (size_t i = 1; i < t.bench.text_count; i++)
        assert_ptr_equal(t.bench.texts[i].text.data,
                         t.bench.texts[i - 1].text.data + t.bench.texts[i - 1].text.len);
    end(&t);
}

static void lines_of_a_file_are_texts(void **state)
{
    char path[] = "/tmp/cognate-bench-XXXXXX";
    struct trial t;
    struct error err = {0};
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "one\n\nzwei drei\r\n", 16), 16);
    assert_int_equal(start(&t, path, NULL), STATUS_OK);
    assert_int_equal(t.bench.text_count, 2);
    assert_true(text_is(t.bench.texts[0].text, "one"));
    assert_true(text_is(t.bench.texts[1].text, "zwei drei"));
    assert_string_equal(t.bench.texts[0].lang, "");
    end(&t);

    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(start(&t, path, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, path));
    end(&t);
    close(fd);
    unlink(path);
}

static void quantiles_are_of_sorted_times(void **state)
{
    struct times t = {0};
    (void)state;
    for (int i = 100; i >= 0; i--)
        assert_int_equal(times_add(&t, i, NULL), STATUS_OK);
    times_sort(&t);
    assert_true(times_at(&t, 0) == 0 && times_at(&t, 0.5) == 50 && times_at(&t, 0.99) == 99);
    assert_true(times_at(&t, 1) == 100);
    times_release(&t);
}

static void figures_say_what_applies(void **state)
{
    struct trial t;
    struct times times = {0};
    (void)state;
    assert_int_equal(start(&t, NULL, NULL), STATUS_OK);
    const struct figure f = {.name = "texts", .value = 1234.567, .unit = "texts/s", .share = 0.712345};
    assert_int_equal(bench_figure(&t.bench, &f, NULL), STATUS_OK);
    const json_t *row = json_array_get(t.bench.figures, 0);
    assert_true(json_real_value(json_object_get(row, "value")) == 1235);
    assert_true(json_real_value(json_object_get(row, "share")) == 0.7123);
    assert_true(json_is_null(json_object_get(row, "threads")));
    assert_true(json_is_null(json_object_get(row, "median")));
    assert_true(json_is_null(json_object_get(row, "of")));

    assert_int_equal(times_add(&times, 0.004, NULL), STATUS_OK);
    assert_int_equal(times_add(&times, 0.002, NULL), STATUS_OK);
    assert_int_equal(bench_latency(&t.bench, "search", 2, &times, NULL), STATUS_OK);
    assert_int_equal(json_array_size(t.bench.figures), 4);
    row = json_array_get(t.bench.figures, 3);
    assert_string_equal(json_string_value(json_object_get(row, "of")), "best");
    assert_true(json_real_value(json_object_get(row, "value")) == 2);
    assert_int_equal(json_integer_value(json_object_get(row, "threads")), 2);
    times_release(&times);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_file_there_are_sentences),
        cmocka_unit_test(lines_of_a_file_are_texts),
        cmocka_unit_test(quantiles_are_of_sorted_times),
        cmocka_unit_test(figures_say_what_applies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
