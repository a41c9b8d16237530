#include "server/json_shape.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "server/json_edge.h"

static const char *const type_names[][2] = {
    [FIELD_ANY] = {"a value", "values"},
    [FIELD_TEXT] = {"a text", "texts"},
    [FIELD_INTEGER] = {"an integer", "integers"},
    [FIELD_NUMBER] = {"a number", "numbers"},
    [FIELD_BOOLEAN] = {"true or false", "booleans"},
    [FIELD_OBJECT] = {"an object", "objects"},
    [FIELD_INPUT] = {"a text", "texts or of token ids"},
};

static const char *type_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    default:
        return "null";
    }
}

/* ---- paths ---- */

void path_key(char out[FIELD_PATH], const char *path, const char *key)
{
    if (snprintf(out, FIELD_PATH, "%s%s%s", path, path[0] != '\0' ? "." : "", key) < 0)
        out[0] = '\0';
}

void path_item(char out[FIELD_PATH], const char *path, size_t i)
{
    if (snprintf(out, FIELD_PATH, "%s[%zu]", path, i) < 0)
        out[0] = '\0';
}

/* ---- checking ---- */

static enum status wrong_type(const struct field *f, const json_t *value, const char *path, struct error *err)
{
    const char *one = type_names[f->kind][0], *many = type_names[f->kind][1];
    const char *but = type_of(value);
    switch (f->count) {
    case FIELD_LIST:
        return error_field(err, STATUS_INVALID, path, "%s must be a list of %s, not %s", path, many, but);
    case FIELD_ONE_OR_LIST:
        return error_field(err, STATUS_INVALID, path, "%s must be %s or a list of %s, not %s", path, one,
                           many, but);
    default:
        return error_field(err, STATUS_INVALID, path, "%s must be %s, not %s", path, one, but);
    }
}

static enum status check_text_field(const struct field *f, struct text text, const char *path,
                                    struct error *err)
{
    if (f->most > 0 && (double)text.len > f->most)
        return error_field(err, STATUS_TOO_LARGE, path, "%s has %zu bytes; at most %.0f", path, text.len,
                           f->most);
    if ((double)text.len < f->least)
        return error_field(err, STATUS_INVALID, path, "%s must not be empty", path);
    if (f->choices == NULL)
        return STATUS_OK;
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; f->choices[i] != NULL; i++) {
        if (text_is(text, f->choices[i]))
            return STATUS_OK;
        int n = snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", f->choices[i]);
        if (n < 0 || (size_t)n >= sizeof known - used)
            break;
        used += (size_t)n;
    }
    return error_field(err, STATUS_INVALID, path, "%s must be one of %s, not \"%.*s\"", path, known,
                       (int)(text.len < 64 ? text.len : 64), text.data);
}

static enum status check_number_field(const struct field *f, double value, const char *path,
                                      struct error *err)
{
    if (f->least == 0 && f->most == 0)
        return STATUS_OK;
    if (value >= f->least && value <= f->most)
        return STATUS_OK;
    return error_field(err, STATUS_INVALID, path, "%s must be %.10g to %.10g, not %.10g", path, f->least,
                       f->most, value);
}

static enum status check_one(const struct field *f, const json_t *value, const char *path, struct error *err)
{
    bool fits = true;
    switch (f->kind) {
    case FIELD_ANY:
        return STATUS_OK;
    case FIELD_TEXT:
        if (json_is_string(value))
            return check_text_field(f, json_text(value), path, err);
        fits = false;
        break;
    case FIELD_INTEGER:
        fits = json_is_integer(value);
        break;
    case FIELD_NUMBER:
        fits = json_is_number(value);
        break;
    case FIELD_BOOLEAN:
        fits = json_is_boolean(value);
        break;
    case FIELD_OBJECT:
        fits = json_is_object(value);
        break;
    case FIELD_INPUT:
        if (json_is_string(value))
            return check_text_field(f, json_text(value), path, err);
        if (json_is_ids(value))
            return STATUS_OK;
        return error_field(err, STATUS_INVALID, path, "%s must be a text or a list of token ids, not %s",
                           path, type_of(value));
    }
    if (!fits)
        return wrong_type(f, value, path, err);
    if (json_is_number(value))
        return check_number_field(f, json_number_value(value), path, err);
    return f->of != NULL ? shape_check(f->of, value, path, err) : STATUS_OK;
}

static enum status check_field(const struct field *f, const json_t *value, const char *path,
                               struct error *err)
{
    enum status status = STATUS_OK;
    bool one = f->kind == FIELD_INPUT ? json_is_string(value) || json_is_ids(value) : !json_is_array(value);
    if (f->count == FIELD_ONE || (f->count == FIELD_ONE_OR_LIST && one))
        return check_one(f, value, path, err);
    if (!json_is_array(value))
        return wrong_type(f, value, path, err);
    size_t n = json_array_size(value);
    if (f->items > 0 && n > f->items)
        return error_field(err, STATUS_TOO_LARGE, path, "%s has %zu items; at most %zu", path, n, f->items);
    struct field item = *f;
    item.count = FIELD_ONE;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        char at[FIELD_PATH];
        path_item(at, path, i);
        status = check_one(&item, json_array_get(value, i), at, err);
    }
    return status;
}

static const struct field *find_field(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->count; i++)
        if (strcmp(shape->fields[i].name, name) == 0)
            return &shape->fields[i];
    return NULL;
}

static enum status unknown_field(const struct shape *shape, const char *name, const char *path,
                                 struct error *err)
{
    char known[384] = "none";
    size_t used = 0;
    for (size_t i = 0; i < shape->count; i++) {
        int n = snprintf(known + used, sizeof known - used, "%s%s", i > 0 ? ", " : "", shape->fields[i].name);
        if (n < 0 || (size_t)n >= sizeof known - used)
            break;
        used += (size_t)n;
    }
    return error_field(err, STATUS_INVALID, path, "unknown field \"%.40s\"; known are: %s", name, known);
}

static enum status check_list(const struct shape *shape, const json_t *list, const char *path,
                              struct error *err)
{
    enum status status = STATUS_OK;
    struct shape item = *shape;
    item.list = false;
    if (!json_is_array(list))
        return error_field(err, STATUS_INVALID, path, "%s must be a list",
                           path[0] != '\0' ? path : "the body");
    for (size_t i = 0; i < json_array_size(list) && shape->count > 0 && status == STATUS_OK; i++) {
        char at[FIELD_PATH];
        path_item(at, path, i);
        status = shape_check(&item, json_array_get(list, i), at, err);
    }
    return status;
}

enum status shape_check(const struct shape *shape, const json_t *value, const char *path, struct error *err)
{
    char at[FIELD_PATH];
    if (shape->anything)
        return STATUS_OK;
    if (shape->list)
        return check_list(shape, value, path, err);
    if (!json_is_object(value))
        return error_field(err, STATUS_INVALID, path, "%s must be an object, not %s",
                           path[0] != '\0' ? path : "the body", type_of(value));
    for (void *i = json_object_iter((json_t *)value); i != NULL;
         i = json_object_iter_next((json_t *)value, i)) {
        const char *name = json_object_iter_key(i);
        const json_t *given = json_object_iter_value(i);
        const struct field *f = find_field(shape, name);
        path_key(at, path, name);
        if (f == NULL && (shape->open || shape->either[0] != NULL))
            continue;
        enum status status = f == NULL             ? unknown_field(shape, name, at, err)
                             : json_is_null(given) ? STATUS_OK
                                                   : check_field(f, given, at, err);
        if (status != STATUS_OK)
            return status;
    }
    for (size_t i = 0; i < shape->count; i++) {
        const struct field *f = &shape->fields[i];
        if (!f->required ||
            (f->nullable ? json_object_get(value, f->name) : shape_get(value, f->name)) != NULL)
            continue;
        path_key(at, path, f->name);
        return error_field(err, STATUS_INVALID, at, "%s is missing: %s", at, f->about);
    }
    return STATUS_OK;
}

/* ---- query strings ---- */

static json_t *number_of(const struct field *f, struct text value)
{
    char copy[64], *end;
    if (value.len == 0 || value.len >= sizeof copy)
        return NULL;
    memcpy(copy, value.data, value.len);
    copy[value.len] = '\0';
    if (memchr(value.data, '\0', value.len) != NULL || strspn(copy, "+-.eE0123456789") != value.len)
        return NULL;
    if (f->kind == FIELD_INTEGER) {
        long long integer = strtoll(copy, &end, 10);
        return *end == '\0' ? json_integer(integer) : NULL;
    }
    double number = strtod(copy, &end);
    return *end == '\0' && isfinite(number) ? json_real(number) : NULL;
}

static json_t *scalar_of(const struct field *f, struct text value)
{
    switch (f->kind) {
    case FIELD_TEXT:
        return json_stringn(value.data, value.len);
    case FIELD_INTEGER:
    case FIELD_NUMBER:
        return number_of(f, value);
    case FIELD_BOOLEAN:
        return text_is(value, "true") || text_is(value, "1")    ? json_true()
               : text_is(value, "false") || text_is(value, "0") ? json_false()
                                                                : NULL;
    default:
        return NULL;
    }
}

static json_t *list_of(const struct field *f, struct text value)
{
    json_t *list = json_array();
    while (list != NULL) {
        const char *comma = memchr(value.data, ',', value.len);
        size_t len = comma == NULL ? value.len : (size_t)(comma - value.data);
        if (json_array_append_new(list, scalar_of(f, (struct text){value.data, len})) != 0) {
            json_decref(list);
            return NULL;
        }
        if (comma == NULL)
            break;
        value.data += len + 1;
        value.len -= len + 1;
    }
    return list;
}

enum status field_parse(const struct field *field, struct text value, json_t **out, struct error *err)
{
    if (field->kind == FIELD_OBJECT || field->kind == FIELD_ANY)
        return api_parse_body(value.data, value.len, out, err);
    json_t *parsed = field->count == FIELD_ONE ? scalar_of(field, value) : list_of(field, value);
    if (parsed == NULL)
        return error_field(err, STATUS_INVALID, field->name, "%s must be %s%s, not \"%.*s\"", field->name,
                           field->count == FIELD_ONE ? "" : "a list, separated by commas, of ",
                           type_names[field->kind][field->count != FIELD_ONE],
                           (int)(value.len < 64 ? value.len : 64), value.data);
    *out = parsed;
    return STATUS_OK;
}

/* ---- readers ---- */

const json_t *shape_get(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

struct text json_text(const json_t *string)
{
    return (struct text){json_string_value(string), json_string_length(string)};
}

struct text shape_text(const json_t *object, const char *name)
{
    return json_text(shape_get(object, name));
}

long long shape_integer(const json_t *object, const char *name, long long otherwise)
{
    const json_t *value = shape_get(object, name);
    return value != NULL ? json_integer_value(value) : otherwise;
}

double shape_number(const json_t *object, const char *name, double otherwise)
{
    const json_t *value = shape_get(object, name);
    return value != NULL ? json_number_value(value) : otherwise;
}

bool shape_boolean(const json_t *object, const char *name, bool otherwise)
{
    const json_t *value = shape_get(object, name);
    return value != NULL ? json_is_true(value) : otherwise;
}

int shape_choice(const json_t *object, const char *name, const char *const *choices, int otherwise)
{
    struct text value = shape_text(object, name);
    for (int i = 0; value.data != NULL && choices[i] != NULL; i++)
        if (text_is(value, choices[i]))
            return i;
    return otherwise;
}

bool json_is_ids(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++)
        if (!json_is_integer(json_array_get(value, i)))
            return false;
    return json_array_size(value) > 0;
}

enum status json_texts(const json_t *value, struct text **out, size_t *n, struct error *err)
{
    size_t count = json_is_array(value) ? json_array_size(value) : value != NULL;
    struct text *texts = calloc(count + 1, sizeof *texts);
    if (texts == NULL)
        return error_memory(err, "reading the texts");
    for (size_t i = 0; i < count; i++)
        texts[i] = json_text(json_is_array(value) ? json_array_get(value, i) : value);
    *out = texts;
    *n = count;
    return STATUS_OK;
}
