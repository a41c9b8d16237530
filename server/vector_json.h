/* Vectors in the forms that clients ask for.
 *
 *     struct vector_format format = {.type = VECTOR_FLOAT, .dimensions = 256};
 *     vector_shorten(row, width, format.dimensions);
 *     vector_write(row, &format, &text, &err);
 *
 *     type    JSON                               base64
 *     float   [0.0123, -0.5, …]                  little-endian float32
 *     int8    [12, -127, …] the largest is ±127  one byte each
 *     binary  [0…255, …] one bit a dimension, set where it is above 0, the first in the highest bit
 *
 * The last two types are int8 plus 128, and binary less 128, as Cohere's API has them.
 */
#ifndef COGNATE_SERVER_VECTOR_JSON_H
#define COGNATE_SERVER_VECTOR_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/status.h"

enum vector_type { VECTOR_FLOAT, VECTOR_INT8, VECTOR_BINARY, VECTOR_UINT8, VECTOR_SIGNED_BINARY };

struct vector_format {
    enum vector_type type;
    bool base64;
    size_t dimensions;
};

extern const char *const vector_type_names[];     /* of the first three, NULL at the end */
extern const char *const vector_encoding_names[]; /* "float", "base64" */

/* Makes the first `dimensions` of `width` numbers a unit vector of their own. */
void vector_shorten(float *vector, size_t width, size_t dimensions);
enum status vector_write(const float *vector, const struct vector_format *format, struct buf *out,
                         struct error *err);

#endif
