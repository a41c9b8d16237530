/* Values of metadata, counted. */
#include "scratch_store.h"

static void put(struct collection *c, const char *id, const char *metadata)
{
    struct text text = text_of(metadata);
    scratch_put(c, id, id, 0, PUT_UPSERT);
    assert_int_equal(collection_patch(c, text_of(id), &(struct document_patch){.metadata = &text}, NULL),
                     STATUS_OK);
}

static void counts_scalars(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct facet *facets = NULL;
    size_t n = 0;
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    assert_int_equal(collection_facets(c, 2, &facets, &n, NULL), STATUS_OK);
    assert_int_equal(n, 0);
    facets_free(facets, n);

    put(c, "1", "{\"kind\":\"a\",\"year\":2001,\"list\":[1,2],\"name\":\"x\"}");
    put(c, "2", "{\"kind\":\"b\",\"year\":2001,\"draft\":true}");
    put(c, "3", "{\"kind\":\"b\",\"year\":2001.5,\"deep\":{\"kind\":\"z\"}}");
    put(c, "4", "{\"kind\":\"c \\\"q\\\"\",\"json\":null}");
    assert_int_equal(collection_facets(c, 2, &facets, &n, NULL), STATUS_OK);
    assert_int_equal(n, 4);
    assert_string_equal(facets[0].field.data, "draft");
    assert_string_equal(facets[0].values[0].json.data, "true");
    assert_string_equal(facets[1].field.data, "kind");
    assert_int_equal(facets[1].distinct, 3);
    assert_int_equal(facets[1].count, 2);
    assert_string_equal(facets[1].values[0].json.data, "\"b\"");
    assert_int_equal(facets[1].values[0].documents, 2);
    assert_string_equal(facets[1].values[1].json.data, "\"a\"");
    assert_string_equal(facets[2].field.data, "name");
    assert_string_equal(facets[3].field.data, "year");
    assert_string_equal(facets[3].values[0].json.data, "2001");
    assert_string_equal(facets[3].values[1].json.data, "2001.5");
    facets_free(facets, n);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(counts_scalars, scratch_make, scratch_clean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
