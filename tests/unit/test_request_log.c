#include "server/request_log.h"

#include <jansson.h>
#include <unistd.h>

#include "unit.h"

static struct request_log_entry sample(void)
{
    return (struct request_log_entry){.time_ms = 1700000000007,
                                      .id = "id-1",
                                      .method = "POST",
                                      .route = "/v1/embed",
                                      .status = 200,
                                      .ms = 12.34,
                                      .bytes_in = 5,
                                      .bytes_out = 18446744073709551615u,
                                      .client = "::1"};
}

static void test_line(void **state)
{
    struct request_log_entry entry = sample();
    struct buf line;
    (void)state;
    buf_init(&line, 4096);
    assert_int_equal(request_log_format(&entry, &line, NULL), STATUS_OK);
    assert_string_equal(
        line.data,
        "{\"ts\":\"2023-11-14T22:13:20.007Z\",\"event\":\"request\",\"id\":\"id-1\",\"method\":\"POST\","
        "\"route\":\"/v1/embed\",\"status\":200,\"ms\":12.3,\"bytes_in\":5,"
        "\"bytes_out\":18446744073709551615,\"client\":\"::1\"}\n");
    buf_release(&line);
}

/* Whatever a client calls itself, the line is one line of JSON that says it. */
static void test_escapes(void **state)
{
    struct request_log_entry entry = sample();
    struct buf line;
    (void)state;
    buf_init(&line, 4096);
    entry.bytes_out = 1; /* a number that every reader of JSON holds */
    entry.id = "a\"b\\c\nd\x01";
    entry.method = "\xff";
    entry.route = NULL;
    entry.key = "shop";
    entry.slow = true;
    entry.encode_ms = 7.25;
    assert_int_equal(request_log_format(&entry, &line, NULL), STATUS_OK);
    assert_int_equal(strcspn(line.data, "\n"), line.len - 1);
    json_t *read = json_loadb(line.data, line.len, 0, NULL);
    assert_non_null(read);
    assert_string_equal(json_string_value(json_object_get(read, "id")), "a\"b\\c\nd\x01");
    assert_string_equal(json_string_value(json_object_get(read, "method")), "\xc3\xbf");
    assert_null(json_object_get(read, "route"));
    assert_string_equal(json_string_value(json_object_get(read, "key")), "shop");
    assert_true(json_is_true(json_object_get(read, "slow")));
    assert_true(json_real_value(json_object_get(read, "encode_ms")) > 7);
    assert_null(json_object_get(read, "search_ms"));
    json_decref(read);
    buf_release(&line);
}

static void test_write(void **state)
{
    struct request_log_entry entry = sample();
    char bytes[1024];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    request_log_write(ends[1], &entry);
    close(ends[1]);
    ssize_t n = read(ends[0], bytes, sizeof bytes);
    assert_true(n > 0 && bytes[0] == '{' && bytes[n - 1] == '\n');
    close(ends[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
