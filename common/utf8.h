/* The UTF-8 gate: what comes from outside is checked once, here, and is valid UTF-8 from then on.
 *
 *     size_t at = utf8_invalid(text, len);
 *     if (at < len)
 *         return error_set(err, STATUS_INVALID, "byte %zu is not UTF-8", at);
 *
 * Valid means Unicode 15 table 3-7: shortest form, no surrogates, nothing above U+10FFFF. NUL is a character
 * like any other.
 */
#ifndef COGNATE_COMMON_UTF8_H
#define COGNATE_COMMON_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Offset of the first byte that does not belong to a well-formed sequence; `len` when there is none. */
size_t utf8_invalid(const char *text, size_t len);

/* Decodes the sequence at text[0], len > 0. Returns its length and its code point; for a malformed one 1 and
 * U+FFFD. */
size_t utf8_decode(const char *text, size_t len, uint32_t *code_point);

/* The same, without a call for most characters of most texts. */
static inline size_t utf8_next(const char *text, size_t len, uint32_t *code_point)
{
    const unsigned char *s = (const unsigned char *)text;
    if (s[0] < 0x80) {
        *code_point = s[0];
        return 1;
    }
    if (s[0] >= 0xC2 && s[0] < 0xE0 && len >= 2 && (s[1] & 0xC0) == 0x80) {
        *code_point = (uint32_t)(s[0] & 0x1F) << 6 | (s[1] & 0x3F);
        return 2;
    }
    if (s[0] > 0xE0 && s[0] < 0xED && len >= 3 && (s[1] & 0xC0) == 0x80 && (s[2] & 0xC0) == 0x80) {
        *code_point = (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3F);
        return 3;
    }
    return utf8_decode(text, len, code_point);
}

/* Encodes a scalar value; returns 1 to 4. */
size_t utf8_encode(uint32_t code_point, char out[4]);

/* The largest offset ≤ at that is not inside a sequence of valid text. */
size_t utf8_floor(const char *text, size_t len, size_t at);

/* Code points in valid text. */
size_t utf8_length(const char *text, size_t len);

#endif
