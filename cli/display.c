#include "cli/display.h"

#include <string.h>
#include <utf8proc.h>

#include "common/utf8.h"

#define REGIONAL_FIRST 0x1F1E6
#define REGIONAL_LAST  0x1F1FF
#define PICTURE_FORM   0xFE0F

/* The next grapheme cluster of t: its bytes and its columns. */
static size_t cluster(struct text t, size_t *columns)
{
    uint32_t c, before;
    utf8proc_int32_t state = 0;
    size_t at = utf8_decode(t.data, t.len, &before), regional = 0, wide;
    *columns = (size_t)utf8proc_charwidth((utf8proc_int32_t)before);
    regional += before >= REGIONAL_FIRST && before <= REGIONAL_LAST;
    while (at < t.len) {
        size_t n = utf8_decode(t.data + at, t.len - at, &c);
        if (utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)c, &state))
            break;
        wide = (size_t)utf8proc_charwidth((utf8proc_int32_t)c);
        regional += c >= REGIONAL_FIRST && c <= REGIONAL_LAST;
        if (wide > *columns)
            *columns = wide;
        if (regional == 2 || (c == PICTURE_FORM && *columns == 1))
            *columns = 2;
        before = c;
        at += n;
    }
    return at;
}

size_t display_width(struct text t)
{
    size_t width = 0, columns;
    for (size_t at = 0; at < t.len; width += columns)
        at += cluster((struct text){t.data + at, t.len - at}, &columns);
    return width;
}

bool display_is_isolated(struct text t)
{
    return t.len >= 3 && memcmp(t.data, DISPLAY_FIRST_ISOLATE, 3) == 0;
}

size_t display_fit(struct text t, size_t columns)
{
    size_t at = 0, width;
    while (at < t.len) {
        size_t n = cluster((struct text){t.data + at, t.len - at}, &width);
        if (width > columns)
            break;
        columns -= width;
        at += n;
    }
    return at;
}

size_t display_line(struct text t, size_t columns)
{
    size_t fits = display_fit(t, columns), at = fits;
    if (fits == t.len || t.data[fits] == ' ')
        return fits;
    while (at > 0 && t.data[at - 1] != ' ')
        at--;
    return at > 0 ? at : fits;
}

/* ---- making it harmless ---- */

static bool is_blank(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0x85 || c == 0x2028 || c == 0x2029;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c < 0xA0);
}

/* Explicit directional embeddings, overrides and isolates, and marks of language tags: on a terminal they
 * could make a line read differently from what it is. */
static bool reorders(uint32_t c)
{
    return (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || (c >= 0xE0000 && c <= 0xE007F);
}

static bool right_to_left(struct text t)
{
    for (size_t at = 0; at < t.len;) {
        uint32_t c;
        at += utf8_decode(t.data + at, t.len - at, &c);
        utf8proc_propval_t direction = utf8proc_get_property((utf8proc_int32_t)c)->bidi_class;
        if (direction == UTF8PROC_BIDI_CLASS_R || direction == UTF8PROC_BIDI_CLASS_AL)
            return true;
    }
    return false;
}

enum status display_clean(struct buf *out, struct text t, bool isolate, struct error *err)
{
    bool wrap = isolate && right_to_left(t), blank = true;
    enum status status = wrap ? buf_append(out, DISPLAY_FIRST_ISOLATE, 3, err) : STATUS_OK;
    for (size_t at = 0; status == STATUS_OK && at < t.len;) {
        uint32_t c;
        size_t n = utf8_decode(t.data + at, t.len - at, &c);
        const char *bytes = t.data + at;
        at += n;
        if (reorders(c) || (is_blank(c) && blank))
            continue;
        blank = is_blank(c);
        if (blank)
            status = buf_append(out, " ", 1, err);
        else if (is_control(c) || (n == 1 && c == 0xFFFD))
            status = buf_append(out, "\xEF\xBF\xBD", 3, err);
        else
            status = buf_append(out, bytes, n, err);
    }
    if (status == STATUS_OK && wrap)
        status = buf_append(out, DISPLAY_POP_ISOLATE, 3, err);
    return status;
}
