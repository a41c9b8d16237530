/* Integer dot products of a few queries with many stored vectors: the inner loop of exact search.
 *
 * Stored vectors are bytes, code + 128 with code in -127…127, rows of `stride` bytes (the width rounded up to
 * SCAN_ALIGN), whose heads lie in one array and whose rests in another. The query is integers of up to 15
 * bits, cut into two signed bytes, q = 128 · high + low, so that the byte instructions of the processor
 * multiply it in two passes over one load of the row. Sums are exact: the query's range is chosen by the
 * width so that no sum leaves 32 bits (intermediate steps may wrap, the result does not), and every kernel
 * gives the same integers.
 *
 * Most rows are far from being found. A glance tells which: the query's high bytes against the first half of
 * a row, a quarter of the work and half of the memory, with a bound for what it leaves out. Models whose
 * first numbers say most, as those do that may be cut short, gain most from it.
 */
#ifndef COGNATE_INDEX_SCAN_H
#define COGNATE_INDEX_SCAN_H

#include <stddef.h>
#include <stdint.h>

#include "common/cpu.h"

#define SCAN_ALIGN     64
#define SCAN_MAX_WIDTH 8192
#define SCAN_BLOCK     1024              /* rows a call, at most */
#define SCAN_WORDS     (SCAN_BLOCK / 64) /* of a bit for each of them */
#define SCAN_QUERIES   8                 /* queries a call, at most: a row is loaded once for all of them */

struct scan_query {
    int16_t *values;    /* stride of them, zero past the width */
    int16_t *tops;      /* the high bytes once more */
    int8_t *high, *low; /* values = 128 · high + low */
    int32_t offset;     /* 128 × sum of values, modulo 2³² */
    size_t stride;
    double unit;        /* value 1 stands for this much of the unit query */
    double error;       /* length of what rounding, and a turn, left of the unit query */
    double *normalized; /* the unit query itself, `width` of them */
    size_t head;        /* of the stride */
    struct {
        int32_t offset; /* 128 × sum of their high bytes */
        double unit;    /* a high byte's */
        double error;   /* length of what the high bytes left of the head, */
        double length;  /* of what they are, */
        double tail;    /* and of the rest of the unit query */
    } glance;
};

struct scan_codes {
    unsigned char *heads, *rests; /* head and stride - head bytes a row */
};

/* sums[q][i] = Σ (row[j] - 128) · queries[q][j], of row number i, or of row number rows[i] where rows is not
 * NULL. The queries have one width. */
typedef void scan_dot(struct scan_codes codes, const uint16_t *rows, size_t n,
                      const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK]);

/* A glance, a scan_dot too, gives Σ (row[j] - 128) · high[j] of the head instead. */

/* What rows may reach at most, from the sums of a glance: cosines in steps of 1 / SCAN_REACH, cut off, 1 for
 * all that are no higher. */
#define SCAN_REACH 255

struct scan_bounds { /* of the rows, one after the other */
    const float *scales, *errors, *tails;
};

typedef void scan_reach(const struct scan_query *query, const int32_t *sums, struct scan_bounds bounds,
                        size_t n, unsigned char *out);

struct scan_kernels {
    scan_dot *dot, *glance;
    scan_reach *reach;
};

const struct scan_kernels *scan_kernels(enum isa isa);

scan_dot scan_dot_reference, scan_glance_reference;
scan_reach scan_reach_reference;
#if defined(__x86_64__)
scan_dot scan_dot_avx2, scan_dot_avxvnni, scan_dot_avx512;
scan_dot scan_glance_avx2, scan_glance_avxvnni, scan_glance_avx512;
scan_reach scan_reach_avx2, scan_reach_avx512; /* AVX-VNNI has nothing for it that AVX2 has not */
#endif

/* A kernel asks for the row this many rows ahead while it multiplies one. Left alone the processor fetches
 * too little: measured, a pass for one query then takes a third longer than reading the rows does, and one
 * for four more than twice as long. */
#define SCAN_AHEAD 16

/* The two parts of a row. */
static inline void scan_parts(struct scan_codes codes, const uint16_t *rows, size_t at,
                              const struct scan_query *query, const unsigned char **head,
                              const unsigned char **rest)
{
    size_t row = rows != NULL ? rows[at] : at;
    *head = codes.heads + row * query->head;
    *rest = codes.rests + row * (query->stride - query->head);
}

/* A row with less reach cannot come up to the cosine, which is cut off alike. */
static inline unsigned scan_reach_floor(double cosine)
{
    double steps = cosine * SCAN_REACH;
    return steps < 1 ? 1 : steps > SCAN_REACH ? SCAN_REACH : (unsigned)steps;
}

static inline size_t scan_stride(size_t width)
{
    return (width + SCAN_ALIGN - 1) / SCAN_ALIGN * SCAN_ALIGN;
}

static inline size_t scan_head(size_t width)
{
    return scan_stride((scan_stride(width) + 1) / 2);
}

/* Turns a stored vector, or a query, before it is quantised; angles stay. Of many models a few numbers
 * outweigh all others and would make the steps of the codes coarse: the turn (Walsh's and Hadamard's, of
 * strides within the head and within the rest) spreads each over 64, and the errors of the codes are half as
 * large. The turned vector is off by SCAN_TURN_ERROR of its length at most: eight roundings of each number.
 */
#define SCAN_TURN_ERROR 1e-6
void scan_turn(float *vector, size_t width);

/* Quantises a query of finite floats that are not all zero. `memory` takes scan_query_bytes(width) bytes,
 * aligned to SCAN_ALIGN, and must outlive the query. */
size_t scan_query_bytes(size_t width);
void scan_query_init(struct scan_query *q, const float *vector, size_t width, void *memory);

/* Quantises a stored vector into a row: vector / length ≈ scale · code, the distance between the two, that of
 * a turn included, is at most *error, and what is behind the head of vector / length no longer than *tail.
 * False, and nothing written, when the vector is not finite or has no length. */
_Bool scan_row_init(unsigned char *head, unsigned char *rest, float *scale, float *error, float *tail,
                    const float *vector, size_t width);

#endif
