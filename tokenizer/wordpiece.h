/* WordPiece, as BERT's models have it: text to words, words to the longest pieces that fit, from the left.
 *
 * In a model file a piece that begins a word is written with U+2581 in front, one that continues it without.
 * Ids equal those of Hugging Face's tokenizers (BertNormalizer, BertPreTokenizer, WordPiece): control
 * characters are dropped, a Chinese character and a punctuation mark is a word by itself, a word of more than
 * 100 characters or with a part that no piece has is unknown as a whole. That package's tables of characters
 * are those of Unicode 8, so younger ones are as unassigned here.
 */
#ifndef COGNATE_TOKENIZER_WORDPIECE_H
#define COGNATE_TOKENIZER_WORDPIECE_H

#include "tokenizer/encoding.h"

/* As tokenizer_encode; `e` is empty and has its scratch. */
enum status wordpiece_encode(const struct tables *tables, struct encoding *e, struct text prefix,
                             struct text text, struct error *err);

#endif
