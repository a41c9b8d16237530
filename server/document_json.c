#include "server/document_json.h"

#include <stdlib.h>
#include <string.h>

#include "server/json_write.h"
#include "server/passages_json.h"
#include "server/routes.h"
#include "server/timestamp.h"

#define METADATA_BYTES ((size_t)1 << 20)

static const struct field document_fields[] = {
    {.name = "id",
     .kind = FIELD_TEXT,
     .least = 1,
     .most = 512,
     .about = "Unique in the collection, no control characters; made here (UUIDv7) when absent."},
    {.name = "text",
     .kind = FIELD_TEXT,
     .required = true,
     .least = 1,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "The text to be found, of any length up to 16 MiB; it is cut into passages."},
    {.name = "title",
     .kind = FIELD_TEXT,
     .most = 8192,
     .about = "Stands before each passage when it is embedded."},
    {.name = "lang",
     .kind = FIELD_TEXT,
     .most = 64,
     .about = "BCP 47 language tag; detected when absent, und when it cannot be."},
    {.name = "metadata",
     .kind = FIELD_OBJECT,
     .about = "Any object of at most 1 MiB; its top-level keys can be filtered by."},
    {.name = "expires_at",
     .kind = FIELD_TEXT,
     .most = 64,
     .about = "RFC 3339: from then on the document is not there any more; never when absent."},
    {.name = "vectors",
     .kind = FIELD_OBJECT,
     .of = &shape_vectors,
     .about = "Vectors from an export; used when they are of the collection's space."},
};
const struct shape shape_document_in =
    SHAPE("NewDocument", "A document to be indexed.", document_fields, .rows = true,
          .example = "{\"id\":\"a\",\"text\":\"La bibliothèque ouvre à neuf "
                     "heures.\",\"metadata\":{\"kind\":\"notice\"}}");

enum status metadata_text(const json_t *metadata, char **out, struct error *err)
{
    struct buf text;
    enum status status = STATUS_OK;
    buf_init(&text, METADATA_BYTES);
    if (metadata != NULL)
        status = json_write(metadata, &text, NULL);
    if (status == STATUS_TOO_LARGE)
        error_field(err, status, "metadata", "metadata is longer than 1 MiB");
    if (status == STATUS_NO_MEMORY)
        error_memory(err, "reading metadata");
    if (status == STATUS_OK)
        *out = text.data;
    else
        buf_release(&text);
    return status;
}

enum status expiry_read(const json_t *object, int64_t *out, struct error *err)
{
    int64_t moment = 0;
    struct text text = shape_text(object, "expires_at");
    enum status status = text.data != NULL ? timestamp_parse(text, "expires_at", &moment, err) : STATUS_OK;
    if (status == STATUS_OK && text.data != NULL && moment <= timestamp_now())
        status = error_field(err, STATUS_INVALID, "expires_at", "expires_at must lie in the future");
    if (status == STATUS_OK)
        *out = moment;
    return status;
}

/* The vectors of a row, with its metadata behind them in one block. */
static enum status add_vectors(const json_t *row, char **metadata, struct ingest_vectors **out,
                               struct error *err)
{
    char *behind = NULL;
    const json_t *vectors = shape_get(row, "vectors");
    size_t n = *metadata != NULL ? strlen(*metadata) : 0;
    if (vectors == NULL)
        return STATUS_OK;
    enum status status = passages_read(vectors, n, out, &behind, err);
    if (status != STATUS_OK)
        return status;
    memcpy(behind, *metadata != NULL ? *metadata : "", n + 1);
    free(*metadata);
    *metadata = behind;
    return STATUS_OK;
}

enum status document_read(const json_t *row, struct ingest_document *out, void **memory, struct error *err)
{
    struct ingest_vectors *vectors = NULL;
    char *text = NULL;
    int64_t expires = 0;
    enum status status = shape_check(&shape_document_in, row, "", err);
    if (status == STATUS_OK)
        status = expiry_read(row, &expires, err);
    if (status == STATUS_OK)
        status = metadata_text(shape_get(row, "metadata"), &text, err);
    if (status == STATUS_OK)
        status = add_vectors(row, &text, &vectors, err);
    if (status != STATUS_OK) {
        free(text);
        return status;
    }
    *out = (struct ingest_document){.id = shape_text(row, "id"),
                                    .title = shape_text(row, "title"),
                                    .lang = shape_text(row, "lang"),
                                    .text = shape_text(row, "text"),
                                    .expires = expires,
                                    .metadata = text != NULL ? text_of(text) : (struct text){0},
                                    .vectors = vectors};
    *memory = vectors != NULL ? (void *)vectors : text;
    return STATUS_OK;
}
