/* Thousands of equal and of nearly equal vectors: the answer stays exact, and few floats are read for equal
 * ones. */
#include "scratch_store.h"

#include <math.h>

#include "common/arena.h"
#include "index/search.h"

#define MANY 3000

static struct store *store;

/* `n` documents, their ids against the order they come in; some of their vectors are the first one, others it
 * with a number moved by a hair. */
static struct collection *fill(const char *name, size_t n, size_t equal_every)
{
    static float vectors[MANY][SCRATCH_WIDTH];
    static struct passage_row passages[MANY];
    static struct document_row rows[MANY];
    static struct put_result results[MANY];
    static char ids[MANY][24];
    scratch_create(store, name);
    struct collection *c = scratch_collection(store, name);
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%06zu", MANY - i);
        scratch_vector(3, vectors[i]);
        if (i % equal_every != 0)
            vectors[i][SCRATCH_WIDTH - 1] = (float)(i * 7919 % n + 1) * 1e-6f;
        passages[i] = (struct passage_row){.vector = vectors[i], .tokens = 1};
        rows[i] = (struct document_row){.id = text_of(ids[i]), .passages = &passages[i], .passage_count = 1};
        memcpy(rows[i].content_hash, ids[i], 8);
    }
    assert_int_equal(collection_put(c, rows, n, PUT_UPSERT, results, NULL), STATUS_OK);
    return c;
}

static void equal_ones_by_id(void **state)
{
    (void)state;
    struct collection *c = fill("equal", MANY, 1);
    static const size_t ks[] = {1, 10, 1000};
    float vector[SCRATCH_WIDTH];
    scratch_vector(3, vector);
    vector[5] += 0.1f;
    for (size_t i = 0; i < 3; i++) {
        struct hits hits = {0};
        struct search_query query = {.vector = vector, .k = ks[i], .min_cosine = -2};
        assert_int_equal(collection_search(c, &query, 1, &hits, NULL), STATUS_OK);
        assert_int_equal(hits.count, ks[i]);
        for (size_t j = 0; j < hits.count; j++) {
            char id[24];
            snprintf(id, sizeof id, "%06zu", j + 1);
            assert_string_equal(hits.items[j].id.data, id);
        }
        assert_true(hits.rescored <=
                    1 + ks[i]); /* one for all, and one for each whose passage is looked for */
        hits_release(&hits);
    }
    collection_release(c);
}

/* Ties among the few are told apart by looking their names up. */
static void few_ties(void **state)
{
    (void)state;
    struct collection *c = fill("few", MANY, 30);
    float vector[SCRATCH_WIDTH];
    struct hits hits = {0};
    scratch_vector(3, vector);
    struct search_query query = {.vector = vector, .k = 7, .min_cosine = -2};
    assert_int_equal(collection_search(c, &query, 1, &hits, NULL), STATUS_OK);
    assert_int_equal(hits.count, 7);
    for (size_t j = 0; j < hits.count; j++) { /* documents 30 i; the last ones have the first names */
        char id[24];
        snprintf(id, sizeof id, "%06zu", MANY - (MANY / 30 - 1 - j) * 30);
        assert_string_equal(hits.items[j].id.data, id);
        assert_true(fabs(hits.items[j].cosine - 1) < 1e-12);
    }
    hits_release(&hits);
    collection_release(c);
}

/* All different, all within the bounds of each other: read in the order of the file. */
static void nearly_equal_ones_by_score(void **state)
{
    (void)state;
    struct collection *c = fill("nearly", MANY, MANY + 1);
    float vector[SCRATCH_WIDTH];
    struct hits hits = {0};
    scratch_vector(3, vector);
    vector[SCRATCH_WIDTH - 1] = -0.5f;
    struct search_query query = {.vector = vector, .k = 20, .min_cosine = -2};
    assert_int_equal(collection_search(c, &query, 1, &hits, NULL), STATUS_OK);
    assert_int_equal(hits.count, 20);
    assert_true(hits.rescored > 2048);
    for (size_t j = 0; j < hits.count; j++) { /* i · 7919 ≡ j modulo MANY; document 0 is left as it was */
        char id[24];
        size_t i = 0;
        while (i * 7919 % MANY != j)
            i++;
        snprintf(id, sizeof id, "%06zu", MANY - i);
        assert_string_equal(hits.items[j].id.data, id);
    }
    hits_release(&hits);
    collection_release(c);
}

/* Far more candidates than are kept: memory stays bounded, and nothing is lost. */
static void bounded_candidates(void **state)
{
    (void)state;
    struct collection *c = fill("bounded", 500, 501);
    struct collection_view view;
    float vector[SCRATCH_WIDTH];
    scratch_vector(3, vector);
    vector[SCRATCH_WIDTH - 1] = -0.5f;
    assert_int_equal(collection_view(c, &view, NULL), STATUS_OK);
    const struct resident_block *b = &c->resident.blocks[0];
    struct search_query query = {.vector = vector, .k = 3, .min_cosine = -2};
    struct search s = {.c = c, .query = &query, .sql = view.sql};
    s.vector = big_alloc(SCRATCH_WIDTH * sizeof *s.vector);
    double unit[SCRATCH_WIDTH], square = 0;
    for (size_t i = 0; i < SCRATCH_WIDTH; i++)
        square += (double)vector[i] * vector[i];
    for (size_t i = 0; i < SCRATCH_WIDTH; i++)
        unit[i] = vector[i] / sqrt(square);
    s.unit = unit;
    assert_int_equal(topk_init(&s.sure, 3, NULL), STATUS_OK);
    assert_int_equal(topk_init(&s.best, 3, NULL), STATUS_OK);
    for (size_t i = 0; i < 200000; i++) {
        size_t at = i % 500;
        struct candidate row = {1, b->prints[at], b->documents[at], b->passages[at]};
        assert_int_equal(search_offer(&s, &row, -1), STATUS_OK);
        assert_true(s.capacity <= 65536);
    }
    assert_int_equal(search_rescore(&s), STATUS_OK);
    assert_int_equal(search_settle(&s), STATUS_OK);
    assert_int_equal(s.best.count, 3);
    assert_int_equal(s.best.items[0].document, b->documents[0]);
    assert_true(s.best.items[0].score > s.best.items[1].score);
    topk_release(&s.sure);
    topk_release(&s.best);
    document_set_release(&s.tied);
    free(s.candidates);
    big_free(s.vector);
    collection_view_end(c, &view);
    collection_release(c);
}

static int open_scratch(void **state)
{
    scratch_make(state);
    store = scratch_open(STORE_WRITE);
    return 0;
}

static int close_scratch(void **state)
{
    store_close(store);
    return scratch_clean(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ones_by_id),
        cmocka_unit_test(few_ties),
        cmocka_unit_test(nearly_equal_ones_by_score),
        cmocka_unit_test(bounded_candidates),
    };
    return cmocka_run_group_tests(tests, open_scratch, close_scratch);
}
