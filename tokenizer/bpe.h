/* Byte-level BPE, as GPT-2 and RoBERTa have it: text to words, the bytes of a word merged pair by pair, the
 * pair of the lowest rank first and of equals the leftmost.
 *
 * Ids equal those of Hugging Face's tokenizers (ByteLevel, BPE). A word is a contraction ('s 't 're 've 'm
 * 'll 'd), or a run of letters, of digits or of other signs with the space before it if there is one, or
 * white space; of white space before a word the last character is left for that word. Malformed bytes are
 * signs and stay what they are. A token that begins or ends within a character has that whole character in
 * its range.
 */
#ifndef COGNATE_TOKENIZER_BPE_H
#define COGNATE_TOKENIZER_BPE_H

#include "tokenizer/encoding.h"

/* As tokenizer_encode; `e` is empty and has its scratch. */
enum status bpe_encode(const struct tables *tables, struct encoding *e, struct text prefix, struct text text,
                       struct error *err);

struct bpe_scratch;
void bpe_scratch_free(struct bpe_scratch *s); /* accepts NULL */

#endif
