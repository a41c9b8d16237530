/* The rewriting rules of a SentencePiece model (its precompiled charsmap): byte sequences and what each
 * becomes.
 *
 *     u32 bytes of the trie | trie units, u32 each … | replacements, each ended by a NUL …
 *
 * The trie is a double array over bytes. A unit holds its label in bits 0-7, "a value follows" in bit 8, and
 * the offset of its children in bits 10-30, shifted left by 8 more when bit 9 is set; a unit with bit 31 set
 * is a value: the place of the replacement. A child stands at (node ^ offset ^ byte), a value at (node ^
 * offset).
 *
 * Every step is checked against the size of the table, so a damaged table gives wrong text but no stray read.
 */
#ifndef COGNATE_TOKENIZER_RULES_H
#define COGNATE_TOKENIZER_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

/* Longer left-hand sides are not followed; those of Unicode's own compositions have at most 18 bytes. */
#define RULE_MAX_BYTES 64

struct rules {
    const unsigned char *units; /* unaligned */
    uint32_t unit_count;        /* 0: no rules */
    struct text replacements;   /* ends in a NUL */
};

/* A view of `bytes`, which it borrows. Empty bytes make an empty set of rules. */
enum status rules_open(struct rules *r, struct text bytes, struct error *err);

/* The longest rule that text[0 … len) begins with. Returns its length in bytes, 0 when there is none. */
size_t rules_match(const struct rules *r, const unsigned char *text, size_t len, struct text *replacement);

/* The shortest rule that text[0 … len) begins with, as rules_match. */
size_t rules_first(const struct rules *r, const unsigned char *text, size_t len, struct text *replacement);

/* What a character does in the left-hand sides of rules. */
enum rules_role {
    RULES_WHOLE,  /* it is one by itself */
    RULES_LEADS,  /* a longer one begins with it */
    RULES_FOLLOWS /* it stands further on in one */
};

/* Tells `visit` every role of every character, at least once each. */
typedef enum status rules_visit(void *context, uint32_t character, enum rules_role role);
enum status rules_walk(const struct rules *r, rules_visit *visit, void *context, struct error *err);

#endif
