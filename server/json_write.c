#include "server/json_write.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- numbers ----
 *
 * A float has 24 significant bits, so neighbours are at least 2^-24 of their size apart, and nine significant
 * digits (steps of at most 10^-8 of the size) tell them apart. For the sizes that vectors have, the nine
 * digits are found with one multiplication in double: |value| · 10^places lies in [10^8, 10^9), the power of
 * ten is exact, and the product's rounding (2^-53) is far below the distance to the next float. */

size_t float_text(float value, char out[FLOAT_TEXT])
{
    static const double powers[] = {1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    double size = fabs((double)value);
    size_t n = 0;
    if (!isfinite(value))
        return 0;
    if (value == 0) {
        memcpy(out, "0.0", 4);
        return 3;
    }
    if (!(size >= 1e-6 && size < 1))
        return (size_t)snprintf(out, FLOAT_TEXT, value == floorf(value) && size < 1e9 ? "%.1f" : "%.9g",
                                (double)value);
    unsigned places = 0; /* zeros behind the point */
    while (size * powers[places] < 1e8)
        places++;
    uint64_t digits = (uint64_t)(size * powers[places] + 0.5); /* 9 + places behind the point */
    char reversed[FLOAT_TEXT];
    size_t count = 0, wanted = 9 + places;
    while (digits % 10 == 0 && wanted > 1) {
        digits /= 10;
        wanted--;
    }
    while (count < wanted) {
        reversed[count++] = (char)('0' + digits % 10);
        digits /= 10;
    }
    if (value < 0)
        out[n++] = '-';
    out[n++] = (char)('0' + digits); /* 1 when it was rounded up to it */
    out[n++] = '.';
    while (count > 0)
        out[n++] = reversed[--count];
    out[n] = '\0';
    return n;
}

/* A double is m · 2^-k, with m below 2^53. Between 10^-4 and 10^15, where scores and times are, its decimals
 * are whole numbers of 128 bits: digits = m · 10^places / 2^k, rounded to even. They bring the double back
 * when digits · 2^k is nearer to m · 10^places than half of 10^places, the way to the border of the next
 * double. printf and strtod tell the same twenty times slower. */

#define DIGITS_SURE 15 /* any decimal of so many digits comes back from a double; so many of a double, no:   \
                        */
#define DIGITS_MOST 17 /* tell any two doubles apart */

typedef unsigned __int128 wide;

/* The point stands behind the first `whole` digits, or in front of -whole zeros. */
static size_t decimal_text(uint64_t digits, int count, int whole, char *out)
{
    for (; count > 1 && count > whole && digits % 10 == 0; digits /= 10)
        count--;
    size_t n = (size_t)(whole <= 0 ? count + 2 - whole : count + 1 + (count == whole)), at = n;
    out[at] = '\0';
    if (count == whole)
        out[--at] = '0';
    for (int i = count; i > 0; i--, digits /= 10) {
        if (i == whole)
            out[--at] = '.';
        out[--at] = (char)('0' + digits % 10);
    }
    if (at > 0) {
        memset(out, '0', at);
        out[1] = '.';
    }
    return n;
}

static bool comes_back(wide off, bool below, uint64_t m, wide power)
{
    if (below && m == (uint64_t)1 << 52) /* the doubles below are twice as close */
        return 4 * off <= power;
    return 2 * off < power || (2 * off == power && m % 2 == 0);
}

/* Of a size from 10^-4 to below 10^15. */
static size_t size_text(double size, char *out)
{
    static const double powers[] = {1e-3, 1e-2, 1e-1, 1e0, 1e1,  1e2,  1e3,  1e4,  1e5,
                                    1e6,  1e7,  1e8,  1e9, 1e10, 1e11, 1e12, 1e13, 1e14};
    int exponent, whole = -3, count = DIGITS_SURE;
    uint64_t m = (uint64_t)ldexp(frexp(size, &exponent), 53), digits;
    int k = 53 - exponent;
    wide power = 1, ten_to_count = 1;
    while (whole < 15 && size >= powers[whole + 3])
        whole++;
    for (int i = 0; i < count - whole; i++)
        power *= 10;
    for (int i = 0; i < count; i++)
        ten_to_count *= 10;
    for (;; count++, power *= 10, ten_to_count *= 10) {
        wide scaled = m * power, half = (wide)1 << (k - 1), left;
        digits = (uint64_t)(scaled >> k);
        left = scaled - ((wide)digits << k);
        bool up = left > half || (left == half && digits % 2 == 1);
        digits += up;
        if (count == DIGITS_MOST || comes_back(up ? ((wide)1 << k) - left : left, !up, m, power))
            break;
    }
    if (digits == ten_to_count) { /* 0.0099…9 became 0.01 */
        digits /= 10;
        whole++;
    }
    return decimal_text(digits, count, whole, out);
}

size_t double_text(double value, char out[FLOAT_TEXT])
{
    size_t sign = value < 0;
    int n = 0;
    if (!isfinite(value))
        return 0;
    if (fabs(value) >= 1e-4 && fabs(value) < 1e15) {
        out[0] = '-';
        return sign + size_text(fabs(value), out + sign);
    }
    for (int precision = DIGITS_SURE; precision <= DIGITS_MOST; precision++) {
        n = snprintf(out, FLOAT_TEXT, "%.*g", precision, value);
        if (strtod(out, NULL) == value)
            break;
    }
    /* A real stays a real. */
    if (strspn(out, "-0123456789") == (size_t)n) {
        memcpy(out + n, ".0", 3);
        n += 2;
    }
    return (size_t)n;
}

enum status json_write_floats(const float *values, size_t n, struct buf *out, struct error *err)
{
    enum status status = buf_reserve(out, n * (FLOAT_TEXT + 1) + 2, err);
    if (status != STATUS_OK)
        return status;
    char *at = out->data + out->len;
    *at++ = '[';
    for (size_t i = 0; i < n; i++) {
        size_t len = float_text(values[i], at);
        if (len == 0)
            return error_set(err, STATUS_INTERNAL, "number %zu of a vector is not finite", i);
        at += len;
        *at++ = ',';
    }
    at -= n > 0;
    *at++ = ']';
    *at = '\0';
    out->len = (size_t)(at - out->data);
    return STATUS_OK;
}

/* ---- texts and values ---- */

enum status json_write_text(struct text text, struct buf *out, struct error *err)
{
    static const char named[] = {
        ['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};
    enum status status = buf_append(out, "\"", 1, err);
    size_t start = 0;
    for (size_t i = 0; i <= text.len && status == STATUS_OK; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.data[i] : 0;
        if (i < text.len && c >= 0x20 && c != '"' && c != '\\')
            continue;
        status = buf_append(out, text.data + start, i - start, err);
        start = i + 1;
        if (status != STATUS_OK || i == text.len)
            break;
        status = c < sizeof named && named[c] != '\0' ? buf_printf(out, err, "\\%c", named[c])
                                                      : buf_printf(out, err, "\\u%04x", c);
    }
    return status == STATUS_OK ? buf_append(out, "\"", 1, err) : status;
}

static enum status write_object(const json_t *object, struct buf *out, struct error *err)
{
    enum status status = buf_append(out, "{", 1, err);
    void *i = json_object_iter((json_t *)object);
    for (bool first = true; i != NULL && status == STATUS_OK; first = false) {
        if (!first)
            status = buf_append(out, ",", 1, err);
        if (status == STATUS_OK)
            status = json_write_text(text_of(json_object_iter_key(i)), out, err);
        if (status == STATUS_OK)
            status = buf_append(out, ":", 1, err);
        if (status == STATUS_OK)
            status = json_write(json_object_iter_value(i), out, err);
        i = json_object_iter_next((json_t *)object, i);
    }
    return status == STATUS_OK ? buf_append(out, "}", 1, err) : status;
}

static enum status write_array(const json_t *array, struct buf *out, struct error *err)
{
    enum status status = buf_append(out, "[", 1, err);
    for (size_t i = 0; i < json_array_size(array) && status == STATUS_OK; i++) {
        if (i > 0)
            status = buf_append(out, ",", 1, err);
        if (status == STATUS_OK)
            status = json_write(json_array_get(array, i), out, err);
    }
    return status == STATUS_OK ? buf_append(out, "]", 1, err) : status;
}

enum status json_write(const json_t *value, struct buf *out, struct error *err)
{
    char number[FLOAT_TEXT];
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return write_object(value, out, err);
    case JSON_ARRAY:
        return write_array(value, out, err);
    case JSON_STRING:
        return json_write_text((struct text){json_string_value(value), json_string_length(value)}, out, err);
    case JSON_INTEGER:
        return buf_printf(out, err, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    case JSON_REAL:
        return buf_append(out, number, double_text(json_real_value(value), number), err);
    case JSON_TRUE:
        return buf_append(out, "true", 4, err);
    case JSON_FALSE:
        return buf_append(out, "false", 5, err);
    default:
        return buf_append(out, "null", 4, err);
    }
}
