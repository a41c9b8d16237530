#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/exposition.h"

static void lines_are_as_the_format_says(void **state)
{
    static const double bounds[] = {0.5, 10};
    static const uint64_t counts[] = {3, 0, 2};
    struct buf out;
    struct exposition x = {.out = &out};
    (void)state;
    buf_init(&out, 4096);
    exposition_figure(&x, "a_total", "counter", "An a.", 12);
    exposition_family(&x, "b", "gauge", "Some b.");
    exposition_sample(&x, "b", "of=\"x\"", 0.25);
    exposition_family(&x, "c", "histogram", "A c.");
    exposition_histogram(&x, "c", "", bounds, 2, counts, 40);
    exposition_histogram(&x, "c", "of=\"x\"", bounds, 2, counts, 1.5);
    assert_int_equal(x.status, STATUS_OK);
    assert_string_equal(out.data,
                        "# HELP a_total An a.\n# TYPE a_total counter\na_total 12\n"
                        "# HELP b Some b.\n# TYPE b gauge\nb{of=\"x\"} 0.25\n"
                        "# HELP c A c.\n# TYPE c histogram\n"
                        "c_bucket{le=\"0.5\"} 3\nc_bucket{le=\"10\"} 3\nc_bucket{le=\"+Inf\"} 5\n"
                        "c_sum 40.000000\nc_count 5\n"
                        "c_bucket{of=\"x\",le=\"0.5\"} 3\nc_bucket{of=\"x\",le=\"10\"} 3\n"
                        "c_bucket{of=\"x\",le=\"+Inf\"} 5\nc_sum{of=\"x\"} 1.500000\nc_count{of=\"x\"} 5\n");
    buf_release(&out);
}

/* The first failure stays, and nothing follows it. */
static void failures_stay(void **state)
{
    struct buf out;
    struct error err = {0};
    struct exposition x = {.out = &out, .err = &err};
    (void)state;
    buf_init(&out, 100);
    exposition_figure(&x, "a", "gauge", "Short.", 1);
    assert_int_equal(x.status, STATUS_OK);
    size_t before = out.len;
    exposition_figure(&x, "b", "gauge", "What is longer than the buffer has room for, by a good deal.", 1);
    exposition_figure(&x, "c", "gauge", "c", 1);
    assert_int_equal(x.status, STATUS_TOO_LARGE);
    assert_int_equal(out.len, before);
    buf_release(&out);
}

static double figure(const char *text, const char *name)
{
    char line[128];
    snprintf(line, sizeof line, "\n%s ", name);
    const char *at = strstr(text, line);
    assert_non_null(at);
    return strtod(at + strlen(line), NULL);
}

static void the_process_is_this_one(void **state)
{
    struct buf out;
    struct exposition x = {.out = &out};
    (void)state;
    buf_init(&out, 1 << 16);
    exposition_process(&x);
    double files = figure(out.data, "process_open_fds"),
           start = figure(out.data, "process_start_time_seconds");
    assert_true(figure(out.data, "process_resident_memory_bytes") >= 1 << 20);
    assert_true(figure(out.data, "process_virtual_memory_bytes") >=
                figure(out.data, "process_resident_memory_bytes"));
    assert_true(figure(out.data, "process_threads") >= 1);
    assert_true(figure(out.data, "process_max_fds") >= files && files >= 3);
    assert_true(start <= (double)time(NULL) + 1 && start > (double)time(NULL) - 3600);
    int more = dup(0);
    out.len = 0;
    exposition_process(&x);
    assert_true(figure(out.data, "process_open_fds") == files + 1);
    close(more);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_as_the_format_says),
        cmocka_unit_test(failures_stay),
        cmocka_unit_test(the_process_is_this_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
