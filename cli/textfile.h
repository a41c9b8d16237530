/* A text or Markdown file as one document. */
#ifndef COGNATE_CLI_TEXTFILE_H
#define COGNATE_CLI_TEXTFILE_H

#include <jansson.h>

#include "cli/charset.h"
#include "cli/walk.h"

/* Reads the rest of `in`. A legacy encoding is recognised and converted (*encoding says from which,
 * *substituted how many bytes made no sense). INVALID or TOO_LARGE, with *why, for what is no text; otherwise
 * *document is new (filedoc.h; `path` NULL for stdin), with the title that Markdown gives (front matter, else
 * its first heading), and `language` unless that is NULL. */
enum status textfile_read(struct charset *in, const char *id, const char *path, bool markdown,
                          const char *language, json_t **document, enum skip *why, const char **encoding,
                          uint64_t *substituted, struct error *err);

/* The title that a Markdown text gives itself; empty when it gives none. */
struct text markdown_title(struct text text);

#endif
