/* The weights of a model as the forward pass wants them: one flat block of memory, immutable, shared by all
 * threads.
 *
 *     | embedding norm | positions | distances | layer 0: qkv output norm up down norm | layer 1 … | heads |
 *
 * The block holds no pointers: its architecture lays it out from the configuration alone, so that the same
 * block can be built from the file or taken from somewhere it was kept. Only the embedding table stays in the
 * file's own format and is read a row at a time.
 *
 * Shapes are (outer, inner). A head of width w takes padded(w, 16) values in queries, keys, values and
 * context; every other width is padded to 64.
 */
#ifndef COGNATE_ENCODER_MODEL_H
#define COGNATE_ENCODER_MODEL_H

#include "common/cache.h"
#include "common/blas.h"
#include "encoder/encoder.h"
#include "encoder/kernels.h"

#define MAX_PARTS POOL_KINDS /* poolings put side by side */
#define MAX_HEADS 4          /* dense layers after pooling */

/* Of a convolutional encoder. */
#define MAX_ORDERS 8
#define MAX_BLOCKS 4 /* behind the sum over the tokens */

/* What the file says, checked. */
struct config {
    size_t layers, hidden, heads, head_width, feed_forward, context, vocabulary;
    float epsilon;
    enum activation activation; /* of the feed-forward layers */
    bool relative;              /* scores depend on distances */
    bool scores;                /* a cross-encoder */
    size_t types;               /* of tokens: 1, or 2 where the two texts of a pair are told apart, */
    int32_t separator;          /* behind the first of these tokens */
    enum pooling parts[MAX_PARTS];
    size_t part_count;
    struct {
        char name[32]; /* of its tensors */
        size_t in, out;
        enum activation activation;
    } dense[MAX_HEADS];
    size_t dense_count;
};

struct layer {
    struct linear qkv; /* queries, keys and values of all heads; 1/√width is part of the query weights */
    struct linear output;
    struct norm attention_norm;
    struct linear up, down;
    struct norm output_norm;
};

struct dense {
    size_t in, out; /* padded to 16 */
    enum activation activation;
    float *weight; /* (in, out): turned on its side for kernels.product */
    float *bias;   /* (out), or NULL */
};

/* The weights of a convolutional encoder (conv_encoder.c). */
struct conv_weights {
    size_t embedding, width; /* values of a word's row, and of a branch */
    size_t orders[MAX_ORDERS], order_count;
    size_t gap;    /* rows of zeros between sequences: as far as a window reaches */
    size_t tables; /* word i is scaled by entry i mod tables */
    float *scale, *least;
    struct linear project; /* to all branches side by side */
    struct norm project_norm, norm;
    struct linear convolutions[MAX_ORDERS][2];
    size_t summed, ends[MAX_BLOCKS], insides[MAX_BLOCKS], block_count; /* widths */
    struct dense sum;
    struct {
        struct dense inside, out;
    } blocks[MAX_BLOCKS];
};

struct architecture;

struct model {
    const struct gguf *file;
    const struct architecture *architecture;
    struct model_info info;
    struct config config;
    enum precision precision;
    enum isa isa;
    const struct kernels *kernels;
    sgemm_function *sgemm; /* f32 only */

    size_t hidden, head, heads_width, feed_forward, pooled, out; /* padded; out: of what comes out */
    const struct gguf_tensor *words; /* (vocabulary, hidden), in the file's type */
    struct gguf_array canary_texts, canary_vectors;

    unsigned char *block; /* built here, or NULL where `kept` is in use */
    struct cache_entry kept;
    float *positions; /* (types, context, hidden), the row of the token type added */
    float *relative;  /* (heads, distances) added to the score of a key so far from the query, from
                         -(context - 1) on, and attention is in floats; NULL for an architecture without; zeros
                         for the reference of a cross-encoder, whose logit shows what a cosine hides */
    size_t distances; /* padded */
    struct norm embedding_norm;
    struct layer *layers;
    struct dense dense[MAX_HEADS];
    struct conv_weights conv;
};

#endif
