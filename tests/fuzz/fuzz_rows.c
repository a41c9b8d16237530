/* Tables and lists of documents: the first byte chooses the format and the encoding, the rest is the file. Every
 * document handed over has a text, and rows and lines only go up. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/rows.h"
#include "common/utf8.h"

struct seen {
    size_t row, line;
};

static enum status take(void *context, json_t *document, size_t row, size_t line, struct error *err)
{
    struct seen *seen = context;
    const json_t *text = json_object_get(document, "text");
    if (!json_is_string(text) || row <= seen->row || line < seen->line)
        abort();
    if (utf8_invalid(json_string_value(text), json_string_length(text)) != json_string_length(text))
        abort();
    *seen = (struct seen){row, line};
    json_decref(document);
    return row > 1000 ? error_set(err, STATUS_CANCELLED, "enough") : STATUS_OK;
}

static enum status refuse(void *context, size_t line, const char *reason, struct error *err)
{
    (void)context;
    (void)err;
    if (line == 0 || reason == NULL || reason[0] == '\0')
        abort();
    return STATUS_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const encodings[] = {NULL, NULL, "windows-1252", "UTF-16LE"};
    struct charset in;
    struct row_fields fields = {0};
    struct seen seen = {0};
    struct row_sink sink = {take, refuse, &seen};
    struct error err = {0};
    if (size == 0)
        return 0;
    struct text bytes = {(const char *)data + 1, size - 1};
    if (charset_open_memory(&in, bytes, encodings[data[0] / 8 % 4], &err) != STATUS_OK)
        return 0;
    enum status status = rows_read((enum rows_kind)(data[0] % 5), &in, &fields, &sink, &err);
    if ((status == STATUS_OK) != (err.status == STATUS_OK))
        abort();
    charset_close(&in);
    return 0;
}
