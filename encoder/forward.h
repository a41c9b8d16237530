/* One pass of packed sequences through a model.
 *
 *     tokens   | sequence 0 | sequence 1 | … |        rows of every buffer, no padding between sequences
 *     x        (rows, hidden)             the residual stream
 *     qkv      (rows, 3 · heads)          queries, keys, values; then the context in place of the queries
 *     inside   (BLOCK_ROWS, feed_forward) the inside of a feed-forward
 *     sum      (BLOCK_ROWS, hidden)       what a layer adds to x
 *
 * Only attention looks at other rows of its sequence. Everything between one attention and the next is done
 * for a block of rows before the next block, so that what lies between stays in the second-level cache,
 * whatever the length of the pass:
 *
 *     attention | block 0: output, norm, up, gelu, down, norm, queries of the next layer | block 1: … | …
 *
 * The threads of a team walk through the pass together and share out the rows, heads or output columns of
 * every step. No sum is ever split, so the bits do not depend on who did what.
 */
#ifndef COGNATE_ENCODER_FORWARD_H
#define COGNATE_ENCODER_FORWARD_H

#include "common/arena.h"
#include "encoder/model.h"
#include "encoder/team.h"

#define PASS_TEXTS 128 /* sequences in a pass, at most */
#define BLOCK_ROWS 96

struct scratch {
    float *x, *qkv, *inside, *sum;
    struct codes narrow; /* of a block's hidden or context rows; int8 only */
    struct codes broad;  /* of a block's feed-forward rows; int8 only */
    int32_t *attention;  /* (threads, attention_size) */
    size_t attention_size;
    float
        *vectors[2]; /* (PASS_TEXTS, widest of pooling and heads): each head reads one and writes the other */
};

struct pass {
    const struct model *model;
    const struct scratch *scratch;
    struct team *team;
    const int32_t *ids;     /* of the first token */
    const uint32_t *starts; /* (texts + 1), relative to starts[0] */
    size_t texts, rows;
};

/* Bytes of scratch for `rows` tokens, and its pieces cut from `arena`. */
size_t scratch_bytes(const struct model *m, size_t rows, size_t threads);
void scratch_take(struct scratch *s, const struct model *m, size_t rows, size_t threads, struct arena *arena);

/* Runs the pass and returns the vectors before they are scaled to unit length, *stride values apart. */
float *forward(const struct pass *pass, size_t *stride);

#endif
