/* Unigram as Hugging Face's tokenizers does it, for models that come with a tokenizer.json.
 *
 * It differs from SentencePiece (normalize.h, unigram.h) in three ways, and the ids with it: (1) a rule is
 * looked up for a whole grapheme cluster of less than six bytes, and of the rules that the cluster begins
 * with the shortest replaces all of it; otherwise each character is looked up by itself. (2) The text is cut
 * into words first, each beginning with U+2581, and every word is cut into pieces by itself. (3) Scores are
 * added as doubles.
 *
 *     text     Ein  Wort\n
 *     words    ▁Ein ▁Wort            cut at all white space, or at spaces (struct tables: words)
 */
#ifndef COGNATE_TOKENIZER_UNIGRAM_WORDS_H
#define COGNATE_TOKENIZER_UNIGRAM_WORDS_H

#include "tokenizer/encoding.h"

/* As tokenizer_encode; `e` is empty and has its scratch. `rules` are those of the tables' file. */
enum status unigram_words_encode(const struct tables *tables, const struct rules *rules, struct encoding *e,
                                 struct text prefix, struct text text, struct error *err);

struct letters;
void letters_free(struct letters *l); /* accepts NULL */

#endif
