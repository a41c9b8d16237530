/* A set of documents, by row number.
 *
 *     struct document_set set = {0};
 *     if (document_set_add(&set, 7, &err) != STATUS_OK) …
 *     if (document_set_has(&set, 7)) …
 *     document_set_release(&set);
 *
 * A table of stretches of 512 numbers, each a row of bits: numbers that lie together, as those of a
 * collection mostly do, take little more than a bit.
 */
#ifndef COGNATE_INDEX_DOCUMENT_SET_H
#define COGNATE_INDEX_DOCUMENT_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

#define DOCUMENT_STRETCH 9 /* bits of a number within its stretch */

struct document_stretch {
    int64_t number; /* document >> DOCUMENT_STRETCH, plus one; 0: unused entry */
    uint64_t bits[8];
};

struct document_set {
    struct document_stretch *stretches;
    size_t size, used; /* size: a power of two, or 0 */
    uint64_t count;
};

/* CORRUPT for a number below 1, which no document has. Adding again changes nothing. */
enum status document_set_add(struct document_set *set, int64_t document, struct error *err);
/* Into an empty set. */
enum status document_set_copy(struct document_set *out, const struct document_set *set, struct error *err);
size_t document_set_bytes(const struct document_set *set);
/* a ← a ∪ b, a ∩ b, a without b */
enum status document_set_join(struct document_set *a, const struct document_set *b, struct error *err);
void document_set_meet(struct document_set *a, const struct document_set *b);
void document_set_subtract(struct document_set *a, const struct document_set *b);

void document_set_remove(struct document_set *set, int64_t document);
void document_set_clear(struct document_set *set);   /* keeps the memory */
void document_set_release(struct document_set *set); /* accepts a zeroed one */

/* The stretch that a document would lie in; NULL when none of its numbers is in the set. */
const struct document_stretch *document_set_stretch(const struct document_set *set, int64_t document);

/* The numbers in ascending order: `count` of them, freed with free. */
enum status document_set_list(const struct document_set *set, int64_t **out, struct error *err);

static inline bool document_stretch_has(const struct document_stretch *stretch, int64_t document)
{
    return stretch != NULL && (stretch->bits[document >> 6 & 7] >> (document & 63) & 1) != 0;
}

static inline bool document_set_has(const struct document_set *set, int64_t document)
{
    return document_stretch_has(document_set_stretch(set, document), document);
}

#endif
