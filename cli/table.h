/* A table on stdout: aligned by display width for people, or as TSV, CSV or Markdown.
 *
 *     static const struct column columns[] = {{"name", ALIGN_LEFT}, {"documents", ALIGN_RIGHT}};
 *     struct table t;
 *     table_init(&t, s, columns, 2);
 *     if (table_cell(&t, name, &err) == STATUS_OK && table_format(&t, &err, "%d", n) == STATUS_OK)
 *         …                                              // row after row, cell after cell
 *     status = table_print(&t, &err);
 *     table_release(&t);
 *
 * TSV, CSV and Markdown always begin with their header, so that an empty table is valid too. In TSV a tab,
 * line break or backslash within a cell is \t, \n, \r, \\; in Markdown a bar is escaped and a line break a
 * blank. Text tables clean their cells as display.h says and cut the last column at the terminal's width.
 */
#ifndef COGNATE_CLI_TABLE_H
#define COGNATE_CLI_TABLE_H

#include "cli/session.h"
#include "common/buf.h"

enum align { ALIGN_LEFT, ALIGN_RIGHT };

struct column {
    const char *name;
    enum align align;
};

struct table {
    const struct session *session;
    const struct column *columns;
    size_t column_count;
    struct buf cells; /* all of them, each ended by a NUL */
    size_t count;     /* cells */
};

void table_init(struct table *t, const struct session *s, const struct column *columns, size_t n);
void table_release(struct table *t); /* accepts a zeroed one */

/* The next cell. */
enum status table_cell(struct table *t, struct text cell, struct error *err);
enum status table_format(struct table *t, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Prints everything in the session's format (text for FORMAT_JSON too: JSON has no tables). */
enum status table_print(struct table *t, struct error *err);

#endif
