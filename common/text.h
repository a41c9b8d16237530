/* A borrowed stretch of bytes: text from a file, a socket or a mapped model, never NUL-terminated by promise.
 */
#ifndef COGNATE_COMMON_TEXT_H
#define COGNATE_COMMON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct text {
    const char *data; /* may be NULL when len is 0 */
    size_t len;       /* bytes */
};

/* A view of a string literal or of a C string that our own code made. */
static inline struct text text_of(const char *string)
{
    return (struct text){string, strlen(string)};
}

static inline bool text_equal(struct text a, struct text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static inline bool text_is(struct text a, const char *string)
{
    return text_equal(a, text_of(string));
}

/* Byte order, shorter first on a common prefix: <0, 0, >0. */
static inline int text_compare(struct text a, struct text b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.data, b.data, common);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

#endif
