/* The words of a text: what can be found by keywords, in folded form (fold.h), with the bytes it stands for.
 *
 *     struct words w;
 *     const struct word *word;
 *     if (words_open(&w, &err) != STATUS_OK) …
 *     words_begin(&w, text);
 *     while (words_next(&w, &word, &err) == STATUS_OK && word != NULL)
 *         use(words_text(&w, word), word->start, word->end);
 *     words_close(&w);
 *
 * What stands without a space between is one word if it is one alphabet's; ICU's dictionaries find the words
 * in Thai, Lao, Khmer, Burmese, Chinese and Japanese. What ' - _ . / \ : @ & + = % ~ # hold together (a comma
 * between digits too) is one word, and so are its pieces, and the pieces of a word of letters and digits.
 * Korean words, which take endings, and Han words of three and more characters are their pairs as well:
 *
 *     AB-1234/7   ab-1234/7  ab      1234  7
 *     v2.10.3     v2.10.3    2.10.3  v2    10   3
 *     l'heure     l'heure    l       heure
 *     iPhone15    iphone15   iphone  15
 *     서울에서    서울에서   서울    울에  에서
 *     図書館      図書館     図書    書館
 *
 * A whole and its first piece share one place, and so do all pairs; pieces follow each other. So phrases can
 * be found both ways. Of a word, WORDS_FOLDED bytes count.
 */
#ifndef COGNATE_INDEX_WORDS_H
#define COGNATE_INDEX_WORDS_H

#include <stdbool.h>

#include "index/fold.h"

#define WORDS_RULES  "1" /* changes whenever a text may give other words */
#define WORDS_FOLDED 256 /* longest folded word, in bytes */

struct word {
    size_t start, end; /* bytes of the text */
    uint32_t at, len;  /* of the folded form; see words_text */
    bool beside;       /* in the same place as the word before */
    bool part;         /* a piece or a pair of a longer word, which stands before it */
    bool code;         /* written like a name for one thing: a part number, an error code, an address */
};

struct words {
    struct fold fold;
    uint8_t *kinds;         /* [FOLD_KNOWN], of code points met before */
    void *iterator, *utext; /* ICU's, opened when first needed */
    struct text text;
    size_t next_byte;
    struct buf folded; /* of the stretch in hand */
    struct word *items;
    size_t count, capacity, next;
};

enum status words_open(struct words *w, struct error *err);
void words_close(struct words *w); /* accepts a zeroed one */

/* `text` is valid UTF-8, borrowed until its last word. */
void words_begin(struct words *w, struct text text);

/* NULL at the end. A word is there until the next call. */
enum status words_next(struct words *w, const struct word **out, struct error *err);

static inline struct text words_text(const struct words *w, const struct word *word)
{
    return (struct text){w->folded.data + word->at, word->len};
}

/* Whether the code point that begins at `at` can be inside a word. */
bool words_letter_at(struct text text, size_t at);

#endif
