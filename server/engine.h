/* The one place where tokenizer, encoder and index meet: text in, hits out. No HTTP and no JSON here.
 *
 *     struct engine *e = NULL;
 *     struct engine_options options = {.db = "docs.db", .mode = STORE_WRITE, .isa = cpu_best()};
 *     if (engine_open(&options, &e, &err) != STATUS_OK) …
 *     struct ingest_document doc = {.id = text_of("a"), .text = text_of("Der Zug hat Verspätung.")};
 *     struct ingest_result result;
 *     if (engine_ingest(e, text_of("default"), &doc, 1, PUT_UPSERT, 0, &result, &err) != STATUS_OK) …
 *     struct hits hits = {0};
 *     struct engine_query query = {.collection = text_of("default"), .text = text_of("late train"), .k = 5};
 *     if (engine_search(e, &query, 1, &hits, &err) == STATUS_OK) …
 *     hits_release(&hits);
 *     engine_close(e);
 *
 * An engine owns its models, each with encoder threads and their queue, and the store. Every call is safe
 * from any number of threads; texts handed in are borrowed for the call. `deadline_ms` is CLOCK_MONOTONIC
 * milliseconds, 0 for none: past it a call returns DEADLINE and leaves nothing half-done. `cancelled`, which
 * may be NULL, is a flag that another thread sets when nobody waits for the answer any more: the call returns
 * CANCELLED, soon, and leaves nothing half-done either. Texts must be valid UTF-8 (INVALID names the byte
 * otherwise). OVERLOADED means that ENGINE_WAITING calls wait already.
 */
#ifndef COGNATE_SERVER_ENGINE_H
#define COGNATE_SERVER_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpu.h"
#include "common/status.h"
#include "common/text.h"
#include "encoder/encoder.h"
#include "index/index.h"
#include "server/batcher.h"
#include "server/query_cache.h"
#include "tokenizer/passage.h"
#include "tokenizer/tokenizer.h"

#define ENGINE_WAITING        512        /* calls that may wait for the encoder at a time */
#define ENGINE_QUERY_BYTES    8192       /* longest query of a search */
#define ENGINE_DOCUMENT_BYTES (16 << 20) /* longest text of a document */

struct engine_options {
    const char *db;    /* path of the store; NULL: an engine without a store (embed, similarity, tokenize) */
    const char *model; /* of whoever asks for none: as model_store_find takes it */
    enum store_mode mode;
    enum precision precision;
    enum isa isa;     /* usually cpu_best() */
    unsigned threads; /* encoder threads of a model; 0: one a core */
    bool forgetful;   /* every query is embedded, also one that was asked before: for measuring */
};

struct engine;

/* Opens the store at once; models are opened by the first call that needs them, so that what only reads the
 * store starts fast and works without one. */
enum status engine_open(const struct engine_options *options, struct engine **out, struct error *err);
void engine_close(struct engine *e); /* accepts NULL; waits for running calls */

/* ---- models ----
 *
 * A model is loaded once for all that need it, and is immutable. Whoever works with one holds it: what is
 * taken out of service meanwhile is freed when the last of them lets go.
 *
 *     const struct engine_model *m = NULL;
 *     if (engine_hold(e, text_of("minilm@2"), &m, &err) == STATUS_OK)
 *         use(m->tokenizer, m->info);
 *     engine_let_go(e, m);
 */
#define ENGINE_MODEL_NAME 128
struct engine_model {
    const struct model_info *info;
    const struct tokenizer *tokenizer;
    const char *path;
    char name[ENGINE_MODEL_NAME];  /* what API answers call it */
    unsigned version;              /* of an installed one; else the number that the file names, or 1 */
    bool installed;                /* in the model store (model_store.h), or shipped with the program */
    char bound[ENGINE_MODEL_NAME]; /* what collections made with it call it: the name, with "@VERSION" where
                                      it was added */
    unsigned char space_id[32];
    enum isa isa; /* kernels in use */
    enum precision precision;
    unsigned threads;
};

/* The model of that name (model_store.h says how models are called; paths are not names), or the engine's own
 * when it is empty; loads it. NOT_FOUND lists the names there are. */
enum status engine_hold(struct engine *e, struct text name, const struct engine_model **out,
                        struct error *err);

/* The model that makes vectors of a space, found among those loaded and those installed; the engine's own
 * when there is none, so that check_space says what is missing. */
enum status engine_hold_space(struct engine *e, const unsigned char space_id[32],
                              const struct engine_model **out, struct error *err);
void engine_let_go(struct engine *e, const struct engine_model *m); /* accepts NULL */

/* Loads the engine's own model now. Safe to call again. */
enum status engine_load(struct engine *e, struct error *err);
bool engine_loaded(const struct engine *e); /* never waits */

/* The engine's own model without holding it, for programs that never change it: valid until engine_use. */
enum status engine_model(struct engine *e, const struct engine_model **out, struct error *err);

/* Takes a model out of service and says which; it comes back when it is asked for again. CONFLICT for the
 * engine's own, NOT_FOUND when it is not loaded. */
enum status engine_unload(struct engine *e, struct text model, char name[ENGINE_MODEL_NAME],
                          unsigned *version, struct error *err);

/* Makes an installed model the engine's own, and the one in use of the model store; or goes back to the one
 * before. It is loaded first, so that no call waits for it or fails. */
enum status engine_use(struct engine *e, struct text name, struct error *err);
enum status engine_rollback(struct engine *e, struct error *err);

/* INVALID, field "model", for a cross-encoder, which makes no vectors. */
enum status engine_need_vectors(const struct engine_model *m, struct error *err);

/* Holds the cross-encoder that is in use as the reranker, which model_store.h keeps; NOT_FOUND when none is.
 */
enum status engine_hold_reranker(struct engine *e, const struct engine_model **out, struct error *err);

/* Makes an installed cross-encoder the reranker, after it was loaded; none when the name is empty. */
enum status engine_use_reranker(struct engine *e, struct text name, struct error *err);

/* Looks again which model the engine's own is: another one may be in use, or a label may have moved. */
enum status engine_reload(struct engine *e, struct error *err);

/* Every loaded model, held; let go of all by engine_models_free. */
enum status engine_models(struct engine *e, const struct engine_model ***out, size_t *n, struct error *err);
void engine_models_free(struct engine *e, const struct engine_model **models, size_t n);

/* Where a model stands, as TensorFlow Serving calls it. */
enum model_state {
    MODEL_START, /* installed, and loaded when it is asked for */
    MODEL_LOADING,
    MODEL_AVAILABLE,
    MODEL_UNLOADING /* out of service; calls still use it */
};
enum model_state engine_model_state(struct engine *e, const char *name, unsigned version);

/* What the known answers of a model have shown so far. A vector has moved when an answer is further away than
 * MODEL_LEAST_COSINE, and, since int8 arithmetic always gives the same bits, when it is not what it was at
 * first. */
struct canary_state {
    uint32_t answers; /* in the file; a model without any is never checked, */
    uint64_t checks;
    double lowest; /* cosine to what they should be, at the last check; 1 before */
    bool moved;    /* at the last check */
};

/* Embeds the known answers and compares. */
enum status engine_canaries(struct engine *e, const struct engine_model *m, struct canary_state *out,
                            struct error *err);
void engine_canary_state(struct engine *e, const struct engine_model *m, struct canary_state *out);
uint64_t engine_canary_failures(struct engine *e); /* checks that found a moved vector, of all models */

/* P(relevant | cosine) by the model's curve for a query against documents, or for text against text when
 * `symmetric`; NAN when the model has none. */
double engine_relevance(const struct engine_model *m, double cosine, bool symmetric);

/* The cosine at which the curve reaches a relevance in 0…1; -2 for 0 and below. */
enum status engine_cosine_for(const struct engine_model *m, double relevance, bool symmetric, double *out,
                              struct error *err);

/* ---- embedding ---- */

enum input_type { INPUT_QUERY, INPUT_DOCUMENT }; /* which of the model's prompts stands before the text */

/* What to do with a text of more tokens than the model's context. */
enum long_text {
    LONG_TEXT_POOL,           /* windows; the mean of their unit vectors weighted by tokens, renormalised */
    LONG_TEXT_PASSAGES,       /* any text: one vector for each passage of it */
    LONG_TEXT_TRUNCATE,       /* its beginning; says how many tokens were dropped */
    LONG_TEXT_TRUNCATE_START, /* its end, likewise */
    LONG_TEXT_ERROR           /* INVALID, naming the text */
};

struct embed_request {
    const struct engine_model *model; /* held by the caller; NULL: the engine's own */
    const struct text *texts;
    size_t n;
    enum input_type input_type;
    enum long_text long_text;
    bool bulk;   /* yields to calls that do not say so */
    bool raw;    /* vectors as the model makes them, before they are scaled to unit length */
    bool states; /* raw, and what the last layer makes of every token */
    int64_t deadline_ms;
    const atomic_bool *cancelled;
};

/* Of one text: its rows are first … first + count - 1; count is 1 except for LONG_TEXT_PASSAGES, where it is
 * one a passage (0 for blank text). */
struct embedded_text {
    size_t first, count;
    uint32_t tokens;  /* seen by the encoder for this text, prompt, <s> and </s> included; passages overlap */
    uint32_t dropped; /* of the text, by LONG_TEXT_TRUNCATE */
};

struct embeddings {
    float *vectors; /* [rows][width], of unit length unless raw ones are asked for */
    size_t rows, width;
    float *states; /* [tokens of all texts][hidden], in their order; NULL unless they are asked for */
    size_t hidden;
    struct embedded_text *texts; /* n */
    struct passage *passages;    /* one a row: its bytes of the text; tokens of this stretch alone */
};

/* All vectors, or none. Queries that were asked before come from memory (query_cache.h) unless they are bulk.
 */
enum status engine_embed(struct engine *e, const struct embed_request *request, struct embeddings *out,
                         struct error *err);
void embeddings_release(struct embeddings *v); /* accepts a zeroed one */

/* ---- scores of pairs ---- */

struct score_request {
    const struct engine_model *model; /* a cross-encoder, held by the caller; INVALID for another */
    struct text query;
    const struct text *texts;
    size_t n;
    bool whole; /* INVALID for a text that would have to be cut, naming it */
    bool bulk;  /* as in struct embed_request, like */
    int64_t deadline_ms;
    const atomic_bool *cancelled;
};

struct score {
    double logit;     /* as the model gives it, and */
    double score;     /* its sigmoid, 0 to 1 */
    uint32_t tokens;  /* of the pair */
    uint32_t dropped; /* that did not fit: the ends of the longer of the two (pair.h) */
};

/* How well each of n texts goes with the query, into out[0…n-1], all or none. */
enum status engine_score(struct engine *e, const struct score_request *request, struct score *out,
                         struct error *err);

/* ---- documents ---- */

/* Vectors that a document brings along. */
struct ingest_vectors {
    unsigned char space_id[32];
    uint32_t width;
    struct passage_row *passages; /* those without a language get theirs */
    size_t count;
};

struct ingest_document {
    struct text id;       /* empty: a UUIDv7 is made */
    struct text title;    /* stands before each passage when it is embedded, up to a quarter of the passage */
    struct text lang;     /* BCP 47; empty: detected */
    struct text text;     /* not blank, at most ENGINE_DOCUMENT_BYTES */
    struct text metadata; /* a JSON object, or empty */
    int64_t expires;      /* Unix milliseconds from which on it is not there; 0: never */
    const struct ingest_vectors *vectors; /* taken instead of embedding when they are of the collection's
                                             space; NULL for none */
};

struct ingest_result {
    char id[513];
    enum put_outcome outcome;
    uint32_t passages;
    uint32_t tokens;    /* that the encoder saw for it: 0 when its vectors were there already */
    struct error error; /* of a failed row */
};

/* Cuts, embeds what is not in the collection yet, and commits all rows in one transaction; as collection_put.
 * Creates the collection with the model's defaults when it does not exist. MODEL_MISMATCH when the collection
 * was made with another model. */
enum status engine_ingest(struct engine *e, struct text collection, const struct ingest_document *documents,
                          size_t n, enum put_mode mode, int64_t deadline_ms, const atomic_bool *cancelled,
                          struct ingest_result *results, struct error *err);

/* ---- collections and search ---- */

/* NULL for an engine without a store. For what needs no model: listing, reading, deleting. */
struct store *engine_store(struct engine *e);

/* Creates a collection bound to a model (`model` as engine_hold takes it); passage sizes of 0 are the
 * defaults. Without `keywords` it can be searched by meaning alone. */
enum status engine_collection_create(struct engine *e, struct text name, struct text model,
                                     const struct passage_options *passages, bool keywords,
                                     struct error *err);

struct engine_query {
    struct text collection;
    struct text text;    /* not blank, at most ENGINE_QUERY_BYTES; or empty and */
    const float *vector; /* `width` finite floats, not all zero; normalised here */
    size_t width;
    const struct text
        *examples; /* ids of documents of the collection, which are left out of the hits: first */
    size_t like_count, unlike_count; /* those to be near to, then those to be far from (engine_examples.c) */
    enum search_mode mode; /* other than SEARCH_SEMANTIC: a text is needed; SEARCH_KEYWORD needs no model */
    enum fusion fusion;    /* of SEARCH_HYBRID */
    size_t k;              /* 1 to 1,000 */
    const struct filter *filter;
    const struct text *langs; /* of passages, as struct search_query says */
    size_t lang_count;
    double diversity; /* as struct search_query says, like */
    struct search_page
        after; /* with `generation` of the answer before: GONE when the collection has changed */
    uint64_t generation;
    bool exact;           /* as struct search_query says */
    double min_relevance; /* 0 for none, and for SEARCH_KEYWORD, which knows no relevance */
    int64_t deadline_ms;
    const atomic_bool *cancelled;
};

/* Answers n queries (their texts embedded together) into out[0…n-1], all or none. NOT_FOUND for a collection
 * that does not exist or holds no document (the message says how to fill it), MODEL_MISMATCH when it was made
 * with another model. */
enum status engine_search(struct engine *e, const struct engine_query *queries, size_t n, struct hits *out,
                          struct error *err);

/* Of each of n passages the sentence that is nearest in meaning to the query, which has a text or a vector;
 * `langs` (BCP 47) say whose rules part sentences. Bytes of the passage: none of one without a sentence, such
 * as a table. Embeds the sentences. */
enum status engine_sentences(struct engine *e, const struct engine_query *q, const struct text *passages,
                             const struct text *langs, size_t n, struct mark *out, struct error *err);

/* ---- figures ---- */

#define ENGINE_PLANS 8

struct engine_stats {
    struct batch_stats encoder; /* of all models since the start, like */
    struct query_cache_stats queries;
    uint64_t pairs; /* scored */
    struct engine_plan {
        const char *name; /* as struct hits says */
        bool exact;
        uint64_t searches;
    } plans[ENGINE_PLANS]; /* how queries were answered, in the order of their first time; */
    size_t plan_count;
};
void engine_stats(struct engine *e, struct engine_stats *out);

int64_t monotonic_ms(void); /* the clock of every deadline_ms */

#endif
