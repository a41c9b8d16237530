/* Where the next page of a search begins, as a text for strangers to keep.
 *
 *     char text[CURSOR_TEXT];
 *     cursor_encode(&(struct cursor){.generation = 7, .seen = 10, .score = 0.61, .id = text_of("a")}, text);
 *
 *     struct cursor c;
 *     if (cursor_decode(text_of(text), &c, &err) != STATUS_OK) …     // field "cursor"
 *
 * What it holds is checked to the last bit when it comes back, with a digest over all of it, so that a cursor
 * that was cut or mistyped is refused rather than followed. It holds no secret and gives no right: whoever
 * makes one up reads a page that a plain search would have given too.
 */
#ifndef COGNATE_SERVER_CURSOR_H
#define COGNATE_SERVER_CURSOR_H

#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

#define CURSOR_ID_BYTES 512
#define CURSOR_QUERY    16
#define CURSOR_TEXT     768 /* longest cursor, with its NUL */

struct cursor {
    uint64_t generation;               /* of the collection */
    unsigned char query[CURSOR_QUERY]; /* a digest of what was asked */
    uint32_t seen;                     /* hits on the pages before */
    double score;                      /* of the last hit, and its id */
    struct text id;                    /* 1 to CURSOR_ID_BYTES; after cursor_decode in `bytes` */
    char bytes[CURSOR_ID_BYTES + 1];
};

void cursor_encode(const struct cursor *c, char out[CURSOR_TEXT]);
enum status cursor_decode(struct text text, struct cursor *out, struct error *err);

#endif
