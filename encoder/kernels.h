/* The arithmetic of the encoder: one table of functions, chosen once when a model is opened.
 *
 *     const struct kernels *k = kernels_for(ISA_AVX512);
 *     k->norm(&layer->attention_norm, x, add, stride, 0, rows, &codes);
 *
 * Every table gives the same bits. Integer sums are exact. Float work follows one rule, kept by writing it
 * once (kernels_body.h) over a vector of sixteen floats (vec16_*.h) that each instruction set provides:
 *
 *     (1) a sum along a row goes into 16 stripes, element i into stripe i mod 16, in order, and the stripes
 *         are folded in one tree: i with i + 8, then + 4, + 2, + 1;
 *     (2) a product of matrices gives each output its own chain of fused multiply-adds in order of the inner
 *         index;
 *     (3) a multiply-add is fused where the source says v16_fma and nowhere else; divisions and square roots
 *         are the exact ones; rounding is to nearest even, denormals are kept;
 *     (4) exp, tanh and erf are the polynomials in kernels_body.h;
 *     (5) attention is made of whole numbers (kernels_attend.h).
 *
 * Rows are padded with zeros: widths to PAD values, a head's width to STRIPES. Padding stays zero.
 * A change that changes bits must raise NUMERICS_VERSION, which is part of every vector's space.
 */
#ifndef COGNATE_ENCODER_KERNELS_H
#define COGNATE_ENCODER_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpu.h"

#define NUMERICS_VERSION 3
#define STRIPES          16
#define PAD              64 /* also the columns of a weight panel */

static inline size_t padded(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* out = in · weightᵀ + bias. `in` and `out` are padded. */
struct linear {
    size_t in, out;
    float *bias;   /* (out) */
    float *weight; /* (out, in); f32 only */

    /* int8 only: value = scale · panel byte. Panels hold 64 outputs each, four inputs of one output side by
     * side, as vpdpbusd wants them: (out / 64, in / 4, 64, 4). */
    int8_t *panels;
    float *scale; /* (out) */
    float *sum;   /* (out) of the panel bytes of an output */
};

/* Layer norm over the first `width` values of a row. */
struct norm {
    size_t width, stride;
    float epsilon;
    float *weight, *bias; /* (stride) */
    float *spread; /* (stride) int8 only: what the normalised value is multiplied with to be quantised */
};

/* Rows of bytes that stand for floats: scale · byte + least. A row's range, from its smallest value to its
 * largest and zero among them, is spread over the bytes: where one channel towers over the others it does so
 * on one side, and the steps are half as wide as those of a range around zero. */
struct codes {
    uint8_t *bytes; /* (rows, stride) */
    size_t stride;
    float *scale, *least; /* (rows) */
};

/* The smallest and the largest value of every row, and zero, in stripes. Where the columns of a row are
 * shared out, each share has a part of its own. */
struct ranges {
    float *stripes; /* (parts, rows, 2, STRIPES) */
    size_t parts, rows;
};

enum pooling {
    POOL_MEAN,
    POOL_MAX,
    POOL_CLS, /* the first row */
    POOL_LAST,
    POOL_MEAN_SQRT, /* the sum over the root of the number of rows */
    POOL_WEIGHTED,  /* the mean, row i counted i + 1 times */
    POOL_KINDS
};

enum activation {
    ACTIVATION_NONE,
    ACTIVATION_GELU,      /* the erf form */
    ACTIVATION_GELU_TANH, /* its approximation by tanh, where a model was trained with that */
    ACTIVATION_RELU,
    ACTIVATION_TANH,
    ACTIVATION_KINDS
};

/* What happens to a product while it is still close by: x = f(x), and the ranges of its rows. */
struct after {
    enum activation f;
    float *range; /* (rows, 2, STRIPES): a part of struct ranges */
};

struct kernels {
    /* Columns 64 · first … 64 · end - 1 of out = codes · panels, scaled, plus bias; `after` may be NULL. */
    void (*linear)(const struct linear *w, const struct codes *codes, size_t rows, size_t first, size_t end,
                   const struct after *after, float *out);

    /* x = norm(x + add) for rows first … end - 1; add may be NULL. With codes, also the codes of the
     * normalised values times `spread`. */
    void (*norm)(const struct norm *w, float *x, const float *add, size_t first, size_t end,
                 const struct codes *codes);

    /* The codes of `width` values a row, whose ranges are measured where they are not known: `ranges` may be
     * NULL. */
    void (*quantize)(const float *x, size_t stride, size_t width, size_t first, size_t end,
                     const struct ranges *ranges, const struct codes *codes);

    /* x = f(x), `width` values a row, a multiple of 16. */
    void (*activate)(enum activation f, float *x, size_t stride, size_t width, size_t first, size_t end);

    /* One head of one sequence of n rows: queries at qkv, keys `width` further, values 2 · `width` further,
     * `head` values each. The context replaces the queries. The scale is part of the query weights. `scratch`
     * has attend_scratch(head, n) numbers of four bytes. */
    void (*attend)(float *qkv, size_t stride, size_t width, size_t head, size_t n, void *scratch);

    /* The same for models whose scores depend on distance, in floats: bias[j - i] is added to the score of
     * query i with key j; it has 15 values more behind the last. Reads up to 15 rows behind the last, whose
     * values do not matter. */
    void (*attend_float)(float *qkv, size_t stride, size_t width, size_t head, size_t n, const float *bias,
                         void *scratch);

    /* c = a · b + start for `rows` rows of a; b is (inner, columns), columns a multiple of 16; start may be
     * NULL. */
    void (*product)(const float *a, size_t a_stride, size_t rows, const float *b, size_t b_stride,
                    size_t inner, size_t columns, const float *start, float *c, size_t c_stride);

    /* `width` values (a multiple of 16) out of n rows. */
    void (*pool)(enum pooling kind, const float *x, size_t stride, size_t n, size_t width, float *out);

    /* Scales n values, a multiple of 16, to unit length; false when they have none. */
    bool (*unit)(float *x, size_t n);
};

#define ATTEND_ROWS  8  /* keys and queries are taken in tiles of so many rows at most, */
#define ATTEND_LANES 32 /* and queries side by side in so many at most */

#define QUERIES 8 /* whose scores attend_float holds at a time */

/* From one row of attend_float's scratch to the next: an odd number of cache lines, so that rows do not fall
 * on each other in the cache. */
static inline size_t attend_pitch(size_t n)
{
    return padded(n, 2 * STRIPES) + STRIPES;
}

/* Numbers of scratch that attend and attend_float need for a sequence of n rows. */
size_t attend_scratch(size_t head, size_t n);

const struct kernels *kernels_for(enum isa isa);

extern const struct kernels kernels_reference;
#if defined(__x86_64__)
extern const struct kernels kernels_avx2, kernels_avxvnni, kernels_avx512;
#endif

#endif
