/* Running text out of marked-up documents: paragraphs with a blank line between them, headings as in
 * Markdown.
 *
 *     struct prose p;
 *     prose_init(&p, CEILING);
 *     prose_heading(&p, 2, &err);
 *     prose_words(&p, text_of("On   bread\n"), &err);      // "## On bread"
 *     prose_paragraph(&p);
 *     prose_words(&p, text_of("It rises."), &err);
 *     use(buf_text(&p.out));
 *     prose_release(&p);
 *
 * White space runs become one blank, as every such format has it; the beginning and the end carry none. Pages
 * are parted by a form feed, so that a place in the text has a page.
 */
#ifndef COGNATE_CLI_PROSE_H
#define COGNATE_CLI_PROSE_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/text.h"

struct prose {
    struct buf out;
    unsigned lines; /* ends of lines that are due before the next word */
    unsigned pages; /* … and ends of pages */
    bool blank;     /* a blank is due */
};

void prose_init(struct prose *p, size_t ceiling); /* TOO_LARGE beyond */
void prose_release(struct prose *p);              /* accepts a zeroed one */

enum status prose_words(struct prose *p, struct text text, struct error *err);
enum status prose_verbatim(struct prose *p, struct text text, struct error *err); /* white space as it is */
enum status prose_heading(struct prose *p, unsigned level, struct error *err);    /* begins one; 1 to 6 */
void prose_line(struct prose *p);      /* ends the line, if anything is on it */
void prose_paragraph(struct prose *p); /* ends the paragraph, if there is one */
void prose_page(struct prose *p);      /* ends the page, even an empty one */

#endif
