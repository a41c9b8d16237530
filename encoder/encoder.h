/* Token ids to sentence vectors.
 *
 *     struct model *m = NULL;
 *     struct embedder *e = NULL;                     // one per thread
 *     if (model_open(file, &(struct model_options){.isa = cpu_best()}, &m, &err) != STATUS_OK) …
 *     if (embedder_new(m, 0, &e, &err) != STATUS_OK) …
 *     uint32_t starts[] = {0, 7, 19};                // two texts of 7 and 12 ids, <s> and </s> included
 *     float vectors[2 * model_info(m)->width];
 *     if (embedder_embed(e, ids, starts, 2, vectors, &err) != STATUS_OK) …
 *     embedder_free(e);
 *     model_free(m);
 *
 * A model is immutable and shared by all threads; an embedder is one thread's scratch memory and allocates
 * nothing after embedder_new. A cross-encoder takes pairs in the place of texts,
 *
 *     <s> query </s> document </s>                   // info->separators times </s> between the two
 *
 * and gives a score for each. With PRECISION_INT8 the vector of a text has the same bits alone, in any batch,
 * in any order and on every instruction set; with PRECISION_F32 (OpenBLAS) it has not.
 */
#ifndef COGNATE_ENCODER_ENCODER_H
#define COGNATE_ENCODER_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpu.h"
#include "common/gguf.h"
#include "common/status.h"
#include "common/text.h"

enum precision {
    PRECISION_INT8, /* int8 linear layers; the default */
    PRECISION_F32   /* float linear layers, through OpenBLAS: the reference */
};

struct model_options {
    enum precision precision;
    enum isa isa;                /* kernels to use; ISA_REFERENCE when zero */
    const unsigned char *digest; /* the file's SHA-256 (cache_digest in common/cache.h): packed int8 weights
                                    and the space's id are kept in the user's cache folder under it; NULL:
                                    worked out anew */
};

/* What the file says of itself; texts borrowed from it. */
struct model_info {
    struct text name, version, license, description, architecture;
    uint32_t layers, hidden, heads, feed_forward;
    uint64_t products;   /* of a token with weights, in its linear layers */
    uint32_t context;    /* longest sequence, <s> and </s> included */
    uint32_t vocabulary; /* rows of the embedding table */
    uint32_t width;      /* of the vectors that come out; 1 for a cross-encoder */
    bool scores;         /* a cross-encoder: it takes pairs of texts, and a score comes out */
    uint32_t separators; /* of a cross-encoder: </s> between the texts of a pair */
    struct text prompt_query, prompt_document;
    float relevance[2];           /* slope and intercept of P(relevant | cosine), query against document */
    float relevance_symmetric[2]; /* text against text */
    bool has_relevance;           /* false: the file has no curves */
    uint32_t canaries;            /* known answers in the file, embedded with prompt_query */
};

struct model;
struct embedder;

/* Reads the weights of `file`, which must outlive the model. Kernels that fail a self-test on this machine
 * are passed over for weaker ones (model_isa tells). UNSUPPORTED for an architecture, pooling or activation
 * this program does not know (named in the message), CORRUPT for tensors that are missing or have the wrong
 * shape. */
enum status model_open(const struct gguf *file, const struct model_options *options, struct model **out,
                       struct error *err);
void model_free(struct model *m); /* accepts NULL */
const struct model_info *model_info(const struct model *m);
enum isa model_isa(const struct model *m); /* what the self-test left in use */
enum precision model_precision(const struct model *m);

/* SHA-256 over tensors, tokenizer, pooling, prompts, precision and the numerics version: vectors are
 * comparable exactly when this is equal. Reads the whole file (tens of milliseconds), or nothing of it when
 * the id is kept under options->digest. */
void model_space_id(const struct gguf *file, const struct model_options *options, unsigned char out[32]);

#define MODEL_LEAST_COSINE 0.97 /* of a known answer, which is in f32, with the same in int8 */

/* Known answer i: its text and its `width` floats (f32 arithmetic, unit length), borrowed from the file,
 * unaligned. */
void model_canary(const struct model *m, uint32_t i, struct text *text, const unsigned char **vector);

/* An embedder packs up to `token_budget` tokens into a pass (0: a default chosen by measurement; never less
 * than the model's context). */
enum status embedder_new(const struct model *m, size_t token_budget, struct embedder **out,
                         struct error *err);
void embedder_free(struct embedder *e); /* accepts NULL */

/* Lets `threads` threads, the caller among them, split every pass: the schedule for a lone query. An embedder
 * starts with one; for many texts one embedder a core is faster. The vectors are the same. When this fails,
 * the embedder can only be freed. */
enum status embedder_set_threads(struct embedder *e, size_t threads, struct error *err);

/* Embeds n sequences: sequence i is ids[starts[i]] … ids[starts[i + 1] - 1]. Writes n rows of `width` floats
 * of unit length to `out`; of a cross-encoder n scores, which are logits. INVALID, and nothing written, when a
 * sequence is empty or longer than the context, or an id is out of range. */
enum status embedder_embed(struct embedder *e, const int32_t *ids, const uint32_t *starts, size_t n,
                           float *out, struct error *err);

/* The same before the last step: `raw` gets the rows as they are before they are scaled to unit length,
 * `states` (NULL: not wanted) for every id the `hidden` floats that the last layer makes of it. */
enum status embedder_look_inside(struct embedder *e, const int32_t *ids, const uint32_t *starts, size_t n,
                                 float *raw, float *states, struct error *err);

#endif
