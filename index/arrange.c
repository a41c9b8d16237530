/* Making the clusters of a collection, beside everything else that happens to it.
 *
 *     sample of rows ── kmeans.c → centres ┐
 *     rows that are loose, or all ─────────┴→ placements ── clusters.c → lists ── resident.c → in use
 *
 * Rows are copied a block at a time under the collection's lock, and worked on without it. What was deleted
 * or put meanwhile is told apart at the end, under the lock, by the passages' numbers: what is no longer
 * where it was stays loose, and what is loose is looked at by every search. So nothing that goes wrong here,
 * and no time at which it ends, changes what a search may find.
 *
 * Clusters live in memory only. A store that has just been opened is searched exactly until they are made,
 * which takes about as long as a few hundred such searches take together; a file of them would have to be
 * kept in step with the rows, or be checked against all of them.
 */
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/grow.h"
#include "index/store.h"

#define ROWS_A_CLUSTER   96 /* about */
#define SAMPLE_A_CLUSTER 16
#define CLUSTERS_LEAST   8
#define LOOSE_SHARE      16 /* one in so many rows is loose: time to place them */

/* A block's worth of rows, copied. */
struct batch {
    struct scan_codes codes;
    float *scales;
    uint32_t *slots;
    int64_t *passages;
    size_t count;
};

struct arranging {
    struct collection *c;
    const struct watcher *watcher;
    const struct clusters *old; /* those in use; read under the lock, and only while they are */
    bool anew;                  /* all rows are placed, around new centres */
    struct centres centres;
    struct reach reach;
    struct batch batch;
    struct placement *placements;
    size_t count, capacity;
    uint32_t live;
    struct error *err;
};

/* ---- rows ---- */

static void release_batch(struct batch *b)
{
    big_free(b->codes.heads);
    free(b->scales);
    free(b->slots);
    free(b->passages);
}

static enum status init_batch(struct batch *b, size_t rows, size_t width, struct error *err)
{
    b->codes.heads = big_alloc((rows + 1) * scan_stride(width));
    b->scales = calloc(rows + 1, sizeof *b->scales);
    b->slots = calloc(rows + 1, sizeof *b->slots);
    b->passages = calloc(rows + 1, sizeof *b->passages);
    if (b->codes.heads == NULL || b->scales == NULL || b->slots == NULL || b->passages == NULL)
        return error_memory(err, "making clusters");
    b->codes.rests = b->codes.heads + rows * scan_head(width);
    return STATUS_OK;
}

static void copy_row(struct batch *b, const struct resident_block *block, size_t at, uint32_t slot,
                     size_t width)
{
    size_t head = scan_head(width), rest = scan_stride(width) - head, to = b->count++;
    memcpy(b->codes.heads + to * head, block->codes.heads + at * head, head);
    memcpy(b->codes.rests + to * rest, block->codes.rests + at * rest, rest);
    b->scales[to] = block->scales[at];
    b->slots[to] = slot;
    b->passages[to] = block->passages[at];
}

/* One passage in so many, by chance, but always the same: rows often come in a rhythm. */
static bool is_drawn(int64_t passage, size_t of)
{
    uint64_t z = (uint64_t)passage * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u; /* of Vigna's splitmix64 */
    return (z >> 32) % of == 0;
}

/* Copies the rows of a block that are wanted: loose ones, or all; one in so many of them, at most `most` in
 * all. *more is false past the last block. */
static void copy_block(struct arranging *a, struct batch *b, size_t block, size_t of, size_t most, bool *more)
{
    struct collection *c = a->c;
    pthread_rwlock_rdlock(&c->lock);
    const struct resident *r = &c->resident;
    *more = block * SCAN_BLOCK < r->slots;
    for (size_t at = 0; *more && at < SCAN_BLOCK && block * SCAN_BLOCK + at < r->slots; at++) {
        uint32_t slot = (uint32_t)(block * SCAN_BLOCK + at);
        if (r->blocks[block].documents[at] == 0 || (!a->anew && !resident_is_loose(r, slot)))
            continue;
        if (b->count < most && is_drawn(r->blocks[block].passages[at], of))
            copy_row(b, &r->blocks[block], at, slot, c->width);
    }
    pthread_rwlock_unlock(&c->lock);
}

/* ---- centres ---- */

static size_t cluster_count(uint32_t rows)
{
    size_t count = rows / ROWS_A_CLUSTER;
    return count < CLUSTERS_LEAST ? CLUSTERS_LEAST : count > CLUSTERS_MOST ? CLUSTERS_MOST : count;
}

/* Of a sample. Where there are hardly any rows left it makes none. */
static enum status find_centres(struct arranging *a)
{
    const struct scan_kernels *kernels = a->c->store->kernels;
    struct batch sample = {0};
    size_t count = cluster_count(a->live), of = a->live / (count * SAMPLE_A_CLUSTER) + 1;
    size_t most = a->live / of + a->live / 16 / of + 64; /* chance gives some more, or less */
    bool more = true;
    struct kmeans_rows rows;
    enum status status = init_batch(&sample, most, a->c->width, a->err);
    for (size_t block = 0; status == STATUS_OK && more; block++)
        copy_block(a, &sample, block, of, most, &more);
    if (status == STATUS_OK && sample.count >= count) {
        rows = (struct kmeans_rows){sample.codes, sample.scales, sample.count};
        status = centres_init(&a->centres, count, a->c->width, a->err);
        if (status == STATUS_OK)
            status = kmeans_train(&a->centres, &rows, kernels, a->watcher, a->err);
        if (status == STATUS_OK)
            status = reach_measure(&a->centres, &rows, kernels, &a->reach, a->err);
    }
    release_batch(&sample);
    return status;
}

/* ---- placing ---- */

static enum status place_batch(struct arranging *a)
{
    const struct batch *b = &a->batch;
    struct near_centre near[SCAN_BLOCK * CLUSTERS_NEAREST];
    centres_nearest(&a->centres, a->c->store->kernels, b->codes, b->count, CLUSTERS_NEAREST, near);
    for (size_t i = 0; i < b->count; i++) {
        struct placement *more = grown(a->placements, a->count, &a->capacity, sizeof *more);
        if (more == NULL)
            return error_memory(a->err, "making clusters");
        a->placements = more;
        const struct near_centre *mine = near + i * CLUSTERS_NEAREST;
        more[a->count++] =
            (struct placement){b->passages[i],
                               b->slots[i],
                               {(uint16_t)mine[0].centre, clusters_second(&a->centres, mine, b->scales[i])}};
    }
    return STATUS_OK;
}

static enum status place_rows(struct arranging *a)
{
    bool more = true;
    enum status status = init_batch(&a->batch, SCAN_BLOCK, a->c->width, a->err);
    for (size_t block = 0; status == STATUS_OK && more; block++) {
        a->batch.count = 0;
        copy_block(a, &a->batch, block, 1, SCAN_BLOCK, &more);
        status = a->batch.count > 0 ? place_batch(a) : STATUS_OK;
        if (status == STATUS_OK)
            status = watcher_tell(a->watcher, a->count, a->anew ? a->live : 0, a->err);
    }
    return status;
}

/* ---- in use ---- */

static enum status publish(struct arranging *a)
{
    struct collection *c = a->c;
    struct clusters *made = NULL;
    pthread_rwlock_rdlock(&c->lock);
    bool same = c->resident.clusters == a->old; /* not loaded again meanwhile */
    enum status status = STATUS_OK;
    if (same)
        status = clusters_new(&a->centres, a->placements, a->count, &c->resident, a->anew ? NULL : a->old,
                              &made, a->err);
    if (made != NULL) {
        made->trained = a->anew ? a->live : a->old->trained;
        made->since = a->anew ? 0 : a->old->since + a->count;
        made->reach = a->anew ? a->reach : a->old->reach;
    }
    pthread_rwlock_unlock(&c->lock);
    if (made == NULL)
        return status;
    pthread_rwlock_wrlock(&c->lock);
    if (c->resident.clusters == a->old)
        resident_arrange(&c->resident, made, a->placements, a->count, !a->anew);
    else
        clusters_free(made);
    pthread_rwlock_unlock(&c->lock);
    return STATUS_OK;
}

/* Whether there is something to do, and the centres that are there already. */
static enum status look(struct arranging *a, bool *due)
{
    struct collection *c = a->c;
    enum status status = STATUS_OK;
    pthread_rwlock_rdlock(&c->lock);
    const struct resident *r = &c->resident;
    const struct clusters *old = r->clusters;
    *due = r->generation != 0 && r->live >= c->store->cluster_from && r->live > 0 &&
           (old == NULL || r->live - r->placed > r->live / LOOSE_SHARE || old->trained / 2 > r->live);
    a->old = old;
    a->live = r->live;
    a->anew = old == NULL || old->trained / 2 > r->live ||
              old->since + (r->live - r->placed) > old->trained; /* grown, or other rows by now */
    if (*due && !a->anew)
        status = clusters_centres(old, &a->centres, a->err);
    pthread_rwlock_unlock(&c->lock);
    return status;
}

enum status collection_arrange(struct collection *c, const struct watcher *w, struct error *err)
{
    struct arranging a = {.c = c, .watcher = w, .err = err};
    bool due = false;
    pthread_mutex_lock(&c->arranging);
    enum status status = look(&a, &due);
    if (status == STATUS_OK && due && a.anew)
        status = find_centres(&a);
    if (status == STATUS_OK && a.centres.count > 0)
        status = place_rows(&a);
    if (status == STATUS_OK && a.centres.count > 0)
        status = publish(&a);
    pthread_mutex_unlock(&c->arranging);
    free(a.placements);
    release_batch(&a.batch);
    centres_release(&a.centres);
    return status;
}

void collection_clusters(struct collection *c, struct cluster_info *out)
{
    pthread_rwlock_rdlock(&c->lock);
    const struct resident *r = &c->resident;
    *out = (struct cluster_info){.loose = r->live - r->placed, .bytes = clusters_bytes(r->clusters)};
    if (r->clusters != NULL) {
        out->clusters = r->clusters->count;
        out->made = r->clusters->made;
    }
    pthread_rwlock_unlock(&c->lock);
}

/* ---- of a store ---- */

/* The collection in use behind `after`, held; NULL behind the last. */
static struct collection *next_in_use(struct store *s, int64_t after)
{
    struct collection *found = NULL;
    pthread_mutex_lock(&s->registry);
    for (struct collection *c = s->collections; c != NULL; c = c->next)
        if (!c->dropped && c->space > after && (found == NULL || c->space < found->space))
            found = c;
    if (found != NULL)
        found->references++;
    pthread_mutex_unlock(&s->registry);
    return found;
}

void store_cluster_from(struct store *s, uint64_t passages)
{
    s->cluster_from = passages;
}

enum status store_arrange(struct store *s, const struct watcher *w, struct error *err)
{
    enum status status = STATUS_OK;
    struct collection *c = next_in_use(s, 0);
    while (c != NULL && status == STATUS_OK) {
        int64_t space = c->space;
        status = collection_arrange(c, w, err);
        collection_release(c);
        c = status == STATUS_OK ? next_in_use(s, space) : NULL;
    }
    return status;
}
