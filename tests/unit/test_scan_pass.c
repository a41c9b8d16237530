/* Searches of one call and of many threads, with and without filters, answer as they do alone. */
#include "scratch_store.h"

#include <pthread.h>
#include <sched.h>

#define DOCUMENTS 4000
#define QUERIES   20
#define ALL       (3 * QUERIES)
#define THREADS   12

static struct store *store;
static struct collection *c;
static struct hits alone[ALL]; /* without a filter, and with each */

static const struct filter_value languages[] = {{.string = {"en", 2}}, {.string = {"de", 2}}};
static const struct filter filters[] = {{.kind = FILTER_LANG, .values = &languages[0], .value_count = 1},
                                        {.kind = FILTER_LANG, .values = &languages[1], .value_count = 1}};

static void make_query(size_t i, float *vector, struct search_query *query)
{
    scratch_vector(i % QUERIES * 37, vector);
    vector[i % SCRATCH_WIDTH] += 0.2f;
    *query = (struct search_query){.vector = vector,
                                   .k = 1 + i % 7 * 5,
                                   .filter = i < QUERIES ? NULL : &filters[i / QUERIES - 1],
                                   .min_cosine = -2};
}

static bool same(const struct hits *a, const struct hits *b)
{
    bool equal = a->count == b->count && a->candidates == b->candidates && a->filtered == b->filtered;
    for (size_t i = 0; i < a->count && equal; i++)
        equal = text_equal(a->items[i].id, b->items[i].id) && a->items[i].cosine == b->items[i].cosine;
    return equal;
}

static int fill(void **state)
{
    static struct passage_row passages[DOCUMENTS];
    static struct document_row rows[DOCUMENTS];
    static struct put_result results[DOCUMENTS];
    static float vectors[DOCUMENTS][SCRATCH_WIDTH];
    static char ids[DOCUMENTS][8];
    scratch_make(state);
    store = scratch_open(STORE_WRITE);
    scratch_create(store, "c");
    c = scratch_collection(store, "c");
    for (size_t i = 0; i < DOCUMENTS; i++) {
        snprintf(ids[i], sizeof ids[i], "%zu", i);
        scratch_vector(i, vectors[i]);
        passages[i] = (struct passage_row){.vector = vectors[i], .tokens = 1};
        rows[i] = (struct document_row){.id = text_of(ids[i]),
                                        .lang = text_of(i % 3 == 0 ? "en" : "de"),
                                        .passages = &passages[i],
                                        .passage_count = 1};
        memcpy(rows[i].content_hash, ids[i], sizeof ids[i]);
    }
    assert_int_equal(collection_put(c, rows, DOCUMENTS, PUT_UPSERT, results, NULL), STATUS_OK);
    for (size_t i = 0; i < ALL; i++) {
        float vector[SCRATCH_WIDTH];
        struct search_query query;
        make_query(i, vector, &query);
        assert_int_equal(collection_search(c, &query, 1, &alone[i], NULL), STATUS_OK);
        assert_true(alone[i].count == query.k);
    }
    return 0;
}

static int clean(void **state)
{
    for (size_t i = 0; i < ALL; i++)
        hits_release(&alone[i]);
    collection_release(c);
    store_close(store);
    return scratch_clean(state);
}

/* Of `n` queries from number `first` on, in one call. */
static bool answers_as_alone(size_t first, size_t n)
{
    float vectors[ALL][SCRATCH_WIDTH];
    struct search_query queries[ALL] = {0};
    struct hits hits[ALL] = {0};
    for (size_t i = 0; i < n; i++)
        make_query(first + i, vectors[i], &queries[i]);
    bool good = collection_search(c, queries, n, hits, NULL) == STATUS_OK;
    for (size_t i = 0; i < n; i++) {
        good = good && same(&hits[i], &alone[first + i]);
        hits_release(&hits[i]);
    }
    return good;
}

static void one_call(void **state)
{
    (void)state;
    for (size_t n = 0; n <= ALL; n++)
        assert_true(answers_as_alone(ALL - n, n));
}

/* Half of the calls say beforehand that they come. */
static void *search_on(void *number)
{
    bool good = true;
    for (size_t round = 0; round < 60; round++) {
        if (round % 2 == 0) {
            collection_expect(c, 1);
            sched_yield();
            collection_came(c, 1);
        }
        good = good && answers_as_alone((*(size_t *)number * 11 + round) % ALL, 1);
    }
    *(size_t *)number = good;
    return NULL;
}

static void many_calls(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t numbers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, search_on, &numbers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(numbers[i], 1);
    }
}

/* Those that never come hold up nobody for long. */
static void in_vain(void **state)
{
    (void)state;
    collection_expect(c, 100);
    assert_true(answers_as_alone(QUERIES - 1, 3));
    collection_came(c, 100);
}

/* One that comes too late does not hold up or spoil those beside it, but the call is answered as a whole. */
static void all_or_none(void **state)
{
    (void)state;
    float vectors[3][SCRATCH_WIDTH];
    struct search_query queries[3];
    struct hits hits[3] = {0};
    struct error err = {0};
    for (size_t i = 0; i < 3; i++)
        make_query(i, vectors[i], &queries[i]);
    queries[1].deadline_ms = 1;
    assert_int_equal(collection_search(c, queries, 3, hits, &err), STATUS_DEADLINE);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(hits[i].count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_call),
        cmocka_unit_test(many_calls),
        cmocka_unit_test(in_vain),
        cmocka_unit_test(all_or_none),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}
