#include "cli/passage_lines.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/display.h"
#include "cli/session.h"
#include "server/json_shape.h"

#define LINES 3

struct stretch {
    size_t start, end;
};

/* Stretches of the cleaned passage. */
struct stretches {
    struct stretch *items; /* words of the query */
    size_t count;
    struct stretch sentence; /* the one nearest to it; empty when there is none */
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

/* A pair of bytes of the document, of which the passage begins at `first`; what does not lie in it is
 * nothing. */
static enum status read_pair(const json_t *pair, struct text passage, long long first, struct stretch *out,
                             struct error *err)
{
    long long start = json_integer_value(json_array_get(pair, 0)) - first,
              end = json_integer_value(json_array_get(pair, 1)) - first;
    if (start < 0 || start > end || (size_t)end > passage.len)
        return STATUS_OK;
    enum status status = cleaned_place(passage, (size_t)start, &out->start, err);
    return status == STATUS_OK ? cleaned_place(passage, (size_t)end, &out->end, err) : status;
}

static enum status read_marks(const json_t *hit, struct text passage, struct stretches *out,
                              struct error *err)
{
    const json_t *list = json_object_get(hit, "highlights"), *of = json_object_get(hit, "passage");
    long long first = shape_integer(of, "start", 0);
    out->items = calloc(json_array_size(list) + 1, sizeof *out->items);
    if (out->items == NULL)
        return error_memory(err, "printing hits");
    enum status status = read_pair(json_object_get(of, "sentence"), passage, first, &out->sentence, err);
    for (size_t i = 0; i < json_array_size(list) && status == STATUS_OK; i++)
        status = read_pair(json_array_get(list, i), passage, first, &out->items[out->count++], err);
    return status;
}

/* Whether byte `at` is in a stretch; *end is brought down to where that changes. */
static bool is_in(const struct stretch *stretch, size_t at, size_t *end)
{
    bool in = stretch->start <= at && at < stretch->end;
    size_t border = in ? stretch->end : stretch->start;
    if (border > at && border < *end)
        *end = border;
    return in;
}

/* Bytes `at` to `end` of the cleaned passage. */
static void print_bytes(const struct session *s, const char *clean, size_t at, size_t end,
                        const struct stretches *marked)
{
    for (size_t next; at < end; at = next) {
        next = end;
        bool word = false, sentence = is_in(&marked->sentence, at, &next);
        for (size_t i = 0; i < marked->count; i++)
            word |= is_in(&marked->items[i], at, &next);
        printf("%s%s%.*s%s", sentence ? terminal_paint(&s->out, PAINT_UNDERLINE) : "",
               word ? terminal_paint(&s->out, PAINT_BOLD) : "", (int)(next - at), clean + at,
               word || sentence ? terminal_paint(&s->out, PAINT_PLAIN) : "");
    }
}

static enum status print_line(const struct session *s, struct text clean, size_t at, size_t end,
                              const struct stretches *marked, const char *head, const char *tail,
                              struct error *err)
{
    struct buf line;
    buf_init(&line, 1 << 26);
    enum status status = display_clean(&line, (struct text){clean.data + at, end - at}, s->out.tty, err);
    if (status == STATUS_OK) {
        bool isolated = display_is_isolated(buf_text(&line));
        printf("    %s%s", head, isolated ? DISPLAY_FIRST_ISOLATE : "");
        print_bytes(s, clean.data, at, end, marked);
        printf("%s%s\n", isolated ? DISPLAY_POP_ISOLATE : "", tail);
    }
    buf_release(&line);
    return status;
}

/* Where the line that begins at `at` ends, and the next one begins. */
static size_t line_end(struct text clean, size_t at, size_t columns, size_t *next)
{
    size_t end = at + display_line((struct text){clean.data + at, clean.len - at}, columns);
    for (*next = end; *next < clean.len && clean.data[*next] == ' ';)
        ++*next;
    return end;
}

/* Where the excerpt begins: at the sentence when it does not end within the first lines. */
static size_t excerpt_start(struct text clean, struct stretch sentence, size_t columns)
{
    size_t at = 0, end = 0;
    for (int i = 0; i < LINES && at < clean.len; i++)
        end = line_end(clean, at, columns - 2, &at);
    return sentence.end > end ? sentence.start : 0;
}

enum status passage_lines(const struct session *s, const json_t *hit, struct error *err)
{
    struct text passage = shape_text(json_object_get(hit, "passage"), "text");
    struct stretches marked = {0};
    struct buf clean;
    size_t columns = s->out.width > 24 ? s->out.width - 4 : 20, at = 0, next;
    buf_init(&clean, 1 << 26);
    enum status status = display_clean(&clean, passage, false, err);
    if (status == STATUS_OK)
        status = read_marks(hit, passage, &marked, err);
    if (status == STATUS_OK)
        at = excerpt_start(buf_text(&clean), marked.sentence, columns);
    for (int i = 0; i < LINES && at < clean.len && status == STATUS_OK; i++, at = next) {
        const char *head = i == 0 && at > 0 ? "… " : "";
        bool last = i + 1 == LINES;
        size_t end = line_end(buf_text(&clean), at, last || *head != '\0' ? columns - 2 : columns, &next);
        status =
            print_line(s, buf_text(&clean), at, end, &marked, head, last && end < clean.len ? "…" : "", err);
    }
    free(marked.items);
    buf_release(&clean);
    return status;
}
