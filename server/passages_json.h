/* The vectors of a document as export gives them and a write of documents takes them:
 *
 *     {"space_id": "64 hexadecimal digits", "passages": [{"start": 0, "end": 39, "tokens": 12, "vector":
 * "base64"}]}
 *
 * start and end are bytes of the text, a vector is little-endian float32. Vectors of another space than the
 * collection's are of no use to it: the text is then embedded as if they were not there.
 */
#ifndef COGNATE_SERVER_PASSAGES_JSON_H
#define COGNATE_SERVER_PASSAGES_JSON_H

#include <jansson.h>

#include "common/buf.h"
#include "server/engine.h"

struct shape;
extern const struct shape shape_vectors;

/* Reads the object, checked against the shape, into one block with `extra` bytes behind it for the caller,
 * who frees `*out`. INVALID for what is no hexadecimal, no base64, or of different lengths. */
enum status passages_read(const json_t *vectors, size_t extra, struct ingest_vectors **out, char **behind,
                          struct error *err);

/* Appends the object. */
enum status passages_write(const unsigned char space_id[32], const struct passage_row *rows, size_t n,
                           size_t width, struct buf *out, struct error *err);

#endif
