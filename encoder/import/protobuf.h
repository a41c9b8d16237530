/* The fields of a protobuf message, one after the other.
 *
 *     struct proto_reader r = proto_of(bytes);
 *     struct proto_field f;
 *     while (proto_next(&r, &f))
 *         if (f.number == 1 && f.kind == PROTO_BYTES)
 *             name = f.bytes;                        // a text, or a message to be read in turn; borrowed
 *     if (r.damaged)
 *         return error_set(err, STATUS_CORRUPT, …);
 *
 * Reading never leaves the bytes. Groups, which nobody writes any more, count as damage.
 *
 * Format: protobuf.dev, "Encoding".
 *
 *     tag: number << 3 | kind, as a varint | value: varint, 8 bytes, length (varint) and bytes, or 4 bytes |
 * …
 */
#ifndef COGNATE_IMPORT_PROTOBUF_H
#define COGNATE_IMPORT_PROTOBUF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/text.h"

enum proto_kind { PROTO_VARINT = 0, PROTO_64 = 1, PROTO_BYTES = 2, PROTO_32 = 5 };

struct proto_field {
    uint32_t number;
    enum proto_kind kind;
    uint64_t value;    /* of a varint, or the bits of 8 or 4 bytes */
    struct text bytes; /* of PROTO_BYTES */
};

struct proto_reader {
    struct text rest;
    bool damaged; /* the bytes did not end with a field */
};

struct proto_reader proto_of(struct text bytes);

/* False at the end and at the first damage. */
bool proto_next(struct proto_reader *r, struct proto_field *out);

static inline float proto_float(const struct proto_field *f)
{
    uint32_t bits = (uint32_t)f->value;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

#endif
