#include "cli/place_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/display.h"
#include "cli/session.h"
#include "cli/source.h"
#include "server/json_shape.h"

/* The path from the folder one is in, when it lies in there; else as it is. */
static struct text from_here(struct text path)
{
    char *here = getcwd(NULL, 0);
    size_t n = here != NULL ? strlen(here) : 0;
    if (n > 1 && path.len > n + 1 && memcmp(path.data, here, n) == 0 && path.data[n] == '/')
        path = (struct text){path.data + n + 1, path.len - n - 1};
    free(here);
    return path;
}

static enum status add_place(struct buf *out, const json_t *hit, bool tty, struct error *err)
{
    const json_t *passage = json_object_get(hit, "passage");
    struct text path = shape_text(json_object_get(hit, "metadata"), "path");
    struct text heading = shape_text(passage, "heading");
    long long page = shape_integer(passage, "page", 0), line = shape_integer(passage, "line", 0);
    enum status status = STATUS_OK;
    if (path.len > 0) {
        status = display_clean(out, from_here(path), false, err);
        if (status == STATUS_OK && page > 0)
            status = buf_printf(out, err, ":page %lld", page);
        else if (status == STATUS_OK && line > 0 && source_keeps_lines(path.data))
            status = buf_printf(out, err, ":%lld", line);
    }
    if (status == STATUS_OK && heading.len > 0 && path.len > 0)
        status = buf_append(out, "  ", 2, err);
    return status == STATUS_OK && heading.len > 0 ? display_clean(out, heading, tty, err) : status;
}

enum status place_line(const struct session *s, const json_t *hit, struct error *err)
{
    struct buf place;
    buf_init(&place, 1 << 20);
    enum status status = add_place(&place, hit, s->out.tty, err);
    if (status == STATUS_OK && place.len > 0)
        printf("    %s%.*s%s\n", terminal_paint(&s->out, PAINT_DIM), (int)place.len, place.data,
               terminal_paint(&s->out, PAINT_PLAIN));
    buf_release(&place);
    return status;
}
