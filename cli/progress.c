#include "cli/progress.h"

#include <inttypes.h>
#include <stdio.h>

#include "cli/display.h"

#define TERMINAL_MS 100
#define PLAIN_MS    10000

void progress_bytes(uint64_t bytes, char out[16])
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1024 && unit < 5) {
        size /= 1024;
        unit++;
    }
    snprintf(out, 16, unit == 0 ? "%.0f %s" : "%.1f %s", size, units[unit]);
}

void progress_start(struct progress *p, const struct session *s, uint64_t total)
{
    int64_t now = monotonic_ms();
    *p = (struct progress){.session = s, .total = total, .started_ms = now};
    p->shown_ms = s->err.tty ? now - TERMINAL_MS : now;
    progress_show(p, &(struct progress_now){.what = "starting"});
}

static enum status describe(const struct progress *p, const struct progress_now *now, double seconds,
                            struct buf *out)
{
    char done[16], total[16];
    progress_bytes(now->done, done);
    progress_bytes(p->total, total);
    enum status status = STATUS_OK;
    if (now->items > 0)
        status = buf_printf(out, NULL, "%" PRIu64 " documents  ", now->items);
    if (status == STATUS_OK)
        status =
            p->total > 0 ? buf_printf(out, NULL, "%s of %s", done, total) : buf_printf(out, NULL, "%s", done);
    if (status == STATUS_OK && seconds > 0 && now->items > 0)
        status = buf_printf(out, NULL, "  %.0f/s", (double)now->items / seconds);
    if (status == STATUS_OK && p->total > now->done && now->done > 0 && seconds >= 1) {
        unsigned long left = (unsigned long)(seconds / (double)now->done * (double)(p->total - now->done));
        status = buf_printf(out, NULL, "  %lu:%02lu:%02lu left", left / 3600, left / 60 % 60, left % 60);
    }
    if (status == STATUS_OK && now->what != NULL) {
        status = buf_append(out, "  ", 2, NULL);
        if (status == STATUS_OK)
            status = display_clean(out, text_of(now->what), false, NULL);
    }
    return status;
}

void progress_show(struct progress *p, const struct progress_now *now)
{
    const struct session *s = p->session;
    int64_t clock = monotonic_ms();
    struct buf line;
    if (s->quiet || clock - p->shown_ms < (s->err.tty ? TERMINAL_MS : PLAIN_MS))
        return;
    buf_init(&line, 1 << 16);
    if (describe(p, now, (double)(clock - p->started_ms) / 1000, &line) == STATUS_OK) {
        struct text text = buf_text(&line);
        if (s->err.tty)
            fprintf(stderr, "\r%.*s\033[K", (int)display_fit(text, s->err.width - 1), text.data);
        else
            fprintf(stderr, "%.*s\n", (int)text.len, text.data);
        fflush(stderr);
        p->visible = s->err.tty;
        p->shown_ms = clock;
    }
    buf_release(&line);
}

void progress_end(struct progress *p)
{
    if (p->visible)
        fputs("\r\033[K", stderr);
    p->visible = false;
}
