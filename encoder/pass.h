/* One pass of packed sequences through a model: tokens of all sequences are rows of every buffer, one after
 * the other, without padding between sequences.
 *
 *     struct pass pass = {model, &scratch, team, ids, starts, texts, rows};
 *     pass_run(&pass);
 *     use(scratch.out + i * model->out);              // vector i, not yet of unit length
 *
 * What a row goes through alone is done for a block of rows before the next block, so that what lies between
 * stays in the second-level cache, whatever the length of the pass.
 *
 * The threads of a team walk through the pass together and share out the rows, heads or output columns of
 * every step. No sum is ever split, so the bits do not depend on who did what.
 */
#ifndef COGNATE_ENCODER_PASS_H
#define COGNATE_ENCODER_PASS_H

#include "common/arena.h"
#include "encoder/architecture.h"
#include "encoder/team.h"

#define PASS_TEXTS 128 /* sequences in a pass, at most */
#define BLOCK_ROWS 48

/* See forward.c and conv_encoder.c for what each architecture does with its buffers. */
struct scratch {
    float *x;   /* (rows, hidden): what the last layer makes of every token stands here in the end */
    float *out; /* (PASS_TEXTS, model->out) */

    float *qkv, *inside, *sum;
    struct codes narrow; /* of a block's hidden or context rows; int8 only */
    struct codes broad;  /* of a block's feed-forward rows; int8 only */
    float *ranges;       /* (threads, block, 2, STRIPES): of those rows; int8 only */
    int32_t *attention;  /* (threads, attention_size) */
    size_t attention_size;
    float
        *vectors[2]; /* (PASS_TEXTS, widest of pooling and heads): each head reads one and writes the other */

    struct conv_scratch {
        float *branches[MAX_ORDERS]; /* what goes into the first convolution of each order */
        float *inside;               /* what comes out of it */
        float *windows;              /* (BLOCK_ROWS, widest window); f32 only */
        uint32_t *places;            /* (rows): of a row in the two above */
        float *pooled, *between[2];  /* (PASS_TEXTS, …) */
    } conv;
};

struct pass {
    const struct model *model;
    const struct scratch *scratch;
    struct team *team;
    const int32_t *ids;     /* of the first token */
    const uint32_t *starts; /* (texts + 1), relative to starts[0] */
    size_t texts, rows;
};

void pass_run(const struct pass *pass);

/* A thread on its way through a pass. */
struct worker {
    const struct pass *pass;
    struct turn *turn;
};

struct range {
    size_t first, end;
    size_t share; /* which one of its step's shares it is */
};

/* The next share of this step's n things, in multiples of `together`: one share a thread, so that what is
 * close in memory is worked on by one. */
bool next_share(const struct worker *k, size_t n, size_t together, struct range *out);

/* Rows first … first + count - 1 of the pass, which lie in rows 0 … count - 1 of a block's buffers. */
struct block {
    size_t first, count;
};

/* The blocks of a pass are of about the same size, and whole tiles of every kernel. Starts with {0, 0}. */
bool next_block(const struct pass *p, struct block *b);
bool next_rows(const struct worker *k, const struct block *b, struct range *rows);

/* out = w · in for `rows` rows, from the codes in int8, from the floats otherwise. */
void linear_step(const struct worker *k, const struct linear *w, size_t rows, const struct codes *codes,
                 const float *in, size_t in_stride, float *out);

/* out = f(w · in), and their codes, from the codes of `in`; int8 only. `ranges` has room for struct ranges of
 * as many parts as there are threads. */
void linear_coded_step(const struct worker *k, const struct linear *w, size_t rows, const struct codes *in,
                       enum activation f, float *ranges, float *out, const struct codes *codes);

/* out = activation(d · in) for a row of every text. */
void dense_step(const struct worker *k, const struct dense *d, const float *in, size_t in_stride, float *out,
                size_t out_stride);

static inline bool is_int8(const struct worker *w)
{
    return w->pass->model->precision == PRECISION_INT8;
}

static inline size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rows of a block of a pass of `rows` rows. */
static inline size_t block_rows(size_t rows)
{
    return rows < BLOCK_ROWS ? rows : BLOCK_ROWS;
}

void take_codes(struct codes *c, size_t rows, size_t stride, struct arena *arena);

#endif
