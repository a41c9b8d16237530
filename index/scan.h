/* Integer dot products of a few queries with many stored vectors: the inner loop of exact search.
 *
 * Stored vectors are bytes, code + 128 with code in -127…127, rows of `stride` bytes (the width rounded up to
 * SCAN_ALIGN). The query is integers of up to 15 bits, cut into two signed bytes, q = 128 · high + low, so
 * that the byte instructions of the processor multiply it in two passes over one load of the row. Sums are
 * exact: the query's range is chosen by the width so that no sum leaves 32 bits (intermediate steps may wrap,
 * the result does not), and every kernel gives the same integers.
 */
#ifndef COGNATE_INDEX_SCAN_H
#define COGNATE_INDEX_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "common/cpu.h"

#define SCAN_ALIGN     64
#define SCAN_MAX_WIDTH 8192
#define SCAN_BLOCK     1024 /* rows a call, at most */
#define SCAN_QUERIES   8    /* queries a call, at most: a row is loaded once for all of them */

struct scan_query {
    int16_t *values;    /* stride of them, zero past the width */
    int8_t *high, *low; /* values = 128 · high + low */
    int32_t offset;     /* 128 × sum of values, modulo 2³² */
    size_t stride;
    double unit;        /* value 1 stands for this much of the unit query */
    double error;       /* length of what rounding left of the unit query */
    double *normalized; /* the unit query itself, `width` of them */
};

/* sums[q][i] = Σ (row[j] - 128) · queries[q][j], of row number i, or of row number rows[i] where rows is not
 * NULL. The queries have one stride. */
typedef void scan_dot(const unsigned char *codes, const uint16_t *rows, size_t n,
                      const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK]);

struct scan_kernels {
    scan_dot *dot;
};

const struct scan_kernels *scan_kernels(enum isa isa);

scan_dot scan_dot_reference;
#if defined(__x86_64__)
scan_dot scan_dot_avx2, scan_dot_avxvnni, scan_dot_avx512;
#endif

/* A kernel asks for the row this many rows ahead while it multiplies one. Left alone the processor fetches
 * too little: measured, a pass for one query then takes a third longer than reading the rows does, and one
 * for four more than twice as long. */
#define SCAN_AHEAD 16

static inline const unsigned char *scan_row(const unsigned char *codes, const uint16_t *rows, size_t at,
                                            size_t stride)
{
    return codes + (rows != NULL ? rows[at] : at) * stride;
}

static inline size_t scan_stride(size_t width)
{
    return (width + SCAN_ALIGN - 1) / SCAN_ALIGN * SCAN_ALIGN;
}

/* Quantises a query of finite floats that are not all zero. `memory` takes scan_query_bytes(width) bytes,
 * aligned to SCAN_ALIGN, and must outlive the query. */
size_t scan_query_bytes(size_t width);
void scan_query_init(struct scan_query *q, const float *vector, size_t width, void *memory);

/* Quantises a stored vector into a row: vector / length ≈ scale · code, and the distance between the two is
 * at most *error. False, and nothing written, when the vector is not finite or has no length. */
_Bool scan_row_init(unsigned char *row, float *scale, float *error, const float *vector, size_t width);

#endif
