#include "index/topk.h"

#include <math.h>
#include <stdlib.h>

enum status topk_init(struct topk *t, size_t k, struct error *err)
{
    uint32_t slots = 8;
    while (slots < 4 * k)
        slots *= 2;
    *t = (struct topk){.k = k, .table_mask = slots - 1};
    t->items = malloc(k * sizeof *t->items);
    t->table = calloc(slots, sizeof *t->table);
    if (t->items != NULL && t->table != NULL)
        return STATUS_OK;
    topk_release(t);
    return error_memory(err, "searching");
}

void topk_release(struct topk *t)
{
    free(t->items);
    free(t->table);
    *t = (struct topk){0};
}

double topk_floor(const struct topk *t)
{
    return t->count < t->k ? -INFINITY : t->items[0].score;
}

/* ---- document → place ---- */

static uint32_t home(const struct topk *t, int64_t document)
{
    return (uint32_t)((uint64_t)document * 0x9e3779b97f4a7c15u >> 32) & t->table_mask;
}

static uint32_t *entry(const struct topk *t, int64_t document)
{
    uint32_t at = home(t, document);
    while (t->table[at] != 0 && t->items[t->table[at] - 1].document != document)
        at = (at + 1) & t->table_mask;
    return &t->table[at];
}

static void forget(struct topk *t, int64_t document)
{
    uint32_t gap = (uint32_t)(entry(t, document) - t->table), at = gap;
    for (;;) {
        at = (at + 1) & t->table_mask;
        if (t->table[at] == 0)
            break;
        uint32_t wanted = home(t, t->items[t->table[at] - 1].document);
        if (((at - wanted) & t->table_mask) >= ((at - gap) & t->table_mask)) {
            t->table[gap] = t->table[at];
            gap = at;
        }
    }
    t->table[gap] = 0;
}

/* ---- heap ---- */

static void swap(struct topk *t, size_t a, size_t b)
{
    uint32_t *entry_a = entry(t, t->items[a].document), *entry_b = entry(t, t->items[b].document);
    struct topk_item item = t->items[a];
    t->items[a] = t->items[b];
    t->items[b] = item;
    *entry_a = (uint32_t)b + 1;
    *entry_b = (uint32_t)a + 1;
}

static void sink(struct topk *t, size_t at)
{
    for (;;) {
        size_t worst = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < t->count; child++)
            if (t->items[child].score < t->items[worst].score)
                worst = child;
        if (worst == at)
            return;
        swap(t, at, worst);
        at = worst;
    }
}

static void rise(struct topk *t, size_t at)
{
    while (at > 0 && t->items[at].score < t->items[(at - 1) / 2].score) {
        swap(t, at, (at - 1) / 2);
        at = (at - 1) / 2;
    }
}

int64_t topk_offer(struct topk *t, int64_t document, int64_t passage, double score)
{
    struct topk_item item = {score, document, passage};
    if (t->count == t->k && score < t->items[0].score)
        return 0;
    uint32_t *found = entry(t, document);
    if (*found != 0) {
        struct topk_item *held = &t->items[*found - 1];
        if (score > held->score || (score == held->score && passage < held->passage)) {
            *held = item;
            sink(t, *found - 1);
        }
        return 0;
    }
    if (t->count < t->k) {
        t->items[t->count++] = item;
        *found = (uint32_t)t->count;
        rise(t, t->count - 1);
        return 0;
    }
    struct topk_item last = t->items[0];
    if (score == last.score)
        return document;
    forget(t, last.document);
    t->items[0] = item;
    *entry(t, document) = 1;
    sink(t, 0);
    return t->items[0].score == last.score ? last.document : 0;
}

static int by_rank(const void *a, const void *b)
{
    const struct topk_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->document > y->document) - (x->document < y->document);
}

void topk_sort(struct topk *t)
{
    if (t->count > 0)
        qsort(t->items, t->count, sizeof *t->items, by_rank);
}
