/* Where in a document a passage lies, as people say it: page, line, headings.
 *
 *     struct place p;
 *     struct buf path;
 *     buf_init(&path, PLACE_PATH_BYTES);
 *     if (place_find(text, passage.start, &p, &path, &err) == STATUS_OK)
 *         printf("page %zu, line %zu, %.*s\n", p.page, p.line, (int)path.len, path.data);
 *     buf_release(&path);
 *
 * A form feed ends a page, "\n" a line. Headings are those of segments.h.
 */
#ifndef COGNATE_TOKENIZER_PLACE_H
#define COGNATE_TOKENIZER_PLACE_H

#include <stddef.h>

#include "common/buf.h"
#include "common/text.h"

#define PLACE_PATH_BYTES ((size_t)1 << 14) /* six headings as long as they can be, and more */

struct place {
    size_t page; /* from 1; 0 in a text without form feeds */
    size_t line; /* from 1 */
};

/* `text` is valid UTF-8, `start` a byte of it. Appends to `headings` those that the byte stands under or
 * begins, from the outermost on: "Guide > Install". Takes time in the length of the text. */
enum status place_find(struct text text, size_t start, struct place *out, struct buf *headings,
                       struct error *err);

#endif
