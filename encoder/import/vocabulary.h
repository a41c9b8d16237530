/* A tokenizer on its way from another program's files into a GGUF file.
 *
 *     struct vocabulary v;
 *     vocabulary_init(&v);
 *     if (vocabulary_read_folder(&v, "/models/bert", &err) == STATUS_OK && v.count <= rows)
 *         status = vocabulary_write(&v, rows, writer, &err);    // tokenizer.ggml.* and cognate.tokenizer.*
 *     vocabulary_release(&v);
 *
 * What this program's tokenizers do not do is refused by its name (UNSUPPORTED). All texts are copied and
 * live until vocabulary_release.
 */
#ifndef COGNATE_IMPORT_VOCABULARY_H
#define COGNATE_IMPORT_VOCABULARY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/gguf_write.h"
#include "common/text.h"

#define VOCABULARY_PIECES ((size_t)1 << 22) /* most of them */

/* tokenizer.ggml.token_type */
enum vocabulary_type {
    VOCABULARY_NORMAL = 1,
    VOCABULARY_UNKNOWN = 2,
    VOCABULARY_CONTROL = 3, /* never comes out of text */
    VOCABULARY_USER = 4,    /* found in text before anything else */
    VOCABULARY_UNUSED = 5,
    VOCABULARY_BYTE = 6
};

struct vocabulary_piece {
    struct text text; /* as GGUF files spell it */
    float score;
    int32_t type;
};

struct vocabulary_chunk;

struct vocabulary {
    const char *kind; /* tokenizer.ggml.model: "t5" Unigram, "bert" WordPiece, "gpt2" byte-level BPE */
    struct vocabulary_piece *pieces;
    size_t count, capacity;
    struct text *merges; /* of BPE, by rank */
    size_t merge_count, merge_capacity;
    struct text rules;             /* of Unigram: the precompiled charsmap */
    int32_t start, end;            /* what stands around a text, -1: nothing */
    int32_t unknown, padding;      /* -1: none */
    struct {
        bool known; /* the files say it */
        uint32_t separators; /* how often `end` stands between the two; 0: pairs are made in another way */
        uint32_t second_type; /* type of the tokens behind the first of these */
    } pair;
    bool space_prefix;             /* a text starts as if a space stood before it */
    bool lowercase, strip_accents; /* of WordPiece */
    const char *words; /* of Unigram: "whitespace" or "spaces" where texts are cut into words first, as
                          Hugging Face's tokenizers do it; NULL: as SentencePiece */
    bool merge_spaces, strip_left, strip_right; /* … before that */
    struct vocabulary_chunk *chunks;
};

void vocabulary_init(struct vocabulary *v);
void vocabulary_release(struct vocabulary *v); /* accepts a zeroed one */

/* A copy of `text` that lives as long as the vocabulary; its data is NULL when memory is short. */
struct text vocabulary_keep(struct vocabulary *v, struct text text);

enum status vocabulary_add(struct vocabulary *v, struct text text, float score, enum vocabulary_type type,
                           struct error *err);
/* A number that no piece has: an unused piece. */
enum status vocabulary_add_gap(struct vocabulary *v, struct error *err);

enum status vocabulary_add_merge(struct vocabulary *v, struct text text, struct error *err);

/* The pieces of a JSON object {"piece": number, …}; numbers may leave gaps. `path` stands in messages. */
enum status vocabulary_add_numbered(struct vocabulary *v, const char *path, const json_t *pieces,
                                    struct error *err);

/* The number of the piece spelled so, -1 when there is none. */
int32_t vocabulary_find(const struct vocabulary *v, struct text text);

/* From BERT's spelling of pieces, where "##" marks those that continue a word, to that of GGUF files, where
 * U+2581 marks those that begin one. */
enum status vocabulary_mark_words(struct vocabulary *v, struct error *err);

/* Writes the keys, with unused pieces up to `rows`, the rows of the model's table. INVALID when there are
 * more pieces than rows. Failures of writing are the writer's (gguf_writer_finish). */
enum status vocabulary_write(const struct vocabulary *v, uint64_t rows, struct gguf_writer *w,
                             struct error *err);

#endif
