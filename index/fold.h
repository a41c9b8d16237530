/* The form of a word that words are compared in.
 *
 *     struct fold f;
 *     if (fold_open(&f, &err) != STATUS_OK) …
 *     if (fold_append(&f, text_of("Čeština"), &out, &err) == STATUS_OK)    // "cestina"
 *         …
 *     fold_close(&f);
 *
 * First comes Unicode's NFKC_Casefold: case (ß = ss, ς = σ), width, ligatures, superscripts, nothing left of
 * what is invisible. Then, since people leave marks out where a keyboard or a habit lets them, and nowhere
 * else:
 *
 *     Latin       without its marks, and ø đ ł ħ ı æ œ ð þ as o d l h i ae oe d th; so I, İ, ı and i are one
 *     Greek       without its marks
 *     Cyrillic    ё ѐ as е, ѝ as и, stress marks gone; й ї ў ѓ ќ are letters and stay
 *     Arabic      without points and tatweel; أ إ آ ٱ as ا, ى ی as ي, ک as ك, ة ۀ as ه; ؤ and ئ stay
 *     Hebrew      without points
 *     Syriac      without points
 *     digits      of any script as 0 to 9
 *
 * All other marks spell letters or vowels (Devanagari, Thai, kana, …) and stay. Texts that are canonically
 * equivalent fold alike.
 */
#ifndef COGNATE_INDEX_FOLD_H
#define COGNATE_INDEX_FOLD_H

#include <stdint.h>

#include "common/buf.h"
#include "common/status.h"
#include "common/text.h"

#define FOLD_KNOWN 0x2000 /* code points below are remembered: the alphabets, Indic and South-East Asian */

/* What a code point becomes, when that is short. */
struct fold_known {
    uint8_t state; /* 0: not asked yet; 1: `len` bytes; 2: too long to remember */
    uint8_t len;
    char bytes[3];
};

struct fold {
    const void *casefold, *decompose; /* ICU's */
    struct fold_known *known;         /* [FOLD_KNOWN] */
};

enum status fold_open(struct fold *f, struct error *err);
void fold_close(struct fold *f); /* accepts a zeroed one */

#define FOLD_WORD 65536 /* longest word, in bytes */

/* Appends the folded form of a word in valid UTF-8; it may be empty. */
enum status fold_append(struct fold *f, struct text text, struct buf *out, struct error *err);

#endif
