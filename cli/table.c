#include "cli/table.h"

#include <csv.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/display.h"

#define TABLE_CEILING ((size_t)1 << 30)
#define COLUMN_GAP    2

void table_init(struct table *t, const struct session *s, const struct column *columns, size_t n)
{
    *t = (struct table){.session = s, .columns = columns, .column_count = n};
    buf_init(&t->cells, TABLE_CEILING);
}

void table_release(struct table *t)
{
    buf_release(&t->cells);
}

enum status table_cell(struct table *t, struct text cell, struct error *err)
{
    enum status status = STATUS_OK;
    bool text = t->session->format == FORMAT_TEXT || t->session->format == FORMAT_JSON;
    if (text)
        status = display_clean(&t->cells, cell, t->session->out.tty, err);
    else /* a NUL would end the cell early; nothing else is changed here */
        for (size_t at = 0; status == STATUS_OK && at < cell.len;) {
            size_t n = strnlen(cell.data + at, cell.len - at);
            status = buf_append(&t->cells, cell.data + at, n, err);
            at += n + 1;
        }
    if (status == STATUS_OK)
        status = buf_append(&t->cells, "", 1, err);
    t->count += status == STATUS_OK;
    return status;
}

enum status table_format(struct table *t, struct error *err, const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int n = vasprintf(&text, format, values);
    va_end(values);
    if (n < 0)
        return error_memory(err, "printing a table");
    enum status status = table_cell(t, (struct text){text, (size_t)n}, err);
    free(text);
    return status;
}

/* ---- for programs ---- */

static void print_tsv(const char *cell)
{
    for (; *cell != '\0'; cell++)
        switch (*cell) {
        case '\t':
            fputs("\\t", stdout);
            break;
        case '\n':
            fputs("\\n", stdout);
            break;
        case '\r':
            fputs("\\r", stdout);
            break;
        case '\\':
            fputs("\\\\", stdout);
            break;
        default:
            fputc(*cell, stdout);
        }
}

static void print_csv(const char *cell)
{
    if (cell[0] != '\0' && strpbrk(cell, ",\"\r\n") == NULL && cell[0] != ' ' &&
        cell[strlen(cell) - 1] != ' ')
        fputs(cell, stdout);
    else
        csv_fwrite(stdout, cell, strlen(cell));
}

static void print_md(const char *cell)
{
    for (; *cell != '\0'; cell++) {
        if (*cell == '|' || *cell == '\\')
            fputc('\\', stdout);
        fputc(*cell == '\n' || *cell == '\r' || *cell == '\t' ? ' ' : *cell, stdout);
    }
}

static void print_record(const struct table *t, enum format format, const char **cells)
{
    for (size_t c = 0; c < t->column_count; c++) {
        if (format == FORMAT_MD)
            fputs(c == 0 ? "| " : " | ", stdout);
        else if (c > 0)
            fputc(format == FORMAT_CSV ? ',' : '\t', stdout);
        (format == FORMAT_MD ? print_md : format == FORMAT_CSV ? print_csv : print_tsv)(cells[c]);
    }
    fputs(format == FORMAT_MD ? " |\n" : format == FORMAT_CSV ? "\r\n" : "\n", stdout);
}

/* ---- for people ---- */

static void print_blanks(size_t n)
{
    for (; n > 0; n--)
        fputc(' ', stdout);
}

static void print_line(const struct table *t, const size_t *widths, const char **cells, enum paint paint)
{
    size_t used = 0;
    fputs(paint == PAINT_PLAIN ? "" : terminal_paint(&t->session->out, paint), stdout);
    for (size_t c = 0; c < t->column_count; c++) {
        bool last = c + 1 == t->column_count;
        struct text cell = text_of(cells[c]);
        if (last && t->session->out.tty && used < t->session->out.width)
            cell.len = display_fit(cell, t->session->out.width - used);
        size_t pad = widths[c] - display_width(cell);
        if (t->columns[c].align == ALIGN_RIGHT)
            print_blanks(pad);
        fwrite(cell.data, 1, cell.len, stdout);
        if (cells[c][cell.len] != '\0' && display_is_isolated(cell))
            fputs(DISPLAY_POP_ISOLATE, stdout); /* what was cut off held it */
        if (!last)
            print_blanks((t->columns[c].align == ALIGN_LEFT ? pad : 0) + COLUMN_GAP);
        used += widths[c] + COLUMN_GAP;
    }
    fputs(paint == PAINT_PLAIN ? "" : terminal_paint(&t->session->out, PAINT_PLAIN), stdout);
    fputc('\n', stdout);
}

enum status table_print(struct table *t, struct error *err)
{
    enum status status = STATUS_OK;
    enum format format = t->session->format == FORMAT_JSON ? FORMAT_TEXT : t->session->format;
    const char **cells = calloc(t->column_count, sizeof *cells);
    size_t *widths = calloc(t->column_count, sizeof *widths);
    if (cells == NULL || widths == NULL) {
        status = error_memory(err, "printing a table");
        goto done;
    }
    for (size_t c = 0; c < t->column_count; c++) {
        cells[c] = t->columns[c].name;
        widths[c] = display_width(text_of(cells[c]));
    }
    const char *at = t->cells.data;
    for (size_t i = 0; i < t->count; i++, at += strlen(at) + 1) {
        size_t width = display_width(text_of(at));
        if (width > widths[i % t->column_count])
            widths[i % t->column_count] = width;
    }
    if (format == FORMAT_TEXT && t->count > 0)
        print_line(t, widths, cells, PAINT_BOLD);
    else if (format != FORMAT_TEXT)
        print_record(t, format, cells);
    for (size_t c = 0; format == FORMAT_MD && c < t->column_count; c++)
        fputs(t->columns[c].align == ALIGN_RIGHT ? "| ---: " : "| --- ", stdout);
    if (format == FORMAT_MD)
        fputs("|\n", stdout);
    at = t->cells.data;
    for (size_t i = 0; i < t->count; i++, at += strlen(at) + 1) {
        cells[i % t->column_count] = at;
        if ((i + 1) % t->column_count != 0)
            continue;
        if (format == FORMAT_TEXT)
            print_line(t, widths, cells, PAINT_PLAIN);
        else
            print_record(t, format, cells);
    }
    if (ferror(stdout))
        status = error_system(err, errno != 0 ? errno : EIO, "write", "the output");
done:
    free(cells);
    free(widths);
    return status;
}
