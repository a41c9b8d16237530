/* Any bytes as JSON lines of documents: every line is told, in order, and a document that is accepted has
 * valid texts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "server/document_json.h"
#include "server/json_edge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(struct text text)
{
    if (text.len > 0 && utf8_invalid(text.data, text.len) != text.len)
        abort();
}

static void check_row(struct text line)
{
    struct ingest_document document;
    void *memory = NULL;
    json_t *row = NULL, *object = NULL;
    if (api_parse_body(line.data, line.len, &row, NULL) != STATUS_OK)
        return;
    struct error err = {0};
    if (document_read(row, &document, &memory, &err) == STATUS_OK) {
        check_text(document.id);
        check_text(document.title);
        check_text(document.lang);
        check_text(document.text);
        if (document.text.len == 0 || document.id.len > 512)
            abort();
        struct text metadata = document.metadata;
        if (metadata.len > 0 && api_parse_body(metadata.data, metadata.len, &object, NULL) != STATUS_OK)
            abort();
        for (size_t i = 0; document.vectors != NULL && i < document.vectors->count; i++)
            for (size_t j = 0; j < document.vectors->width; j++) {
                volatile float each = document.vectors->passages[i].vector[j];
                (void)each;
            }
    } else if (err.text[0] == '\0' || memory != NULL) {
        abort();
    }
    json_decref(object);
    json_decref(row);
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct text rest = {(const char *)data, size}, line;
    size_t number = 0, before = 0;
    while (ndjson_next(&rest, &line, &number)) {
        if (number <= before || line.len == 0 || memchr(line.data, '\n', line.len) != NULL)
            abort();
        before = number;
        check_row(line);
    }
    return rest.len == 0 ? 0 : (abort(), 0);
}
