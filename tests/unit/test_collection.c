/* Collections: names, facts, languages, and handles that outlive what they name. */
#include "scratch_store.h"

#include <pthread.h>

static void names(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ".hidden", "-x", "a b", "a/b", "ü", NULL};
    struct store *s = scratch_open(STORE_WRITE);
    struct collection_settings settings = {.model = text_of("m"),
                                           .width = SCRATCH_WIDTH,
                                           .passage_tokens = 10,
                                           .name = text_of("Good.name_1-x")};
    struct error err = {0};
    assert_int_equal(store_collection_create(s, &settings, NULL), STATUS_OK);
    assert_int_equal(store_collection_create(s, &settings, &err), STATUS_CONFLICT);
    for (size_t i = 0; bad[i] != NULL; i++) {
        err = (struct error){0};
        settings.name = text_of(bad[i]);
        assert_int_equal(store_collection_create(s, &settings, &err), STATUS_INVALID);
        assert_string_equal(err.field, "name");
    }
    settings.name = text_of("wide");
    settings.width = 0;
    assert_int_equal(store_collection_create(s, &settings, NULL), STATUS_INVALID);
    settings.width = 8;
    settings.passage_overlap = 10;
    assert_int_equal(store_collection_create(s, &settings, NULL), STATUS_INVALID);
    store_close(s);
}

static void facts_and_languages(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct collection_info *infos = NULL;
    struct language_count *counts = NULL;
    size_t n = 0;
    scratch_create(s, "b");
    scratch_create(s, "a");
    struct collection *c = scratch_collection(s, "b");
    scratch_put(c, "1", "one", 0, PUT_UPSERT);
    scratch_put(c, "2", "two", 1, PUT_UPSERT);
    scratch_put(c, "3", "three", 2, PUT_UPSERT);
    struct text german = text_of("de");
    assert_int_equal(collection_patch(c, text_of("2"), &(struct document_patch){.lang = &german}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_languages(c, &counts, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(counts[0].lang.data, "en");
    assert_int_equal(counts[0].documents, 2);
    assert_string_equal(counts[1].lang.data, "de");
    language_counts_free(counts, n);
    assert_int_equal(store_collections(s, &infos, &n, NULL), STATUS_OK);
    assert_int_equal(n, 3);
    assert_string_equal(infos[1].settings.name.data, "a");
    assert_string_equal(infos[2].settings.name.data, "b");
    assert_int_equal(infos[2].documents, 3);
    assert_int_equal(infos[2].settings.passage_overlap, 40);
    assert_int_equal(infos[2].settings.space_id[2], 3);
    collection_infos_free(infos, n);
    collection_release(c);
    store_close(s);
}

static void a_deleted_collection_is_gone_for_its_handles(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct collection_info info;
    struct document d = {0};
    scratch_create(s, "short");
    struct collection *c = scratch_collection(s, "short");
    scratch_put(c, "1", "one", 0, PUT_UPSERT);
    assert_int_equal(store_collection_delete(s, text_of("short"), NULL), STATUS_OK);
    assert_int_equal(store_collection_delete(s, text_of("short"), NULL), STATUS_NOT_FOUND);
    assert_int_equal(collection_info(c, &info, NULL), STATUS_NOT_FOUND);
    assert_int_equal(collection_get(c, text_of("1"), &d, NULL), STATUS_NOT_FOUND);
    scratch_create(s, "short"); /* of the same name, and not the same */
    struct collection *again = scratch_collection(s, "short");
    assert_string_equal(scratch_nearest(again, 0), "");
    assert_int_equal(collection_info(c, &info, NULL), STATUS_NOT_FOUND);
    collection_release(again);
    collection_release(c);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    store_close(s);
}

static void pages_of_documents(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct document *documents = NULL;
    size_t n = 0;
    scratch_create(s, "pages");
    struct collection *c = scratch_collection(s, "pages");
    for (size_t i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "%zu", i);
        scratch_put(c, id, id, i, PUT_UPSERT);
    }
    assert_int_equal(collection_documents(c, text_of("1"), 2, true, &documents, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(documents[0].id.data, "2");
    assert_string_equal(documents[1].text.data, "3");
    documents_free(documents, n);
    assert_int_equal(collection_documents(c, text_of("4"), 2, false, &documents, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);
    documents_free(documents, n);
    collection_release(c);
    store_close(s);
}

/* ---- searches beside a writer ---- */

struct shared {
    struct collection *c;
    bool stop, wrong;
    pthread_mutex_t lock;
};

static void *search_on(void *argument)
{
    struct shared *shared = argument;
    float vector[SCRATCH_WIDTH];
    scratch_vector(0, vector);
    for (;;) {
        struct hits hits = {0};
        struct error err = {0};
        struct search_query query = {.vector = vector, .k = 1000, .min_cosine = -2};
        bool bad = collection_search(shared->c, &query, 1, &hits, &err) != STATUS_OK;
        bad |= hits.count % 10 != 0; /* batches of ten appear and go as a whole */
        hits_release(&hits);
        pthread_mutex_lock(&shared->lock);
        shared->wrong |= bad;
        bool stop = shared->stop;
        pthread_mutex_unlock(&shared->lock);
        if (stop)
            return NULL;
    }
}

static void readers_see_all_of_a_batch_or_none(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "busy");
    struct shared shared = {.c = scratch_collection(s, "busy"), .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_on, &shared), 0);
    for (size_t round = 0; round < 30; round++) {
        float vectors[10][SCRATCH_WIDTH];
        char ids[10][16];
        struct passage_row passages[10];
        struct document_row rows[10];
        struct put_result results[10];
        struct text names[10];
        uint64_t deleted;
        for (size_t i = 0; i < 10; i++) {
            snprintf(ids[i], sizeof ids[i], "%zu", round % 5 * 10 + i);
            names[i] = text_of(ids[i]);
            scratch_vector(round + i, vectors[i]);
            passages[i] = (struct passage_row){.end = 4, .tokens = 1, .vector = vectors[i]};
            rows[i] = (struct document_row){.id = names[i],
                                            .text = text_of("text"),
                                            .content_hash = {(unsigned char)round, (unsigned char)i},
                                            .passages = &passages[i],
                                            .passage_count = 1};
        }
        assert_int_equal(collection_put(shared.c, rows, 10, PUT_UPSERT, results, NULL), STATUS_OK);
        if (round % 4 == 3)
            assert_int_equal(collection_delete(shared.c, names, 10, &deleted, NULL), STATUS_OK);
    }
    pthread_mutex_lock(&shared.lock);
    shared.stop = true;
    pthread_mutex_unlock(&shared.lock);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_false(shared.wrong);
    collection_release(shared.c);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    store_close(s);
}

/* Though its rows are there until they are swept. */
static void what_has_expired_is_counted_nowhere(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct collection_info info;
    struct collection_info *infos;
    struct language_count *languages;
    struct facet *facets;
    struct collection_map map;
    struct text metadata = text_of("{\"kind\":\"a\"}");
    int64_t past = 1;
    size_t n;
    scratch_create(s, "expiring");
    struct collection *c = scratch_collection(s, "expiring");
    for (const char *const *id = (const char *const[]){"here", "gone", NULL}; *id != NULL; id++) {
        scratch_put(c, *id, *id, 1, PUT_UPSERT);
        assert_int_equal(
            collection_patch(c, text_of(*id), &(struct document_patch){.metadata = &metadata}, NULL),
            STATUS_OK);
    }
    assert_int_equal(collection_patch(c, text_of("gone"), &(struct document_patch){.expires = &past}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    assert_int_equal(info.documents, 1);
    assert_int_equal(info.passages, 1);
    collection_info_release(&info);
    assert_int_equal(store_collections(s, &infos, &n, NULL), STATUS_OK);
    for (size_t i = 0; i < n; i++)
        if (text_is(infos[i].settings.name, "expiring"))
            assert_int_equal(infos[i].documents, 1);
    collection_infos_free(infos, n);
    assert_int_equal(collection_languages(c, &languages, &n, NULL), STATUS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(languages[0].documents, 1);
    language_counts_free(languages, n);
    assert_int_equal(collection_facets(c, 4, &facets, &n, NULL), STATUS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(facets[0].values[0].documents, 1);
    facets_free(facets, n);
    assert_int_equal(collection_map(c, 10, NULL, NULL, &map, NULL), STATUS_OK);
    assert_int_equal(map.passages, 1);
    assert_int_equal(map.point_count, 1);
    assert_string_equal(map.documents[0].id.data, "here");
    collection_map_release(&map);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(facts_and_languages),
        cmocka_unit_test(a_deleted_collection_is_gone_for_its_handles),
        cmocka_unit_test(pages_of_documents),
        cmocka_unit_test(what_has_expired_is_counted_nowhere),
        cmocka_unit_test(readers_see_all_of_a_batch_or_none),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_clean);
}
