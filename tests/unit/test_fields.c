/* A filter gives the same documents with an index and without one, whatever was put, changed and deleted. */
#include "scratch_store.h"

#include "index/fields.h"
#include "index/filter.h"

#define DOCUMENTS 300

static struct store *store;
static struct collection *c;

/* Every kind of value, and absence. */
static void write_metadata(size_t i, size_t version, char *out, size_t size)
{
    size_t n = (i * 7 + version) % 40;
    switch ((i + version) % 8) {
    case 0:
        snprintf(out, size, "{\"f\":%zu,\"g\":\"w%zu\"}", n, n);
        break;
    case 1:
        snprintf(out, size, "{\"f\":\"w%zu\",\"g\":[%zu,%zu,%zu]}", n, n, n + 1, n);
        break;
    case 2:
        snprintf(out, size, "{\"f\":[\"w%zu\",%zu.5,true,null,{\"f\":3}]}", n, n);
        break;
    case 3:
        snprintf(out, size, "{\"f\":[],\"g\":{}}");
        break;
    case 4:
        snprintf(out, size, "{\"f\":%s,\"g\":null}", n % 2 == 0 ? "true" : "false");
        break;
    case 5:
        snprintf(out, size, "{\"f\":-%zu,\"g\":\"w\\u00e4%zu\"}", n, n);
        break;
    case 6:
        snprintf(out, size, "{\"f\":null,\"g\":\"\"}");
        break;
    default:
        snprintf(out, size, "{}");
    }
}

static void put_some(size_t first, size_t n, size_t version)
{
    static struct document_row rows[DOCUMENTS];
    static struct put_result results[DOCUMENTS];
    static char ids[DOCUMENTS][24], metadata[DOCUMENTS][96];
    for (size_t i = 0; i < n; i++) {
        snprintf(ids[i], sizeof ids[i], "%zu", first + i);
        write_metadata(first + i, version, metadata[i], sizeof metadata[i]);
        rows[i] = (struct document_row){.id = text_of(ids[i]), .metadata = text_of(metadata[i])};
        memcpy(rows[i].content_hash, ids[i], 4);
    }
    assert_int_equal(collection_put(c, rows, n, PUT_UPSERT, results, NULL), STATUS_OK);
}

static void resolve(const struct filter *f, struct document_set *set, enum filter_plan *plan)
{
    struct sql *sql = NULL;
    struct filter_report report;
    struct error err = {0};
    assert_int_equal(store_reader(store, &sql, NULL), STATUS_OK);
    if (filter_resolve(c, sql, f, set, &report, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    store_reader_done(store, sql);
    *plan = report.kind;
}

static bool equal(const struct document_set *a, const struct document_set *b)
{
    if (a->count != b->count)
        return false;
    for (int64_t i = 1; i < 4 * DOCUMENTS; i++)
        if (document_set_has(a, i) != document_set_has(b, i))
            return false;
    return true;
}

static const struct filter_value values[] = {{.type = FILTER_NUMBER, .number = 7},
                                             {.type = FILTER_STRING, .string = {"w7", 2}},
                                             {.type = FILTER_BOOL, .number = 1},
                                             {.type = FILTER_NULL},
                                             {.type = FILTER_NUMBER, .number = -3},
                                             {.type = FILTER_STRING, .string = {"w", 1}},
                                             {.type = FILTER_STRING, .string = {"w\xc3\xa4", 3}},
                                             {.type = FILTER_STRING, .string = {"", 0}},
                                             {.type = FILTER_NUMBER, .number = 7.5},
                                             {.type = FILTER_BOOL, .number = 0}};
#define VALUES (sizeof values / sizeof *values)

/* All simple conditions on f and g, then and, or, not of neighbours with a condition that never has an index.
 */
static size_t make_filters(struct filter *out)
{
    static const enum filter_operator ops[] = {OP_IN, OP_GT, OP_GTE, OP_LT, OP_LTE, OP_PREFIX, OP_EXISTS};
    static struct filter pairs[400][2];
    size_t n = 0;
    for (size_t field = 0; field < 2; field++)
        for (size_t op = 0; op < 7; op++)
            for (size_t v = 0; v < VALUES; v++) {
                enum filter_type type = values[v].type;
                if ((op >= 1 && op <= 4 && type > FILTER_NUMBER) || (op == 5 && type != FILTER_STRING) ||
                    (op == 6 && type != FILTER_BOOL))
                    continue;
                out[n++] = (struct filter){.kind = FILTER_FIELD,
                                           .field = text_of(field == 0 ? "f" : "g"),
                                           .op = ops[op],
                                           .values = &values[v],
                                           .value_count = op == 0 && v < 4 ? 3 : 1};
            }
    size_t simple = n;
    static const struct filter_value short_id = {.string = {"17", 2}};
    for (size_t i = 0; i + 1 < simple; i++) {
        pairs[i][0] = out[i];
        pairs[i][1] = i % 3 == 0 ? (struct filter){.kind = FILTER_ID, .values = &short_id, .value_count = 1}
                                 : out[(i * 11 + 3) % simple];
        if (i % 5 == 0)
            pairs[i][1].field = text_of("h"); /* of a field, never declared: no document has it */
        out[n++] =
            (struct filter){.kind = i % 2 == 0 ? FILTER_AND : FILTER_OR, .items = pairs[i], .item_count = 2};
        out[n++] = (struct filter){.kind = FILTER_NOT, .items = &out[i], .item_count = 1};
    }
    return n;
}

static void same_with_and_without(void **state)
{
    (void)state;
    static struct filter filters[800];
    size_t n = make_filters(filters), by_index = 0, mixed = 0;
    static struct document_set without[800];
    struct text fields[] = {text_of("f"), text_of("g")};
    enum filter_plan plan;
    for (size_t i = 0; i < n; i++)
        resolve(&filters[i], &without[i], &plan);
    assert_int_equal(collection_declare(c, fields, 2, NULL), STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        struct document_set with = {0};
        resolve(&filters[i], &with, &plan);
        if (!equal(&with, &without[i]))
            fail_msg("filter %zu (kind %d, operator %d): %lu documents with an index, %lu without", i,
                     (int)filters[i].kind, (int)filters[i].op, (unsigned long)with.count,
                     (unsigned long)without[i].count);
        by_index += plan == FILTER_INDEX;
        mixed += plan == FILTER_INDEX_AND_ROWS;
        document_set_release(&with);
        document_set_release(&without[i]);
    }
    assert_true(by_index > n / 2 && mixed > 0 && by_index + mixed < n);
    assert_int_equal(collection_declare(c, NULL, 0, NULL), STATUS_OK);
}

/* After each change the index says what a new one would. */
static void follows_every_change(void **state)
{
    (void)state;
    struct text fields[] = {text_of("g"), text_of("f"), text_of("g")};
    struct error err = {0};
    assert_int_equal(collection_declare(c, fields, 3, NULL), STATUS_OK);
    for (size_t version = 1; version < 6; version++) {
        struct text ids[20];
        char names[20][24];
        uint64_t deleted;
        put_some(version * 31, 90, version);
        for (size_t i = 0; i < 20; i++) {
            snprintf(names[i], sizeof names[i], "%zu", version * 37 + i);
            ids[i] = text_of(names[i]);
        }
        assert_int_equal(collection_delete(c, ids, 20, &deleted, NULL), STATUS_OK);
        struct text metadata = text_of("{\"f\":[1,2,2],\"g\":[]}");
        assert_int_equal(
            collection_patch(c, text_of("0"), &(struct document_patch){.metadata = &metadata}, NULL),
            STATUS_OK);
        if (store_check(store, &err) != STATUS_OK)
            fail_msg("version %zu: %s", version, err.text);
    }
    struct text *names = NULL;
    size_t n = 0;
    assert_int_equal(collection_filterable(c, &names, &n, NULL), STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(names[0].data, "f");
    assert_string_equal(names[1].data, "g");
    collection_filterable_free(names, n);
    assert_int_equal(collection_declare(c, fields, 1, NULL), STATUS_OK);
    assert_int_equal(store_check(store, NULL), STATUS_OK);
}

static void names_that_cannot_be(void **state)
{
    (void)state;
    static char large[257];
    static struct text many[FIELDS_MOST + 1];
    struct error err = {0};
    memset(large, 'x', sizeof large);
    struct text wrong[] = {{"", 0}, {large, sizeof large}, {"\xff", 1}};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(collection_declare(c, &wrong[i], 1, NULL), STATUS_INVALID);
    for (size_t i = 0; i <= FIELDS_MOST; i++)
        many[i] = text_of("f");
    assert_int_equal(collection_declare(c, many, FIELDS_MOST + 1, &err), STATUS_INVALID);
    assert_string_equal(err.field, "filterable");
}

/* A row too many and one too few are found by the check. */
static void the_check_sees(void **state)
{
    (void)state;
    static const char *const harm[] = {
        "DELETE FROM field_values WHERE document = (SELECT min(document) FROM field_values)",
        "INSERT INTO field_values SELECT field, 1, 12345.0, document FROM field_values LIMIT 1",
        "INSERT INTO field_values SELECT field + 100, type, value, document FROM field_values LIMIT 1"};
    struct text field = text_of("f");
    assert_int_equal(collection_declare(c, &field, 1, NULL), STATUS_OK);
    assert_int_equal(store_check(store, NULL), STATUS_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(store_begin(store, NULL), STATUS_OK);
        assert_int_equal(sql_run(&store->writer, harm[i], NULL), STATUS_OK);
        assert_int_equal(fields_check(&store->writer, NULL), STATUS_CORRUPT);
        store_end(store);
    }
    assert_int_equal(store_check(store, NULL), STATUS_OK);
}

static int fill(void **state)
{
    scratch_make(state);
    store = scratch_open(STORE_WRITE);
    scratch_create(store, "c");
    c = scratch_collection(store, "c");
    put_some(0, DOCUMENTS, 0);
    return 0;
}

static int clean(void **state)
{
    collection_release(c);
    store_close(store);
    return scratch_clean(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_with_and_without),
        cmocka_unit_test(follows_every_change),
        cmocka_unit_test(names_that_cannot_be),
        cmocka_unit_test(the_check_sees),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}
