#include "cli/npy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC       "\x93NUMPY\x01"
#define MAGIC_BYTES 7
#define PREFIX      10 /* magic, minor version, two bytes of length */
#define MOST_HEADER 1024

/* The header is a Python dictionary; the three entries come in any order. */
static const char *entry(const char *header, const char *key)
{
    const char *at = strstr(header, key);
    return at == NULL ? "" : at + strlen(key) + strspn(at + strlen(key), " ");
}

enum status npy_read(struct npy *out, const char *name, const unsigned char *bytes, size_t n,
                     struct error *err)
{
    char header[MOST_HEADER + 1];
    uint64_t count = 0, width = 0;
    int read = 0;
    if (n < PREFIX || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s is no npy file of version 1; make one with cognate embed --format npy", name);
    size_t length = bytes[8] + 256u * bytes[9];
    if (length > MOST_HEADER || length > n - PREFIX)
        return error_set(err, STATUS_CORRUPT, "%s ends within its header, or has one of %zu bytes", name,
                         length);
    memcpy(header, bytes + PREFIX, length);
    header[length] = '\0';
    if (strncmp(entry(header, "'descr':"), "'<f4'", 5) != 0 ||
        strncmp(entry(header, "'fortran_order':"), "False", 5) != 0 ||
        sscanf(entry(header, "'shape':"), "(%8" SCNu64 ", %8" SCNu64 ")%n", &count, &width, &read) != 2 ||
        read == 0 || count == 0 || width == 0 || width > NPY_MOST_WIDTH)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s holds no rows of f32; make it with cognate embed --format npy", name);
    if ((n - PREFIX - length) / sizeof(float) / width < count ||
        n - PREFIX - length != count * width * sizeof(float))
        return error_set(err, STATUS_CORRUPT,
                         "%s has %zu bytes of numbers; %" PRIu64 " rows of %" PRIu64 " have another size",
                         name, n - PREFIX - length, count, width);
    *out = (struct npy){bytes + PREFIX + length, (size_t)count, (size_t)width};
    return STATUS_OK;
}

void npy_row(const struct npy *n, size_t i, float *out)
{
    memcpy(out, n->rows + i * n->width * sizeof *out, n->width * sizeof *out);
}
