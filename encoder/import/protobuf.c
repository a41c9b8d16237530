#include "encoder/import/protobuf.h"

struct proto_reader proto_of(struct text bytes)
{
    return (struct proto_reader){.rest = bytes};
}

static void skip(struct text *rest, size_t n)
{
    rest->data += n;
    rest->len -= n;
}

static bool varint(struct text *rest, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && rest->len > 0; shift += 7) {
        unsigned char byte = (unsigned char)rest->data[0];
        skip(rest, 1);
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool fixed(struct text *rest, size_t size, uint64_t *out)
{
    uint64_t value = 0;
    if (rest->len < size)
        return false;
    for (size_t i = 0; i < size; i++)
        value |= (uint64_t)(unsigned char)rest->data[i] << 8 * i;
    skip(rest, size);
    *out = value;
    return true;
}

static bool field(struct text *rest, struct proto_field *f)
{
    uint64_t tag;
    if (!varint(rest, &tag) || tag >> 3 == 0 || tag >> 3 >= 1u << 29)
        return false;
    f->number = (uint32_t)(tag >> 3);
    f->kind = (enum proto_kind)(tag & 7);
    f->bytes = (struct text){0};
    switch (f->kind) {
    case PROTO_VARINT:
        return varint(rest, &f->value);
    case PROTO_64:
        return fixed(rest, 8, &f->value);
    case PROTO_32:
        return fixed(rest, 4, &f->value);
    case PROTO_BYTES:
        if (!varint(rest, &f->value) || f->value > rest->len)
            return false;
        f->bytes = (struct text){rest->data, (size_t)f->value};
        skip(rest, f->bytes.len);
        return true;
    }
    return false;
}

bool proto_next(struct proto_reader *r, struct proto_field *out)
{
    if (r->rest.len == 0 || r->damaged)
        return false;
    r->damaged = !field(&r->rest, out);
    return !r->damaged;
}
