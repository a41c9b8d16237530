#include "cli/prose.h"

#include <string.h>

void prose_init(struct prose *p, size_t ceiling)
{
    *p = (struct prose){0};
    buf_init(&p->out, ceiling);
}

void prose_release(struct prose *p)
{
    buf_release(&p->out);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* What is due before the next word. */
static enum status settle(struct prose *p, struct error *err)
{
    enum status status = STATUS_OK;
    bool begun = p->out.len > 0;
    if (p->lines > 0 || p->pages > 0)
        p->blank = false;
    for (; p->lines > 0 && p->pages == 0 && begun && status == STATUS_OK; p->lines--)
        status = buf_append(&p->out, "\n", 1, err);
    for (; p->pages > 0 && status == STATUS_OK; p->pages--)
        status = buf_append(&p->out, "\n\f", 2, err);
    if (p->blank && begun && status == STATUS_OK)
        status = buf_append(&p->out, " ", 1, err);
    p->lines = 0;
    p->blank = false;
    return status;
}

enum status prose_words(struct prose *p, struct text text, struct error *err)
{
    enum status status = STATUS_OK;
    size_t at = 0;
    while (at < text.len && status == STATUS_OK) {
        size_t word = at;
        while (word < text.len && is_blank(text.data[word]))
            word++;
        p->blank |= word > at;
        at = word;
        while (at < text.len && !is_blank(text.data[at]))
            at++;
        if (at == word)
            break;
        status = settle(p, err);
        if (status == STATUS_OK)
            status = buf_append(&p->out, text.data + word, at - word, err);
    }
    return status;
}

enum status prose_verbatim(struct prose *p, struct text text, struct error *err)
{
    enum status status = text.len > 0 ? settle(p, err) : STATUS_OK;
    return status == STATUS_OK && text.len > 0 ? buf_append(&p->out, text.data, text.len, err) : status;
}

enum status prose_heading(struct prose *p, unsigned level, struct error *err)
{
    static const char marks[] = "######";
    prose_paragraph(p);
    enum status status = settle(p, err);
    if (status == STATUS_OK)
        status = buf_append(&p->out, marks, level < 1 ? 1 : level > 6 ? 6 : level, err);
    p->blank = true;
    return status;
}

void prose_line(struct prose *p)
{
    if (p->lines < 1)
        p->lines = 1;
}

void prose_paragraph(struct prose *p)
{
    p->lines = 2;
}

void prose_page(struct prose *p)
{
    p->pages++;
}
