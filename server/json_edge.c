#include "server/json_edge.h"

#include <string.h>

#include "common/utf8.h"

/* Line and column, counted from 1 in characters, of byte `at`. */
static void place(const char *bytes, size_t at, size_t *line, size_t *column)
{
    size_t start = 0;
    *line = 1;
    for (size_t i = 0; i < at; i++)
        if (bytes[i] == '\n') {
            start = i + 1;
            ++*line;
        }
    *column = utf8_length(bytes + start, at - start) + 1;
}

/* The limits, counted on the bytes. On malformed JSON the counts mean nothing, which does no harm: the parser
 * refuses it. */
static enum status check_limits(const char *bytes, size_t len, struct error *err)
{
    size_t depth = 0, containers = 0, values = 1, line, column;
    bool inside = false; /* a string */
    for (size_t i = 0; i < len; i++) {
        char c = bytes[i];
        if (inside) {
            if (c == '\\')
                i++;
            else if (c == '"')
                inside = false;
            continue;
        }
        inside = c == '"';
        values += c == ',';
        if (c == '{' || c == '[') {
            containers++;
            if (++depth > JSON_EDGE_DEPTH) {
                place(bytes, i, &line, &column);
                return error_set(
                    err, STATUS_TOO_LARGE,
                    "line %zu, column %zu: arrays and objects may lie at most %d deep in each other", line,
                    column, JSON_EDGE_DEPTH);
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    if (containers > JSON_EDGE_CONTAINERS)
        return error_set(err, STATUS_TOO_LARGE,
                         "the body has %zu arrays and objects; at most %d; send it in parts", containers,
                         JSON_EDGE_CONTAINERS);
    if (values > JSON_EDGE_VALUES)
        return error_set(err, STATUS_TOO_LARGE, "the body has %zu values; at most %d; send it in parts",
                         values, JSON_EDGE_VALUES);
    return STATUS_OK;
}

static enum status check_keys(json_t *value, struct error *err)
{
    enum status status = STATUS_OK;
    const char *key;
    json_t *item;
    size_t i;
    if (json_is_object(value) && json_object_size(value) > JSON_EDGE_KEYS)
        return error_set(err, STATUS_TOO_LARGE, "an object has %zu keys; at most %d", json_object_size(value),
                         JSON_EDGE_KEYS);
    json_object_foreach(value, key, item)
    {
        status = check_keys(item, err);
        if (status != STATUS_OK)
            return status;
    }
    json_array_foreach(value, i, item)
    {
        status = check_keys(item, err);
        if (status != STATUS_OK)
            return status;
    }
    return status;
}

enum status api_parse_body(const void *bytes, size_t len, json_t **out, struct error *err)
{
    json_error_t at;
    size_t line, column, bad = len == 0 ? 0 : utf8_invalid(bytes, len);
    if (len == 0)
        return error_set(err, STATUS_INVALID, "the body is empty; it must be JSON");
    if (bad < len) {
        place(bytes, bad, &line, &column);
        return error_set(err, STATUS_INVALID, "line %zu, column %zu: byte %zu is not UTF-8", line, column,
                         bad);
    }
    enum status status = check_limits(bytes, len, err);
    if (status != STATUS_OK)
        return status;
    json_t *body = json_loadb(bytes, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &at);
    if (body == NULL && json_error_code(&at) == json_error_out_of_memory)
        return error_memory(err, "parsing JSON");
    if (body == NULL)
        return error_set(err, STATUS_INVALID, "line %d, column %d: %s", at.line, at.column, at.text);
    status = check_keys(body, err);
    if (status == STATUS_OK)
        *out = body;
    else
        json_decref(body);
    return status;
}

bool ndjson_next(struct text *rest, struct text *line, size_t *number)
{
    while (rest->len > 0) {
        const char *end = memchr(rest->data, '\n', rest->len);
        size_t len = end == NULL ? rest->len : (size_t)(end - rest->data);
        struct text found = {rest->data, len};
        size_t taken = len + (end != NULL);
        rest->data += taken;
        rest->len -= taken;
        ++*number;
        for (size_t i = 0; i < found.len; i++)
            if (memchr(" \t\r", found.data[i], 3) == NULL) {
                *line = found;
                return true;
            }
    }
    return false;
}
