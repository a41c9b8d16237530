#include "tokenizer/place.h"

#include <string.h>

#include "tokenizer/segments.h"

#define LEVELS 6

static size_t count_of(struct text text, char c)
{
    size_t n = 0;
    const char *at = text.data, *end = text.data + text.len;
    while (at < end && (at = memchr(at, c, (size_t)(end - at))) != NULL) {
        n++;
        at++;
    }
    return n;
}

/* A heading ends those before it of its own level and of the levels below. */
static enum status append_headings(struct text text, const struct segments *s, size_t start, struct buf *out,
                                   struct error *err)
{
    struct text path[LEVELS] = {{0}};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < s->count && s->items[i].start <= start; i++) {
        if (s->items[i].kind != SEGMENT_HEADING)
            continue;
        path[s->items[i].level - 1] = segment_heading(text, &s->items[i]);
        for (size_t below = s->items[i].level; below < LEVELS; below++)
            path[below] = (struct text){0};
    }
    const char *between = "";
    for (size_t i = 0; i < LEVELS && status == STATUS_OK; i++) {
        if (path[i].len == 0)
            continue;
        status = buf_append(out, between, strlen(between), err);
        if (status == STATUS_OK)
            status = buf_append(out, path[i].data, path[i].len, err);
        between = " > ";
    }
    return status;
}

enum status place_find(struct text text, size_t start, struct place *out, struct buf *headings,
                       struct error *err)
{
    struct segments segments = {0};
    struct text before = {text.data, start};
    enum status status = segments_find(NULL, text, &segments, err);
    if (status == STATUS_OK)
        status = append_headings(text, &segments, start, headings, err);
    segments_release(&segments);
    if (status == STATUS_OK)
        *out =
            (struct place){.page = memchr(text.data, '\f', text.len) != NULL ? count_of(before, '\f') + 1 : 0,
                           .line = count_of(before, '\n') + 1};
    return status;
}
