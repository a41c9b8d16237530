/* Arrays of NumPy's file format, .npy: those of a model that NumPy kept, and rows of floats as `cognate embed
 * --format npy` writes them.
 *
 *     struct mapping file;
 *     struct npy vectors;
 *     if (mapping_open(&file, "vectors.npy", &err) == STATUS_OK &&
 *         npy_read(&vectors, "vectors.npy", file.data, file.size, &err) == STATUS_OK)
 *         npy_row(&vectors, 7, row);
 *     mapping_close(&file);
 *
 * Format: numpy.lib.format, version 1.0, in C order. Arrays of Python objects, which are pickles, are refused
 * like every other type that is not listed here.
 */
#ifndef COGNATE_COMMON_NPY_H
#define COGNATE_COMMON_NPY_H

#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

#define NPY_MOST_WIDTH 8192

enum npy_type { NPY_U8, NPY_F32, NPY_F64 };

struct npy_array {
    enum npy_type type;
    uint32_t dimensions;       /* 0 to 2 */
    uint64_t shape[2];         /* outermost first; unused ones are 1; at most 8 digits each */
    const unsigned char *data; /* borrowed, not aligned, shape[0] · shape[1] numbers */
};

/* UNSUPPORTED for what is no array of these kinds, CORRUPT when the bytes are not as many as the header says.
 * `name` is for messages. */
enum status npy_array_read(struct npy_array *out, const char *name, const unsigned char *bytes, size_t n,
                           struct error *err);

struct npy {
    const unsigned char *rows; /* (count, width) floats of four bytes, borrowed, not aligned */
    size_t count, width;       /* at least one row; width up to NPY_MOST_WIDTH */
};

/* The same for two dimensions of F32; UNSUPPORTED for anything else. */
enum status npy_read(struct npy *out, const char *name, const unsigned char *bytes, size_t n,
                     struct error *err);

void npy_row(const struct npy *n, size_t i, float *out); /* `width` of them */

#endif
