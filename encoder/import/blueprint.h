/* What the JSON files in a model's folder say about it, checked.
 *
 *     struct blueprint b;
 *     if (blueprint_read(&b, "/models/bert", &err) == STATUS_OK)
 *         build it
 *     blueprint_release(&b);
 *
 *     config.json                          the network
 *     modules.json, 1_Pooling/config.json, 2_Dense/config.json …     what follows it (sentence-transformers)
 *     sentence_bert_config.json, tokenizer_config.json     how many tokens it takes
 *     config_sentence_transformers.json    the prompts
 *
 * A cross-encoder (…ForSequenceClassification with one label) has a head in the place of modules.
 *
 * Only config.json must be there. Whatever would make another vector than this program computes is refused by
 * its name: code of the model's own, positions that are no table, an unknown activation, and the like.
 */
#ifndef COGNATE_IMPORT_BLUEPRINT_H
#define COGNATE_IMPORT_BLUEPRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"

#define BLUEPRINT_PARTS 6  /* poolings side by side */
#define BLUEPRINT_DENSE 4  /* dense layers behind them */
#define BLUEPRINT_LAYER 8  /* linear layers and norms in a layer */
#define BLUEPRINT_PATH  64 /* bytes of a module's folder */

/* How one kind of model spells its configuration and its tensors. */
struct architecture {
    const char *model_type; /* in config.json */
    const char *gguf;       /* general.architecture of what it becomes */
    const char *prefix;     /* that a head on top puts before the names of tensors */
    const char *layers, *hidden, *heads, *feed_forward, *activation; /* keys of config.json */
    enum { POSITIONS_FROM_0, POSITIONS_FROM_2, POSITIONS_BEHIND_PADDING } positions;
    bool has_types;                        /* a table of token types */
    const char *layer;                     /* "encoder.layer": before the number of a layer */
    const char *in_layer[BLUEPRINT_LAYER]; /* behind it, in the order of blueprint_gguf_names */
    const char *relative;                  /* a table of attention biases by distance; NULL: none */

    /* as a cross-encoder, which one without these layers is not: */
    const char *score_layers[2];      /* behind the first token */
    const char *score_activation;     /* between them, as GGUF spells it */
    uint32_t separators, second_type; /* of a pair where no tokenizer.json says them (vocabulary.h) */
};

extern const char *const blueprint_gguf_names[BLUEPRINT_LAYER]; /* "attn_q" … */

struct blueprint {
    const struct architecture *kind;
    size_t layers, hidden, heads, feed_forward, context;
    size_t first_position;  /* rows of the table of positions before that of the first token */
    double epsilon;         /* of the norms */
    const char *activation; /* as GGUF spells it */
    const char *parts[BLUEPRINT_PARTS];
    size_t part_count;
    struct {
        char path[BLUEPRINT_PATH];
        size_t in, out;
        const char *activation;
    } dense[BLUEPRINT_DENSE];
    size_t dense_count;
    bool scores;                                /* a cross-encoder */
    bool has_modules;                           /* what follows the network is said, not assumed */
    bool normalizes;                            /* its vectors have unit length */
    bool lowercase;                             /* texts are brought to lower case first */
    json_t *prompts;                            /* owns the two below */
    const char *prompt_query, *prompt_document; /* "" for none */
};

/* On failure too, blueprint_release is due. */
enum status blueprint_read(struct blueprint *b, const char *folder, struct error *err);
void blueprint_release(struct blueprint *b);

#endif
