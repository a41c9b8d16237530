#include "server/search_lists.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/handler.h"

int listed_by_score(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    int order = text_compare(x->hit->id, y->hit->id);
    return order != 0 ? order : (x->list > y->list) - (x->list < y->list);
}

enum status lists_merge(const struct hits *lists, size_t n, struct listed **out, size_t *count,
                        struct error *err)
{
    size_t total = 0, at = 0;
    for (size_t i = 0; i < n; i++)
        total += lists[i].count;
    struct listed *items = calloc(total + 1, sizeof *items);
    if (items == NULL)
        return error_memory(err, "listing hits");
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < lists[i].count; j++)
            items[at++] = (struct listed){
                .hit = &lists[i].items[j], .list = i, .score = lists[i].items[j].score, .rerank = NAN};
    if (n > 1)
        qsort(items, total, sizeof *items, listed_by_score);
    *out = items;
    *count = total;
    return STATUS_OK;
}

/* NULL without the field; *bad when there was no memory to look. */
static json_t *value_of(const struct hit *hit, const char *field, bool *bad)
{
    json_t *metadata = metadata_json(hit->metadata);
    json_t *value = json_object_get(metadata, field);
    *bad = metadata == NULL;
    if (json_is_array(value))
        value = json_array_get(value, 0);
    json_incref(value);
    json_decref(metadata);
    return value;
}

enum status lists_group(struct listed *items, size_t *count, const char *field, size_t size,
                        struct error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *count; i++) {
        size_t same = 0;
        bool bad;
        json_t *group = value_of(items[i].hit, field, &bad);
        if (bad)
            return error_memory(err, "grouping hits");
        for (size_t j = 0; j < kept && group != NULL; j++)
            same += json_equal(items[j].group, group);
        if (same < size) {
            items[kept] = items[i];
            items[kept++].group = group;
        } else {
            json_decref(group);
        }
    }
    *count = kept;
    return STATUS_OK;
}

void listed_free(struct listed *items, size_t count)
{
    for (size_t i = 0; i < count && items != NULL; i++)
        json_decref(items[i].group);
    free(items);
}
