#include "encoder/import/model_card.h"

#include <string.h>

#include "common/buf.h"
#include "common/file.h"
#include "common/utf8.h"
#include "encoder/import/model_folder.h"

#define MOST_TOP 65536 /* bytes in which the first part of a README.md ends */

/* The line at *at, without its end; moves behind it. False behind the last. */
static bool next_line(struct text text, size_t *at, struct text *line)
{
    if (*at >= text.len)
        return false;
    const char *start = text.data + *at, *end = memchr(start, '\n', text.len - *at);
    size_t n = end == NULL ? text.len - *at : (size_t)(end - start);
    *at += n + 1;
    *line = (struct text){start, n > 0 && start[n - 1] == '\r' ? n - 1 : n};
    return true;
}

/* Without spaces and quotes around it. */
static struct text bare(struct text value)
{
    while (value.len > 0 && strchr(" \t\"'", value.data[0]) != NULL)
        value = (struct text){value.data + 1, value.len - 1};
    while (value.len > 0 && strchr(" \t\"'", value.data[value.len - 1]) != NULL)
        value.len--;
    return value;
}

static bool plain(struct text value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.data[i] < ' ')
            return false;
    return value.len > 0 && value.len < MODEL_CARD_VALUE && utf8_invalid(value.data, value.len) == value.len;
}

static bool find_value(struct text top, const char *key, char out[MODEL_CARD_VALUE])
{
    struct text line;
    size_t at = 0, n = strlen(key);
    if (!next_line(top, &at, &line) || !text_is(line, "---"))
        return false;
    while (next_line(top, &at, &line) && !text_is(line, "---")) {
        if (line.len <= n || memcmp(line.data, key, n) != 0 || line.data[n] != ':')
            continue;
        struct text value = bare((struct text){line.data + n + 1, line.len - n - 1});
        if (!plain(value))
            return false;
        memcpy(out, value.data, value.len);
        out[value.len] = '\0';
        return true;
    }
    return false;
}

bool model_card_value(const char *folder, const char *key, char out[MODEL_CARD_VALUE])
{
    struct buf path;
    struct mapping m = {0};
    buf_init(&path, FOLDER_PATH);
    bool found =
        folder_path(folder, "README.md", &path, NULL) == STATUS_OK &&
        mapping_open(&m, path.data, NULL) == STATUS_OK && m.data != NULL &&
        find_value((struct text){(const char *)m.data, m.size < MOST_TOP ? m.size : MOST_TOP}, key, out);
    mapping_close(&m);
    buf_release(&path);
    return found;
}
