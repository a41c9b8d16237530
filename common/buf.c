#include "common/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void buf_init(struct buf *b, size_t ceiling)
{
    *b = (struct buf){.ceiling = ceiling};
}

void buf_release(struct buf *b)
{
    free(b->data);
    *b = (struct buf){.ceiling = b->ceiling};
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data != NULL)
        b->data[0] = '\0';
}

enum status buf_reserve(struct buf *b, size_t n, struct error *err)
{
    if (n > b->ceiling || b->len > b->ceiling - n)
        return error_set(err, STATUS_TOO_LARGE, "more than %zu bytes, the limit here", b->ceiling);
    size_t wanted = b->len + n + 1;
    if (wanted <= b->capacity)
        return STATUS_OK;
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    while (capacity < wanted)
        capacity = capacity > (size_t)-1 / 2 ? wanted : capacity * 2;
    char *data = realloc(b->data, capacity);
    if (data == NULL)
        return error_memory(err, "growing a buffer");
    b->data = data;
    b->capacity = capacity;
    return STATUS_OK;
}

enum status buf_append(struct buf *b, const void *bytes, size_t n, struct error *err)
{
    enum status status = buf_reserve(b, n, err);
    if (status != STATUS_OK)
        return status;
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
    return STATUS_OK;
}

enum status buf_printf(struct buf *b, struct error *err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (n < 0)
        return error_set(err, STATUS_INTERNAL, "a message could not be formatted");
    enum status status = buf_reserve(b, (size_t)n, err);
    if (status != STATUS_OK)
        return status;
    va_start(arguments, format);
    vsnprintf(b->data + b->len, (size_t)n + 1, format, arguments);
    va_end(arguments);
    b->len += (size_t)n;
    return STATUS_OK;
}
