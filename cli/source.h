/* What `index` reads: paths and stdin in, documents out.
 *
 *     struct source_sink sink = {document, skip, progress, context};
 *     if (source_read("docs", &options, &sink, &err) != STATUS_OK) …
 *
 * A text, page, PDF or office file is one document whose id is the file's (walk.h); a table is one a row
 * (rows.h), and a row without an id is FILE#ROW.
 */
#ifndef COGNATE_CLI_SOURCE_H
#define COGNATE_CLI_SOURCE_H

#include <jansson.h>

#include "cli/rows.h"
#include "cli/walk.h"

enum source_kind {
    SOURCE_AUTO,
    SOURCE_TEXT,
    SOURCE_MARKDOWN,
    SOURCE_HTML, /* to SOURCE_EPUB: enum rich_kind */
    SOURCE_PDF,
    SOURCE_DOCX,
    SOURCE_PPTX,
    SOURCE_ODF,
    SOURCE_EPUB,
    SOURCE_LINES,
    SOURCE_JSONL,
    SOURCE_JSON,
    SOURCE_CSV,
    SOURCE_TSV
};

extern const char *const source_kinds[]; /* choices of --as, in the order of the enum */

struct source_options {
    enum source_kind kind; /* SOURCE_AUTO: by the name's ending; of stdin by its first byte */
    const char *encoding;  /* NULL: UTF-8, or what is recognised */
    struct walk_options walk;
    const char *db; /* the store's path, which is never read as a source */
    struct row_fields fields;
};

struct source_sink {
    /* Takes over the document, which has an id. */
    enum status (*document)(void *context, json_t *document, struct error *err);
    /* `place` is a path, or of a row FILE:LINE; `reason` may be NULL. */
    enum status (*skip)(void *context, const char *place, enum skip why, const char *reason,
                        struct error *err);
    void (*converted)(void *context, const char *path, const char *encoding, uint64_t substituted);
    void (*reading)(void *context, const char *path, uint64_t bytes); /* of the file so far */
    void *context;
};

/* `path` "-" is stdin. What cannot be read is skipped; errors are those of the sink. */
enum status source_read(const char *path, const struct source_options *options,
                        const struct source_sink *sink, struct error *err);

/* Whether the lines of a file that is one document are those of its text, as they are in text and code. */
bool source_keeps_lines(const char *path);

/* Bytes of the files that source_read will read under `path`. */
enum status source_size(const char *path, const struct source_options *options, uint64_t *bytes,
                        struct error *err);

#endif
