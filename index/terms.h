/* What a query looks for by keywords.
 *
 *     struct terms t;
 *     if (terms_open(&t, text_of("pump \"late train\" AB-12* "), &err) != STATUS_OK) …
 *     for (size_t i = 0; i < t.count; i++)
 *         use(&t.items[i]);                        // pump; late train; ab-12*
 *     terms_close(&t);
 *
 * A query is words, "phrases in quotes" and beginnings* of words; every text is a query. A word counts where
 * it occurs; of a word with parts (words.h) each part counts too. A phrase is wanted: what is found by
 * keywords alone has it. A quote within a word, or without its partner, is none. Of a long query the first
 * TERMS_MOST terms count.
 */
#ifndef COGNATE_INDEX_TERMS_H
#define COGNATE_INDEX_TERMS_H

#include "index/index.h"
#include "index/words.h"

#define TERMS_MOST  64
#define PHRASE_MOST 32 /* words of a phrase */

struct term {
    uint32_t at, len; /* in `parts`: one folded word, or the words of a phrase */
    bool prefix;      /* words that begin so */
    bool phrase;
    bool part;     /* of the term before it that is none */
    bool code;     /* see words.h */
    double weight; /* for the caller to set: 0 takes it out of the marks */
};

struct terms {
    struct words words;
    struct buf folded;
    struct term_word {
        uint32_t at, len; /* in `folded` */
    } * parts;
    size_t part_count, part_capacity;
    struct term items[TERMS_MOST];
    size_t count, phrases;
};

/* `text` is valid UTF-8, borrowed for the call. */
enum status terms_open(struct terms *t, struct text text, struct error *err);
void terms_close(struct terms *t); /* accepts a zeroed one */

/* Appends FTS5's expression for a term: strings, + and *. */
enum status term_expression(const struct terms *t, const struct term *term, struct buf *out,
                            struct error *err);

/* Where terms with a weight stand in a text, rising and apart from each other; added to what is there. The
 * caller frees the items. */
struct marks {
    struct mark *items;
    size_t count, capacity;
};
enum status terms_mark(struct terms *t, struct text text, struct marks *out, struct error *err);

#endif
