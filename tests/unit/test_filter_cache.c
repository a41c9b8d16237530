/* Filters asked again: what is kept, for how long, and what is not. */
#include "scratch_store.h"

#include "index/filter.h"
#include "index/store.h"

#define DOCUMENTS 40

static struct store *store;
static struct collection *collection;

static void put(size_t first, size_t n, int64_t expires)
{
    struct document_row rows[DOCUMENTS] = {0};
    struct put_result results[DOCUMENTS];
    char ids[DOCUMENTS][8], metadata[DOCUMENTS][24];
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%04zu", first + i);
        snprintf(metadata[i], sizeof metadata[i], "{\"n\":%zu}", first + i);
        rows[i] = (struct document_row){.id = text_of(ids[i]),
                                        .metadata = text_of(metadata[i]),
                                        .lang = text_of("en"),
                                        .expires = expires};
        memcpy(rows[i].content_hash, ids[i], sizeof ids[i]);
    }
    assert_int_equal(collection_put(collection, rows, n, PUT_UPSERT, results, NULL), STATUS_OK);
}

static int fill(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    store = scratch_open(STORE_WRITE);
    scratch_create(store, "c");
    collection = scratch_collection(store, "c");
    put(0, DOCUMENTS, 0);
    return 0;
}

static int clean(void **state)
{
    collection_release(collection);
    store_close(store);
    return scratch_clean(state);
}

/* As a search does it. */
static uint64_t ask(const struct filter *f, enum filter_plan *plan)
{
    struct document_set set = {0};
    struct collection_row row;
    struct filter_report report = {0};
    struct sql *sql = NULL;
    struct error err = {0};
    assert_int_equal(store_reader(store, &sql, NULL), STATUS_OK);
    assert_int_equal(collection_row(collection, sql, &row, NULL), STATUS_OK);
    if (filter_cache_resolve(&collection->filters, row.generation, collection, sql, f, &set, &report, &err) !=
        STATUS_OK)
        fail_msg("%s", err.text);
    store_reader_done(store, sql);
    uint64_t count = set.count;
    document_set_release(&set);
    *plan = report.kind;
    return count;
}

static struct filter below(struct filter_value *value, double n)
{
    *value = (struct filter_value){.type = FILTER_NUMBER, .number = n};
    return (struct filter){
        .kind = FILTER_FIELD, .field = text_of("n"), .op = OP_LT, .values = value, .value_count = 1};
}

static void a_filter_is_kept_until_something_is_written(void **state)
{
    (void)state;
    enum filter_plan plan;
    struct filter_value value;
    struct filter f = below(&value, 1000);
    assert_int_equal(ask(&f, &plan), DOCUMENTS);
    assert_int_equal(plan, FILTER_ROWS);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ask(&f, &plan), DOCUMENTS);
        assert_int_equal(plan, FILTER_KEPT);
    }
    put(100, 5, 0);
    assert_int_equal(ask(&f, &plan), DOCUMENTS + 5);
    assert_int_equal(plan, FILTER_ROWS);
    uint64_t deleted;
    assert_int_equal(collection_delete(collection, (struct text[]){text_of("0100")}, 1, &deleted, NULL),
                     STATUS_OK);
    assert_int_equal(ask(&f, &plan), DOCUMENTS + 4);
    assert_int_equal(plan, FILTER_ROWS);
}

static void filters_that_differ_are_told_apart(void **state)
{
    (void)state;
    enum filter_plan plan;
    struct filter_value value, other;
    struct filter f = below(&value, 7), g = below(&other, 8);
    assert_int_equal(ask(&f, &plan), 7);
    assert_int_equal(ask(&g, &plan), 8);
    g.op = OP_LTE;
    assert_int_equal(ask(&g, &plan), 9);
    assert_int_equal(plan, FILTER_ROWS);
    g.field = text_of("m");
    assert_int_equal(ask(&g, &plan), 0);
    struct filter both[] = {f, g}, nested = {.kind = FILTER_OR, .items = both, .item_count = 2};
    assert_int_equal(ask(&nested, &plan), 7);
    nested.kind = FILTER_AND;
    assert_int_equal(ask(&nested, &plan), 0);
    assert_int_equal(ask(&f, &plan), 7);
    assert_int_equal(plan, FILTER_KEPT);
}

static void the_one_not_asked_for_for_longest_goes(void **state)
{
    (void)state;
    enum filter_plan plan;
    struct filter_value values[FILTERS_KEPT + 1];
    struct filter filters[FILTERS_KEPT + 1];
    for (size_t i = 0; i <= FILTERS_KEPT; i++) {
        filters[i] = below(&values[i], 2.5 + (double)i);
        assert_int_equal(ask(&filters[i], &plan), 3 + i);
        assert_int_equal(plan, FILTER_ROWS);
        ask(&filters[0], &plan); /* which therefore stays */
        assert_int_equal(plan, FILTER_KEPT);
    }
    ask(&filters[FILTERS_KEPT], &plan);
    assert_int_equal(plan, FILTER_KEPT);
    ask(&filters[1], &plan);
    assert_int_equal(plan, FILTER_ROWS);
}

static void long_filters_are_not_kept(void **state)
{
    (void)state;
    enum filter_plan plan;
    static struct filter_value values[FILTERS_KEPT_KEY / 16];
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        values[i] = (struct filter_value){.type = FILTER_STRING, .string = text_of("0001")};
    struct filter f = {.kind = FILTER_ID, .values = values, .value_count = sizeof values / sizeof *values};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(&f, &plan), 1);
        assert_int_equal(plan, FILTER_INDEX);
    }
}

/* Their time goes by without anything being written. */
static void documents_expire_out_of_what_is_kept(void **state)
{
    (void)state;
    enum filter_plan plan = FILTER_ROWS;
    struct filter_value value = {.type = FILTER_STRING, .string = text_of("en")};
    struct filter f = {.kind = FILTER_LANG, .values = &value, .value_count = 1};
    uint64_t before = ask(&f, &plan);
    put(200, 3, time_now_ms() + 30);
    ask(&f, &plan);
    usleep(60000);
    assert_int_equal(ask(&f, &plan), before);
    assert_int_equal(plan, FILTER_KEPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_filter_is_kept_until_something_is_written),
        cmocka_unit_test(filters_that_differ_are_told_apart),
        cmocka_unit_test(the_one_not_asked_for_for_longest_goes),
        cmocka_unit_test(long_filters_are_not_kept),
        cmocka_unit_test(documents_expire_out_of_what_is_kept),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}
