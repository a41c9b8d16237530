/* Space comes back to the file system, while others read. */
#include "scratch_store.h"

#define DOCUMENTS 1200

#define BATCH  100
#define FILLER 3000

static void name(size_t i, char out[24])
{
    snprintf(out, 24, "%05zu", i);
}

/* Documents first … first + BATCH - 1, in one transaction. */
static void put_batch(struct collection *c, size_t first)
{
    static char texts[BATCH][FILLER], ids[BATCH][24];
    static float floats[BATCH][SCRATCH_WIDTH];
    static struct passage_row passages[BATCH];
    static struct document_row rows[BATCH];
    static struct put_result results[BATCH];
    for (size_t i = 0; i < BATCH; i++) {
        name(first + i, ids[i]);
        memset(texts[i], 'a' + (int)(i % 26), FILLER);
        scratch_vector(first + i, floats[i]);
        passages[i] = (struct passage_row){.end = FILLER, .tokens = 1, .vector = floats[i]};
        rows[i] = (struct document_row){
            .id = text_of(ids[i]), .text = {texts[i], FILLER}, .passages = &passages[i], .passage_count = 1};
        memcpy(rows[i].content_hash, ids[i], 5);
    }
    assert_int_equal(collection_put(c, rows, BATCH, PUT_CREATE, results, NULL), STATUS_OK);
    for (size_t i = 0; i < BATCH; i++)
        assert_int_equal(results[i].outcome, PUT_CREATED);
}

static void fill(struct collection *c)
{
    for (size_t i = 0; i < DOCUMENTS; i += BATCH)
        put_batch(c, i);
}

/* Deletes two of three, all over the file. */
static void thin(struct collection *c)
{
    static char ids[DOCUMENTS][24];
    struct text gone[DOCUMENTS];
    size_t n = 0;
    uint64_t deleted = 0;
    for (size_t i = 0; i < DOCUMENTS; i++) {
        name(i, ids[i]);
        if (i % 3 > 0)
            gone[n++] = text_of(ids[i]);
    }
    assert_int_equal(collection_delete(c, gone, n, &deleted, NULL), STATUS_OK);
    assert_int_equal(deleted, n);
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
    thin(c);
    size_t calls = 0;
    struct watcher watcher = {go_on, &calls};
    assert_int_equal(store_compact(s, &watcher, &result, NULL), STATUS_OK);
    assert_true(result.anew);
    assert_true(result.before > result.after);
    assert_true(result.after < full / 2);
    assert_int_equal(store_info(s, &info, NULL), STATUS_OK);
    assert_true(info.file_bytes == result.after);
    assert_int_equal(store_check(reader, NULL), STATUS_OK);
    struct document *documents;
    size_t n;
    assert_int_equal(collection_documents(seen, text_of(""), DOCUMENTS, false, &documents, &n, NULL),
                     STATUS_OK);
    assert_int_equal(n, DOCUMENTS / 3);
    documents_free(documents, n);
    assert_string_not_equal(scratch_nearest(seen, 0), "");
    put_batch(c, DOCUMENTS); /* and life goes on */
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
