#include "cli/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "server/json_edge.h"
#include "server/json_shape.h"

/* ---- lines ---- */

void lines_init(struct lines *l, struct charset *in)
{
    *l = (struct lines){.in = in};
    buf_init(&l->buffer, ROW_BYTES + CHARSET_PIECE);
}

void lines_release(struct lines *l)
{
    buf_release(&l->buffer);
}

enum status lines_next(struct lines *l, struct text *line, struct error *err)
{
    size_t searched = 0, n;
    for (;;) {
        struct text rest = text_of("");
        if (l->buffer.len > 0)
            rest = (struct text){l->buffer.data + l->at, l->buffer.len - l->at};
        const char *end =
            rest.len > searched ? memchr(rest.data + searched, '\n', rest.len - searched) : NULL;
        if (end != NULL)
            rest.len = (size_t)(end - rest.data) + 1;
        if (end != NULL || l->ended) {
            *line = rest;
            l->at += rest.len;
            l->number += rest.len > 0;
            return STATUS_OK;
        }
        searched = rest.len;
        if (rest.len > ROW_BYTES)
            return error_set(err, STATUS_TOO_LARGE, "line %zu is longer than %zu MiB", l->number + 1,
                             ROW_BYTES >> 20);
        if (l->at > 0) {
            memmove(l->buffer.data, rest.data, rest.len);
            l->buffer.len = rest.len;
            l->at = 0;
        }
        enum status status = buf_reserve(&l->buffer, CHARSET_PIECE, err);
        if (status == STATUS_OK)
            status = charset_read(l->in, l->buffer.data + l->buffer.len, CHARSET_PIECE, &n, err);
        if (status != STATUS_OK)
            return status;
        l->buffer.len += n;
        l->ended = n == 0;
    }
}

static struct text trimmed(struct text t)
{
    while (t.len > 0 && strchr(" \t\r\n", t.data[t.len - 1]) != NULL && t.data[t.len - 1] != '\0')
        t.len--;
    while (t.len > 0 && strchr(" \t\r\n", t.data[0]) != NULL && t.data[0] != '\0')
        t = (struct text){t.data + 1, t.len - 1};
    return t;
}

/* ---- a row to a document ---- */

struct field_names {
    const char *names[4]; /* the usual ones, strongest first, ended by NULL */
};

static const struct field_names id_names = {{"_id", "id"}};
static const struct field_names text_names = {{"text", "content", "body"}};
static const struct field_names title_names = {{"title"}};
static const struct field_names lang_names = {{"lang", "language"}};

/* The field of a row that plays a part, and its name. */
static const json_t *part_of(const json_t *object, const char *chosen, const struct field_names *usual,
                             const char **name)
{
    *name = chosen;
    if (chosen != NULL)
        return shape_get(object, chosen);
    for (size_t i = 0; usual->names[i] != NULL; i++) {
        const json_t *value = shape_get(object, usual->names[i]);
        *name = usual->names[i];
        if (value != NULL)
            return value;
    }
    *name = usual->names[0];
    return NULL;
}

static enum status set_text(json_t *document, const char *as, const json_t *value, const char *name,
                            struct error *err)
{
    if (value == NULL)
        return STATUS_OK;
    if (!json_is_string(value))
        return error_set(err, STATUS_INVALID, "the field \"%s\" is not a text", name);
    if (json_object_set(document, as, (json_t *)(uintptr_t)value) != 0)
        return error_memory(err, "reading a row");
    return STATUS_OK;
}

static enum status set_id(json_t *document, const json_t *value, const char *name, struct error *err)
{
    char digits[32];
    if (!json_is_integer(value))
        return set_text(document, "id", value, name, err);
    snprintf(digits, sizeof digits, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return json_object_set_new(document, "id", json_string(digits)) == 0 ? STATUS_OK
                                                                         : error_memory(err, "reading a row");
}

/* Whether `key` is chosen as metadata by --meta NAME or NAME:number; all are when the option is not given. */
static bool is_chosen(const struct row_fields *f, const char *key, bool *number)
{
    *number = false;
    if (f->arguments == NULL || !arguments_given(f->arguments, "meta"))
        return true;
    size_t len = strlen(key);
    const char *each;
    for (size_t i = 0; (each = arguments_each(f->arguments, "meta", i)) != NULL; i++) {
        if (strncmp(each, key, len) != 0)
            continue;
        *number = strcmp(each + len, ":number") == 0;
        if (*number || each[len] == '\0')
            return true;
    }
    return false;
}

static enum status set_metadata(json_t *metadata, const struct row_fields *f, const char *key,
                                const json_t *value, struct error *err)
{
    bool number, scalar = json_is_string(value) || json_is_number(value) || json_is_boolean(value);
    if (!is_chosen(f, key, &number) ||
        (!scalar && (f->arguments == NULL || !arguments_given(f->arguments, "meta"))))
        return STATUS_OK;
    json_t *set = json_incref((json_t *)(uintptr_t)value);
    if (number && json_is_string(value)) {
        char *end = NULL;
        const char *text = json_string_value(value);
        double real = strtod(text, &end);
        json_decref(set);
        if (text[0] == '\0')
            return STATUS_OK;
        if (*end != '\0' || !(real >= -1e300 && real <= 1e300))
            return error_set(err, STATUS_INVALID, "the field \"%s\" is not a number: \"%s\"", key, text);
        set = strspn(text, "-0123456789") == strlen(text) && strlen(text) < 18
                  ? json_integer(strtoll(text, NULL, 10))
                  : json_real(real);
    }
    return json_object_set_new(metadata, key, set) == 0 ? STATUS_OK : error_memory(err, "reading a row");
}

static enum status add_metadata(json_t *document, const struct row_fields *f, const json_t *object,
                                const char *const *taken, struct error *err)
{
    const char *key;
    json_t *value, *given = json_object_get(object, "metadata"), *metadata = json_object();
    enum status status = metadata != NULL ? STATUS_OK : error_memory(err, "reading a row");
    json_object_foreach(given, key, value)
    {
        if (status == STATUS_OK && json_object_set(metadata, key, value) != 0)
            status = error_memory(err, "reading a row");
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        bool is_taken = strcmp(key, "metadata") == 0 && json_is_object(value);
        for (size_t i = 0; taken[i] != NULL; i++)
            is_taken = is_taken || strcmp(taken[i], key) == 0;
        if (status == STATUS_OK && !is_taken)
            status = set_metadata(metadata, f, key, value, err);
    }
    if (status == STATUS_OK && json_object_size(metadata) > 0 &&
        json_object_set(document, "metadata", metadata) != 0)
        status = error_memory(err, "reading a row");
    json_decref(metadata);
    return status;
}

static enum status make_document(const struct row_fields *f, const json_t *object, json_t *document,
                                 struct error *err)
{
    const char *names[6] = {[4] = "expires_at"};
    const json_t *id = part_of(object, f->id, &id_names, &names[0]);
    const json_t *text = part_of(object, f->text, &text_names, &names[1]);
    const json_t *title = part_of(object, f->title, &title_names, &names[2]);
    const json_t *lang = part_of(object, f->lang, &lang_names, &names[3]);
    if (lang == NULL)
        lang = shape_get(json_object_get(object, "metadata"), names[3]);
    if (text == NULL)
        return error_set(err, STATUS_UNSUPPORTED, "there is no field \"%s\"; choose the text's with --text FIELD",
                         names[1]);
    enum status status = set_id(document, id, names[0], err);
    if (status == STATUS_OK)
        status = set_text(document, "text", text, names[1], err);
    if (status == STATUS_OK && title != NULL && json_string_length(title) > 0)
        status = set_text(document, "title", title, names[2], err);
    if (status == STATUS_OK && lang != NULL && json_string_length(lang) > 0)
        status = set_text(document, "lang", lang, names[3], err);
    if (status == STATUS_OK && json_object_get(document, "lang") == NULL && f->language != NULL &&
        json_object_set_new(document, "lang", json_string(f->language)) != 0)
        status = error_memory(err, "reading a row");
    if (status == STATUS_OK)
        status = set_text(document, names[4], shape_get(object, names[4]), names[4], err);
    return status == STATUS_OK ? add_metadata(document, f, object, names, err) : status;
}

enum status row_object(struct row_reader *r, const json_t *object, size_t line, struct error *err)
{
    struct error fault = {0};
    json_t *document = json_object();
    if (document == NULL)
        return error_memory(err, "reading a row");
    r->row++;
    if (make_document(r->fields, object, document, &fault) == STATUS_OK)
        return r->sink->take(r->sink->context, document, r->row, line, err);
    json_decref(document);
    if (fault.status == STATUS_UNSUPPORTED && r->row == 1 && r->sink->documents_only)
        return error_set(err, STATUS_UNSUPPORTED, "%s", fault.text);
    return r->sink->refuse(r->sink->context, line, fault.text, err);
}

/* The reader of JSON gives the place within the bytes of the row: of a line the column is enough. */
static const char *without_line(const char *reason)
{
    return strncmp(reason, "line 1, ", 8) == 0 ? reason + 8 : reason;
}

enum status row_json(struct row_reader *r, struct text bytes, size_t line, struct error *err)
{
    struct error fault = {0};
    json_t *object = NULL;
    enum status status = api_parse_body(bytes.data, bytes.len, &object, &fault);
    if (status == STATUS_OK && !json_is_object(object))
        status = error_set(&fault, STATUS_INVALID, "this is not an object");
    if (status == STATUS_OK) {
        status = row_object(r, object, line, err);
    } else {
        r->row++;
        status = r->sink->refuse(r->sink->context, line, without_line(fault.text), err);
    }
    json_decref(object);
    return status;
}

/* ---- lines and JSON lines ---- */

static enum status row_line(struct row_reader *r, struct text text, size_t line, struct error *err)
{
    if (utf8_invalid(text.data, text.len) < text.len) {
        r->row++;
        return r->sink->refuse(r->sink->context, line, "this is not UTF-8; name the encoding with --encoding",
                               err);
    }
    json_t *object = json_object();
    if (object == NULL || json_object_set_new(object, "text", json_stringn(text.data, text.len)) != 0) {
        json_decref(object);
        return error_memory(err, "reading a line");
    }
    struct row_fields plain = {.language = r->fields->language};
    const struct row_fields *fields = r->fields;
    r->fields = &plain;
    enum status status = row_object(r, object, line, err);
    r->fields = fields;
    json_decref(object);
    return status;
}

static enum status read_lines(struct row_reader *r, bool json, struct error *err)
{
    struct lines lines;
    struct text line = {"", 1};
    enum status status = STATUS_OK;
    lines_init(&lines, r->in);
    while (status == STATUS_OK && line.len > 0) {
        status = lines_next(&lines, &line, err);
        struct text text = trimmed(line);
        if (status == STATUS_OK && text.len > 0)
            status = json ? row_json(r, text, lines.number, err) : row_line(r, text, lines.number, err);
    }
    lines_release(&lines);
    return status;
}

enum status rows_read(enum rows_kind kind, struct charset *in, const struct row_fields *fields,
                      const struct row_sink *sink, struct error *err)
{
    struct row_reader r = {in, fields, sink, 0};
    switch (kind) {
    case ROWS_LINES:
        return read_lines(&r, false, err);
    case ROWS_JSONL:
        return read_lines(&r, true, err);
    case ROWS_JSON:
        return rows_read_json(&r, err);
    case ROWS_CSV:
        return rows_read_csv(&r, false, err);
    default:
        return rows_read_csv(&r, true, err);
    }
}
