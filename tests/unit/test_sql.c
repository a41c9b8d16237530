/* A disk that is full: nothing changes, reading goes on, and writing does once there is space. */
#include "scratch_store.h"

#include "index/store.h"

static enum status put_large(struct collection *c, size_t n, struct error *err)
{
    static char text[200000];
    float vector[SCRATCH_WIDTH];
    struct passage_row passage = {.vector = vector, .tokens = 1};
    struct document_row row = {.id = text_of("large"),
                               .text = {text, n},
                               .content_hash = {9},
                               .passages = &passage,
                               .passage_count = 1};
    struct put_result result;
    memset(text, 'x', sizeof text);
    scratch_vector(5, vector);
    return collection_put(c, &row, 1, PUT_UPSERT, &result, err);
}

static void limit_pages(struct store *s, int pages)
{
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA max_page_count = %d", pages);
    assert_int_equal(sql_run(&s->writer, pragma, NULL), STATUS_OK);
}

static void a_full_disk(void **state)
{
    (void)state;
    struct error err = {0};
    struct collection_info before, after;
    int64_t pages = 0;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_put(c, "small", "small", 1, PUT_UPSERT);
    assert_int_equal(collection_info(c, &before, NULL), STATUS_OK);
    assert_int_equal(sql_number(&s->writer, "PRAGMA page_count", &pages, NULL), STATUS_OK);
    limit_pages(s, (int)pages);
    assert_int_equal(put_large(c, 200000, &err), STATUS_DISK_FULL);
    assert_non_null(strstr(err.text, "nothing was changed"));
    assert_string_equal(scratch_nearest(c, 1), "small");
    assert_int_equal(collection_info(c, &after, NULL), STATUS_OK);
    assert_int_equal(after.generation, before.generation);
    assert_int_equal(after.documents, 1);
    limit_pages(s, 1000000);
    assert_int_equal(put_large(c, 200000, NULL), STATUS_OK);
    assert_string_equal(scratch_nearest(c, 5), "large");
    collection_info_release(&before);
    collection_info_release(&after);
    collection_release(c);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    store_close(s);
}

/* What was begun and not committed is gone, and the next turn finds the store as it was. */
static void an_abandoned_turn(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_put(c, "a", "a", 1, PUT_UPSERT);
    assert_int_equal(store_begin(s, NULL), STATUS_OK);
    assert_int_equal(sql_run(&s->writer, "DELETE FROM documents", NULL), STATUS_OK);
    store_end(s);
    assert_string_equal(scratch_nearest(c, 1), "a");
    assert_int_equal(scratch_put(c, "b", "b", 2, PUT_UPSERT).outcome, PUT_CREATED);
    collection_release(c);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    store_close(s);
    s = scratch_open(STORE_READ);
    assert_int_equal(store_begin(s, NULL), STATUS_FORBIDDEN);
    store_close(s);
}

static void the_log_stays_short(void **state)
{
    (void)state;
    struct store_info info;
    struct store *s = scratch_open(STORE_WRITE), *beside = scratch_open(STORE_READ);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c"), *seen = scratch_collection(beside, "c");
    for (size_t i = 0; i < 400; i++) {
        assert_int_equal(put_large(c, 150000 + i, NULL), STATUS_OK);
        uint64_t deleted = 0;
        struct text id = text_of("large");
        if (i % 8 == 0)
            assert_string_equal(scratch_nearest(seen, 5), "large");
        assert_int_equal(collection_delete(c, &id, 1, &deleted, NULL), STATUS_OK);
        assert_int_equal(deleted, 1);
    }
    assert_int_equal(store_info(s, &info, NULL), STATUS_OK);
    assert_true(info.file_bytes < 64 << 20); /* 60 MB went through a log of 16 MB */
    collection_release(seen);
    collection_release(c);
    store_close(beside);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_full_disk, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(an_abandoned_turn, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(the_log_stays_short, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
