/* The keyword leg of a search, and what becomes of both legs.
 *
 *     by keywords   the k best by BM25; with phrases only what has them all
 *     hybrid        the BLEND_DEPTH best of each leg in one list (fusion.h); documents that one leg brought
 *                   get the figures of the other: cosines from the stored floats, BM25 from the scores
 *
 * Whether the k best of a hybrid search are proven: a document outside of both lists is no better than the
 * last of either, so what those two would give together bounds all that were not looked at.
 */
#include <math.h>
#include <stdlib.h>

#include "index/keyword.h"
#include "index/search.h"

#define CODE_FIRST   1e6 /* more than any BM25 score */
#define PLAIN_SLOPE  20
#define PLAIN_MIDDLE 0.6

/* ---- documents by their words ---- */

struct leg {
    struct fusion_item *items; /* best first */
    size_t count;
    bool full; /* there may be more documents than these */
};

static bool is_allowed(const struct search *s, int64_t document, int64_t passage)
{
    return document != 0 && (s->allowed == NULL || document_set_has(s->allowed, document)) &&
           (s->expired == NULL || !document_set_has(s->expired, document)) &&
           (s->langs == NULL || passage_langs_have(s->langs, document, passage));
}

static int64_t document_of(const struct search *s, uint32_t slot)
{
    return s->c->resident.blocks[slot / SCAN_BLOCK].documents[slot % SCAN_BLOCK];
}

static int64_t passage_of(const struct search *s, uint32_t slot)
{
    return s->c->resident.blocks[slot / SCAN_BLOCK].passages[slot % SCAN_BLOCK];
}

/* What the leg orders by. */
static double key_of(const struct search *s, uint32_t slot)
{
    return s->words.scores[slot] + (s->query->mode == SEARCH_HYBRID ? CODE_FIRST * s->words.codes[slot] : 0);
}

/* Leaves in s->words.slots those that may be found, and of these the `most` best documents' and their equals.
 * Returns how many there are. */
static enum status best_slots(struct search *s, size_t most, size_t *out)
{
    struct bm25 *b = &s->words;
    struct topk top;
    size_t n = 0, kept = 0;
    enum status status = topk_init(&top, most, s->err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < b->count; i++) {
        uint32_t slot = b->slots[i];
        int64_t document = document_of(s, slot);
        if (!is_allowed(s, document, passage_of(s, slot)) ||
            (s->query->mode == SEARCH_KEYWORD && b->phrases[slot] < s->terms.phrases))
            continue;
        b->slots[n++] = slot;
        topk_offer(&top, document, passage_of(s, slot), key_of(s, slot));
    }
    if (s->query->mode == SEARCH_KEYWORD)
        s->passed = n;
    for (size_t i = 0; i < n; i++)
        if (key_of(s, b->slots[i]) >= topk_floor(&top))
            b->slots[kept++] = b->slots[i];
    topk_release(&top);
    *out = kept;
    return STATUS_OK;
}

static void item_words(const struct search *s, uint32_t slot, struct fusion_item *item)
{
    item->bm25 = slot == RESIDENT_NONE ? 0 : (double)s->words.scores[slot];
    item->share = s->words.most > 0 ? fmin(item->bm25 / s->words.most, 1) : 0;
    item->codes = slot == RESIDENT_NONE ? 0 : s->words.codes[slot];
}

static int by_document(const void *a, const void *b)
{
    const struct fusion_item *x = a, *y = b;
    if (x->document != y->document)
        return x->document < y->document ? -1 : 1;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return (x->passage > y->passage) - (x->passage < y->passage);
}

static int by_score(const void *a, const void *b)
{
    const struct fusion_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return text_compare(x->name, y->name);
}

/* Names of documents, for ties; search_release frees them. */
enum status search_name(struct search *s, struct fusion_item *item)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(s->sql, "SELECT name FROM documents WHERE id = ?1", &st, s->err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, item->document);
    status = sql_step(s->sql, st, &row, s->err);
    if (status == STATUS_OK && !row)
        status = search_damaged(s, item->passage);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 0, &item->name, s->err);
    sqlite3_reset(st);
    return status;
}

static void leg_release(struct leg *leg)
{
    for (size_t i = 0; i < leg->count; i++)
        free((char *)(uintptr_t)leg->items[i].name.data);
    free(leg->items);
    *leg = (struct leg){0};
}

/* The `most` best documents, each with its best passage. */
static enum status best_documents(struct search *s, size_t most, struct leg *out)
{
    size_t n = 0;
    struct leg leg = {0};
    enum status status = best_slots(s, most, &n);
    if (status != STATUS_OK)
        return status;
    leg.items = calloc(n + 1, sizeof *leg.items);
    if (leg.items == NULL)
        return error_memory(s->err, "searching by keywords");
    for (size_t i = 0; i < n; i++) {
        uint32_t slot = s->words.slots[i];
        leg.items[i] = (struct fusion_item){
            .document = document_of(s, slot), .passage = passage_of(s, slot), .score = key_of(s, slot)};
        item_words(s, slot, &leg.items[i]);
    }
    qsort(leg.items, n, sizeof *leg.items, by_document);
    for (size_t i = 0; i < n; i++)
        if (leg.count == 0 || leg.items[i].document != leg.items[leg.count - 1].document)
            leg.items[leg.count++] = leg.items[i];
    for (size_t i = 0; i < leg.count && status == STATUS_OK; i++)
        status = search_name(s, &leg.items[i]);
    if (status == STATUS_OK) {
        qsort(leg.items, leg.count, sizeof *leg.items, by_score);
        leg.full = leg.count >= most;
        for (size_t i = most; i < leg.count; i++)
            free((char *)(uintptr_t)leg.items[i].name.data);
        leg.count = leg.count < most ? leg.count : most;
        *out = leg;
    } else {
        leg_release(&leg);
    }
    return status;
}

/* ---- both legs ---- */

/* Log odds of the relevance, by the model's curve or, where it has none, by one that is like those of others.
 */
static double odds_of(const struct search *s, double cosine)
{
    double slope = s->query->relevance[0], intercept = s->query->relevance[1];
    return slope > 0 ? slope * cosine + intercept : PLAIN_SLOPE * (cosine - PLAIN_MIDDLE);
}

/* Fills in what a passage of the other leg lacks. */
static enum status complete(struct search *s, struct fusion_item *item, bool has_cosine)
{
    enum status status = has_cosine ? STATUS_OK : search_cosine(s, item->passage, &item->cosine);
    if (status != STATUS_OK)
        return status;
    item->odds = odds_of(s, item->cosine);
    item_words(s, resident_find(&s->c->resident, item->passage), item);
    return STATUS_OK;
}

static int by_number(const void *a, const void *b)
{
    const struct fusion_item *x = a, *y = b;
    return (x->document > y->document) - (x->document < y->document);
}

/* Adds the documents of the semantic leg to those of the keyword leg; of a document that both have, the
 * passage that is better by both. Documents below min_cosine go. */
static enum status join(struct search *s, struct leg *leg)
{
    size_t words = leg->count;
    struct fusion_item *items = realloc(leg->items, (words + s->best.count + 1) * sizeof *items);
    enum status status = items != NULL ? STATUS_OK : error_memory(s->err, "searching");
    if (status != STATUS_OK)
        return status;
    leg->items = items;
    for (size_t i = 0; i < words && status == STATUS_OK; i++) {
        items[i].keyword_rank = i + 1;
        status = complete(s, &items[i], false);
    }
    qsort(items, words, sizeof *items, by_number);
    for (size_t i = 0; i < s->best.count && status == STATUS_OK; i++) {
        const struct topk_item *best = &s->best.items[i];
        struct fusion_item item = {.document = best->document,
                                   .passage = best->passage,
                                   .cosine = best->score,
                                   .semantic_rank = i + 1};
        struct fusion_item *held = words > 0 ? bsearch(&item, items, words, sizeof item, by_number) : NULL;
        status = complete(s, &item, true);
        if (status == STATUS_OK && held == NULL)
            status = search_name(s, &item);
        if (status != STATUS_OK)
            break;
        if (held == NULL) {
            items[leg->count++] = item;
            continue;
        }
        held->semantic_rank = item.semantic_rank;
        if (fusion_score(&item, FUSION_SUM) > fusion_score(held, FUSION_SUM)) {
            item.keyword_rank = held->keyword_rank;
            item.name = held->name;
            *held = item;
        }
    }
    return status;
}

static void drop_distant(struct search *s, struct leg *leg)
{
    size_t kept = 0;
    for (size_t i = 0; i < leg->count; i++) {
        if (leg->items[i].cosine >= s->query->min_cosine)
            leg->items[kept++] = leg->items[i];
        else
            free((char *)(uintptr_t)leg->items[i].name.data);
    }
    leg->count = kept;
}

/* The highest score of a document that is in neither list; -infinity when there is none. */
static double bound_outside(const struct search *s, size_t depth, bool words_full,
                            const struct fusion_item *last)
{
    if (s->best.count < depth)
        return -INFINITY;
    struct fusion_item outside = {.odds = odds_of(s, s->best.items[s->best.count - 1].score),
                                  .semantic_rank = depth + 1};
    if (words_full) {
        outside.share = last->codes > 0 ? 1 : last->share;
        outside.codes = last->codes;
        outside.keyword_rank = depth + 1;
    }
    return fusion_score(&outside, s->query->fusion);
}

static enum status blend(struct search *s, struct leg *leg)
{
    size_t depth = search_depth(s->query);
    struct fusion_item last = leg->count > 0 ? leg->items[leg->count - 1] : (struct fusion_item){0};
    enum status status = join(s, leg);
    if (status != STATUS_OK)
        return status;
    drop_distant(s, leg);
    fusion_order(leg->items, leg->count, s->query->fusion);
    double bound = bound_outside(s, depth, leg->full, &last);
    s->exact = s->exact && (bound == -INFINITY ||
                            (leg->count >= s->query->k && leg->items[s->query->k - 1].score >= bound));
    return STATUS_OK;
}

/* ---- the step ---- */

static enum status check_ready(struct search *s)
{
    bool kept = false, ready = false;
    enum status status = keyword_ready(s->sql, s->c->space, &kept, &ready, s->err);
    if (status != STATUS_OK || ready)
        return status;
    if (!kept)
        return error_field(s->err, STATUS_UNSUPPORTED, "mode",
                           "the collection \"%s\" keeps no keywords; search it in mode semantic", s->c->name);
    return error_set(
        s->err, STATUS_UNAVAILABLE,
        "the keywords of \"%s\" were made by another version of this program or of ICU; whatever writes "
        "to the store makes them anew, for example: cognate --db %s index FILE",
        s->c->name, s->c->store->path);
}

enum status search_words(struct search *s)
{
    struct leg leg = {0};
    enum status status = search_late(s->query) ? search_too_late(s->err) : check_ready(s);
    if (status == STATUS_OK)
        status = terms_open(&s->terms, s->query->words, s->err);
    if (status == STATUS_OK)
        status =
            bm25_run(&s->words, &s->terms, s->sql, s->c->space, &s->c->resident, s->c->resident.live, s->err);
    if (status == STATUS_OK)
        status = best_documents(s, search_depth(s->query), &leg);
    if (status == STATUS_OK && s->query->mode == SEARCH_HYBRID)
        status = blend(s, &leg);
    for (size_t i = 0; i < leg.count && s->query->mode == SEARCH_KEYWORD; i++)
        leg.items[i].cosine = NAN;
    s->found = leg.items;
    s->found_count = leg.count;
    return status;
}
