#include "encoder/import/model_folder.h"

#include <string.h>
#include <sys/stat.h>

#include "common/file.h"

static bool name_stays_inside(const char *name)
{
    bool start = true; /* of a part between slashes */
    for (const char *c = name; *c != '\0'; c++) {
        bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        bool other = strchr("_-.", *c) != NULL;
        if (start ? !letter && *c != '_' : !letter && !other && *c != '/')
            return false;
        start = *c == '/';
    }
    return !start;
}

enum status folder_path(const char *folder, const char *name, struct buf *out, struct error *err)
{
    buf_clear(out);
    if (!name_stays_inside(name))
        return error_set(err, STATUS_INVALID, "%s names a file \"%.80s\", which is no plain name inside it",
                         folder, name);
    return buf_printf(out, err, "%s/%s", folder, name);
}

bool folder_has(const char *folder, const char *name)
{
    struct buf path;
    struct stat st;
    buf_init(&path, FOLDER_PATH);
    bool has = folder_path(folder, name, &path, NULL) == STATUS_OK && stat(path.data, &st) == 0 &&
               S_ISREG(st.st_mode);
    buf_release(&path);
    return has;
}

enum status json_bytes(const char *path, const void *bytes, size_t n, json_t **out, struct error *err)
{
    json_error_t found;
    json_t *root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES, &found);
    if (root == NULL && json_error_code(&found) == json_error_numeric_overflow)
        root = json_loadb(bytes, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &found);
    if (root == NULL)
        return error_set(err, STATUS_CORRUPT, "%s is not JSON: line %d, column %d: %s", path, found.line,
                         found.column, found.text);
    *out = root;
    return STATUS_OK;
}

enum status folder_json(const char *folder, const char *name, json_t **out, struct error *err)
{
    struct buf path;
    struct mapping m = {0};
    buf_init(&path, FOLDER_PATH);
    enum status status = folder_path(folder, name, &path, err);
    if (status == STATUS_OK)
        status = mapping_open(&m, path.data, err);
    if (status == STATUS_OK && m.size > FOLDER_JSON)
        status = error_set(err, STATUS_TOO_LARGE, "%s is larger than %zu MiB, the limit for JSON of a model",
                           path.data, FOLDER_JSON >> 20);
    if (status == STATUS_OK)
        status = json_bytes(path.data, m.size > 0 ? (const char *)m.data : "", m.size, out, err);
    mapping_close(&m);
    buf_release(&path);
    return status;
}

static enum status need(const struct fields *p, const char *key, json_t **out, struct error *err)
{
    *out = json_object_get(p->object, key);
    return *out != NULL && !json_is_null(*out)
               ? STATUS_OK
               : error_set(err, STATUS_NOT_FOUND, "%s has no \"%s\", which this program needs", p->path, key);
}

static enum status mistyped(const struct fields *p, const char *key, const char *wanted, struct error *err)
{
    return error_set(err, STATUS_CORRUPT, "%s: \"%s\" is not %s", p->path, key, wanted);
}

enum status field_size(const struct fields *p, const char *key, size_t *out, struct error *err)
{
    json_t *value;
    enum status status = need(p, key, &value, err);
    if (status != STATUS_OK)
        return status;
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return mistyped(p, key, "a whole number from 0 on", err);
    *out = (size_t)json_integer_value(value);
    return STATUS_OK;
}

enum status field_real(const struct fields *p, const char *key, double *out, struct error *err)
{
    json_t *value;
    enum status status = need(p, key, &value, err);
    if (status != STATUS_OK)
        return status;
    if (!json_is_number(value))
        return mistyped(p, key, "a number", err);
    *out = json_number_value(value);
    return STATUS_OK;
}

enum status field_flag(const struct fields *p, const char *key, bool *out, struct error *err)
{
    json_t *value;
    enum status status = need(p, key, &value, err);
    if (status != STATUS_OK)
        return status;
    if (!json_is_boolean(value))
        return mistyped(p, key, "true or false", err);
    *out = json_is_true(value);
    return STATUS_OK;
}

enum status field_text(const struct fields *p, const char *key, struct text *out, struct error *err)
{
    json_t *value;
    enum status status = need(p, key, &value, err);
    if (status != STATUS_OK)
        return status;
    if (!json_is_string(value))
        return mistyped(p, key, "a text", err);
    *out = (struct text){json_string_value(value), json_string_length(value)};
    return STATUS_OK;
}
