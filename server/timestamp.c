#include "server/timestamp.h"

#include <stdbool.h>
#include <stdio.h>
#include <time.h>

/* What is still to be read. */
struct reader {
    const char *at, *end;
    bool good;
};

static int64_t digits(struct reader *r, int n, int64_t least, int64_t most)
{
    int64_t value = 0;
    for (int i = 0; i < n; i++) {
        if (r->at == r->end || *r->at < '0' || *r->at > '9') {
            r->good = false;
            return least;
        }
        value = value * 10 + (*r->at++ - '0');
    }
    r->good &= value >= least && value <= most;
    return value;
}

static char one_of(struct reader *r, const char *choices)
{
    for (; r->at < r->end && *choices != '\0'; choices++)
        if (*r->at == *choices)
            return *r->at++;
    r->good = false;
    return '\0';
}

static int64_t milliseconds(struct reader *r)
{
    int64_t value = 0, unit = 100;
    if (r->at == r->end || *r->at != '.')
        return 0;
    r->at++;
    r->good &= r->at < r->end && *r->at >= '0' && *r->at <= '9';
    for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++, unit /= 10)
        value += (*r->at - '0') * unit;
    return value;
}

/* Minutes that the place is ahead of UTC. */
static int64_t offset(struct reader *r)
{
    char sign = one_of(r, "Zz+-");
    if (sign == 'Z' || sign == 'z')
        return 0;
    int64_t hours = digits(r, 2, 0, 23);
    one_of(r, ":");
    int64_t minutes = hours * 60 + digits(r, 2, 0, 59);
    return sign == '-' ? -minutes : minutes;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int64_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

/* Days from 1970-01-01 in the Gregorian calendar: years begin in March, so that the leap day comes last. */
static int64_t days_since_1970(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month > 2 ? year : year - 1, m = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719468;
}

enum status timestamp_parse(struct text text, const char *field, int64_t *unix_ms, struct error *err)
{
    struct reader r = {text.data, text.data + text.len, true};
    int64_t year = digits(&r, 4, 1, 9999);
    one_of(&r, "-");
    int64_t month = digits(&r, 2, 1, 12);
    one_of(&r, "-");
    int64_t day = digits(&r, 2, 1, 31);
    one_of(&r, "Tt ");
    int64_t hour = digits(&r, 2, 0, 23);
    one_of(&r, ":");
    int64_t minute = digits(&r, 2, 0, 59);
    one_of(&r, ":");
    int64_t second = digits(&r, 2, 0, 60); /* 60 in a leap second */
    int64_t fraction = milliseconds(&r), ahead = offset(&r);
    if (!r.good || r.at != r.end || day > days_of_month(year, month))
        return error_field(err, STATUS_INVALID, field,
                           "%s must be a moment such as 2026-11-24T20:27:20Z or 2026-11-24T22:27:20+02:00",
                           field);
    *unix_ms =
        (((days_since_1970(year, month, day) * 24 + hour) * 60 + minute - ahead) * 60 + second) * 1000 +
        fraction;
    return STATUS_OK;
}

void timestamp_write(int64_t unix_ms, char out[TIMESTAMP_BYTES])
{
    struct tm parts;
    int64_t ms = (unix_ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t)((unix_ms - ms) / 1000);
    out[0] = '\0';
    if (gmtime_r(&seconds, &parts) == NULL)
        return;
    size_t n = strftime(out, TIMESTAMP_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out + n, TIMESTAMP_BYTES - n, ".%03dZ", (int)ms);
}

int64_t timestamp_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
