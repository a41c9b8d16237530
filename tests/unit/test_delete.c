/* What goes, by id, by what it is, and by its time; and what is left. */
#include "scratch_store.h"

#define MOST 1500

/* `n` documents named by their numbers, in one transaction; the time of document i is expires[i]. */
static void put_expiring(struct collection *c, const char *const *ids, const int64_t *expires, size_t n)
{
    static float floats[MOST][SCRATCH_WIDTH];
    static struct passage_row passages[MOST];
    static struct document_row rows[MOST];
    static struct put_result results[MOST];
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(ids[i]);
        scratch_vector(i, floats[i]);
        passages[i] = (struct passage_row){.end = length, .tokens = 1, .vector = floats[i]};
        rows[i] = (struct document_row){.id = text_of(ids[i]),
                                        .lang = text_of("en"),
                                        .text = text_of(ids[i]),
                                        .expires = expires[i],
                                        .passages = &passages[i],
                                        .passage_count = 1};
        memcpy(rows[i].content_hash, ids[i], length);
    }
    assert_int_equal(collection_put(c, rows, n, PUT_UPSERT, results, NULL), STATUS_OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(results[i].error.status, STATUS_OK);
}

static uint64_t documents_of(struct collection *c)
{
    struct collection_info info;
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    uint64_t n = info.documents;
    assert_int_equal(info.passages, n); /* one each, here */
    collection_info_release(&info);
    return n;
}

static uint64_t listed(struct collection *c)
{
    struct document *documents;
    size_t n;
    assert_int_equal(collection_documents(c, text_of(""), 100, false, &documents, &n, NULL), STATUS_OK);
    documents_free(documents, n);
    return n;
}

static void by_filter_and_prefix(void **state)
{
    (void)state;
    static const char *const ids[] = {"a", "a/1", "a/2", "a/\xc3\xa9", "b/1", "a0"};
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    for (size_t i = 0; i < 6; i++)
        scratch_put(c, ids[i], ids[i], i, PUT_UPSERT);
    uint64_t n = 99;
    assert_int_equal(collection_delete_where(c, NULL, text_of("a/"), true, &n, NULL), STATUS_OK);
    assert_int_equal(n, 3);
    assert_int_equal(documents_of(c), 6); /* counted, not deleted */
    struct filter_value value = {.string = text_of("a/1")};
    struct filter id = {.kind = FILTER_ID, .op = OP_IN, .values = &value, .value_count = 1};
    struct filter other = {.kind = FILTER_NOT, .items = &id, .item_count = 1};
    assert_int_equal(collection_delete_where(c, &other, text_of("a/"), false, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(scratch_nearest(c, 1), "a/1");
    assert_string_not_equal(scratch_nearest(c, 2), "a/2");
    assert_int_equal(documents_of(c), 4);
    assert_int_equal(collection_delete_where(c, NULL, text_of("c"), false, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);
    struct text twice[] = {text_of("b/1"), text_of("b/1"), text_of("nobody")};
    assert_int_equal(collection_delete(c, twice, 3, &n, NULL), STATUS_OK);
    assert_int_equal(n, 1);
    assert_int_equal(collection_delete_where(c, NULL, text_of(""), false, &n, NULL), STATUS_OK);
    assert_int_equal(n, 3);
    assert_int_equal(documents_of(c), 0);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
}

static void expired_is_not_there(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    const int64_t past = 1000, future = (int64_t)1 << 45;
    struct document d = {0};
    uint64_t n = 99;
    put_expiring(c, (const char *const[]){"old", "new"}, (const int64_t[]){past, future}, 2);
    scratch_put(c, "ever", "ever", 2, PUT_UPSERT);
    assert_int_equal(documents_of(c), 2); /* not counted, */
    assert_int_equal(collection_get(c, text_of("old"), &d, NULL), STATUS_NOT_FOUND);
    assert_int_equal(listed(c), 2);
    assert_string_not_equal(scratch_nearest(c, 0), "old");
    struct filter all = {.kind = FILTER_AND};
    float floats[SCRATCH_WIDTH];
    struct hits hits = {0};
    scratch_vector(0, floats);
    assert_int_equal(
        collection_search(c,
                          &(struct search_query){.vector = floats, .k = 5, .filter = &all, .min_cosine = -2},
                          1, &hits, NULL),
        STATUS_OK);
    assert_int_equal(hits.count, 2); /* and not found */
    hits_release(&hits);
    struct text lang = text_of("fr"), old = text_of("old");
    assert_int_equal(collection_patch(c, old, &(struct document_patch){.lang = &lang}, NULL),
                     STATUS_NOT_FOUND);
    assert_int_equal(collection_delete(c, &old, 1, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);
    assert_int_equal(collection_delete_where(c, NULL, old, true, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);

    /* Time is a fact like others: it can be changed, and taken away. */
    assert_int_equal(collection_patch(c, text_of("new"), &(struct document_patch){.expires = &past}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_get(c, text_of("new"), &d, NULL), STATUS_NOT_FOUND);
    int64_t never = 0;
    assert_int_equal(collection_patch(c, text_of("ever"), &(struct document_patch){.expires = &future}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_patch(c, text_of("ever"), &(struct document_patch){.lang = &lang}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_get(c, text_of("ever"), &d, NULL), STATUS_OK);
    assert_true(d.expires == future);
    document_release(&d);
    assert_int_equal(collection_patch(c, text_of("ever"), &(struct document_patch){.expires = &never}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_get(c, text_of("ever"), &d, NULL), STATUS_OK);
    assert_true(d.expires == 0);
    document_release(&d);

    /* Its id is free, and its vectors serve whoever has its content. */
    assert_int_equal(scratch_put(c, "old", "old", 0, PUT_UPDATE).error.status, STATUS_NOT_FOUND);
    assert_int_equal(scratch_put(c, "old", "old", 0, PUT_CREATE).outcome, PUT_CREATED);
    assert_string_equal(scratch_nearest(c, 0), "old");
    assert_int_equal(scratch_put(c, "new", "other", 3, PUT_UPSERT).outcome, PUT_CREATED);
    assert_int_equal(collection_get(c, text_of("new"), &d, NULL), STATUS_OK);
    assert_true(d.created == d.updated);
    document_release(&d);
    assert_int_equal(documents_of(c), 3);
    collection_release(c);
    store_close(s);
}

static void the_sweep_takes_what_expired(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    uint64_t n = 99;
    assert_int_equal(store_sweep(s, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);
    scratch_create(s, "c");
    scratch_create(s, "d");
    struct collection *c = scratch_collection(s, "c"), *d = scratch_collection(s, "d");
    static char names[MOST][24];
    static const char *ids[MOST];
    static int64_t expires[MOST];
    for (size_t i = 0; i < MOST; i++) {
        snprintf(names[i], sizeof names[i], "%zu", i);
        ids[i] = names[i];
        expires[i] = i % 100 == 0 ? (int64_t)1 << 45 : 1;
    }
    put_expiring(c, ids, expires, MOST);
    put_expiring(d, ids, (const int64_t[]){1}, 1);
    assert_int_equal(store_sweep(s, &n, NULL), STATUS_OK);
    assert_int_equal(n, 1485 + 1);
    assert_int_equal(documents_of(c), 15);
    assert_int_equal(documents_of(d), 0);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(d);
    collection_release(c);
    store_close(s);
    s = scratch_open(STORE_READ);
    assert_int_equal(store_sweep(s, &n, NULL), STATUS_OK); /* nothing to do is no error */
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_filter_and_prefix, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(expired_is_not_there, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(the_sweep_takes_what_expired, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
