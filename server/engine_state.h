/* Inside of an engine, shared by the engine_*.c.
 *
 *     engine ── store                              from engine_open
 *        └───── models ── loaded ── file ── tokenizer, weights ── batcher      from the first call that needs
 * them
 */
#ifndef COGNATE_SERVER_ENGINE_STATE_H
#define COGNATE_SERVER_ENGINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "index/space.h"
#include "server/engine.h"
#include "server/model_store.h"
#include "server/sequences.h"
#include "server/worker.h"

/* A loaded model. What calls hold is its first member. */
struct loaded {
    struct engine_model about;
    char *path;
    struct gguf *file;
    struct tokenizer *tokenizer;
    struct model *model;
    struct batcher *batcher;
    struct query_cache *queries; /* NULL for a cross-encoder */

    /* under the engine's lock */
    size_t holders; /* calls, and the list of models while it is in service */
    bool leaving;   /* out of service */
    uint64_t canary_checks;
    double canary_first, canary_lowest; /* of the first check and of the last */
    bool canary_moved;
};

static inline struct loaded *loaded_of(const struct engine_model *m)
{
    return (struct loaded *)(uintptr_t)m;
}

struct engine {
    struct engine_options options; /* its strings are owned below */
    char *asked;                   /* which model is the engine's own; NULL: that in use */
    struct store *store;
    struct worker *worker; /* from worker_start */

    pthread_mutex_t loading; /* one model is opened at a time; taken before the lock */
    pthread_mutex_t lock;    /* over what follows */
    struct loaded **models;  /* those leaving too, until they are freed */
    size_t model_count, model_room;
    struct loaded *own;           /* one of them */
    char opening[MODEL_NAME + 1]; /* the name of the model being opened, empty for none, */
    unsigned opening_version;     /* and its version */
    struct batch_stats gone;      /* of models that were freed */
    struct query_cache_stats gone_queries;
    uint64_t canary_failures;
    atomic_bool has_own;
    atomic_uint_fast64_t pairs; /* scored */

    pthread_mutex_t figures; /* over the plans */
    struct engine_plan plans[ENGINE_PLANS];
    size_t plan_count;
};

/* Refuses text that is not UTF-8; `what` names it in the message. */
enum status check_text(struct text text, const char *field, const char *what, struct error *err);

/* UNAVAILABLE for an engine without a store. */
enum status need_store(const struct engine *e, struct error *err);

/* INVALID, field "model", for a model that is no cross-encoder. */
enum status need_scores(const struct engine_model *m, struct error *err);

/* MODEL_MISMATCH when a collection's vectors are of another space than a model's. */
enum status check_space(const struct engine_model *m, const struct collection_settings *settings,
                        struct error *err);

/* Embeds rows with the model of a collection's spare space, and adds their passages there. */
enum status engine_fill(struct engine *e, struct text collection, const struct document_row *rows, size_t n,
                        const atomic_bool *cancelled, struct error *err);

/* Opens a model with the engine's options. */
enum status loaded_open(const struct engine *e, const struct model_ref *ref, struct loaded **out,
                        struct error *err);
void loaded_free(struct loaded *m); /* accepts NULL and half-built; nobody holds it */

/* Frees every model, when the engine ends. */
void models_close(struct engine *e);

/* Holds the model that a query is embedded with, or whose curve tells relevance: that of its collection. NULL where
 * none is needed, by words alone and for a vector whose model is not here. */
enum status hold_query_model(struct engine *e, const struct engine_query *q, const struct engine_model **out,
                             struct error *err);

/* Adds a sequence as the encoder wants it: <s>, the first tokens of an encoding, </s>. At most the model's
 * context goes in; *dropped is how many tokens did not. */
enum status add_sequence(const struct loaded *m, struct sequences *s, const struct encoding *encoding,
                         uint32_t *dropped, struct error *err);

/* How many ids add_sequence puts around the tokens. */
uint32_t special_tokens(const struct loaded *m);

/* Adds what a model has counted. */
void count_model(const struct loaded *m, struct batch_stats *encoder, struct query_cache_stats *queries);

/* Counts an answered query; of more plans than ENGINE_PLANS the last are not told apart. */
void count_search(struct engine *e, const struct hits *hits);

struct text prompt_of(const struct loaded *m, enum input_type type);

/* The vector of a query with examples (engine_examples.c), `width` floats. `base` is the query's own; NULL for
 * examples alone. */
enum status examples_vector(struct collection *c, const struct engine_query *q, const float *base, size_t width,
                            float *out, struct error *err);

#endif
