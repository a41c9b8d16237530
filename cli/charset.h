/* Files in whatever encoding to UTF-8.
 *
 *     struct charset in;
 *     if (charset_open(&in, "table.csv", NULL, &err) != STATUS_OK) …
 *     while (charset_read(&in, piece, sizeof piece, &n, &err) == STATUS_OK && n > 0) …
 *     charset_close(&in);
 *
 * A stream is converted when the caller names its encoding, or when it begins with the byte order mark of
 * UTF-16 or UTF-32; otherwise its bytes are passed on as they are (without the mark of UTF-8) and the reader
 * of the rows checks them. A whole text that is not UTF-8 is recognised by ICU's detector.
 */
#ifndef COGNATE_CLI_CHARSET_H
#define COGNATE_CLI_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unicode/ucnv.h>

#include "common/buf.h"
#include "common/status.h"
#include "common/text.h"

#define CHARSET_PIECE 65536
#define CHARSET_PIVOT 4096

struct charset {
    const char *path; /* for messages */
    int fd;           /* -1: reads `memory` */
    struct text memory;
    UConverter *from, *to; /* NULL: passes on */
    const char *encoding;  /* what it is converted from; NULL when it is not */
    uint64_t raw;          /* bytes read of the file */
    uint64_t substituted;  /* malformed sequences that became U+FFFD */
    bool ended, finished;  /* the raw bytes; the converted ones */
    size_t at, len;        /* what of `piece` is to be passed on */
    UChar *pivot_from, *pivot_to;
    char piece[CHARSET_PIECE];
    UChar pivot[CHARSET_PIVOT];
};

/* Opens a file, or stdin for NULL. `encoding` as ICU names it, or NULL. */
enum status charset_open(struct charset *c, const char *path, const char *encoding, struct error *err);
enum status charset_open_memory(struct charset *c, struct text bytes, const char *encoding,
                                struct error *err);
void charset_close(struct charset *c);

/* Up to `room` bytes (at least 16); *n is 0 at the end only. */
enum status charset_read(struct charset *c, char *out, size_t room, size_t *n, struct error *err);

/* The rest, appended to `out`; TOO_LARGE at its ceiling. */
enum status charset_read_all(struct charset *c, struct buf *out, struct error *err);

/* The encoding that ICU finds most likely for bytes that are not UTF-8; INVALID when it sees none. The name
 * is written to `name`. */
enum status charset_detect(struct text bytes, char *name, size_t room, struct error *err);

#endif
