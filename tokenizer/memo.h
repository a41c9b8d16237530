/* Words that were cut into pieces before: in most texts the same few thousand words come again and again.
 *
 * Only for vocabularies none of whose pieces has a space behind its first character: then the best cut of a
 * text is the best cut of each word. But scores are added as floats (unigram.h), and where two cuts of a word
 * are nearly equal, the rounding of what came before decides. So a word is kept with the greatest score
 * before it, in size, for which rounding cannot change its cut:
 *
 * Each of at most n + 1 sums that lead to a place is off by 2^-24 of itself at most. So a cut that is better by
 * more than twice (n + 1) / 2^24 of the largest sum, wherever cuts meet, stays the better one. Twice that again
 * is asked for, since the sums of worse cuts are larger.
 *
 * The memory is 2 MiB whatever the texts are; words that come only once are not kept.
 */
#ifndef COGNATE_TOKENIZER_MEMO_H
#define COGNATE_TOKENIZER_MEMO_H

#include "tokenizer/normalize.h"

#define MEMO_WORD 16 /* symbols of a word, at most; a multiple of 4 */

struct memo;

/* Borrows the tables. NULL: no memory. */
struct memo *memo_new(const struct tables *tables);
void memo_free(struct memo *m); /* accepts NULL */
bool memo_is_of(const struct memo *m, const struct tables *tables);

/* Cuts the word of `length` symbols, its space included, that begins at cells[0]: sets the cells in which its
 * pieces end, the last of them cells[length]. False when it is unknown, or too near to call. */
bool memo_cut(struct memo *m, const uint16_t *symbols, size_t length, struct cell *cells);

#endif
