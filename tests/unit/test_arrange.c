/* Searches of some clusters of the rows: near to exact ones in what they find, and equal to them in what they
 * must not lose, whatever comes, goes or is searched while clusters are made. */
#include "scratch_store.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "index/store.h"

#define WIDTH     64
#define DOCUMENTS 8000
#define TOPICS    400
#define QUERIES   60
#define FROM      2000 /* passages from which on there are clusters */

static struct store *store;
static struct collection *c;

/* Vigna's splitmix64, from -0.5 to 0.5. */
static double uniform(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (double)((z ^ z >> 31) >> 40) / (double)(1 << 24) - 0.5;
}

/* Around the direction of a topic; the topic of what has a number is its remainder. */
static void make_vector(size_t number, float *out)
{
    uint64_t topic = (number % TOPICS + 1) << 32, own = (number + 1) << 40;
    double square = 0;
    for (size_t j = 0; j < WIDTH; j++) {
        out[j] = (float)(uniform(&topic) + 0.5 * uniform(&own));
        square += (double)out[j] * out[j];
    }
    for (size_t j = 0; j < WIDTH; j++)
        out[j] = (float)(out[j] / sqrt(square));
}

static void put(size_t first, size_t n)
{
    static float vectors[DOCUMENTS][WIDTH];
    static struct passage_row passages[DOCUMENTS];
    static struct document_row rows[DOCUMENTS];
    static struct put_result results[DOCUMENTS];
    static char words[DOCUMENTS][2][24];
    struct error err = {0};
    for (size_t i = 0; i < n; i++) {
        size_t number = first + i;
        make_vector(number, vectors[i]);
        snprintf(words[i][0], sizeof words[i][0], "%zu", number);
        snprintf(words[i][1], sizeof words[i][1], "{\"n\":%zu}", number);
        passages[i] = (struct passage_row){.end = 4, .tokens = 1, .vector = vectors[i]};
        rows[i] = (struct document_row){.id = text_of(words[i][0]),
                                        .text = text_of("text"),
                                        .metadata = text_of(words[i][1]),
                                        .passages = &passages[i],
                                        .passage_count = 1};
        memcpy(rows[i].content_hash, &number, sizeof number);
    }
    if (collection_put(c, rows, n, PUT_UPSERT, results, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static void delete (size_t first, size_t n)
{
    static struct text ids[DOCUMENTS];
    static char names[DOCUMENTS][24];
    uint64_t deleted = 0;
    for (size_t i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "%zu", first + i);
        ids[i] = text_of(names[i]);
    }
    assert_int_equal(collection_delete(c, ids, n, &deleted, NULL), STATUS_OK);
    assert_int_equal(deleted, n);
}

static int open_filled(void **state)
{
    struct collection_settings settings = {.name = text_of("c"),
                                           .model = text_of("m"),
                                           .space_id = {7},
                                           .width = WIDTH,
                                           .passage_tokens = 200,
                                           .no_keywords = true};
    if (scratch_make(state) != 0)
        return -1;
    store = scratch_open(STORE_WRITE);
    store_cluster_from(store, FROM);
    assert_int_equal(store_collection_create(store, &settings, NULL), STATUS_OK);
    c = scratch_collection(store, "c");
    put(0, DOCUMENTS);
    return 0;
}

static int close_filled(void **state)
{
    collection_release(c);
    store_close(store);
    return scratch_clean(state);
}

static struct hits find(const float *vector, struct search_query query)
{
    struct hits hits = {0};
    struct error err = {0};
    query.vector = vector;
    if (query.min_cosine == 0)
        query.min_cosine = -2;
    if (collection_search(c, &query, 1, &hits, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return hits;
}

/* The clusters are there only once the vectors are in memory. */
static void arrange(void)
{
    struct error err = {0};
    float vector[WIDTH];
    make_vector(0, vector);
    struct hits hits = find(vector, (struct search_query){.k = 1});
    hits_release(&hits);
    if (collection_arrange(c, NULL, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static struct cluster_info clusters(void)
{
    struct cluster_info info;
    collection_clusters(c, &info);
    return info;
}

static bool has(const struct hits *hits, size_t number)
{
    char id[24];
    snprintf(id, sizeof id, "%zu", number);
    for (size_t i = 0; i < hits->count; i++)
        if (text_is(hits->items[i].id, id))
            return true;
    return false;
}

/* Share of the exact answer that is in one out of clusters. */
static double recall(size_t number, struct search_query query)
{
    float vector[WIDTH];
    size_t same = 0;
    make_vector(number, vector);
    struct hits some = find(vector, query);
    query.exact = true;
    struct hits all = find(vector, query);
    assert_true(all.exact);
    assert_string_equal(all.plan, "scan");
    assert_int_equal(all.clusters, 0);
    assert_int_equal(some.count, all.count);
    for (size_t i = 0; i < all.count; i++)
        same += some.items[i].cosine >= all.items[all.count - 1].cosine;
    double share = (double)same / (double)all.count;
    hits_release(&some);
    hits_release(&all);
    return share;
}

static double mean_recall(struct search_query query)
{
    double sum = 0;
    for (size_t i = 0; i < QUERIES; i++)
        sum += recall(1000000 + i * 37, query);
    return sum / QUERIES;
}

static void finds_nearly_all_by_looking_at_some(void **state)
{
    (void)state;
    float vector[WIDTH];
    make_vector(1000000, vector);
    struct hits hits = find(vector, (struct search_query){.k = 10});
    assert_string_equal(hits.plan, "scan"); /* as long as there are none */
    hits_release(&hits);
    arrange();
    assert_true(clusters().clusters > 8 && clusters().made > 0 && clusters().bytes > 0);
    assert_int_equal(clusters().loose, 0);
    hits = find(vector, (struct search_query){.k = 10});
    assert_string_equal(hits.plan, "ivf");
    assert_false(hits.exact);
    assert_int_equal(hits.count, 10);
    assert_true(hits.clusters > 0 && hits.clusters < clusters().clusters);
    assert_true(hits.candidates >= 10 && hits.candidates < DOCUMENTS);
    hits_release(&hits);
    assert_true(mean_recall((struct search_query){.k = 10}) >= 0.98);
    assert_true(mean_recall((struct search_query){.k = 100}) >= 0.9);
    recall(1000000, (struct search_query){.k = 10, .diversity = 0.3});
}

static void small_collections_have_none(void **state)
{
    (void)state;
    store_cluster_from(store, DOCUMENTS + 1);
    arrange();
    assert_int_equal(clusters().clusters, 0);
    assert_int_equal(clusters().loose, DOCUMENTS);
    store_cluster_from(store, FROM);
    arrange();
    assert_true(clusters().clusters > 0);
    delete (0, DOCUMENTS - FROM + 1); /* too few now */
    assert_true(recall(3, (struct search_query){.k = 10}) == 1);
    float vector[WIDTH];
    make_vector(3, vector);
    struct hits hits = find(vector, (struct search_query){.k = 10});
    assert_true(hits.exact);
    hits_release(&hits);
}

static void what_comes_is_found_and_what_goes_is_not(void **state)
{
    (void)state;
    float vector[WIDTH];
    arrange();
    delete (1000, 300);
    put(20000, 400); /* into the slots of those that went, and behind */
    assert_int_equal(clusters().loose, 400);
    for (size_t i = 0; i < 400; i += 7) {
        make_vector(20000 + i, vector);
        struct hits hits = find(vector, (struct search_query){.k = 10});
        assert_string_equal(hits.plan, "ivf");
        assert_true(has(&hits, 20000 + i));
        hits_release(&hits);
    }
    for (size_t i = 0; i < 300; i += 5) {
        make_vector(1000 + i, vector);
        struct hits hits = find(vector, (struct search_query){.k = 20});
        for (size_t j = 1000; j < 1300; j++)
            assert_false(has(&hits, j));
        hits_release(&hits);
    }
    int64_t made = clusters().made;
    arrange(); /* too little for that */
    assert_int_equal(clusters().loose, 400);
    assert_int_equal(clusters().made, made);
    put(30000, 400);
    arrange();
    assert_int_equal(clusters().loose, 0);
    make_vector(30007, vector);
    struct hits hits = find(vector, (struct search_query){.k = 1});
    assert_true(has(&hits, 30007) && hits.candidates < 4000);
    hits_release(&hits);
    assert_true(mean_recall((struct search_query){.k = 10}) >= 0.98);
}

static void grown_to_twice_as_many_has_new_ones(void **state)
{
    (void)state;
    arrange();
    uint64_t before = clusters().clusters;
    put(100000, DOCUMENTS);
    put(200000, 1000);
    arrange();
    assert_int_equal(clusters().loose, 0);
    assert_true(clusters().clusters > before);
    assert_true(mean_recall((struct search_query){.k = 10}) >= 0.98);
}

static void filters_come_first(void **state)
{
    (void)state;
    const struct filter_value half = {.type = FILTER_NUMBER, .number = DOCUMENTS / 2},
                              few = {.type = FILTER_NUMBER, .number = 30};
    const struct filter all = {.kind = FILTER_AND};
    const struct filter late = {
        .kind = FILTER_FIELD, .field = text_of("n"), .op = OP_GTE, .values = &half, .value_count = 1};
    const struct filter early = {
        .kind = FILTER_FIELD, .field = text_of("n"), .op = OP_LT, .values = &few, .value_count = 1};
    float vector[WIDTH];
    arrange();
    for (size_t i = 0; i < QUERIES; i++) {
        make_vector(1000000 + i * 11, vector);
        struct hits some = find(vector, (struct search_query){.k = 10, .filter = &late});
        assert_string_equal(some.plan, "ivf");
        assert_int_equal(some.count, 10);
        for (size_t j = 0; j < some.count; j++)
            assert_true(strtoul(some.items[j].id.data, NULL, 10) >= DOCUMENTS / 2);
        hits_release(&some);
        struct hits with = find(vector, (struct search_query){.k = 10, .filter = &all});
        struct hits without = find(vector, (struct search_query){.k = 10});
        assert_string_equal(with.plan, "ivf");
        for (size_t j = 0; j < 10; j++)
            assert_true(text_equal(with.items[j].id, without.items[j].id));
        hits_release(&with);
        hits_release(&without);
        struct hits exact = find(vector, (struct search_query){.k = 100, .filter = &early});
        assert_true(exact.exact && exact.count == 30);
        hits_release(&exact);
    }
    assert_true(mean_recall((struct search_query){.k = 10, .filter = &late}) >= 0.97);
}

static void never_fewer_than_there_are(void **state)
{
    (void)state;
    float vector[WIDTH];
    arrange();
    make_vector(5, vector);
    struct hits hits = find(vector, (struct search_query){.k = 1000});
    assert_int_equal(hits.count, 1000);
    hits_release(&hits);
    /* fewer are near enough than asked for: that they are all is proven */
    hits = find(vector, (struct search_query){.k = 1000, .min_cosine = 0.7});
    assert_true(hits.count > 0 && hits.count < 1000 && hits.exact);
    hits_release(&hits);
    hits = find(vector, (struct search_query){.k = 10});
    struct search_page after = {.seen = 10, .cosine = hits.items[9].cosine, .id = hits.items[9].id};
    struct hits next = find(vector, (struct search_query){.k = 10, .after = after});
    assert_true(next.exact && next.count == 10);
    hits_release(&next);
    hits_release(&hits);
}

static void many_at_once_find_what_each_finds(void **state)
{
    (void)state;
    static float vectors[QUERIES][WIDTH];
    struct search_query queries[QUERIES];
    struct hits together[QUERIES] = {0};
    arrange();
    for (size_t i = 0; i < QUERIES; i++) {
        make_vector(1000000 + i * 101, vectors[i]);
        queries[i] = (struct search_query){
            .vector = vectors[i], .k = 1 + i, .min_cosine = -2, .exact = i % 3 == 0, .mode = SEARCH_SEMANTIC};
    }
    assert_int_equal(collection_search(c, queries, QUERIES, together, NULL), STATUS_OK);
    for (size_t i = 0; i < QUERIES; i++) {
        struct hits alone = find(vectors[i], queries[i]);
        assert_string_equal(alone.plan, together[i].plan);
        assert_int_equal(alone.candidates, together[i].candidates);
        assert_int_equal(alone.count, together[i].count);
        for (size_t j = 0; j < alone.count; j++)
            assert_true(text_equal(alone.items[j].id, together[i].items[j].id));
        hits_release(&alone);
        hits_release(&together[i]);
    }
}

static bool stop_soon(void *context, uint64_t done, uint64_t total)
{
    (void)done;
    (void)total;
    return --*(int *)context > 0;
}

static void stopped_half_way_changes_nothing(void **state)
{
    (void)state;
    arrange();
    put(50000, 1000);
    struct cluster_info before = clusters();
    for (int steps = 1; steps < 4; steps++) {
        int left = steps;
        assert_int_equal(collection_arrange(c, &(struct watcher){stop_soon, &left}, NULL), STATUS_CANCELLED);
    }
    assert_memory_equal(&before, &(struct cluster_info[]){clusters()}[0], sizeof before);
    assert_true(mean_recall((struct search_query){.k = 10}) >= 0.98);
}

static atomic_bool over;

static void *go_on_searching(void *context)
{
    float vector[WIDTH];
    for (size_t i = (size_t)(uintptr_t)context; !atomic_load(&over); i++) {
        make_vector(i % DOCUMENTS, vector);
        struct hits hits = find(vector, (struct search_query){.k = 5});
        assert_int_equal(hits.count, 5);
        hits_release(&hits);
    }
    return NULL;
}

static void *go_on_arranging(void *context)
{
    (void)context;
    while (!atomic_load(&over))
        assert_int_equal(store_arrange(store, NULL, NULL), STATUS_OK);
    return NULL;
}

static void all_at_once(void **state)
{
    (void)state;
    pthread_t threads[3];
    float vector[WIDTH];
    atomic_store(&over, false);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, i == 0 ? go_on_arranging : go_on_searching,
                                        (void *)(uintptr_t)(i * 1000)),
                         0);
    for (size_t i = 0; i < 12; i++) {
        put(60000 + i * 1000, 600);
        if (i % 3 == 2)
            delete (60000 + (i - 1) * 1000, 600);
        make_vector(60000 + i * 1000 + 9, vector);
        struct hits hits = find(vector, (struct search_query){.k = 3});
        assert_true(has(&hits, 60000 + i * 1000 + 9));
        hits_release(&hits);
    }
    atomic_store(&over, true);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    arrange();
    assert_true(mean_recall((struct search_query){.k = 10}) >= 0.98);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_filled, close_filled)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finds_nearly_all_by_looking_at_some),
        TEST(small_collections_have_none),
        TEST(what_comes_is_found_and_what_goes_is_not),
        TEST(grown_to_twice_as_many_has_new_ones),
        TEST(filters_come_first),
        TEST(never_fewer_than_there_are),
        TEST(many_at_once_find_what_each_finds),
        TEST(stopped_half_way_changes_nothing),
        TEST(all_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
