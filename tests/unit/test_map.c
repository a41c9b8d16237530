/* Maps: every passage has its place and its document; of too many a sample is taken. */
#include "scratch_store.h"

#include <math.h>
#include <stdlib.h>

static bool never(void *context)
{
    (void)context;
    return false;
}

static void places_passages(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    struct collection_map map = {0};
    char id[16];
    scratch_create(s, "other");
    struct collection *other = scratch_collection(s, "other");
    scratch_put(other, "elsewhere", "elsewhere", 3, PUT_UPSERT);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    assert_int_equal(collection_map(c, 10, NULL, NULL, &map, NULL), STATUS_OK);
    assert_int_equal(map.point_count, 0);
    collection_map_release(&map);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "%d", i);
        scratch_put(c, id, id, (size_t)i, PUT_UPSERT);
    }
    assert_int_equal(collection_map(c, MAP_MOST, NULL, NULL, &map, NULL), STATUS_OK);
    assert_int_equal(map.passages, 40);
    assert_int_equal(map.point_count, 40);
    assert_int_equal(map.document_count, 40);
    for (size_t i = 0; i < map.point_count; i++) {
        const struct map_document *d = &map.documents[map.points[i].document];
        assert_int_equal(map.points[i].end_char, d->id.len); /* the text is the id */
        assert_string_equal(d->lang.data, "en");
        assert_true(isfinite(map.points[i].x) && isfinite(map.points[i].y));
    }
    collection_map_release(&map);
    assert_int_equal(collection_map(c, 7, NULL, NULL, &map, NULL), STATUS_OK);
    assert_int_equal(map.passages, 40);
    assert_in_range(map.point_count, 5, 7);
    assert_in_range(strtoul(map.documents[map.document_count - 1].id.data, NULL, 10), 30, 39); /* from all over */
    collection_map_release(&map);
    assert_int_equal(collection_map(c, MAP_MOST, never, NULL, &map, NULL), STATUS_CANCELLED);
    collection_release(c);
    collection_release(other);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(places_passages, scratch_make, scratch_clean)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
