#include "server/vector_json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/base64.h>

#include "server/json_write.h"

const char *const vector_type_names[] = {"float", "int8", "binary", NULL};
const char *const vector_encoding_names[] = {"float", "base64", NULL};

void vector_shorten(float *vector, size_t width, size_t dimensions)
{
    double square = 0;
    if (dimensions >= width)
        return;
    for (size_t i = 0; i < dimensions; i++)
        square += (double)vector[i] * vector[i];
    for (size_t i = 0; i < dimensions && square > 0; i++)
        vector[i] = (float)(vector[i] / sqrt(square));
}

/* The bytes of a vector; how many. */
static size_t vector_bytes(const float *v, const struct vector_format *format, uint8_t *out)
{
    float largest = 0;
    switch (format->type) {
    case VECTOR_FLOAT:
        for (size_t i = 0; i < format->dimensions; i++) {
            uint32_t bits;
            memcpy(&bits, &v[i], sizeof bits);
            for (size_t j = 0; j < 4; j++)
                out[4 * i + j] = (uint8_t)(bits >> 8 * j);
        }
        return 4 * format->dimensions;
    case VECTOR_INT8:
    case VECTOR_UINT8:
        for (size_t i = 0; i < format->dimensions; i++)
            largest = fmaxf(largest, fabsf(v[i]));
        for (size_t i = 0; i < format->dimensions; i++)
            out[i] = (uint8_t)((largest > 0 ? lrintf(v[i] / largest * 127) : 0) +
                               (format->type == VECTOR_UINT8 ? 128 : 0));
        return format->dimensions;
    default:
        memset(out, 0, (format->dimensions + 7) / 8);
        for (size_t i = 0; i < format->dimensions; i++)
            out[i / 8] |= (uint8_t)((v[i] > 0) << (7 - i % 8));
        for (size_t i = 0; i < (format->dimensions + 7) / 8 && format->type == VECTOR_SIGNED_BINARY; i++)
            out[i] = (uint8_t)(out[i] - 128);
        return (format->dimensions + 7) / 8;
    }
}

static enum status write_base64(const uint8_t *bytes, size_t n, struct buf *out, struct error *err)
{
    size_t length = BASE64_ENCODE_RAW_LENGTH(n);
    enum status status = buf_reserve(out, length + 2, err);
    if (status != STATUS_OK)
        return status;
    char *at = out->data + out->len;
    at[0] = '"';
    base64_encode_raw(at + 1, n, bytes);
    at[length + 1] = '"';
    at[length + 2] = '\0';
    out->len += length + 2;
    return STATUS_OK;
}

static enum status write_integers(const uint8_t *bytes, size_t n, bool is_signed, struct buf *out,
                                  struct error *err)
{
    enum status status = buf_append(out, "[", 1, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = buf_printf(out, err, "%s%d", i > 0 ? "," : "", is_signed ? (int8_t)bytes[i] : bytes[i]);
    return status == STATUS_OK ? buf_append(out, "]", 1, err) : status;
}

enum status vector_write(const float *vector, const struct vector_format *format, struct buf *out,
                         struct error *err)
{
    if (format->type == VECTOR_FLOAT && !format->base64)
        return json_write_floats(vector, format->dimensions, out, err);
    uint8_t *bytes = malloc(4 * format->dimensions + 1);
    if (bytes == NULL)
        return error_memory(err, "writing a vector");
    size_t n = vector_bytes(vector, format, bytes);
    bool is_signed = format->type == VECTOR_INT8 || format->type == VECTOR_SIGNED_BINARY;
    enum status status =
        format->base64 ? write_base64(bytes, n, out, err) : write_integers(bytes, n, is_signed, out, err);
    free(bytes);
    return status;
}
