#include "cli/filedoc.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

struct text filedoc_strip(struct text t)
{
    while (t.len > 0 && (unsigned char)t.data[0] <= ' ')
        t = (struct text){t.data + 1, t.len - 1};
    while (t.len > 0 && (unsigned char)t.data[t.len - 1] <= ' ')
        t.len--;
    return t;
}

static bool is_utf8(const char *s)
{
    return utf8_invalid(s, strlen(s)) == strlen(s);
}

static bool set(json_t *object, const char *name, struct text value)
{
    return value.len == 0 || json_object_set_new(object, name, json_stringn(value.data, value.len)) == 0;
}

enum status filedoc_new(const struct filedoc *facts, json_t **out, struct error *err)
{
    char *full = facts->path != NULL ? realpath(facts->path, NULL) : NULL;
    json_t *d = json_object();
    enum status status = STATUS_OK;
    if (facts->path != NULL && full == NULL)
        status = error_system(err, errno, "read", facts->path);
    else if (!is_utf8(facts->id) || (full != NULL && !is_utf8(full)))
        status = error_set(err, STATUS_INVALID, "the file's name is not UTF-8; rename it");
    else if (d == NULL || json_object_set_new(d, "id", json_string(facts->id)) != 0 ||
             json_object_set_new(d, "text", json_stringn(facts->text.data, facts->text.len)) != 0 ||
             !set(d, "title", facts->title) ||
             !set(d, "lang", facts->language != NULL ? text_of(facts->language) : (struct text){0}) ||
             (full != NULL && json_object_set_new(d, "metadata", json_pack("{s:s}", "path", full)) != 0))
        status = error_memory(err, "reading a file");
    free(full);
    if (status == STATUS_OK)
        *out = d;
    else
        json_decref(d);
    return status;
}
