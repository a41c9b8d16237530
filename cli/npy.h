/* Rows of floats in NumPy's file format, as `cognate embed --format npy` writes them.
 *
 *     struct mapping file;
 *     struct npy vectors;
 *     if (mapping_open(&file, "vectors.npy", &err) == STATUS_OK &&
 *         npy_read(&vectors, "vectors.npy", file.data, file.size, &err) == STATUS_OK)
 *         npy_row(&vectors, 7, row);
 *     mapping_close(&file);
 */
#ifndef COGNATE_CLI_NPY_H
#define COGNATE_CLI_NPY_H

#include <stddef.h>

#include "common/status.h"

#define NPY_MOST_WIDTH 8192

struct npy {
    const unsigned char *rows; /* (count, width) floats of four bytes, borrowed, not aligned */
    size_t count, width;       /* at least one row; width up to NPY_MOST_WIDTH */
};

/* Takes version 1.0 with '<f4', C order and two dimensions (numpy.lib.format): UNSUPPORTED for anything else,
 * CORRUPT when the bytes are not as many as the header says. `name` is for messages. */
enum status npy_read(struct npy *out, const char *name, const unsigned char *bytes, size_t n,
                     struct error *err);

void npy_row(const struct npy *n, size_t i, float *out); /* `width` of them */

#endif
