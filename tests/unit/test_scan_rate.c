#include "scratch_store.h"

#include "index/scan_rate.h"

static void a_pass_reads_every_vector(void **state)
{
    struct store *s = scratch_open(STORE_WRITE);
    float vector[SCRATCH_WIDTH];
    struct scan_rate rate = {0};
    char id[8];
    (void)state;
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    for (size_t i = 0; i < 70; i++) {
        snprintf(id, sizeof id, "%zu", i);
        assert_int_equal(scratch_put(c, id, id, i, PUT_UPSERT).outcome, PUT_CREATED);
    }
    scratch_vector(3, vector);
    assert_int_equal(collection_scan_rate(c, vector, 0.001, &rate, NULL), STATUS_OK);
    assert_int_equal(rate.passages, 70);
    assert_int_equal(rate.bytes, 70 * 64);
    assert_true(rate.best > 0 && rate.best <= rate.median);
    collection_release(c);
    store_close(s);
}

static void an_empty_collection_has_no_rate(void **state)
{
    struct store *s = scratch_open(STORE_WRITE);
    float vector[SCRATCH_WIDTH];
    struct scan_rate rate = {.passages = 5};
    struct error err = {0};
    (void)state;
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_vector(3, vector);
    assert_int_equal(collection_scan_rate(c, vector, 0.001, &rate, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, "c is empty"));
    assert_int_equal(rate.passages, 5);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pass_reads_every_vector, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(an_empty_collection_has_no_rate, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
