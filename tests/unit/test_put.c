/* What is written, what is refused row by row, what is not written again. */
#include "scratch_store.h"

#include <math.h>

static void modes(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    struct collection_info info;
    assert_int_equal(scratch_put(c, "a", "one", 0, PUT_UPDATE).error.status, STATUS_NOT_FOUND);
    assert_int_equal(scratch_put(c, "a", "one", 0, PUT_CREATE).outcome, PUT_CREATED);
    assert_int_equal(scratch_put(c, "a", "two", 1, PUT_CREATE).error.status, STATUS_CONFLICT);
    assert_string_equal(scratch_nearest(c, 0), "a");
    assert_int_equal(scratch_put(c, "a", "two", 1, PUT_UPDATE).outcome, PUT_UPDATED);
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    uint64_t generation = info.generation;
    collection_info_release(&info);
    assert_int_equal(scratch_put(c, "a", "two", 1, PUT_UPSERT).outcome, PUT_UNCHANGED);
    assert_int_equal(scratch_put(c, "b", "three", 2, PUT_UPSERT).outcome, PUT_CREATED);
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    assert_int_equal(info.documents, 2);
    assert_int_equal(info.passages, 2);
    assert_int_equal(info.generation, generation + 1); /* "unchanged" changed nothing */
    collection_info_release(&info);
    collection_release(c);
    store_close(s);
}

static void rows_fail_alone(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "rows");
    struct collection *c = scratch_collection(s, "rows");
    float good[SCRATCH_WIDTH] = {1}, nan[SCRATCH_WIDTH] = {NAN}, zero[SCRATCH_WIDTH] = {0};
    static const char text[] = "Müsli";
    struct passage_row right = {.end = 6, .tokens = 1, .vector = good},
                       wrong[] = {
                           {.end = 7, .tokens = 1, .vector = good},
                           {.start = 2, .end = 6, .tokens = 1, .vector = good},
                           {.start = 5, .end = 4, .tokens = 1, .vector = good},
                           {.end = 6, .tokens = 1, .vector = nan},
                           {.end = 6, .tokens = 1, .vector = zero},
                       };
    struct document_row rows[10];
    struct put_result results[10];
    struct document found = {0};
    for (size_t i = 0; i < 10; i++) {
        rows[i] = (struct document_row){.id = text_of(i == 9   ? "last"
                                                      : i == 0 ? "first"
                                                               : "bad"),
                                        .text = text_of(text),
                                        .content_hash = {(unsigned char)i},
                                        .passages = &right,
                                        .passage_count = 1};
        if (i >= 1 && i <= 5)
            rows[i].passages = &wrong[i - 1];
    }
    rows[6].id = text_of("");
    rows[7].metadata = text_of("[1]");
    rows[8].id = text_of("line\nbreak");
    assert_int_equal(collection_put(c, rows, 10, PUT_UPSERT, results, NULL), STATUS_OK);
    for (size_t i = 0; i < 10; i++) {
        bool fine = i == 0 || i == 9;
        assert_int_equal(results[i].outcome, fine ? PUT_CREATED : PUT_FAILED);
        assert_int_equal(results[i].error.text[0] == '\0', fine);
    }
    assert_int_equal(collection_get(c, text_of("last"), &found, NULL), STATUS_OK);
    assert_string_equal(found.text.data, text);
    assert_string_equal(found.lang.data, "und");
    assert_string_equal(found.metadata.data, "{}");
    document_release(&found);
    assert_int_equal(collection_get(c, text_of("bad"), &found, NULL), STATUS_NOT_FOUND);
    collection_release(c);
    store_close(s);
}

static void content_that_is_here_is_reused(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "again");
    struct collection *c = scratch_collection(s, "again");
    bool embed[2] = {false, false};
    struct document_row rows[2] = {
        {.id = text_of("moved"), .text = text_of("the text"), .content_hash = "the text", .reuse = true},
        {.id = text_of("new"), .text = text_of("other"), .content_hash = "other", .reuse = true},
    };
    struct put_result results[2];
    uint64_t deleted = 0;
    scratch_put(c, "original", "the text", 5, PUT_UPSERT);
    assert_int_equal(collection_plan(c, rows, 2, embed, NULL), STATUS_OK);
    assert_false(embed[0]);
    assert_true(embed[1]);
    assert_int_equal(collection_put(c, rows, 2, PUT_UPSERT, results, NULL), STATUS_OK);
    assert_int_equal(results[0].outcome, PUT_CREATED);
    assert_int_equal(results[0].passages, 1);
    assert_int_equal(results[1].outcome, PUT_FAILED);
    struct text original = text_of("original");
    assert_int_equal(collection_delete(c, &original, 1, &deleted, NULL), STATUS_OK);
    assert_int_equal(deleted, 1);
    assert_string_equal(scratch_nearest(c, 5), "moved"); /* its vector outlived the first document */
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
}

static void deleted_is_gone_at_once(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "gone");
    struct collection *c = scratch_collection(s, "gone");
    struct text ids[] = {text_of("b"), text_of("nobody"), text_of("b")};
    uint64_t deleted = 9;
    scratch_put(c, "a", "one", 0, PUT_UPSERT);
    scratch_put(c, "b", "two", 3, PUT_UPSERT);
    assert_string_equal(scratch_nearest(c, 3), "b");
    assert_int_equal(collection_delete(c, ids, 3, &deleted, NULL), STATUS_OK);
    assert_int_equal(deleted, 1);
    assert_string_equal(scratch_nearest(c, 3), "a");
    scratch_put(c, "c", "three", 3, PUT_UPSERT);
    assert_string_equal(scratch_nearest(c, 3), "c");
    collection_release(c);
    store_close(s);
    s = scratch_open(STORE_READ);
    c = scratch_collection(s, "gone");
    assert_string_equal(scratch_nearest(c, 3), "c");
    struct put_result result;
    struct error err = {0};
    struct document_row row = {.id = text_of("x")};
    assert_int_equal(collection_put(c, &row, 1, PUT_UPSERT, &result, &err), STATUS_FORBIDDEN);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
}

static void facts_change_without_vectors(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "facts");
    struct collection *c = scratch_collection(s, "facts");
    struct text lang = text_of("fr"), metadata = text_of("{\"page\":3}"), broken = text_of("{\"page\":");
    struct document d = {0};
    scratch_put(c, "a", "one", 0, PUT_UPSERT);
    assert_int_equal(collection_patch(c, text_of("a"), &(struct document_patch){.lang = &lang}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_patch(c, text_of("a"), &(struct document_patch){.metadata = &metadata}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_patch(c, text_of("a"), &(struct document_patch){.metadata = &broken}, NULL),
                     STATUS_INVALID);
    assert_int_equal(collection_patch(c, text_of("z"), &(struct document_patch){.lang = &lang}, NULL),
                     STATUS_NOT_FOUND);
    struct text title = text_of("One");
    assert_int_equal(collection_patch(c, text_of("a"), &(struct document_patch){.title = &title}, NULL),
                     STATUS_OK);
    assert_int_equal(collection_get(c, text_of("a"), &d, NULL), STATUS_OK);
    assert_string_equal(d.lang.data, "fr");
    assert_string_equal(d.metadata.data, "{\"page\":3}");
    assert_string_equal(d.title.data, "One");
    assert_true(d.updated >= d.created);
    document_release(&d);
    assert_string_equal(scratch_nearest(c, 0), "a");
    collection_release(c);
    store_close(s);
}

/* Of rows with one id the last counts, and only its passages stay. */
static void one_id_several_times(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "times");
    struct collection *c = scratch_collection(s, "times");
    struct document d = {0};
    float vectors[4][SCRATCH_WIDTH];
    struct passage_row passages[4];
    struct document_row rows[4];
    struct put_result results[4];
    for (size_t i = 0; i < 4; i++) {
        scratch_vector(i, vectors[i]);
        passages[i] = (struct passage_row){.end = 3, .tokens = 1, .vector = vectors[i]};
        rows[i] = (struct document_row){.id = text_of("a"),
                                        .text = text_of("abc"),
                                        .content_hash = {(unsigned char)(i < 3 ? i + 1 : 3)},
                                        .passages = passages,
                                        .passage_count = i + 1};
    }
    scratch_put(c, "a", "zero", 5, PUT_UPSERT);
    assert_int_equal(collection_put(c, rows, 4, PUT_UPSERT, results, NULL), STATUS_OK);
    assert_int_equal(results[3].outcome, PUT_UNCHANGED);
    assert_int_equal(results[3].passages, 3);
    assert_int_equal(collection_get(c, text_of("a"), &d, NULL), STATUS_OK);
    assert_int_equal(d.passages, 3);
    document_release(&d);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modes),
        cmocka_unit_test(rows_fail_alone),
        cmocka_unit_test(content_that_is_here_is_reused),
        cmocka_unit_test(deleted_is_gone_at_once),
        cmocka_unit_test(facts_change_without_vectors),
        cmocka_unit_test(one_id_several_times),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_clean);
}
