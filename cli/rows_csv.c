#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/rows.h"
#include "common/utf8.h"

#define COLUMNS_MOST 1000

/* One table on its way through libcsv, which calls back for every field and every row. It is fed line by line
 * so that a fault can be told with its line; a quoted field may go over many. */
struct table_reader {
    struct row_reader *reader;
    struct buf header, fields; /* NUL-ended names; bytes of the fields of this row */
    size_t columns;            /* of the header */
    size_t ends[COLUMNS_MOST]; /* where each field of this row ends in `fields` */
    size_t count;              /* fields of this row, also beyond COLUMNS_MOST */
    size_t line, row_line;     /* now, and where the row began */
    enum status status;
    struct error *err;
};

static void take_field(void *bytes, size_t n, void *context)
{
    struct table_reader *t = context;
    if (t->status == STATUS_OK)
        t->status = buf_append(&t->fields, bytes, n, t->err);
    if (t->count < COLUMNS_MOST)
        t->ends[t->count] = t->fields.len;
    t->count++;
}

static struct text field_at(const struct table_reader *t, size_t i)
{
    size_t start = i == 0 ? 0 : t->ends[i - 1];
    return (struct text){t->fields.data + start, t->ends[i] - start};
}

static enum status take_header(struct table_reader *t)
{
    if (t->count > COLUMNS_MOST)
        return error_set(t->err, STATUS_TOO_LARGE, "line %zu: the table has %zu columns; at most %d",
                         t->row_line, t->count, COLUMNS_MOST);
    for (size_t i = 0; i < t->count; i++) {
        struct text name = field_at(t, i);
        const char *before = t->header.data;
        if (utf8_invalid(name.data, name.len) < name.len ||
            (name.len > 0 && memchr(name.data, '\0', name.len) != NULL))
            return error_set(t->err, STATUS_INVALID,
                             "line %zu: the header is not UTF-8; name the encoding with --encoding",
                             t->row_line);
        for (size_t j = 0; j < i; j++, before += strlen(before) + 1)
            if (name.len > 0 && text_is(name, before))
                return error_set(t->err, STATUS_INVALID, "line %zu: two columns are named \"%s\"",
                                 t->row_line, before);
        enum status status = buf_append(&t->header, name.data, name.len, t->err);
        if (status == STATUS_OK)
            status = buf_append(&t->header, "", 1, t->err);
        if (status != STATUS_OK)
            return status;
    }
    t->columns = t->count;
    return STATUS_OK;
}

static enum status refuse(struct table_reader *t, const char *reason)
{
    t->reader->row++;
    return t->reader->sink->refuse(t->reader->sink->context, t->row_line, reason, t->err);
}

static enum status take_record(struct table_reader *t)
{
    char reason[160];
    const char *name = t->header.data;
    if (t->count != t->columns) {
        snprintf(reason, sizeof reason, "this row has %zu fields, and the header has %zu", t->count,
                 t->columns);
        return refuse(t, reason);
    }
    if (utf8_invalid(t->fields.data, t->fields.len) < t->fields.len)
        return refuse(t, "this row is not UTF-8; name the encoding with --encoding");
    json_t *object = json_object();
    enum status status = object != NULL ? STATUS_OK : error_memory(t->err, "reading a row");
    for (size_t i = 0; i < t->columns && status == STATUS_OK; i++, name += strlen(name) + 1) {
        struct text field = field_at(t, i);
        if (name[0] != '\0' && field.len > 0 &&
            json_object_set_new(object, name, json_stringn(field.data, field.len)) != 0)
            status = error_memory(t->err, "reading a row");
    }
    if (status == STATUS_OK)
        status = row_object(t->reader, object, t->row_line, t->err);
    json_decref(object);
    return status;
}

static void take_row(int end, void *context)
{
    struct table_reader *t = context;
    (void)end;
    if (t->status == STATUS_OK)
        t->status = t->columns == 0 ? take_header(t) : take_record(t);
    buf_clear(&t->fields);
    t->count = 0;
}

/* The delimiter that the header line has most of, outside quotes. */
static unsigned char delimiter_of(struct text line)
{
    static const char delimiters[] = ",;\t|";
    size_t best = 0, most = 0;
    for (size_t d = 0; delimiters[d] != '\0'; d++) {
        size_t count = 0;
        bool quoted = false;
        for (size_t i = 0; i < line.len; i++) {
            quoted ^= line.data[i] == '"';
            count += !quoted && line.data[i] == delimiters[d];
        }
        if (count > most) {
            most = count;
            best = d;
        }
    }
    return (unsigned char)delimiters[best];
}

/* libcsv must not keep more than a row: the quote that is never closed ends here. */
static enum status feed(struct table_reader *t, struct csv_parser *parser, struct text line)
{
    if (t->count == 0 && parser->entry_pos == 0)
        t->row_line = t->line;
    if (parser->entry_pos + line.len > ROW_BYTES)
        return error_set(t->err, STATUS_TOO_LARGE,
                         "the row on line %zu is longer than %zu MiB; is a quote not closed?", t->row_line,
                         ROW_BYTES >> 20);
    if (csv_parse(parser, line.data, line.len, take_field, take_row, t) != line.len && t->status == STATUS_OK)
        return error_set(t->err, csv_error(parser) == CSV_ENOMEM ? STATUS_NO_MEMORY : STATUS_INVALID,
                         "line %zu: %s", t->line, csv_strerror(csv_error(parser)));
    return t->status;
}

enum status rows_read_csv(struct row_reader *r, bool tabs, struct error *err)
{
    struct csv_parser parser;
    struct lines lines;
    struct text line = {"", 1};
    struct table_reader *t = calloc(1, sizeof *t);
    if (t == NULL || csv_init(&parser, 0) != 0) {
        free(t);
        return error_memory(err, "reading a table");
    }
    *t = (struct table_reader){.reader = r, .row_line = 1, .err = err};
    buf_init(&t->header, 1 << 20);
    buf_init(&t->fields, ROW_BYTES);
    lines_init(&lines, r->in);
    if (tabs) {
        csv_set_delim(&parser, '\t');
        csv_set_quote(&parser, '\0');
    }
    while (t->status == STATUS_OK && line.len > 0) {
        t->status = lines_next(&lines, &line, err);
        t->line = lines.number;
        if (t->status == STATUS_OK && lines.number == 1 && !tabs)
            csv_set_delim(&parser, delimiter_of(line));
        if (t->status == STATUS_OK && tabs && line.len > 0 && memchr(line.data, '\0', line.len) != NULL)
            t->status = error_set(err, STATUS_INVALID, "line %zu holds a NUL; this is no text", lines.number);
        if (t->status == STATUS_OK)
            t->status = feed(t, &parser, line);
    }
    csv_set_opts(&parser,
                 CSV_STRICT | CSV_STRICT_FINI); /* stray quotes pass; one that is not closed does not */
    if (t->status == STATUS_OK && csv_fini(&parser, take_field, take_row, t) != 0)
        t->status = refuse(t, "a quote of this row is not closed");
    enum status status = t->status;
    csv_free(&parser);
    lines_release(&lines);
    buf_release(&t->header);
    buf_release(&t->fields);
    free(t);
    return status;
}
