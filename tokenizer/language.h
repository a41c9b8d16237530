/* Which language a text is written in.
 *
 *     struct language l;
 *     language_detect(text, &l);                         // l.tag: "de", "zh-Hant", "und"
 *     language_detect_within(passage, l.tag, &l);        // a part of that text
 *
 * By libcld2 with its full tables (github.com/CLD2Owners/cld2): letter groups of four, and scripts where
 * those decide. On 31 languages of the Tatoeba development set, 98 % of sentences of 50 characters or more
 * are named right; neighbours (Danish and Norwegian, Croatian and Bosnian) are what it confuses. Languages it
 * does not know are taken for their neighbours: a tag is a good guess, not a fact.
 */
#ifndef COGNATE_TOKENIZER_LANGUAGE_H
#define COGNATE_TOKENIZER_LANGUAGE_H

#include "common/text.h"

#ifdef __cplusplus
extern "C" {
#endif

struct language {
    char tag[16];      /* BCP 47; "und" when nothing can be told */
    double share;      /* of the bytes of the text's letters that are in it, 0 to 1 */
    double confidence; /* share, less what the text is too short or too mixed to tell, 0 to 1 */
};

#define LANGUAGE_CANDIDATES 3

/* `text` is valid UTF-8; its first 64 KiB decide. Safe from any thread. */
void language_detect(struct text text, struct language *out);

/* Of a part of a text that is in the language `tag` as a whole: the part's own where it is long and clear
 * enough to speak for itself, else the whole text's. */
void language_detect_within(struct text part, const char *tag, struct language *out);

/* The language of a part in 16 bytes, empty where it is the whole text's; "de" is not another one than
 * "de-AT". */
void language_of_passage(struct text part, struct text whole, char out[16]);

/* The languages found in a text, the one with most of it first; returns how many, 0 when nothing can be told.
 */
size_t language_rank(struct text text, struct language out[LANGUAGE_CANDIDATES]);

#ifdef __cplusplus
}
#endif

#endif
