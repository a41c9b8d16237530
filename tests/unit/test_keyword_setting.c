/* Keywords given up and taken up again. */
#include "scratch_store.h"

static enum status by_word(struct collection *c, const char *word, char *id, size_t size)
{
    struct hits hits = {0};
    struct search_query query = {.mode = SEARCH_KEYWORD, .words = text_of(word), .k = 5, .min_cosine = -2};
    enum status status = collection_search(c, &query, 1, &hits, NULL);
    snprintf(id, size, "%s", status == STATUS_OK && hits.count == 1 ? hits.items[0].id.data : "");
    hits_release(&hits);
    return status;
}

static bool keeps(struct collection *c)
{
    struct collection_info info;
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    bool yes = !info.settings.no_keywords;
    collection_info_release(&info);
    return yes;
}

static void off_and_on(void **state)
{
    (void)state;
    char id[16];
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_put(c, "1", "a ferry", 1, PUT_UPSERT);
    scratch_put(c, "2", "a lighthouse", 2, PUT_UPSERT);
    assert_int_equal(collection_keep_keywords(c, false, NULL), STATUS_OK);
    assert_false(keeps(c));
    assert_int_equal(by_word(c, "ferry", id, sizeof id), STATUS_UNSUPPORTED);
    assert_string_equal(scratch_nearest(c, 2), "2");
    scratch_put(c, "3", "a harbour", 3, PUT_UPSERT); /* what comes and goes meanwhile */
    uint64_t deleted;
    assert_int_equal(collection_delete(c, &(struct text){"2", 1}, 1, &deleted, NULL), STATUS_OK);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    assert_int_equal(collection_keep_keywords(c, true, NULL), STATUS_OK);
    assert_int_equal(collection_keep_keywords(c, true, NULL), STATUS_OK); /* again: nothing to do */
    assert_true(keeps(c));
    scratch_put(c, "4", "a bakery", 4, PUT_UPSERT);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
    s = scratch_open(STORE_WRITE); /* it stays so */
    c = scratch_collection(s, "c");
    static const char *const words[][2] = {
        {"ferry", "1"}, {"lighthouse", ""}, {"harbour", "3"}, {"bakery", "4"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        assert_int_equal(by_word(c, words[i][0], id, sizeof id), STATUS_OK);
        assert_string_equal(id, words[i][1]);
    }
    collection_release(c);
    store_close(s);
}

static void of_a_deleted_collection(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    assert_int_equal(store_collection_delete(s, text_of("c"), NULL), STATUS_OK);
    assert_int_equal(collection_keep_keywords(c, false, NULL), STATUS_NOT_FOUND);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(off_and_on, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(of_a_deleted_collection, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
