/* The one place where tokenizer, encoder and index meet: text in, hits out. No HTTP and no JSON here.
 *
 *     struct engine *e = NULL;
 *     struct engine_options options = {.db = "docs.db", .mode = STORE_WRITE};
 *     if (engine_open(&options, &e, &err) != STATUS_OK) …
 *     …
 *     engine_close(e);
 *
 * An engine owns the model, the encoder threads with their queue, and the store. Every call is safe from any
 * number of threads.
 */
#ifndef COGNATE_SERVER_ENGINE_H
#define COGNATE_SERVER_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/cpu.h"
#include "common/status.h"
#include "common/text.h"
#include "encoder/encoder.h"
#include "index/index.h"
#include "tokenizer/passage.h"
#include "tokenizer/tokenizer.h"

struct engine_options {
    const char *db;    /* path of the store; NULL: an engine without a store (embed, similarity, tokenize) */
    const char *model; /* path of a GGUF file; NULL: $COGNATE_MODEL, else the installed default */
    enum store_mode mode;
    enum precision precision;
    enum isa isa;     /* usually cpu_best() */
    unsigned threads; /* encoder threads; 0: one a core */
};

struct engine;

enum status engine_open(const struct engine_options *options, struct engine **out, struct error *err);
void engine_close(struct engine *e); /* accepts NULL; waits for running calls */

#endif
