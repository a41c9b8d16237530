/* Text to token ids, with the byte range of every token in the original text.
 *
 *     struct tokenizer *t = NULL;
 *     struct encoding e = {0};                       // one per thread, reused
 *     if (tokenizer_open(file, digest, &t, &err) != STATUS_OK) …
 *     if (tokenizer_encode(t, &e, text_of("query: "), text, &err) == STATUS_OK)
 *         for (size_t i = 0; i < e.count; i++)
 *             use(e.tokens[i].id, e.tokens[i].start, e.tokens[i].end);
 *     encoding_release(&e);
 *     tokenizer_free(t);
 *
 * A tokenizer is immutable: any number of threads may encode with it, each with its own encoding.
 */
#ifndef COGNATE_TOKENIZER_TOKENIZER_H
#define COGNATE_TOKENIZER_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/gguf.h"
#include "common/status.h"
#include "common/text.h"

struct token {
    int32_t id;
    uint32_t start, end; /* bytes of the text; start == end for a token that stands for no byte of it (dummy
                            prefix, prompt) */
};

/* The result of one call and the scratch it was made in. Zero-initialised; grows to the largest text seen and
 * is then reused without allocation. Words that come again are remembered in it: use it with one tokenizer, or
 * with several that all outlive it. */
struct encoding {
    struct token *tokens;
    size_t count;
    size_t prefix_count; /* how many leading tokens belong to the prefix */
    struct encoding_scratch *scratch;
};

struct tokenizer;

/* Opens the tokenizer that the model file describes (tokenizer.ggml.*). Borrows `file`, which must outlive
 * it. `digest` is the file's SHA-256 (cache_digest in common/cache.h), under which the tables built from it
 * are kept in the user's cache folder and mapped at the next start; NULL: they are built in memory.
 * UNSUPPORTED for a tokenizer.ggml.model other than "t5" (SentencePiece Unigram), "bert"
 * (WordPiece) and "gpt2" (byte-level BPE), CORRUPT for inconsistent tables. */
enum status tokenizer_open(const struct gguf *file, const unsigned char *digest, struct tokenizer **out,
                           struct error *err);
void tokenizer_free(struct tokenizer *t); /* accepts NULL */

/* Encodes prefix + text as one string (as the model was trained: "query: " + text) without <s> and </s>.
 * Ranges refer to `text` alone. Text may be any bytes: a malformed byte counts as U+FFFD, as in
 * SentencePiece (byte-level BPE has a token for it). At most 1 GiB. Control tokens never come out of text.
 * Time is linear in the length. */
enum status tokenizer_encode(const struct tokenizer *t, struct encoding *e, struct text prefix,
                             struct text text, struct error *err);
void encoding_release(struct encoding *e); /* accepts a zeroed one */

uint32_t tokenizer_size(const struct tokenizer *t);    /* rows of the vocabulary */
int32_t tokenizer_start_id(const struct tokenizer *t); /* <s>, or -1 when the model adds none */
int32_t tokenizer_end_id(const struct tokenizer *t);   /* </s>, or -1 */
struct text tokenizer_piece(const struct tokenizer *t,
                            int32_t id); /* "▁word" or "Ġword"; empty for an id out of range */
bool tokenizer_is_special(const struct tokenizer *t, int32_t id);  /* control or unknown */
bool tokenizer_starts_word(const struct tokenizer *t, int32_t id); /* the piece begins with a space */

/* Adds what a token says to the text of those before it. Tokens of a byte-level BPE may end within a
 * character. */
enum status tokenizer_spell(const struct tokenizer *t, int32_t id, struct buf *out, struct error *err);

#endif
