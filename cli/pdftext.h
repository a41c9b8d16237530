/* The text of a PDF file, by poppler's program `pdftotext` as a child process.
 *
 *     struct buf text;
 *     buf_init(&text, 16 << 20);
 *     if (pdf_text("paper.pdf", &text, &err) != STATUS_OK) …
 *
 * PDF is too large a format to be parsed next to anybody's store. The child sees the file alone, on its
 * stdin; it has no environment, a minute of processor time, a gigabyte of memory, no rights that it could
 * gain, no network where the kernel lets an ordinary process give it up, and ends with its parent.
 */
#ifndef COGNATE_CLI_PDFTEXT_H
#define COGNATE_CLI_PDFTEXT_H

#include <stdbool.h>

#include "common/buf.h"

/* Whether the program is installed. */
bool pdf_available(void);

/* Appends the text as UTF-8, pages parted by form feeds. INVALID when the program cannot read the file,
 * UNSUPPORTED where it is not installed, DEADLINE when it takes longer than two minutes, TOO_LARGE at the
 * buffer's ceiling. */
enum status pdf_text(const char *path, struct buf *out, struct error *err);

#endif
