#include <string.h>

#include "cli/rows.h"

/* Cuts a JSON array, or objects one after the other, into objects without holding more than one of them. Only
 * what tells where an object ends is looked at here (quotes, escapes, braces); whether it is JSON, the parser
 * says. */
struct cutter {
    struct row_reader *reader;
    struct buf object;
    size_t line, start_line;
    size_t depth; /* inside the object; 0 between objects */
    bool quoted, escaped;
    bool array, closed; /* "[" was seen; "]" too */
};

static enum status between(struct cutter *c, char byte, struct error *err)
{
    if (byte == '{' && !c->closed) {
        c->depth = 1;
        c->start_line = c->line;
        buf_clear(&c->object);
        return buf_append(&c->object, &byte, 1, err);
    }
    if (byte == '[' && !c->array && c->reader->row == 0)
        c->array = true;
    else if (byte == ']' && c->array && !c->closed)
        c->closed = true;
    else if (strchr(" \t\r\n", byte) == NULL && !(byte == ',' && c->array && !c->closed))
        return error_set(err, STATUS_INVALID, "line %zu: an array of objects was expected here", c->line);
    return STATUS_OK;
}

static enum status inside(struct cutter *c, char byte, struct error *err)
{
    if (c->object.len == c->object.ceiling)
        return error_set(err, STATUS_TOO_LARGE, "line %zu: the object is larger than %zu MiB", c->start_line,
                         ROW_BYTES >> 20);
    enum status status = buf_append(&c->object, &byte, 1, err);
    if (c->escaped)
        c->escaped = false;
    else if (c->quoted)
        c->escaped = byte == '\\', c->quoted = byte != '"';
    else if (byte == '"')
        c->quoted = true;
    else if (byte == '{' || byte == '[')
        c->depth++;
    else if (byte == '}' || byte == ']')
        c->depth--;
    if (status == STATUS_OK && c->depth == 0)
        status = row_json(c->reader, buf_text(&c->object), c->start_line, err);
    return status;
}

enum status rows_read_json(struct row_reader *r, struct error *err)
{
    struct cutter c = {.reader = r, .line = 1};
    char piece[16384];
    size_t n = 1;
    enum status status = STATUS_OK;
    buf_init(&c.object, ROW_BYTES);
    while (status == STATUS_OK && n > 0) {
        status = charset_read(r->in, piece, sizeof piece, &n, err);
        for (size_t i = 0; status == STATUS_OK && i < n; i++) {
            status = c.depth > 0 ? inside(&c, piece[i], err) : between(&c, piece[i], err);
            c.line += piece[i] == '\n';
        }
    }
    if (status == STATUS_OK && c.depth > 0)
        status =
            r->sink->refuse(r->sink->context, c.start_line, "the object that begins here does not end", err);
    else if (status == STATUS_OK && c.array && !c.closed)
        status = r->sink->refuse(r->sink->context, c.line, "the array is not closed", err);
    buf_release(&c.object);
    return status;
}
