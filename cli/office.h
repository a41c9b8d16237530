/* The text of office documents and electronic books: ZIP archives of XML, read by libarchive and libxml2.
 *
 *     struct office_facts facts;
 *     if (office_text("report.docx", OFFICE_DOCX, &prose, &facts, &err) != STATUS_OK) …
 *     office_facts_release(&facts);
 *
 *     docx   word/document.xml: paragraphs, headings by their style, tables                (ECMA-376)
 *     pptx   ppt/slides/slideN.xml, a page each                                            (ECMA-376)
 *     odt    content.xml: also odp and ods, whose bodies look the same                     (OASIS ODF 1.3)
 *     epub   the chapters in the order of the book's spine, a page each                    (EPUB 3.3)
 *
 * An archive may unpack to OFFICE_BYTES and hold OFFICE_ENTRIES; document type declarations are refused where
 * the formats have none, so no entity is ever expanded, and nothing outside of the archive is read.
 */
#ifndef COGNATE_CLI_OFFICE_H
#define COGNATE_CLI_OFFICE_H

#include "cli/prose.h"

#define OFFICE_BYTES   ((size_t)64 << 20)
#define OFFICE_ENTRIES 20000

enum office_kind { OFFICE_DOCX, OFFICE_PPTX, OFFICE_ODF, OFFICE_EPUB };

struct office_facts {
    struct buf title;  /* of the document's properties; may be empty */
    char language[36]; /* of a book; "" when it does not say */
};

/* INVALID for what is no such document, TOO_LARGE beyond the bounds. Text is appended to `out`. */
enum status office_text(const char *path, enum office_kind kind, struct prose *out,
                        struct office_facts *facts, struct error *err);
enum status office_text_memory(struct text bytes, enum office_kind kind, struct prose *out,
                               struct office_facts *facts, struct error *err);
void office_facts_release(struct office_facts *facts); /* accepts a zeroed one */

#endif
