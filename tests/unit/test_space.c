/* From one model to another and back, while documents come and go. */
#include "scratch_store.h"

#include "index/space.h"

static void check(struct store *s)
{
    struct error err = {0};
    if (store_check(s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static struct collection *spare_of(struct store *s, const char *name)
{
    struct collection *spare = NULL;
    assert_int_equal(store_spare_open(s, text_of(name), &spare, NULL), STATUS_OK);
    return spare;
}

/* Fills at most `most` missing documents; their vectors are those of scratch_vector(100 + first byte of the
 * id). */
static size_t fill(struct collection *spare, size_t most)
{
    struct missing_document *missing;
    struct error err = {0};
    size_t n;
    if (collection_missing(spare, 0, most, &missing, &n, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++) {
        float vector[SCRATCH_WIDTH];
        struct document *d = &missing[i].document;
        struct passage_row passages[2] = {{.end = 1, .tokens = 1, .vector = vector},
                                          {.start = 1, .end = d->text.len, .tokens = 1, .vector = vector}};
        struct document_row row = {
            .id = d->id, .lang = d->lang, .text = d->text, .passages = passages, .passage_count = 2};
        scratch_vector(100 + (size_t)d->id.data[0], vector);
        memcpy(row.content_hash, missing[i].content_hash, sizeof row.content_hash);
        if (collection_fill(spare, &row, 1, &err) != STATUS_OK)
            fail_msg("%s", err.text);
    }
    missing_documents_free(missing, n);
    return n;
}

static uint64_t passages_of(struct collection *c)
{
    struct collection_info info;
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    uint64_t n = info.passages;
    collection_info_release(&info);
    return n;
}

static void there_and_back(void **state)
{
    (void)state;
    struct error err = {0};
    struct collection_settings other = {.model = text_of("other"),
                                        .space_id = {9},
                                        .width = SCRATCH_WIDTH,
                                        .passage_tokens = 100,
                                        .passage_overlap = 0};
    struct store *s = scratch_open(STORE_WRITE);
    struct collection *spare = NULL;
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    for (size_t i = 0; i < 8; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        scratch_put(c, id, id, i, PUT_UPSERT);
    }
    assert_int_equal(store_spare_open(s, text_of("c"), &spare, NULL), STATUS_NOT_FOUND);
    assert_int_equal(collection_cut_over(c, 1, NULL), STATUS_NOT_FOUND);
    assert_int_equal(collection_spare_add(c, &other, &err), STATUS_OK);
    assert_int_equal(collection_spare_add(c, &other, NULL), STATUS_CONFLICT);
    spare = spare_of(s, "c");
    assert_int_equal(fill(spare, 5), 5);
    check(s);
    assert_int_equal(passages_of(spare), 10);
    assert_int_equal(passages_of(c), 8);
    assert_string_equal(scratch_nearest(c, 3), "d");             /* searches go on in the old space */
    assert_string_equal(scratch_nearest(spare, 100 + 'b'), "b"); /* and may try the new one */
    assert_int_equal(collection_cut_over(c, 1, &err), STATUS_CONFLICT);
    assert_non_null(strstr(err.text, "3 documents"));

    /* What changes is missing again, what goes is gone from both. */
    uint64_t deleted;
    scratch_put(c, "a", "another", 6, PUT_UPSERT);
    assert_int_equal(collection_delete(c, &(struct text){"b", 1}, 1, &deleted, NULL), STATUS_OK);
    check(s);
    assert_int_equal(passages_of(spare), 6);
    assert_int_equal(fill(spare, 99), 4);
    assert_int_equal(fill(spare, 99), 0);
    const int64_t later = (int64_t)1 << 45;
    assert_int_equal(collection_cut_over(c, later, &err), STATUS_OK);
    check(s);

    /* The old handle stays in its space, and writes nothing any more. */
    assert_string_equal(scratch_nearest(c, 3), "d");
    float vector[SCRATCH_WIDTH] = {1};
    struct passage_row passage = {.end = 1, .tokens = 1, .vector = vector};
    struct document_row row = {
        .id = text_of("x"), .text = text_of("x"), .passages = &passage, .passage_count = 1};
    struct put_result result;
    assert_int_equal(collection_put(c, &row, 1, PUT_UPSERT, &result, NULL), STATUS_CONFLICT);
    struct collection *now = scratch_collection(s, "c");
    assert_string_equal(scratch_nearest(now, 100 + 'c'), "c");
    assert_int_equal(passages_of(now), 14);
    scratch_put(now, "new", "new", 4, PUT_UPSERT);
    check(s);
    collection_release(spare);
    collection_release(c);

    /* Going back brings what came since. */
    spare = spare_of(s, "c");
    assert_int_equal(passages_of(spare), 7);
    assert_int_equal(collection_cut_over(now, later, NULL), STATUS_CONFLICT);
    assert_int_equal(store_sweep_spaces(s, NULL), STATUS_OK); /* its time is not over */
    assert_int_equal(fill(spare, 99), 1);
    assert_int_equal(collection_cut_over(now, 1, NULL), STATUS_OK);
    check(s);
    collection_release(spare);
    collection_release(now);
    now = scratch_collection(s, "c");
    assert_string_equal(scratch_nearest(now, 3), "d");
    assert_int_equal(store_sweep_spaces(s, NULL), STATUS_OK);
    assert_int_equal(store_spare_open(s, text_of("c"), &spare, NULL), STATUS_NOT_FOUND);
    assert_int_equal(collection_spare_drop(now, NULL), STATUS_NOT_FOUND);
    check(s);
    collection_release(now);
    store_close(s);
}

static void given_up(void **state)
{
    (void)state;
    struct collection_settings other = {
        .model = text_of("o"), .space_id = {9}, .width = SCRATCH_WIDTH, .passage_tokens = 100};
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_put(c, "a", "a", 1, PUT_UPSERT);
    assert_int_equal(collection_spare_add(c, &other, NULL), STATUS_OK);
    struct collection *spare = spare_of(s, "c");
    assert_int_equal(fill(spare, 9), 1);
    assert_int_equal(store_sweep_spaces(s, NULL), STATUS_OK); /* being filled: kept */
    assert_int_equal(collection_spare_drop(c, NULL), STATUS_OK);
    float vector[SCRATCH_WIDTH] = {1};
    struct hits hits = {0};
    assert_int_equal(collection_search(spare,
                                       &(struct search_query){.vector = vector, .k = 1, .min_cosine = -2}, 1,
                                       &hits, NULL),
                     STATUS_NOT_FOUND);
    collection_release(spare);
    assert_string_equal(scratch_nearest(c, 1), "a");
    check(s);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(given_up, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
