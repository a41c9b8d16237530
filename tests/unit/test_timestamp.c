/* Moments as RFC 3339 writes them, and what is none. */
#include "unit.h"

#include <string.h>

#include "server/timestamp.h"

static void read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.001Z", 1},
        {"2000-02-29T12:00:00+00:00", 951825600000},
        {"2026-11-24T22:27:20.1239+02:00", 1795552040123},
        {"2026-11-24 20:27:20z", 1795552040000},
        {"1969-12-31T23:59:59.9Z", -100},
        {"9999-12-31T23:59:59Z", 253402300799000},
        {"2024-03-01T00:00:00-05:30", 1709271000000},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char back[TIMESTAMP_BYTES];
        int64_t ms = 7, again = 8;
        assert_int_equal(timestamp_parse(text_of(good[i].text), "t", &ms, NULL), STATUS_OK);
        assert_true(ms == good[i].ms);
        timestamp_write(ms, back);
        assert_int_equal(timestamp_parse(text_of(back), "t", &again, NULL), STATUS_OK);
        assert_true(again == ms);
    }
    char out[TIMESTAMP_BYTES];
    timestamp_write(1795552040123, out);
    assert_string_equal(out, "2026-11-24T20:27:20.123Z");
}

static void refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-11-24",
                                      "2026-11-24T20:27:20",
                                      "2026-13-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "2026-11-24T24:00:00Z",
                                      "2026-11-24T20:60:00Z",
                                      "2026-11-24T20:27:20.Z",
                                      "2026-11-24T20:27:20+2:00",
                                      "2026-11-24T20:27:20+24:00",
                                      "2026-11-24T20:27:20Zz",
                                      "0000-01-01T00:00:00Z",
                                      "2026/11/24T20:27:20Z",
                                      "+026-11-24T20:27:20Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        int64_t ms = 7;
        assert_int_equal(timestamp_parse(text_of(bad[i]), "expires_at", &ms, &err), STATUS_INVALID);
        assert_true(ms == 7);
        assert_string_equal(err.field, "expires_at");
    }
    /* A text may end anywhere. */
    const char *whole = "2026-11-24T20:27:20.123+02:00";
    for (size_t n = 0; n < strlen(whole); n++) {
        int64_t ms;
        assert_int_equal(timestamp_parse((struct text){whole, n}, "t", &ms, NULL), STATUS_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_and_written),
        cmocka_unit_test(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
