/* From bytes to symbols, as SentencePiece normalises: the model's rules, longest first; white space at both
 * ends dropped and runs of it made one; U+2581 for a space, and one in front.
 *
 * The text comes in stretches. What is normalised and not yet cut into tokens stands in a window:
 *
 *     symbols   s0 s1 s2 …
 *     origins   o0 o1 o2 …  o[filled]     symbol i came from the bytes of the text o[i] … o[i + 1]
 *     cells     c0 c1 c2 …  c[filled]     best way to cut what is before symbol i (unigram.h)
 */
#ifndef COGNATE_TOKENIZER_NORMALIZE_H
#define COGNATE_TOKENIZER_NORMALIZE_H

#include "tokenizer/tables.h"

struct cell {
    float score;
    uint32_t last; /* the piece that ends here: number in the low 24 bits, characters in the high 8 */
};

struct window {
    uint16_t *symbols;
    uint32_t *origins;
    struct cell *cells;
    size_t filled;
    size_t capacity; /* symbols; one more of each is there */
};

struct normalizer {
    const struct tables *tables;
    const struct rules *rules;
    struct window *window;
    bool started;     /* something else than leading white space was seen */
    bool after_space; /* a space now would be dropped */
};

/* A stretch of bytes; what precedes `shift` belongs to the prompt and has no place in the text. */
struct stretch {
    const unsigned char *data;
    size_t size;
    size_t shift;
};

/* Normalises from *at until `limit` is reached or `room` symbols were added, whichever comes first, looking
 * ahead as far as the end of the stretch. */
enum status normalize(struct normalizer *n, struct stretch s, size_t *at, size_t limit, size_t room,
                      struct error *err);

/* After the last byte of the text, at `end`: drops a trailing space and closes the origins. */
enum status normalize_end(struct normalizer *n, size_t end, struct error *err);

enum status window_reserve(struct window *w, size_t more, struct error *err);
void window_drop(struct window *w, size_t count); /* the first `count` symbols */
void window_release(struct window *w);

#endif
