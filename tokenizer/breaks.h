/* Where ICU lets a text be cut.
 *
 *     struct breaks b;
 *     breaks_open(&b, lang);
 *     if (breaks_find(&b, BREAK_WORD, text, &err) == STATUS_OK)
 *         for (size_t i = 0; i < b.count; i++)
 *             use(b.ends[i]);                      // rising; the last one is text.len
 *     breaks_close(&b);
 */
#ifndef COGNATE_TOKENIZER_BREAKS_H
#define COGNATE_TOKENIZER_BREAKS_H

#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

/* From coarse to fine. A line ends behind its "\\n"; ICU knows the next three; a character is a code point.
 */
enum break_kind { BREAK_LINE, BREAK_SENTENCE, BREAK_WORD, BREAK_GRAPHEME, BREAK_CHARACTER, BREAK_KINDS };

#define BREAKS_MAX_TEXT ((size_t)1 << 20) /* bytes given to ICU at a time */

struct breaks {
    uint32_t *ends; /* of each sentence, word, … of the last text, in bytes */
    size_t count, capacity;
    void *iterators[BREAK_KINDS]; /* ICU's, opened when first used */
    void *utext;
    char locale[160];
};

/* `lang` is a BCP 47 tag; one that ICU does not know means the general rules. */
void breaks_open(struct breaks *b, struct text lang);
void breaks_close(struct breaks *b); /* accepts a zeroed one */

/* `text` is valid UTF-8 of at most BREAKS_MAX_TEXT bytes; UINT32_MAX for lines and characters. */
enum status breaks_find(struct breaks *b, enum break_kind kind, struct text text, struct error *err);

#endif
