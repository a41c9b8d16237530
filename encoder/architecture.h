/* The kinds of networks that run, each a table of what it does in its own way.
 *
 *     const struct architecture *a = architecture_named(name);     // NULL: unknown
 *     a->configure(m, &err);                       sizes in the file, checked
 *     size = a->place(m, NULL);                    how much memory the weights take
 *     a->place(m, block); a->read(m, &err);        the block laid out and filled
 *     a->scratch_take(&scratch, m, rows, threads, &arena);
 *     a->walk(&worker);                            a pass, in every thread of a team (pass.h)
 *
 * A new one is a file beside conv_encoder.c and a line in architecture_named.
 */
#ifndef COGNATE_ENCODER_ARCHITECTURE_H
#define COGNATE_ENCODER_ARCHITECTURE_H

#include "common/arena.h"
#include "encoder/model.h"

struct scratch;
struct worker;

struct architecture {
    /* Fills in config, the sizes in info, and words. */
    enum status (*configure)(struct model *m, struct error *err);

    /* Sets every pointer into the block at `block`, which may be NULL to measure, and the padded sizes;
     * returns the block's size. */
    size_t (*place)(struct model *m, unsigned char *block);

    /* Reads the tensors of the file into the placed block. */
    enum status (*read)(struct model *m, struct error *err);

    /* Bytes of scratch for `rows` tokens, and its pieces cut from `arena`. */
    size_t (*scratch_bytes)(const struct model *m, size_t rows, size_t threads);
    void (*scratch_take)(struct scratch *s, const struct model *m, size_t rows, size_t threads,
                         struct arena *arena);

    /* A pass from ids to scratch->out. */
    void (*walk)(const struct worker *w);
};

extern const struct architecture transformer, convolutional;

/* By the file's general.architecture. */
const struct architecture *architecture_named(struct text name);

/* Of a transformer: config.c and weights.c. */
enum status transformer_configure(struct model *m, struct error *err);
size_t transformer_place(struct model *m, unsigned char *block);
enum status transformer_read(struct model *m, struct error *err);

/* Of a convolutional encoder: conv_weights.c. */
enum status convolutional_configure(struct model *m, struct error *err);
size_t convolutional_place(struct model *m, unsigned char *block);
enum status convolutional_read(struct model *m, struct error *err);

/* What architectures share in configuring. A key is PREFIX.KEY; what is missing is CORRUPT, what is out of
 * range UNSUPPORTED. */
struct settings {
    const struct gguf *file;
    struct text prefix; /* general.architecture */
    struct error *err;
};

enum status settings_number(const struct settings *s, const char *key, uint32_t least, uint32_t most,
                            size_t *out);
enum status settings_epsilon(const struct settings *s, const char *key, float *out);

enum status settings_activation(const struct settings *s, const char *key, enum activation *out);

/* Adds the dense layer of this name to those behind the pooling, when its tensors are there; its activation is
 * the caller's to set. */
enum status settings_head(const struct settings *s, struct config *c, const char *name, bool *found);

/* What makes a transformer a cross-encoder: cross_encoder.c. Fills in pooling, heads and the types of tokens. */
enum status cross_encoder_configure(const struct settings *s, struct config *c, struct model_info *info);

/* token_embd.weight, whose rows must have `width` values; counts the vocabulary. */
enum status settings_words(const struct settings *s, struct model *m, size_t width);

#endif
