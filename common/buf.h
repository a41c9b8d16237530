/* A growing byte buffer that knows its ceiling.
 *
 *     struct buf body;
 *     buf_init(&body, 2 << 20);                // never more than 2 MiB
 *     if (buf_append(&body, bytes, n, &err) != STATUS_OK)
 *         goto done;                           // TOO_LARGE or NO_MEMORY; what was in it stays
 *     …
 *     buf_release(&body);
 *
 * `data` always has a NUL behind its last byte once something was appended, for the few callees that want
 * one; the length is `len`. The storage is the buffer's; it moves when the buffer grows.
 */
#ifndef COGNATE_COMMON_BUF_H
#define COGNATE_COMMON_BUF_H

#include <stddef.h>

#include "common/status.h"
#include "common/text.h"

struct buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t ceiling; /* bytes the content may never exceed */
};

void buf_init(struct buf *b, size_t ceiling);
void buf_release(struct buf *b); /* frees the storage; accepts a released or zeroed buffer */
void buf_clear(struct buf *b);   /* keeps the storage */

enum status buf_append(struct buf *b, const void *bytes, size_t n, struct error *err);
enum status buf_printf(struct buf *b, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Makes room for n more bytes behind `len` without changing it, so that a reader can fill data + len in
 * place. */
enum status buf_reserve(struct buf *b, size_t n, struct error *err);

static inline struct text buf_text(const struct buf *b)
{
    return (struct text){b->data, b->len};
}

#endif
