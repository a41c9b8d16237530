/* A GGUF file put together in memory, for the fuzz targets that open one. */
#ifndef COGNATE_TESTS_GGUF_BYTES_H
#define COGNATE_TESTS_GGUF_BYTES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/gguf.h"

static inline void check(int holds)
{
    if (!holds)
        abort();
}

static inline void put(struct buf *b, const void *bytes, size_t n)
{
    check(buf_append(b, bytes, n, NULL) == STATUS_OK);
}

static inline void number(struct buf *b, uint64_t value, size_t bytes)
{
    put(b, &value, bytes); /* the machine is little-endian, as the file is */
}

static inline void string(struct buf *b, const void *bytes, size_t n)
{
    number(b, n, 8);
    put(b, bytes, n);
}

static inline void key(struct buf *b, const char *name, enum gguf_type type)
{
    string(b, name, strlen(name));
    number(b, type, 4);
}

/* The head of an array; its elements follow. */
static inline void array(struct buf *b, const char *name, enum gguf_type type, uint64_t count)
{
    key(b, name, GGUF_ARRAY);
    number(b, type, 4);
    number(b, count, 8);
}

/* An array with its elements. */
static inline void list(struct buf *b, const char *name, enum gguf_type type, uint64_t count,
                        const struct buf *elements)
{
    array(b, name, type, count);
    put(b, elements->data, elements->len);
}

#endif
