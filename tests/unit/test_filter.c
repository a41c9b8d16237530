/* Which documents a filter keeps, and how large one may be. */
#include "scratch_store.h"

#include "index/filter.h"

#define DOCUMENTS 1200

static struct store *store;
static struct collection *collection;

static int fill(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    store = scratch_open(STORE_WRITE);
    scratch_create(store, "c");
    scratch_create(store, "other");
    collection = scratch_collection(store, "c");
    struct collection *other = scratch_collection(store, "other");
    static struct document_row rows[DOCUMENTS];
    static struct put_result results[DOCUMENTS];
    static char ids[DOCUMENTS][8], metadata[DOCUMENTS][24];
    static const char *const langs[] = {"en", "en-GB", "eng", "EN-us", "de"};
    for (size_t i = 0; i < DOCUMENTS; i++) {
        snprintf(ids[i], sizeof ids[i], "%04zu", i);
        snprintf(metadata[i], sizeof metadata[i], "{\"n\":%zu}", i);
        rows[i] = (struct document_row){
            .id = text_of(ids[i]), .metadata = text_of(metadata[i]), .lang = text_of(langs[i % 5])};
        memcpy(rows[i].content_hash, ids[i], sizeof ids[i]);
    }
    assert_int_equal(collection_put(other, rows, 10, PUT_UPSERT, results, NULL), STATUS_OK);
    assert_int_equal(collection_put(collection, rows, DOCUMENTS, PUT_UPSERT, results, NULL), STATUS_OK);
    collection_release(other);
    return 0;
}

static int clean(void **state)
{
    collection_release(collection);
    store_close(store);
    return scratch_clean(state);
}

static enum status resolve(const struct filter *f, uint64_t *count, struct error *err)
{
    struct document_set set = {0};
    struct sql *sql = NULL;
    assert_int_equal(store_reader(store, &sql, NULL), STATUS_OK);
    enum status status = filter_resolve(collection, sql, f, &set, NULL, err);
    store_reader_done(store, sql);
    *count = set.count;
    uint64_t members = 0; /* the set's own count is what asking it one by one gives */
    for (int64_t i = 1; i < 3 * DOCUMENTS; i++)
        members += document_set_has(&set, i);
    assert_int_equal(members, set.count);
    document_set_release(&set);
    return status;
}

static uint64_t count(const struct filter *f)
{
    uint64_t n = 0;
    struct error err = {0};
    if (resolve(f, &n, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return n;
}

static void languages_take_their_subtags(void **state)
{
    (void)state;
    struct filter_value values[] = {
        {.string = text_of("en")}, {.string = text_of("de")}, {.string = text_of("EN-GB")}};
    struct filter f = {.kind = FILTER_LANG, .values = values, .value_count = 1};
    assert_int_equal(count(&f), DOCUMENTS / 5 * 3); /* en, en-GB and EN-us; not eng */
    f.value_count = 2;
    assert_int_equal(count(&f), DOCUMENTS / 5 * 4);
    f.values = &values[2];
    f.value_count = 1;
    assert_int_equal(count(&f), DOCUMENTS / 5);
    f.value_count = 0;
    assert_int_equal(count(&f), 0);
}

/* A range is the list of its numbers; not is the rest; of nothing and of everything. */
static void the_same_said_differently(void **state)
{
    (void)state;
    struct filter_value from = {.type = FILTER_NUMBER, .number = 100},
                        to = {.type = FILTER_NUMBER, .number = 400};
    static struct filter_value list[300], ids[300];
    static char names[300][8];
    for (size_t i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "%04zu", 100 + i);
        list[i] = (struct filter_value){.type = FILTER_NUMBER, .number = (double)(100 + i)};
        ids[i] = (struct filter_value){.type = FILTER_STRING, .string = text_of(names[i])};
    }
    struct filter range[] = {
        {.kind = FILTER_FIELD, .field = text_of("n"), .op = OP_GTE, .values = &from, .value_count = 1},
        {.kind = FILTER_FIELD, .field = text_of("n"), .op = OP_LT, .values = &to, .value_count = 1}};
    struct filter both = {.kind = FILTER_AND, .items = range, .item_count = 2};
    struct filter in = {
        .kind = FILTER_FIELD, .field = text_of("n"), .op = OP_IN, .values = list, .value_count = 300};
    struct filter by_id = {.kind = FILTER_ID, .values = ids, .value_count = 300};
    assert_int_equal(count(&both), 300);
    assert_int_equal(count(&in), 300);
    assert_int_equal(count(&by_id), 300);
    struct filter same[] = {both, in, by_id};
    struct filter all_three = {.kind = FILTER_AND, .items = same, .item_count = 3};
    struct filter not_in = {.kind = FILTER_NOT, .items = &in, .item_count = 1};
    struct filter split[] = {in, not_in};
    struct filter whole = {.kind = FILTER_OR, .items = split, .item_count = 2};
    struct filter never = {.kind = FILTER_AND, .items = split, .item_count = 2};
    assert_int_equal(count(&all_three), 300);
    assert_int_equal(count(&not_in), DOCUMENTS - 300);
    assert_int_equal(count(&whole), DOCUMENTS);
    assert_int_equal(count(&never), 0);
    struct filter_value english = {.string = text_of("en")};
    struct filter lang = {.kind = FILTER_LANG, .values = &english, .value_count = 1};
    struct filter no_lang = {.kind = FILTER_NOT, .items = &lang, .item_count = 1};
    struct filter no_id = {.kind = FILTER_NOT, .items = &by_id, .item_count = 1};
    struct filter one_not = {.kind = FILTER_AND, .items = (struct filter[]){no_id, lang}, .item_count = 2};
    struct filter two_nots = {
        .kind = FILTER_AND, .items = (struct filter[]){no_id, no_lang}, .item_count = 2};
    assert_int_equal(count(&one_not), (DOCUMENTS - 300) / 5 * 3);
    assert_int_equal(count(&two_nots), (DOCUMENTS - 300) / 5 * 2);
}

static void limits(void **state)
{
    (void)state;
    uint64_t n;
    struct error err = {0};
    struct filter nested[FILTER_DEPTH + 2];
    for (size_t i = 0; i < FILTER_DEPTH + 2; i++)
        nested[i] =
            (struct filter){.kind = FILTER_AND, .items = i > 0 ? &nested[i - 1] : NULL, .item_count = i > 0};
    assert_int_equal(resolve(&nested[FILTER_DEPTH], &n, &err), STATUS_OK);
    assert_int_equal(resolve(&nested[FILTER_DEPTH + 1], &n, &err), STATUS_INVALID);
    assert_string_equal(err.field, "filter");
    static struct filter_value values[FILTER_VALUES + 1];
    for (size_t i = 0; i <= FILTER_VALUES; i++)
        values[i].string = text_of("en");
    struct filter ids = {.kind = FILTER_ID, .values = values, .value_count = FILTER_VALUES};
    struct filter langs = {.kind = FILTER_LANG, .values = values, .value_count = FILTER_CONDITIONS - 1};
    assert_int_equal(resolve(&ids, &n, NULL), STATUS_OK);
    ids.value_count++;
    assert_int_equal(resolve(&ids, &n, NULL), STATUS_INVALID);
    assert_int_equal(resolve(&langs, &n, NULL), STATUS_OK);
    langs.value_count++;
    assert_int_equal(resolve(&langs, &n, NULL), STATUS_INVALID);
    struct filter number = {
        .kind = FILTER_ID, .values = &(struct filter_value){.type = FILTER_NUMBER}, .value_count = 1};
    struct filter empty_not = {.kind = FILTER_NOT};
    assert_int_equal(resolve(&number, &n, NULL), STATUS_INVALID);
    assert_int_equal(resolve(&empty_not, &n, NULL), STATUS_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(languages_take_their_subtags),
        cmocka_unit_test(the_same_said_differently),
        cmocka_unit_test(limits),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}
