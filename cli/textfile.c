#include "cli/textfile.h"

#include <string.h>

#include "cli/filedoc.h"
#include "common/utf8.h"

#define TITLE_BYTES    1024
#define UTF8_ONCE_MORE 3 /* a byte of a legacy encoding is at most so many in UTF-8 */

static struct text next_line(struct text *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    struct text line = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len};
    size_t used = line.len + (end != NULL);
    *rest = (struct text){rest->data + used, rest->len - used};
    if (line.len > 0 && line.data[line.len - 1] == '\r')
        line.len--;
    return line;
}

static struct text cut_title(struct text t)
{
    if (t.len > TITLE_BYTES)
        t.len = utf8_floor(t.data, t.len, TITLE_BYTES);
    return filedoc_strip(t);
}

/* `title: …` of YAML front matter, with or without quotes. */
static struct text front_matter_title(struct text *rest)
{
    struct text all = *rest, title = {0};
    if (!text_is(filedoc_strip(next_line(rest)), "---")) {
        *rest = all;
        return title;
    }
    while (rest->len > 0) {
        struct text line = next_line(rest);
        if (text_is(filedoc_strip(line), "---") || text_is(filedoc_strip(line), "..."))
            return title;
        if (line.len > 6 && memcmp(line.data, "title:", 6) == 0) {
            title = filedoc_strip((struct text){line.data + 6, line.len - 6});
            if (title.len >= 2 && (title.data[0] == '"' || title.data[0] == '\'') &&
                title.data[title.len - 1] == title.data[0])
                title = filedoc_strip((struct text){title.data + 1, title.len - 2});
        }
    }
    *rest = all; /* a rule, not front matter: it does not end */
    return (struct text){0};
}

struct text markdown_title(struct text text)
{
    bool fenced = false;
    struct text title = front_matter_title(&text);
    while (title.len == 0 && text.len > 0) {
        struct text line = next_line(&text);
        size_t level = 0;
        if (line.len >= 3 && (memcmp(line.data, "```", 3) == 0 || memcmp(line.data, "~~~", 3) == 0))
            fenced = !fenced;
        while (level < line.len && line.data[level] == '#')
            level++;
        if (fenced || level == 0 || level > 6 || level == line.len || line.data[level] != ' ')
            continue;
        title = filedoc_strip((struct text){line.data + level, line.len - level});
        while (title.len > 0 && title.data[title.len - 1] == '#')
            title.len--;
    }
    return cut_title(title);
}

/* What is not UTF-8 is read once more, in the encoding that the detector sees. */
static enum status recode(struct buf *text, const char **encoding, uint64_t *substituted, struct error *err)
{
    char name[64];
    struct buf converted;
    struct charset again;
    buf_init(&converted, FILEDOC_BYTES * UTF8_ONCE_MORE);
    enum status status = charset_detect(buf_text(text), name, sizeof name, err);
    if (status == STATUS_OK)
        status = charset_open_memory(&again, buf_text(text), name, err);
    if (status == STATUS_OK) {
        status = charset_read_all(&again, &converted, err);
        *encoding = again.encoding;
        *substituted = again.substituted;
        charset_close(&again);
    }
    if (status == STATUS_OK) {
        buf_release(text);
        *text = converted;
    } else {
        buf_release(&converted);
    }
    return status;
}

enum status textfile_read(struct charset *in, const char *id, const char *path, bool markdown,
                          const char *language, json_t **document, enum skip *why, const char **encoding,
                          uint64_t *substituted, struct error *err)
{
    struct buf text;
    buf_init(&text, FILEDOC_BYTES);
    enum status status = charset_read_all(in, &text, err);
    *why = status == STATUS_TOO_LARGE ? SKIP_LARGE : SKIP_UNREADABLE;
    if (status != STATUS_OK)
        goto done;
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL) {
        *why = SKIP_BINARY;
        status = error_set(err, STATUS_INVALID, "it holds NUL bytes");
    } else if (utf8_invalid(text.data, text.len) < text.len) {
        *why = SKIP_ENCODING;
        status = recode(&text, encoding, substituted, err);
    }
    if (status == STATUS_OK && filedoc_strip(buf_text(&text)).len == 0) {
        *why = SKIP_EMPTY;
        status = error_set(err, STATUS_INVALID, "there is nothing in it");
    }
    if (status == STATUS_OK) {
        *why = SKIP_UNREADABLE;
        struct filedoc facts = {.id = id, .path = path, .text = buf_text(&text), .language = language};
        if (markdown)
            facts.title = markdown_title(facts.text);
        status = filedoc_new(&facts, document, err);
    }
done:
    buf_release(&text);
    return status;
}
