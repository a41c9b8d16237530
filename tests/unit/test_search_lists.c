/* One list out of several, and groups of it. */
#include "unit.h"

#include <stdio.h>

#include "server/search_lists.h"

static struct hit hit(const char *id, double score, const char *metadata)
{
    return (struct hit){.id = text_of(id), .score = score, .cosine = score, .metadata = text_of(metadata)};
}

static void write_ids(const struct listed *items, size_t n, char *out, size_t size)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n && at < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%.*s%zu ", (int)items[i].hit->id.len,
                               items[i].hit->id.data, items[i].list);
}

static void best_first_ties_by_id_and_list(void **state)
{
    (void)state;
    struct hit a[] = {hit("m", 0.9, "{}"), hit("b", 0.5, "{}"), hit("c", 0.5, "{}")};
    struct hit b[] = {hit("a", 0.7, "{}"), hit("b", 0.5, "{}"), hit("z", -1, "{}")};
    struct hits lists[] = {{.items = a, .count = 3}, {.items = b, .count = 3}, {0}};
    struct listed *items = NULL;
    size_t n = 0;
    char text[128];
    assert_int_equal(lists_merge(lists, 3, &items, &n, NULL), STATUS_OK);
    write_ids(items, n, text, sizeof text);
    assert_string_equal(text, "m0 a1 b0 b1 c0 z1 ");
    listed_free(items, n);
    struct hit chosen[] = {hit("x", 0.2, "{}"), hit("y", 0.8, "{}")}; /* one list keeps the order it has */
    assert_int_equal(lists_merge(&(struct hits){.items = chosen, .count = 2}, 1, &items, &n, NULL),
                     STATUS_OK);
    write_ids(items, n, text, sizeof text);
    assert_string_equal(text, "x0 y0 ");
    listed_free(items, n);
    listed_free(NULL, 0);
}

static void so_many_of_a_kind(void **state)
{
    (void)state;
    struct hit all[] = {hit("a", 9, "{\"k\":1}"),
                        hit("b", 8, "{\"k\":\"1\"}"),
                        hit("c", 7, "{\"k\":[1,2]}"),
                        hit("d", 6, "{}"),
                        hit("e", 5, "{\"k\":1}"),
                        hit("f", 4, "{\"k\":[]}"),
                        hit("g", 3, "{\"k\":null}"),
                        hit("h", 2, "{\"k\":null}"),
                        hit("i", 1, ""),
                        hit("j", 0, "{\"k\":{\"x\":1}}")};
    struct hits list = {.items = all, .count = 10};
    static const char *const wanted[] = {"a0 b0 d0 f0 g0 i0 j0 ", "a0 b0 c0 d0 f0 g0 h0 i0 j0 "};
    for (size_t size = 1; size <= 2; size++) {
        struct listed *items = NULL;
        size_t n = 0;
        char text[128];
        assert_int_equal(lists_merge(&list, 1, &items, &n, NULL), STATUS_OK);
        assert_int_equal(lists_group(items, &n, "k", size, NULL), STATUS_OK);
        write_ids(items, n, text, sizeof text);
        assert_string_equal(text, wanted[size - 1]);
        assert_int_equal(json_integer_value(items[0].group), 1);
        assert_null(items[size == 1 ? 2 : 3].group);
        listed_free(items, n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(best_first_ties_by_id_and_list),
        cmocka_unit_test(so_many_of_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
