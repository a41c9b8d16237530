/* Space comes back to the file system, while others read. */
#include "scratch_store.h"

#define DOCUMENTS 1200

static char filler[3000];

static void put_large(struct collection *c, size_t i)
{
    static float floats[SCRATCH_WIDTH];
    char id[24];
    struct passage_row passage = {.end = sizeof filler, .tokens = 1, .vector = floats};
    struct document_row row = {.text = {filler, sizeof filler}, .passages = &passage, .passage_count = 1};
    struct put_result result;
    snprintf(id, sizeof id, "%05zu", i);
    memset(filler, 'a' + (int)(i % 26), sizeof filler);
    row.id = text_of(id);
    memcpy(row.content_hash, id, 5);
    scratch_vector(i, floats);
    assert_int_equal(collection_put(c, &row, 1, PUT_UPSERT, &result, NULL), STATUS_OK);
    assert_int_equal(result.outcome, PUT_CREATED);
}

static void fill(struct collection *c)
{
    for (size_t i = 0; i < DOCUMENTS; i++)
        put_large(c, i);
}

/* Deletes the documents whose number modulo `of` is at least `from`. */
static void thin(struct collection *c, size_t of, size_t from)
{
    uint64_t deleted = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        char id[24];
        snprintf(id, sizeof id, "%05zu", i);
        struct text name = text_of(id);
        if (i % of >= from)
            assert_int_equal(collection_delete(c, &name, 1, &deleted, NULL), STATUS_OK);
    }
}

static bool go_on(void *calls, uint64_t done, uint64_t total)
{
    assert_true(done <= total);
    ++*(size_t *)calls;
    return true;
}

static bool stop(void *context, uint64_t done, uint64_t total)
{
    (void)context, (void)done, (void)total;
    return false;
}

static void gaps_are_closed(void **state)
{
    (void)state;
    struct compacted result;
    struct store_info info;
    struct store *s = scratch_open(STORE_WRITE), *reader = NULL;
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    fill(c);
    assert_int_equal(store_compact(s, NULL, &result, NULL), STATUS_OK);
    int64_t full = result.after;
    assert_false(result.anew); /* rows in order leave no gaps */
    reader = scratch_open(STORE_READ);
    struct collection *seen = scratch_collection(reader, "c");
    assert_string_not_equal(scratch_nearest(seen, 0), "");
    thin(c, 3, 1); /* two of three, all over the file */
    size_t calls = 0;
    struct watcher watcher = {go_on, &calls};
    assert_int_equal(store_compact(s, &watcher, &result, NULL), STATUS_OK);
    assert_true(result.anew);
    assert_true(result.before > result.after);
    assert_true(result.after < full * 4 / 10);
    assert_int_equal(store_info(s, &info, NULL), STATUS_OK);
    assert_true(info.file_bytes == result.after);
    assert_int_equal(store_check(reader, NULL), STATUS_OK);
    float floats[SCRATCH_WIDTH];
    struct hits hits = {0};
    scratch_vector(0, floats);
    assert_int_equal(collection_search(seen,
                                       &(struct search_query){.vector = floats, .k = 1000, .min_cosine = -2},
                                       &hits, NULL),
                     STATUS_OK);
    assert_int_equal(hits.count, DOCUMENTS / 3);
    hits_release(&hits);
    put_large(c, DOCUMENTS + 1); /* and life goes on */
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    assert_int_equal(store_compact(reader, NULL, &result, NULL), STATUS_FORBIDDEN);
    collection_release(seen);
    store_close(reader);
    collection_release(c);
    store_close(s);
}

static void free_pages_are_cut_off(void **state)
{
    (void)state;
    struct compacted result;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    fill(c);
    uint64_t deleted = 0;
    assert_int_equal(collection_delete_where(c, NULL, text_of("00"), false, &deleted, NULL), STATUS_OK);
    assert_int_equal(deleted, 1000);
    struct watcher refuse = {stop, NULL};
    assert_int_equal(store_compact(s, &refuse, &result, NULL), STATUS_CANCELLED);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    size_t calls = 0;
    struct watcher watcher = {go_on, &calls};
    assert_int_equal(store_compact(s, &watcher, &result, NULL), STATUS_OK);
    assert_true(result.after < 2 << 20); /* of 200 documents of 3 KB */
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gaps_are_closed, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(free_pages_are_cut_off, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
