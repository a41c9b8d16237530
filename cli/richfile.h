/* A file of a marked-up or packed format as one document: HTML, PDF, office documents, electronic books.
 *
 *     if (richfile_read("a.pdf", "docs/a.pdf", RICH_PDF, NULL, &document, &why, &err) != STATUS_OK) …
 *
 * The text is what a person reads, headings as in Markdown, pages parted by form feeds; the title and the
 * language are those the file gives itself.
 */
#ifndef COGNATE_CLI_RICHFILE_H
#define COGNATE_CLI_RICHFILE_H

#include <jansson.h>

#include "cli/walk.h"

enum rich_kind { RICH_HTML, RICH_PDF, RICH_DOCX, RICH_PPTX, RICH_ODF, RICH_EPUB };

/* `language`: of files that do not say; may be NULL. On an error *why says what kind of skip it is. */
enum status richfile_read(const char *path, const char *id, enum rich_kind kind, const char *language,
                          json_t **document, enum skip *why, struct error *err);

/* Whether files of this kind can be read on this machine. */
bool richfile_available(enum rich_kind kind);

#endif
