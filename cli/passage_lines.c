#include "cli/passage_lines.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/display.h"
#include "cli/session.h"
#include "server/json_shape.h"

#define LINES 3

/* Stretches of the cleaned passage, rising. */
struct stretches {
    struct stretch {
        size_t start, end;
    } * items;
    size_t count;
};

/* Where a byte of the passage is in what display_clean makes of it. */
static enum status cleaned_place(struct text passage, size_t at, size_t *out, struct error *err)
{
    struct buf before;
    buf_init(&before, 1 << 26);
    enum status status = display_clean(&before, (struct text){passage.data, at}, false, err);
    *out = before.len;
    buf_release(&before);
    return status;
}

/* The highlights of a hit, which count from the beginning of the document. */
static enum status read_highlights(const json_t *hit, struct text passage, struct stretches *out,
                                   struct error *err)
{
    const json_t *list = json_object_get(hit, "highlights");
    long long first = shape_integer(json_object_get(hit, "passage"), "start", 0);
    enum status status = STATUS_OK;
    out->items = calloc(json_array_size(list) + 1, sizeof *out->items);
    if (out->items == NULL)
        return error_memory(err, "printing hits");
    for (size_t i = 0; i < json_array_size(list) && status == STATUS_OK; i++) {
        const json_t *pair = json_array_get(list, i);
        long long start = json_integer_value(json_array_get(pair, 0)) - first,
                  end = json_integer_value(json_array_get(pair, 1)) - first;
        if (start < 0 || start > end || (size_t)end > passage.len)
            continue;
        struct stretch *stretch = &out->items[out->count++];
        status = cleaned_place(passage, (size_t)start, &stretch->start, err);
        if (status == STATUS_OK)
            status = cleaned_place(passage, (size_t)end, &stretch->end, err);
    }
    return status;
}

/* Bytes `at` to `end` of the cleaned passage. */
static void print_bytes(const struct session *s, const char *clean, size_t at, size_t end,
                        const struct stretches *marked)
{
    for (size_t i = 0; i < marked->count && at < end; i++) {
        size_t start = marked->items[i].start, stop = marked->items[i].end;
        if (stop <= at || start >= end)
            continue;
        start = start < at ? at : start;
        stop = stop > end ? end : stop;
        printf("%.*s%s%.*s%s", (int)(start - at), clean + at, terminal_paint(&s->out, PAINT_BOLD),
               (int)(stop - start), clean + start, terminal_paint(&s->out, PAINT_PLAIN));
        at = stop;
    }
    printf("%.*s", (int)(end - at), clean + at);
}

static enum status print_line(const struct session *s, struct text clean, size_t at, size_t end,
                              const struct stretches *marked, const char *tail, struct error *err)
{
    struct buf line;
    buf_init(&line, 1 << 26);
    enum status status = display_clean(&line, (struct text){clean.data + at, end - at}, s->out.tty, err);
    if (status == STATUS_OK) {
        bool isolated = display_is_isolated(buf_text(&line));
        printf("    %s", isolated ? DISPLAY_FIRST_ISOLATE : "");
        print_bytes(s, clean.data, at, end, marked);
        printf("%s%s\n", isolated ? DISPLAY_POP_ISOLATE : "", tail);
    }
    buf_release(&line);
    return status;
}

enum status passage_lines(const struct session *s, const json_t *hit, struct error *err)
{
    struct text passage = shape_text(json_object_get(hit, "passage"), "text");
    struct stretches marked = {0};
    struct buf clean;
    size_t columns = s->out.width > 24 ? s->out.width - 4 : 20, at = 0;
    buf_init(&clean, 1 << 26);
    enum status status = display_clean(&clean, passage, false, err);
    if (status == STATUS_OK)
        status = read_highlights(hit, passage, &marked, err);
    for (int i = 0; i < LINES && at < clean.len && status == STATUS_OK; i++) {
        bool last = i + 1 == LINES;
        struct text rest = {clean.data + at, clean.len - at};
        size_t end = at + display_line(rest, last ? columns - 2 : columns);
        status = print_line(s, buf_text(&clean), at, end, &marked, last && end < clean.len ? "…" : "", err);
        for (at = end; at < clean.len && clean.data[at] == ' ';)
            at++;
    }
    free(marked.items);
    buf_release(&clean);
    return status;
}
