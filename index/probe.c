/* Which rows a search of a large collection looks at: those of the clusters whose centres are nearest to the
 * query (clusters.h), and those that stand in no cluster.
 *
 *     first    a few clusters, the nearest
 *     wider    those besides that may hold a better row than the k-th best of the first (reach.h): more of
 *              them when the best rows are far from the query
 *
 * When fewer than the k documents asked for are found that way, all rows are looked at after all; also when
 * a filter keeps what is far from the query, and more clusters would be worth a look than are looked into.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "index/clusters.h"
#include "index/search.h"

#define FIRST       6  /* clusters, and one more for */
#define FIRST_DEPTH 16 /* documents wanted */
#define MOST_SHARE  4  /* one in so many clusters is looked into, at most */

/* The n-th highest of some numbers, which are put into another order (Hoare's selection). */
static float nth_highest(float *values, size_t count, size_t n)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        float pivot = values[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (values[i] > pivot)
                i++;
            while (values[j] < pivot)
                j--;
            if (i >= j)
                break;
            float other = values[i];
            values[i++] = values[j];
            values[j--] = other;
        }
        if (n <= j)
            high = j;
        else
            low = j + 1;
    }
    return values[n];
}

/* Rows of the clusters with a cosine from `low` on and below `high` that were not looked at yet. */
static void add_lists(struct search_probe *p, const struct clusters *c, float low, float high)
{
    for (size_t i = 0; i < c->count; i++) {
        if (p->cosines[i] < low || p->cosines[i] >= high)
            continue;
        p->clusters++;
        for (uint32_t j = c->starts[i]; j < c->starts[i + 1]; j++)
            p->rows[c->slots[j] / 64] |= 1ull << c->slots[j] % 64;
    }
}

static enum status begin(struct search *s)
{
    struct search_probe *p = &s->probe;
    const struct resident *r = &s->c->resident;
    const struct clusters *c = r->clusters;
    p->words = r->block_count * SCAN_WORDS;
    p->cosines = malloc(c->count * sizeof *p->cosines);
    p->rows = calloc(2 * p->words, sizeof *p->rows);
    float *values = malloc(c->count * sizeof *values);
    if (p->cosines == NULL || p->rows == NULL || values == NULL) {
        free(values);
        return error_memory(s->err, "searching");
    }
    clusters_cosines(c, s->c->store->kernels, &s->scan, p->cosines);
    size_t most = c->count / MOST_SHARE, first = FIRST + search_depth(s->query) / FIRST_DEPTH;
    if (first > most)
        first = most;
    memcpy(values, p->cosines, c->count * sizeof *values);
    p->least = nth_highest(values, c->count, most);
    p->reached = nth_highest(values, c->count, first);
    free(values);
    for (size_t i = 0; i < r->block_count; i++)
        memcpy(p->rows + i * SCAN_WORDS, r->blocks[i].loose, sizeof r->blocks[i].loose);
    add_lists(p, c, p->reached, INFINITY);
    return STATUS_OK;
}

enum status search_probe(struct search *s)
{
    const struct collection *c = s->c;
    uint64_t documents = s->allowed != NULL ? s->allowed->count : c->resident.live;
    if (c->resident.clusters == NULL || s->query->exact || s->query->after.seen > 0 ||
        documents < c->store->cluster_from)
        return STATUS_OK;
    s->exact = false;
    return begin(s);
}

bool search_widen(struct search *s)
{
    struct search_probe *p = &s->probe;
    if (p->rows == NULL || s->status != STATUS_OK)
        return false;
    double kth = search_floor(s);
    float low =
        kth > -1 ? fmaxf(reach_floor(&s->c->resident.clusters->reach, (float)kth), p->least) : p->least;
    uint64_t *seen = p->rows + p->words, any = 0;
    size_t before = p->clusters;
    memcpy(seen, p->rows, p->words * sizeof *seen);
    if (low < p->reached) {
        add_lists(p, s->c->resident.clusters, low, p->reached);
        p->reached = low;
    }
    for (size_t i = 0; i < p->words; i++)
        any |= p->rows[i] &= ~seen[i];
    return p->clusters > before && any != 0;
}

bool search_fell_short(const struct search *s)
{
    const struct search_probe *p = &s->probe;
    if (p->rows == NULL)
        return false;
    if (s->best.count < search_depth(s->query))
        return true;
    return s->allowed != NULL &&
           reach_floor(&s->c->resident.clusters->reach, (float)search_floor(s)) < p->reached;
}

void search_probe_end(struct search *s)
{
    free(s->probe.cosines);
    free(s->probe.rows);
    s->probe = (struct search_probe){0};
}
