/* A document as a client sends it.
 *
 *     struct ingest_document document;
 *     void *memory = NULL;
 *     if (document_read(row, &document, &memory, &err) != STATUS_OK) …
 *     free(memory);                      // after the document was used: its texts are borrowed from both
 */
#ifndef COGNATE_SERVER_DOCUMENT_JSON_H
#define COGNATE_SERVER_DOCUMENT_JSON_H

#include <jansson.h>

#include "server/engine.h"

enum status document_read(const json_t *row, struct ingest_document *out, void **memory, struct error *err);

/* The field expires_at of an object in Unix milliseconds, 0 when it is absent. INVALID when it is past. */
enum status expiry_read(const json_t *object, int64_t *out, struct error *err);

/* A metadata object as text (owned by the caller); NULL with STATUS_OK for a missing one. */
enum status metadata_text(const json_t *metadata, char **out, struct error *err);

#endif
