/* Inside of an engine, shared by the engine_*.c.
 *
 *     engine ── store                      from engine_open
 *        └───── file ── tokenizer, model ── batcher      from the first call that needs them (engine_model)
 */
#ifndef COGNATE_SERVER_ENGINE_STATE_H
#define COGNATE_SERVER_ENGINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "index/space.h"
#include "server/engine.h"
#include "server/sequences.h"
#include "server/worker.h"

struct engine {
    struct engine_options options; /* its strings are owned below */
    char *model_path;              /* as asked for; NULL: look for it */
    struct store *store;

    pthread_mutex_t loading;
    atomic_bool loaded; /* what follows is set and will not change */
    struct gguf *file;
    struct tokenizer *tokenizer;
    struct model *model;
    struct batcher *batcher;
    struct query_cache *queries;
    struct engine_model about;
    char *path;

    struct worker *worker; /* from worker_start */

    struct engine **also; /* of the further models: engines without a store; load before use */
    size_t also_count;

    pthread_mutex_t figures; /* over the plans */
    struct engine_plan plans[ENGINE_PLANS];
    size_t plan_count;
};

/* Refuses text that is not UTF-8; `what` names it in the message. */
enum status check_text(struct text text, const char *field, const char *what, struct error *err);

/* UNAVAILABLE for an engine without a store. */
enum status need_store(const struct engine *e, struct error *err);

/* MODEL_MISMATCH when a collection's vectors are of another space than the loaded model's. */
enum status check_space(const struct engine *e, const struct collection_settings *settings, struct error *err);

/* Embeds rows with the model of a collection's spare space, and adds their passages there. */
enum status engine_fill(struct engine *e, struct text collection, const struct document_row *rows, size_t n,
                        const atomic_bool *cancelled, struct error *err);

/* Makes the engines of the further models, without opening a file. */
enum status models_open(struct engine *e, const struct engine_options *options, struct error *err);

/* The engine whose model made a space; `e` itself when none did, so that check_space says what is missing. */
enum status engine_of(struct engine *e, const unsigned char space_id[32], struct engine **out,
                      struct error *err);

/* The engine of the model that the text of a query is embedded with: that of its collection; `e` itself for a
 * query without one. */
enum status model_of(struct engine *e, const struct engine_query *q, struct engine **out, struct error *err);

/* Adds a sequence as the encoder wants it: <s>, the first tokens of an encoding, </s>. At most the model's
 * context goes in; *dropped is how many tokens did not. */
enum status add_sequence(const struct engine *e, struct sequences *s, const struct encoding *encoding,
                         uint32_t *dropped, struct error *err);

/* How many ids add_sequence puts around the tokens. */
uint32_t special_tokens(const struct engine *e);

/* Counts an answered query; of more plans than ENGINE_PLANS the last are not told apart. */
void count_search(struct engine *e, const struct hits *hits);

struct text prompt_of(const struct engine *e, enum input_type type);

/* The vector of a query with examples (engine_examples.c), `width` floats. `base` is the query's own; NULL for
 * examples alone. */
enum status examples_vector(struct collection *c, const struct engine_query *q, const float *base, size_t width,
                            float *out, struct error *err);

#endif
