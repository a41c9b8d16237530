/* Tables and lists of documents, one row at a time, whatever the length of the file.
 *
 *     struct row_fields fields = {.text = "abstract"};
 *     struct row_sink sink = {take, refuse, context};
 *     if (rows_read(ROWS_CSV, &in, &fields, &sink, &err) != STATUS_OK) …
 *
 * A row becomes a document as the API takes it: id from the field `_id` or `id`, text from `text`, `content`
 * or `body`, title from `title`, language from `lang`, `language` or that of `metadata`, the moment it
 * expires from `expires_at`; what is in the object `metadata`, and every other field with a text, a number or
 * a truth value, becomes metadata. A row that cannot be read is refused with its line and its reason, and the
 * next one is read.
 *
 *     lines   every line that is not blank is a text
 *     jsonl   an object a line
 *     json    an array of objects, or objects one after the other
 *     csv     RFC 4180 with a header; the delimiter is the one of , ; tab | that the header has most of
 *     tsv     tabs, a header, no quoting (IANA text/tab-separated-values)
 */
#ifndef COGNATE_CLI_ROWS_H
#define COGNATE_CLI_ROWS_H

#include <jansson.h>

#include "cli/charset.h"
#include "cli/options.h"

#define ROW_BYTES ((size_t)32 << 20) /* longest row */

enum rows_kind { ROWS_LINES, ROWS_JSONL, ROWS_JSON, ROWS_CSV, ROWS_TSV };

struct row_fields {
    const char *id, *text, *title, *lang; /* names of fields; NULL for the usual ones */
    const char *language;                 /* of a row that does not say; NULL for none */
    const struct arguments
        *arguments; /* whose option `meta` names the fields of metadata; NULL: all others */
};

struct row_sink {
    /* Takes over the document. `row` counts rows from 1, `line` lines. CANCELLED and errors end the reading.
     */
    enum status (*take)(void *context, json_t *document, size_t row, size_t line, struct error *err);
    enum status (*refuse)(void *context, size_t line, const char *reason, struct error *err);
    void *context;
    bool documents_only; /* a first row without a text ends the reading: UNSUPPORTED */
};

enum status rows_read(enum rows_kind kind, struct charset *in, const struct row_fields *fields,
                      const struct row_sink *sink, struct error *err);

/* ---- shared by the readers ---- */

struct row_reader {
    struct charset *in;
    const struct row_fields *fields;
    const struct row_sink *sink;
    size_t row; /* rows seen */
};

/* An object with the row's fields (borrowed) to the sink; a row without what it needs is refused. */
enum status row_object(struct row_reader *r, const json_t *object, size_t line, struct error *err);

/* As row_object, from the bytes of one JSON object. */
enum status row_json(struct row_reader *r, struct text bytes, size_t line, struct error *err);

enum status rows_read_json(struct row_reader *r, struct error *err);
enum status rows_read_csv(struct row_reader *r, bool tabs, struct error *err);

/* Lines with their ends, one after the other. */
struct lines {
    struct charset *in;
    struct buf buffer;
    size_t at, number;
    bool ended;
};
void lines_init(struct lines *l, struct charset *in);
void lines_release(struct lines *l);

/* Borrowed until the next call; empty at the end. TOO_LARGE for a line over ROW_BYTES. */
enum status lines_next(struct lines *l, struct text *line, struct error *err);

#endif
