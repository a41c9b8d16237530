#include "index/document_set.h"

#include <stdlib.h>
#include <string.h>

static struct document_stretch *entry(const struct document_set *set, int64_t number)
{
    size_t at = (size_t)((uint64_t)number * 0x9e3779b97f4a7c15u >> 32) & (set->size - 1);
    while (set->stretches[at].number != 0 && set->stretches[at].number != number)
        at = (at + 1) & (set->size - 1);
    return &set->stretches[at];
}

static bool reserve(struct document_set *set)
{
    if (set->used * 2 < set->size)
        return true;
    struct document_set larger = {
        .size = set->size == 0 ? 64 : set->size * 2, .used = set->used, .count = set->count};
    larger.stretches = calloc(larger.size, sizeof *larger.stretches);
    if (larger.stretches == NULL)
        return false;
    for (size_t i = 0; i < set->size; i++)
        if (set->stretches[i].number != 0)
            *entry(&larger, set->stretches[i].number) = set->stretches[i];
    free(set->stretches);
    *set = larger;
    return true;
}

enum status document_set_add(struct document_set *set, int64_t document, struct error *err)
{
    if (document <= 0)
        return error_set(err, STATUS_CORRUPT,
                         "the store is damaged: a document has the number %lld; restore it from a backup",
                         (long long)document);
    if (!reserve(set))
        return error_memory(err, "collecting documents");
    struct document_stretch *s = entry(set, (document >> DOCUMENT_STRETCH) + 1);
    uint64_t bit = (uint64_t)1 << (document & 63), *bits = &s->bits[document >> 6 & 7];
    set->used += s->number == 0;
    s->number = (document >> DOCUMENT_STRETCH) + 1;
    set->count += (*bits & bit) == 0;
    *bits |= bit;
    return STATUS_OK;
}

const struct document_stretch *document_set_stretch(const struct document_set *set, int64_t document)
{
    const struct document_stretch *s = set->size > 0 ? entry(set, (document >> DOCUMENT_STRETCH) + 1) : NULL;
    return s != NULL && s->number != 0 ? s : NULL;
}

/* ---- whole sets ---- */

size_t document_set_bytes(const struct document_set *set)
{
    return set->size * sizeof *set->stretches;
}

enum status document_set_copy(struct document_set *out, const struct document_set *set, struct error *err)
{
    struct document_stretch *stretches = malloc(document_set_bytes(set) + 1);
    if (stretches == NULL)
        return error_memory(err, "collecting documents");
    if (set->size > 0)
        memcpy(stretches, set->stretches, document_set_bytes(set));
    *out = *set;
    out->stretches = stretches;
    return STATUS_OK;
}

static void count_again(struct document_set *set)
{
    set->count = 0;
    for (size_t i = 0; i < set->size; i++)
        for (size_t j = 0; j < 8; j++)
            set->count += (uint64_t)__builtin_popcountll(set->stretches[i].bits[j]);
}

enum status document_set_join(struct document_set *a, const struct document_set *b, struct error *err)
{
    for (size_t i = 0; i < b->size; i++) {
        if (b->stretches[i].number == 0)
            continue;
        if (!reserve(a))
            return error_memory(err, "collecting documents");
        struct document_stretch *s = entry(a, b->stretches[i].number);
        a->used += s->number == 0;
        s->number = b->stretches[i].number;
        for (size_t j = 0; j < 8; j++)
            s->bits[j] |= b->stretches[i].bits[j];
    }
    count_again(a);
    return STATUS_OK;
}

/* Keeps of each stretch what the other set has, or what it has not. */
static void keep(struct document_set *a, const struct document_set *b, bool has)
{
    for (size_t i = 0; i < a->size; i++) {
        struct document_stretch *s = &a->stretches[i];
        const struct document_stretch *other = b->size > 0 ? entry(b, s->number) : NULL;
        for (size_t j = 0; j < 8 && s->number != 0; j++) {
            uint64_t bits = other != NULL && other->number != 0 ? other->bits[j] : 0;
            s->bits[j] &= has ? bits : ~bits;
        }
    }
    count_again(a);
}

void document_set_meet(struct document_set *a, const struct document_set *b)
{
    keep(a, b, true);
}

void document_set_subtract(struct document_set *a, const struct document_set *b)
{
    keep(a, b, false);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

enum status document_set_list(const struct document_set *set, int64_t **out, struct error *err)
{
    size_t n = 0;
    int64_t *numbers = malloc((size_t)(set->count + 1) * sizeof *numbers);
    if (numbers == NULL)
        return error_memory(err, "collecting documents");
    for (size_t i = 0; i < set->size; i++) {
        const struct document_stretch *s = &set->stretches[i];
        int64_t first = (s->number - 1) * (1 << DOCUMENT_STRETCH);
        for (int64_t bit = 0; s->number != 0 && bit < 1 << DOCUMENT_STRETCH; bit++)
            if (document_stretch_has(s, first + bit))
                numbers[n++] = first + bit;
    }
    qsort(numbers, n, sizeof *numbers, by_number);
    *out = numbers;
    return STATUS_OK;
}

/* ---- single numbers ---- */

void document_set_remove(struct document_set *set, int64_t document)
{
    if (!document_set_has(set, document))
        return;
    struct document_stretch *s = entry(set, (document >> DOCUMENT_STRETCH) + 1);
    s->bits[document >> 6 & 7] &= ~((uint64_t)1 << (document & 63));
    set->count--;
}

void document_set_clear(struct document_set *set)
{
    if (set->used > 0)
        memset(set->stretches, 0, set->size * sizeof *set->stretches);
    set->used = 0;
    set->count = 0;
}

void document_set_release(struct document_set *set)
{
    free(set->stretches);
    *set = (struct document_set){0};
}
