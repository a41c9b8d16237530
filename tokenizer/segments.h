/* What a document is made of: sentences, headings, tables, blocks of code.
 *
 *     struct breaks b;
 *     struct segments s = {0};
 *     breaks_open(&b, lang);
 *     if (segments_find(&b, text, &s, &err) == STATUS_OK)
 *         for (size_t i = 0; i < s.count; i++)
 *             use(text.data + s.items[i].start, s.items[i].end - s.items[i].start);
 *     segments_release(&s);
 *     breaks_close(&b);
 *
 * Sentences are ICU's, for the language; a line of 40 bytes or more that goes on in lower case was wrapped by
 * an editor and ends none. The rest is Markdown (spec.commonmark.org): headings with "#" or underlined, code
 * between fences, tables of two lines or more with "|". Segments are in order and do not overlap; what lies
 * between them is white space.
 */
#ifndef COGNATE_TOKENIZER_SEGMENTS_H
#define COGNATE_TOKENIZER_SEGMENTS_H

#include "tokenizer/breaks.h"

enum segment_kind { SEGMENT_SENTENCE, SEGMENT_HEADING, SEGMENT_TABLE, SEGMENT_CODE };

struct segment {
    size_t start, end; /* bytes, white space at both ends left out; at most BREAKS_MAX_TEXT of them */
    enum segment_kind kind;
    uint32_t level; /* of a heading, 1 to 6 */
};

struct segments {
    struct segment *items;
    size_t count, capacity;
};

/* `text` is valid UTF-8. Without `b` prose is left out: only the rest is found. */
enum status segments_find(struct breaks *b, struct text text, struct segments *out, struct error *err);
void segments_release(struct segments *s); /* accepts a zeroed one */

/* The words of a heading: without marks and underline. */
struct text segment_heading(struct text text, const struct segment *heading);

/* The part of [*start, *end) without the white space at its ends. */
void segment_trim(struct text text, size_t *start, size_t *end);

#endif
