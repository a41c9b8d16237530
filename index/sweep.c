/* One look at the rows of a collection goes in stretches of blocks:
 *
 *     glance   half of each row, and from it what the row may reach at most (scan.h)
 *     scout    the few rows that may reach most are scored: the k-th best of them is what others must reach
 *     near     rows that may still reach it are scored
 *
 * So nearly all rows need no more than a glance, from the first stretch on. A search that has too many near
 * rows in the first blocks of a stretch, as one has whose answer is not there, scores all rows of it instead;
 * likewise where there are too few to scout among.
 */
#include "index/sweep.h"

#include <stdlib.h>
#include <string.h>

#include "index/search.h"

#define MOST_BLOCKS 128 /* in a stretch */
#define TEST_BLOCKS 16  /* that tell what a glance is worth: */
#define WORTH       2   /* it must leave near less than one in so many rows */
#define PAUSE       4   /* stretches without a glance, where it was not worth it */
#define GROUP       64  /* rows, of which one may be a scout */
#define GROUPS      (SCAN_BLOCK / GROUP)
#define MANY        4  /* near rows of a block: one in so many */
#define LINE        64 /* bytes of memory that come together */

/* Rows of a block that are to be looked at. */
struct chosen {
    const struct resident_block *block;
    const uint16_t *rows; /* NULL: the first `count` */
    size_t count;
};

struct sweep {
    struct sweep *next;                /* of those not in use */
    struct chosen chosen[MOST_BLOCKS]; /* of the stretch */
    size_t blocks;
    uint16_t lists[MOST_BLOCKS][SCAN_BLOCK];
    unsigned char reach[SCAN_QUERIES][MOST_BLOCKS][SCAN_BLOCK]; /* of the chosen rows, 0 behind them */
    unsigned char most[SCAN_QUERIES][MOST_BLOCKS][GROUPS];      /* the highest reach of each group */
    uint16_t near[2][SCAN_QUERIES][SCAN_BLOCK];                 /* rows of this block and of the one before */
    size_t near_count[2][SCAN_QUERIES];
    float scales[SCAN_BLOCK], errors[SCAN_BLOCK], tails[SCAN_BLOCK];
    int32_t sums[SCAN_QUERIES][SCAN_BLOCK];
};

struct sweep *sweep_take(struct sweep **idle)
{
    struct sweep *w = *idle;
    if (w != NULL)
        *idle = w->next;
    else
        w = malloc(sizeof *w);
    return w;
}

void sweep_give(struct sweep **idle, struct sweep *w)
{
    if (w == NULL)
        return;
    w->next = *idle;
    *idle = w;
}

void sweep_release(struct sweep *idle)
{
    for (struct sweep *next; idle != NULL; idle = next) {
        next = idle->next;
        free(idle);
    }
}

/* ---- which rows ---- */

/* Rows of a block whose documents are in the set. Neighbours are often of one document, and numbers
 * of neighbours lie close together. */
static size_t rows_of(const struct document_set *set, const struct resident_block *b, size_t slots,
                      uint16_t *rows)
{
    const struct document_stretch *stretch = NULL;
    int64_t number = 0;
    size_t n = 0;
    for (size_t at = 0; at < slots; at++) {
        int64_t document = b->documents[at];
        if ((document >> DOCUMENT_STRETCH) + 1 != number) {
            number = (document >> DOCUMENT_STRETCH) + 1;
            stretch = document_set_stretch(set, document);
        }
        rows[n] = (uint16_t)at;
        n += document != 0 && document_stretch_has(stretch, document);
    }
    return n;
}

/* Rows of a block that a search of a large collection is to look at (probe.c). */
static size_t probed_rows(const struct search *s, const struct resident_block *b, size_t block, size_t slots,
                          uint16_t *rows)
{
    const uint64_t *words = s->probe.rows + block * SCAN_WORDS;
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < SCAN_WORDS; i++)
        for (uint64_t word = words[i]; word != 0; word &= word - 1)
            rows[n++] = (uint16_t)(i * 64 + (size_t)__builtin_ctzll(word));
    while (n > 0 && rows[n - 1] >= slots) /* bits without slots */
        n--;
    if (s->allowed == NULL)
        return n;
    for (size_t i = 0; i < n; i++) {
        rows[kept] = rows[i];
        kept += b->documents[rows[i]] != 0 && document_set_has(s->allowed, b->documents[rows[i]]);
    }
    return kept;
}

/* Leaves of the rows those whose passages are in the languages that are wanted. */
static size_t spoken_rows(const struct passage_langs *langs, const struct resident_block *b, uint16_t *rows,
                          size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        size_t at = rows[i];
        rows[kept] = rows[i];
        kept += passage_langs_have(langs, b->documents[at], b->passages[at]);
    }
    return kept;
}

/* Of one block, for searches of the first one's rows. */
static void choose(struct search *const *searches, size_t n, size_t block, uint16_t *list, struct chosen *out)
{
    const struct search *s = searches[0];
    const struct resident *r = &s->c->resident;
    const struct resident_block *b = &r->blocks[block];
    size_t first = block * SCAN_BLOCK, slots = r->slots - first < SCAN_BLOCK ? r->slots - first : SCAN_BLOCK;
    *out = (struct chosen){.block = b, .count = slots};
    if (s->probe.rows != NULL || s->allowed != NULL) {
        out->rows = list;
        out->count = s->probe.rows != NULL ? probed_rows(s, b, block, slots, list)
                                           : rows_of(s->allowed, b, slots, list);
        if (s->langs != NULL)
            out->count = spoken_rows(s->langs, b, list, out->count);
    }
    for (size_t i = 0; i < n; i++)
        if (out->rows != NULL)
            searches[i]->passed += out->count;
        else if (searches[i]->expired != NULL)
            searches[i]->passed -= rows_of(searches[i]->expired, b, slots, list);
}

/* ---- scores ---- */

/* Takes rows with these sums into the candidates, except those whose reach, unless it is NULL, says that they
 * were scouts. */
static enum status take_rows(struct search *s, const struct resident_block *b, const uint16_t *rows, size_t n,
                             const int32_t *sums, const unsigned char *reach)
{
    double unit = s->scan.unit, error = s->scan.error + SEARCH_ROUNDING, factor = 1 + s->scan.error;
    double floor = search_floor(s);
    for (size_t i = 0; i < n; i++) {
        size_t at = rows != NULL ? rows[i] : i;
        double score = unit * (double)b->scales[at] * sums[i], bound = error + (double)b->errors[at] * factor;
        if (score + bound < floor || b->documents[at] == 0 || (reach != NULL && reach[i] == 0))
            continue;
        if (s->expired != NULL && document_set_has(s->expired, b->documents[at]))
            continue;
        struct candidate row = {score + bound, b->prints[at], b->documents[at], b->passages[at]};
        enum status status = search_offer(s, &row, score - bound);
        if (status != STATUS_OK)
            return status;
        floor = search_floor(s);
    }
    return STATUS_OK;
}

/* Rows of a block for one search. */
static void score_rows(struct sweep *w, struct search *s, const struct resident_block *b,
                       const uint16_t *rows, size_t count)
{
    const struct scan_query *query = &s->scan;
    if (count == 0 || s->status != STATUS_OK)
        return;
    s->c->store->kernels->dot(b->codes, rows, count, &query, 1, w->sums);
    s->status = take_rows(s, b, rows, count, w->sums[0], NULL);
}

/* All chosen rows of a block for several, which have glanced at it or not. */
static void score_block(struct sweep *w, struct search *const *searches, size_t n, size_t block, bool glanced)
{
    const struct chosen *c = &w->chosen[block];
    const struct scan_query *queries[SCAN_QUERIES] = {0};
    if (c->count == 0)
        return;
    for (size_t i = 0; i < n; i++)
        queries[i] = &searches[i]->scan;
    searches[0]->c->store->kernels->dot(c->block->codes, c->rows, c->count, queries, n, w->sums);
    for (size_t i = 0; i < n; i++)
        if (searches[i]->status == STATUS_OK)
            searches[i]->status = take_rows(searches[i], c->block, c->rows, c->count, w->sums[i],
                                            glanced ? w->reach[searches[i]->lane][block] : NULL);
}

/* ---- glances ---- */

static void find_most(const unsigned char *reach, size_t groups, unsigned char *most)
{
    memset(most, 0, GROUPS);
    for (size_t g = 0; g < groups; g++, reach += GROUP) {
        unsigned char highest = 0;
        for (size_t i = 0; i < GROUP; i++)
            highest = reach[i] > highest ? reach[i] : highest;
        most[g] = highest;
    }
}

/* What the rows of a block may reach, for all of the searches. */
static void glance(struct sweep *w, struct search *const *searches, size_t n, size_t block)
{
    const struct chosen *c = &w->chosen[block];
    const struct resident_block *b = c->block;
    const struct scan_kernels *kernels = searches[0]->c->store->kernels;
    const struct scan_query *queries[SCAN_QUERIES] = {0};
    struct scan_bounds bounds = {b->scales, b->errors, b->tails};
    size_t groups = (c->count + GROUP - 1) / GROUP;
    for (size_t i = 0; i < n; i++)
        queries[i] = &searches[i]->scan;
    if (c->count > 0)
        kernels->glance(b->codes, c->rows, c->count, queries, n, w->sums);
    if (c->rows != NULL) {
        for (size_t i = 0; i < c->count; i++) {
            w->scales[i] = b->scales[c->rows[i]];
            w->errors[i] = b->errors[c->rows[i]];
            w->tails[i] = b->tails[c->rows[i]];
        }
        bounds = (struct scan_bounds){w->scales, w->errors, w->tails};
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char *reach = w->reach[searches[i]->lane][block];
        kernels->reach(queries[i], w->sums[i], bounds, c->count, reach);
        memset(reach + c->count, 0, groups * GROUP - c->count);
        find_most(reach, groups, w->most[searches[i]->lane][block]);
    }
}

/* Twice as many as documents are looked for: several may be of one document. */
static size_t scouts_of(const struct search *s)
{
    return 2 * search_depth(s->query);
}

/* What of the best groups the `wanted` best have, at least 1. */
static unsigned scout_floor(unsigned char (*most)[GROUPS], size_t blocks, size_t wanted)
{
    size_t counts[SCAN_REACH + 1] = {0}, seen = 0;
    unsigned floor = SCAN_REACH;
    for (size_t b = 0; b < blocks; b++)
        for (size_t g = 0; g < GROUPS; g++)
            counts[most[b][g]]++;
    while ((seen += counts[floor]) < wanted && floor > 1)
        floor--;
    return floor;
}

/* Scores the best row of each of the best groups of the first blocks, which need not be looked at again. */
static void scout(struct sweep *w, struct search *s, size_t blocks)
{
    unsigned known = scan_reach_floor(search_floor(s));
    unsigned floor = scout_floor(w->most[s->lane], blocks, scouts_of(s));
    floor = floor > known ? floor : known;
    for (size_t block = 0; block < blocks && s->status == STATUS_OK; block++) {
        const struct chosen *c = &w->chosen[block];
        uint16_t rows[GROUPS];
        size_t n = 0;
        for (size_t g = 0; g < GROUPS; g++) {
            unsigned char *reach = w->reach[s->lane][block] + g * GROUP, most = w->most[s->lane][block][g];
            unsigned char *best = most == 0 || most < floor ? NULL : memchr(reach, most, GROUP);
            if (best == NULL) /* or it was a scout before */
                continue;
            size_t at = g * GROUP + (size_t)(best - reach);
            rows[n++] = c->rows != NULL ? c->rows[at] : (uint16_t)at;
            *best = 0;
        }
        score_rows(w, s, c->block, rows, n);
    }
}

/* Rows of a block that may reach what they must. */
static size_t near_rows(const struct sweep *w, const struct search *s, size_t block, uint16_t *rows)
{
    const struct chosen *c = &w->chosen[block];
    unsigned floor = scan_reach_floor(search_floor(s));
    size_t n = 0;
    for (size_t g = 0; g * GROUP < c->count; g++) {
        const unsigned char *reach = w->reach[s->lane][block] + g * GROUP;
        uint64_t any[GROUP / sizeof(uint64_t)];
        unsigned char near[GROUP];
        if (w->most[s->lane][block][g] < floor)
            continue;
        for (size_t j = 0; j < GROUP; j++)
            near[j] = reach[j] >= floor;
        memcpy(any, near, sizeof any);
        for (size_t j = 0; j < GROUP / sizeof *any; j++)
            for (uint64_t word = any[j]; word != 0; word &= word - 1) { /* of eight rows, mostly none */
                size_t at = g * GROUP + j * sizeof *any + (size_t)__builtin_ctzll(word) / 8;
                rows[n++] = c->rows != NULL ? c->rows[at] : (uint16_t)at;
            }
    }
    return n;
}

/* Finds those of a block for each of the searches, and asks for their memory. */
static void find_near(struct sweep *w, struct search *const *searches, size_t n, size_t block)
{
    const struct chosen *c = &w->chosen[block];
    for (size_t i = 0; i < n; i++) {
        const struct scan_query *query = &searches[i]->scan;
        uint16_t *rows = w->near[block % 2][i];
        size_t count = near_rows(w, searches[i], block, rows);
        w->near_count[block % 2][i] = count;
        for (size_t r = 0; r < count && count <= c->count / MANY; r++) {
            const unsigned char *head, *rest;
            scan_parts(c->block->codes, rows, r, query, &head, &rest);
            for (size_t j = 0; j < query->head; j += LINE)
                __builtin_prefetch(head + j);
            for (size_t j = 0; j < query->stride - query->head; j += LINE)
                __builtin_prefetch(rest + j);
        }
    }
}

/* Scores them: where several searches want many, all rows for these together, which takes no longer. */
static void score_near(struct sweep *w, struct search *const *searches, size_t n, size_t block)
{
    const struct chosen *c = &w->chosen[block];
    const size_t *count = w->near_count[block % 2];
    struct search *many[SCAN_QUERIES];
    size_t together = 0;
    for (size_t i = 0; i < n; i++)
        if (count[i] > c->count / MANY)
            many[together++] = searches[i];
    if (together > 1)
        score_block(w, many, together, block, true);
    for (size_t i = 0; i < n; i++)
        if (together < 2 || count[i] <= c->count / MANY)
            score_rows(w, searches[i], c->block, w->near[block % 2][i], count[i]);
}

/* ---- all of it ---- */

/* Is a search to score all rows of the stretch, by what the first blocks tell? */
static bool gives_up(struct sweep *w, struct search *s, size_t blocks)
{
    size_t rows = 0, near = 0;
    for (size_t block = 0; block < blocks; block++) {
        rows += w->chosen[block].count;
        near += near_rows(w, s, block, w->near[0][0]);
    }
    return near > rows / WORTH;
}

/* Brings searches that give up behind the others; the number of the others. */
static size_t test_glances(struct sweep *w, struct search **searches, size_t n)
{
    size_t blocks = w->blocks < TEST_BLOCKS ? w->blocks : TEST_BLOCKS;
    for (size_t i = 0; i < n; i++)
        searches[i]->lane = (unsigned)i;
    for (size_t block = 0; block < blocks; block++)
        glance(w, searches, n, block);
    for (size_t i = n; i-- > 0;) {
        struct search *s = searches[i];
        scout(w, s, blocks);
        if (!gives_up(w, s, blocks))
            continue;
        s->no_glance = PAUSE;
        searches[i] = searches[--n];
        searches[n] = s;
    }
    return n;
}

/* Searches that have glanced at the first blocks. Near rows of a block are scored while the memory of the
 * next one's is on its way. */
static void look_near(struct sweep *w, struct search *const *searches, size_t n)
{
    for (size_t block = TEST_BLOCKS; block < w->blocks; block++)
        glance(w, searches, n, block);
    for (size_t i = 0; i < n; i++)
        scout(w, searches[i], w->blocks);
    for (size_t block = 0; block <= w->blocks; block++) {
        if (block < w->blocks)
            find_near(w, searches, n, block);
        if (block > 0)
            score_near(w, searches, n, block - 1);
    }
}

/* Searches that have glanced at the first blocks of the stretch, or at none, score all. */
static void score_all(struct sweep *w, struct search *const *searches, size_t n, size_t glanced)
{
    for (size_t block = 0; block < w->blocks && n > 0; block++)
        score_block(w, searches, n, block, block < glanced);
}

/* Brings searches that go without a glance to the front; their number. */
static size_t without_glance(struct search **searches, size_t n, size_t rows)
{
    size_t others = 0;
    for (size_t i = 0; i < n; i++) {
        struct search *s = searches[i];
        bool glances = s->no_glance == 0 && (search_floor(s) > -1 || rows / GROUP >= scouts_of(s));
        s->no_glance -= s->no_glance > 0;
        if (glances)
            continue;
        searches[i] = searches[others];
        searches[others++] = s;
    }
    return others;
}

/* Searches of one set of documents, or one of chosen rows. */
static void sweep_stretch(struct sweep *w, struct search **searches, size_t n, size_t first, size_t blocks)
{
    size_t rows = 0, glancing;
    w->blocks = blocks;
    for (size_t i = 0; i < blocks; i++) {
        choose(searches, n, first + i, w->lists[i], &w->chosen[i]);
        rows += w->chosen[i].count;
    }
    size_t others = without_glance(searches, n, rows);
    score_all(w, searches, others, 0);
    searches += others;
    n -= others;
    if (n == 0)
        return;
    glancing = test_glances(w, searches, n);
    if (glancing > 0)
        look_near(w, searches, glancing);
    score_all(w, searches + glancing, n - glancing, TEST_BLOCKS);
}

/* Those that are still searching, in front; their number. */
static size_t still_going(struct search **searches, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (searches[i]->status == STATUS_OK && search_late(searches[i]->query))
            searches[i]->status = search_too_late(searches[i]->err);
        if (searches[i]->status == STATUS_OK)
            searches[kept++] = searches[i];
    }
    return kept;
}

/* Brings searches of the first one's rows to the front; their number. */
static size_t same_rows(struct search **searches, size_t n)
{
    size_t same = 1;
    for (size_t i = 1; i < n && searches[0]->probe.rows == NULL; i++)
        if (searches[i]->allowed == searches[0]->allowed && searches[i]->probe.rows == NULL) {
            struct search *s = searches[i];
            searches[i] = searches[same];
            searches[same++] = s;
        }
    return same;
}

void sweep_run(struct sweep *w, struct search **searches, size_t n)
{
    const struct resident *r = &searches[0]->c->resident;
    size_t all = (r->slots + SCAN_BLOCK - 1) / SCAN_BLOCK;
    for (size_t i = 0; i < n; i++)
        searches[i]->passed += searches[i]->allowed != NULL || searches[i]->probe.rows != NULL ? 0 : r->live;
    for (size_t first = 0, blocks; first < all && (n = still_going(searches, n)) > 0; first += blocks) {
        blocks = all - first < MOST_BLOCKS ? all - first : MOST_BLOCKS;
        for (size_t done = 0, same; done < n; done += same) {
            same = same_rows(searches + done, n - done);
            sweep_stretch(w, searches + done, same, first, blocks);
        }
    }
}
