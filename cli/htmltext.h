/* What a person reads of an HTML page: its running text without menus, scripts and hidden parts.
 *
 *     struct html_facts facts;
 *     if (html_text(bytes, NULL, &prose, &facts, &err) != STATUS_OK) …
 *     use(buf_text(&prose.out), facts.title.data, facts.language);
 *     html_facts_release(&facts);
 *
 * Parsed by libxml2 without network and without entities of the document's own. Left out are script, style,
 * template, noscript, svg, nav, aside, form parts, header and footer of the page itself (not of an article in
 * it), and what is hidden or has a role of navigation. When the page has a main element, or exactly one
 * article, only that is read. Headings become Markdown's, items of lists "- ", cells of a row are parted by "
 * | ", pre is kept as it is.
 */
#ifndef COGNATE_CLI_HTMLTEXT_H
#define COGNATE_CLI_HTMLTEXT_H

#include "cli/prose.h"

struct html_facts {
    struct buf title;  /* of the head, else of the first h1; may be empty */
    char language[36]; /* of the html element; "" when it does not say or says no tag */
};

/* `encoding`: NULL for what the page declares (else UTF-8). Text is appended to `out`. */
enum status html_text(struct text bytes, const char *encoding, struct prose *out, struct html_facts *facts,
                      struct error *err);
void html_facts_release(struct html_facts *facts); /* accepts a zeroed one */

#endif
