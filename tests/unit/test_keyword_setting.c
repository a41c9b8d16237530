/* Keywords given up and taken up again. */
#include "scratch_store.h"

#include "index/space.h"

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

/* The vectors that a collection can go back to have keywords of their own. */
static void what_is_kept_to_go_back_to(void **state)
{
    (void)state;
    const struct collection_settings other = {
        .model = text_of("other"), .space_id = {9}, .width = SCRATCH_WIDTH, .passage_tokens = 200};
    const int64_t later = (int64_t)1 << 45;
    char id[16];
    float vector[SCRATCH_WIDTH];
    struct missing_document *missing;
    struct collection *spare = NULL;
    size_t n;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_put(c, "1", "a ferry", 1, PUT_UPSERT);
    assert_int_equal(collection_spare_add(c, &other, NULL), STATUS_OK);
    assert_int_equal(store_spare_open(s, text_of("c"), &spare, NULL), STATUS_OK);
    assert_int_equal(collection_missing(spare, 0, 5, &missing, &n, NULL), STATUS_OK);
    assert_int_equal(n, 1);
    scratch_vector(5, vector);
    struct passage_row passage = {.end = 7, .tokens = 1, .vector = vector};
    struct document_row row = {.id = text_of("1"),
                               .lang = text_of("en"),
                               .text = text_of("a ferry"),
                               .passages = &passage,
                               .passage_count = 1};
    memcpy(row.content_hash, missing->content_hash, sizeof row.content_hash);
    assert_int_equal(collection_fill(spare, &row, 1, NULL), STATUS_OK);
    missing_documents_free(missing, n);
    assert_int_equal(collection_cut_over(c, later, NULL), STATUS_OK);
    collection_release(spare);
    collection_release(c);
    for (int keep = 0; keep <= 1; keep++) {
        c = scratch_collection(s, "c");
        assert_int_equal(collection_keep_keywords(c, keep != 0, NULL), STATUS_OK);
        assert_int_equal(store_check(s, NULL), STATUS_OK);
        assert_int_equal(collection_cut_over(c, later, NULL), STATUS_OK);
        collection_release(c);
        c = scratch_collection(s, "c");
        assert_int_equal(keeps(c), keep != 0);
        assert_int_equal(by_word(c, "ferry", id, sizeof id), keep != 0 ? STATUS_OK : STATUS_UNSUPPORTED);
        assert_string_equal(id, keep != 0 ? "1" : "");
        collection_release(c);
    }
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
        cmocka_unit_test_setup_teardown(what_is_kept_to_go_back_to, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(of_a_deleted_collection, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
