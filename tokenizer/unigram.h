/* The best way to cut normalised text into pieces: the one with the greatest sum of scores (Viterbi).
 *
 * Scores are added as the C++ SentencePiece adds them, because texts with nearly equal cuts come out by the
 * last bit: (1) sums are floats, counted from the start of the text; (2) of equal candidates the first stays,
 * in the order of their starts; (3) a user-defined piece counts its bytes times the greatest score, less 0.1
 * (tables.c).
 *
 * A border is a place that no piece of the vocabulary found in the text reaches across. All cuts have it in
 * common, so what lies before it is final, and the window can be given up that far.
 */
#ifndef COGNATE_TOKENIZER_UNIGRAM_H
#define COGNATE_TOKENIZER_UNIGRAM_H

#include "tokenizer/memo.h"

struct unigram {
    const struct tables *tables;
    struct window *window;
    struct memo *memo; /* NULL: none */
    size_t words;      /* begun */
    size_t next;   /* the first symbol not yet taken as the start of a piece */
    size_t ready;  /* cells 0 … ready are initialised */
    size_t reach;  /* the furthest end of a piece found so far */
    size_t border; /* the last border found */
    size_t seen;   /* symbols looked through for the last one that is no space */
    size_t solid;  /* behind that one */
};

enum status unigram_start(struct unigram *u, const struct tables *tables, struct window *window,
                          struct error *err);

/* Takes as starts all symbols whose pieces are certain to lie in the window; all there are when `last`. */
void unigram_advance(struct unigram *u, bool last);

/* Gives up the window before the border, once its tokens were read off the cells. */
void unigram_drop(struct unigram *u);

#endif
