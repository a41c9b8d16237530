/* The weights of a model as the forward pass wants them: one flat block of memory, immutable, shared by all
 * threads.
 *
 *     | embedding norm | positions | distances | layer 0: qkv output norm up down norm | layer 1 … | heads |
 *
 * The block holds no pointers: model_place() lays it out from the configuration alone, so that the same block
 * can be built from the file or taken from somewhere it was kept. Only the embedding table stays in the
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

/* What the file says, checked. */
struct config {
    size_t layers, hidden, heads, head_width, feed_forward, context, vocabulary;
    float epsilon;
    enum activation activation; /* of the feed-forward layers */
    bool relative;              /* scores depend on distances */
    enum pooling parts[MAX_PARTS];
    size_t part_count;
    struct {
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
    float *bias;   /* (out) */
};

struct model {
    const struct gguf *file;
    struct model_info info;
    struct config config;
    enum precision precision;
    enum isa isa;
    const struct kernels *kernels;
    sgemm_function *sgemm; /* f32 only */

    size_t hidden, head, heads_width, feed_forward, pooled; /* padded */
    const struct gguf_tensor *words;                        /* (vocabulary, hidden), in the file's type */
    struct gguf_array canary_texts, canary_vectors;

    unsigned char *block; /* built here, or NULL where `kept` is in use */
    struct cache_entry kept;
    float *positions; /* (context, hidden), token type row 0 added */
    float *relative;  /* (heads, distances) added to the score of a key so far from the query, from
                         -(context - 1) on; NULL for an architecture without */
    size_t distances; /* padded */
    struct norm embedding_norm;
    struct layer *layers;
    struct dense dense[MAX_HEADS];
};

/* Sets every pointer into the block at `block`, which may be NULL to measure; returns the block's size. */
size_t model_place(struct model *m, unsigned char *block);

/* Reads the tensors of the file into the placed block. */
enum status weights_read(struct model *m, struct error *err);

/* The configuration and description in the file; texts stay the file's. */
enum status config_read(const struct gguf *file, struct config *config, struct model_info *info,
                        struct error *err);

#endif
