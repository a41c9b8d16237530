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
