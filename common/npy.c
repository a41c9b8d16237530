#include "common/npy.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC       "\x93NUMPY\x01"
#define MAGIC_BYTES 7
#define PREFIX      10 /* magic, minor version, two bytes of length */
#define MOST_HEADER 1024

static const struct {
    const char *descr;
    size_t size;
} types[] = {[NPY_U8] = {"'|u1'", 1}, [NPY_F32] = {"'<f4'", 4}, [NPY_F64] = {"'<f8'", 8}};

/* The header is a Python dictionary; the three entries come in any order. */
static const char *entry(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    return at == NULL ? "" : at + strlen(key) + strspn(at + strlen(key), " ");
}

static bool read_type(const char *header, enum npy_type *out)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strncmp(entry(header, "'descr':"), types[i].descr, strlen(types[i].descr)) == 0) {
            *out = (enum npy_type)i;
            return true;
        }
    return false;
}

static bool read_shape(const char *header, struct npy_array *a)
{
    const char *shape = entry(header, "'shape':");
    int read = 0;
    a->shape[0] = a->shape[1] = 1;
    a->dimensions = 2;
    if (sscanf(shape, "(%8" SCNu64 ", %8" SCNu64 ")%n", &a->shape[0], &a->shape[1], &read) == 2 && read > 0)
        return true;
    a->shape[0] = a->shape[1] = 1;
    a->dimensions = 1;
    if (sscanf(shape, "(%8" SCNu64 ",)%n", &a->shape[0], &read) == 1 && read > 0)
        return true;
    a->dimensions = 0;
    return strncmp(shape, "()", 2) == 0;
}

enum status npy_array_read(struct npy_array *out, const char *name, const unsigned char *bytes, size_t n,
                           struct error *err)
{
    char header[MOST_HEADER + 1];
    struct npy_array a = {0};
    if (n < PREFIX || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0)
        return error_set(err, STATUS_UNSUPPORTED, "%s is no npy file of version 1", name);
    size_t length = bytes[8] + 256u * bytes[9];
    if (length > MOST_HEADER || length > n - PREFIX)
        return error_set(err, STATUS_CORRUPT, "%s ends within its header, or has one of %zu bytes", name,
                         length);
    memcpy(header, bytes + PREFIX, length);
    header[length] = '\0';
    if (strncmp(entry(header, "'descr':"), "'|O'", 4) == 0)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s is an array of Python objects: a pickle, which is never read", name);
    if (!read_type(header, &a.type) || strncmp(entry(header, "'fortran_order':"), "False", 5) != 0 ||
        !read_shape(header, &a))
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s is no array of u1, f4 or f8 in C order with at most two dimensions", name);
    n -= PREFIX + length;
    if (n / types[a.type].size != a.shape[0] * a.shape[1] || n % types[a.type].size != 0)
        return error_set(err, STATUS_CORRUPT,
                         "%s has %zu bytes of numbers; %" PRIu64 " rows of %" PRIu64 " have another size",
                         name, n, a.shape[0], a.shape[1]);
    a.data = bytes + PREFIX + length;
    *out = a;
    return STATUS_OK;
}

enum status npy_read(struct npy *out, const char *name, const unsigned char *bytes, size_t n,
                     struct error *err)
{
    struct npy_array a;
    enum status status = npy_array_read(&a, name, bytes, n, err);
    if (status != STATUS_OK)
        return status;
    if (a.type != NPY_F32 || a.dimensions != 2 || a.shape[0] == 0 || a.shape[1] == 0 ||
        a.shape[1] > NPY_MOST_WIDTH)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s holds no rows of f32; make it with cognate embed --format npy", name);
    *out = (struct npy){a.data, (size_t)a.shape[0], (size_t)a.shape[1]};
    return STATUS_OK;
}

void npy_row(const struct npy *n, size_t i, float *out)
{
    memcpy(out, n->rows + i * n->width * sizeof *out, n->width * sizeof *out);
}
