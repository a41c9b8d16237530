/* Searches by keywords and by both legs over a small collection. */
#include "scratch_store.h"

#include <math.h>

#include "index/fusion.h"
#include "index/index.h"

#define PLAIN 300 /* documents that only fill the collection */

static struct store *store;
static struct collection *collection;

/* Two passages: the first and the second half of the text, cut at '|'. */
static void put(const char *id, const char *title, const char *lang, const char *text, size_t vector)
{
    float floats[SCRATCH_WIDTH];
    const char *cut = strchr(text, '|');
    size_t n = strlen(text), first = cut != NULL ? (size_t)(cut - text) : n;
    struct passage_row passages[2] = {{.end = first, .tokens = 1, .vector = floats},
                                      {.start = first, .end = n, .tokens = 1, .vector = floats}};
    struct document_row row = {.id = text_of(id),
                               .title = text_of(title),
                               .lang = text_of(lang),
                               .text = text_of(text),
                               .passages = passages,
                               .passage_count = cut != NULL ? 2 : 1};
    struct put_result result = {0};
    struct error err = {0};
    scratch_vector(vector, floats);
    snprintf((char *)row.content_hash, sizeof row.content_hash, "%.24s %.6s", text, id);
    if (collection_put(collection, &row, 1, PUT_UPSERT, &result, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(result.error.status, STATUS_OK);
}

static int fill(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    store = scratch_open(STORE_WRITE);
    scratch_create(store, "c");
    collection = scratch_collection(store, "c");
    for (size_t i = 0; i < PLAIN; i++) {
        char id[16], text[64];
        snprintf(id, sizeof id, "plain-%03zu", i * 7 % PLAIN);
        snprintf(text, sizeof text, "The plain document number %zu.", i);
        put(id, "", i % 2 == 0 ? "en" : "und", text, i);
    }
    put("a", "", "en", "The late train. | Trains run late at night.", 1);
    put("b", "", "en", "A train that is late is late.", 2);
    put("c", "Late train refunds", "en", "Ask at the counter.", 3);
    put("d", "", "de", "Der Zug AB-1234/7 hat Verspätung.", 4);
    put("e", "", "de", "Der Zug AB-1234 hat 7 Wagen.", 4);
    put("f", "", "th", "ภาษาไทยไม่มีช่องว่าง", 5);
    put("g", "", "ko", "서울에서 기차를 탄다", 5);
    return 0;
}

static int clean(void **state)
{
    collection_release(collection);
    store_close(store);
    return scratch_clean(state);
}

static struct search_query query_of(const char *words, enum search_mode mode, size_t k)
{
    static float vector[SCRATCH_WIDTH];
    scratch_vector(2, vector);
    return (struct search_query){.words = text_of(words),
                                 .mode = mode,
                                 .vector = vector,
                                 .k = k,
                                 .min_cosine = -2,
                                 .relevance = {10, -5}};
}

static struct hits search(const struct search_query *query)
{
    struct hits hits = {0};
    struct error err = {0};
    if (collection_search(collection, query, 1, &hits, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    return hits;
}

/* Ids of the hits of a keyword search, in their order. */
static void assert_found(const char *words, const char *wanted)
{
    struct search_query query = query_of(words, SEARCH_KEYWORD, 10);
    struct hits hits = search(&query);
    char ids[256] = "";
    for (size_t i = 0; i < hits.count; i++) {
        strncat(ids, i > 0 ? " " : "", 2);
        strncat(ids, hits.items[i].id.data, 16);
        assert_true(isnan(hits.items[i].cosine));
        assert_true(hits.items[i].score == hits.items[i].bm25 && hits.items[i].bm25 > 0);
    }
    if (strcmp(ids, wanted) != 0)
        fail_msg("%s finds %s, not %s", words, ids, wanted);
    hits_release(&hits);
}

static void by_words(void **state)
{
    (void)state;
    assert_found("late train", "c a b");
    assert_found("LATE Train!", "c a b");
    assert_found("\"late train\"", "c a");
    assert_found("\"late train\" counter", "c a");
    assert_found("refund*", "c");
    assert_found("AB-1234/999", "d e");
    assert_found("1234", "d e");
    assert_found("verspatung", "d");
    assert_found("ไทย", "f");
    assert_found("서울", "g");
    assert_found("nowhere", "");
    assert_found("\"nowhere\" train", "");
    assert_found("", "");
}

static void best_passage_and_marks(void **state)
{
    (void)state;
    struct search_query query = query_of("night", SEARCH_KEYWORD, 1);
    struct hits hits = search(&query);
    assert_int_equal(hits.count, 1);
    const struct hit *hit = &hits.items[0];
    assert_string_equal(hit->passage.data, "| Trains run late at night.");
    assert_int_equal(hit->start, 16);
    assert_int_equal(hit->mark_count, 1);
    assert_int_equal(hit->marks[0].start, 37);
    assert_int_equal(hit->marks[0].end, 42);
    assert_string_equal(hits.plan, "keywords");
    assert_int_equal(hits.candidates, 1);
    assert_true(hits.exact);
    hits_release(&hits);
}

static void filters_and_ties(void **state)
{
    (void)state;
    const struct filter_value en = {.string = text_of("en")};
    const struct filter lang = {.kind = FILTER_LANG, .values = &en, .value_count = 1},
                        all = {.kind = FILTER_AND};
    struct search_query query = query_of("plain", SEARCH_KEYWORD, 1000);
    struct hits everything = search(&query);
    assert_int_equal(everything.count, PLAIN);
    for (size_t i = 1; i < PLAIN; i++) /* all score alike */
        assert_true(text_compare(everything.items[i - 1].id, everything.items[i].id) < 0);
    query.k = 7;
    struct hits few = search(&query);
    query.filter = &all;
    struct hits unfiltered = search(&query);
    for (size_t i = 0; i < 7; i++) {
        assert_string_equal(few.items[i].id.data, everything.items[i].id.data);
        assert_string_equal(unfiltered.items[i].id.data, few.items[i].id.data);
        assert_true(unfiltered.items[i].score == few.items[i].score);
    }
    query.filter = &lang;
    query.k = 1000;
    struct hits english = search(&query);
    assert_int_equal(english.count, PLAIN / 2);
    assert_int_equal(english.candidates, PLAIN / 2);
    assert_true(english.filtered);
    hits_release(&everything);
    hits_release(&few);
    hits_release(&unfiltered);
    hits_release(&english);
}

static void both_legs(void **state)
{
    (void)state;
    for (enum fusion fusion = FUSION_SUM; fusion <= FUSION_RRF; fusion++) {
        struct search_query query = query_of("late train", SEARCH_HYBRID, 10);
        query.fusion = fusion;
        struct hits ten = search(&query);
        query.k = 100;
        struct hits hundred = search(&query);
        assert_string_equal(ten.plan, "hybrid");
        assert_int_equal(ten.count, 10);
        assert_int_equal(hundred.count, 100);
        assert_string_equal(ten.items[0].id.data, "b"); /* the vector and the words */
        for (size_t i = 0; i < 10; i++) {
            assert_string_equal(ten.items[i].id.data, hundred.items[i].id.data);
            assert_true(ten.items[i].score == hundred.items[i].score);
        }
        for (size_t i = 0; i < 100; i++) {
            assert_true(hundred.items[i].cosine >= -1 && hundred.items[i].bm25 >= 0);
            assert_true(i == 0 || hundred.items[i].score <= hundred.items[i - 1].score);
            assert_true((hundred.items[i].mark_count > 0) == (hundred.items[i].bm25 > 0) ||
                        hundred.items[i].id.data[0] == 'c'); /* whose title has the words */
        }
        hits_release(&ten);
        hits_release(&hundred);
    }
}

static void codes_first(void **state)
{
    (void)state;
    struct search_query query = query_of("late train ab-1234/7", SEARCH_HYBRID, 5);
    struct hits hits = search(&query);
    assert_string_equal(hits.items[0].id.data, "d");
    assert_true(hits.items[0].score > 1 && hits.items[1].score < 1);
    hits_release(&hits);
    query.min_cosine = 0.99; /* what is too far stays out even so */
    hits = search(&query);
    for (size_t i = 0; i < hits.count; i++)
        assert_true(hits.items[i].cosine >= 0.99);
    hits_release(&hits);
}

static void meaning_alone_is_as_before(void **state)
{
    (void)state;
    struct search_query query = query_of("", SEARCH_SEMANTIC, 5);
    struct hits hits = search(&query);
    for (size_t i = 0; i < hits.count; i++) {
        assert_true(hits.items[i].score == hits.items[i].cosine);
        assert_true(isnan(hits.items[i].bm25));
        assert_int_equal(hits.items[i].mark_count, 0);
    }
    hits_release(&hits);
}

static void refusals(void **state)
{
    (void)state;
    struct collection_settings settings = {.name = text_of("plain"),
                                           .model = text_of("m"),
                                           .width = SCRATCH_WIDTH,
                                           .passage_tokens = 9,
                                           .no_keywords = true};
    struct collection *plain = NULL;
    struct hits hits = {0};
    struct error err = {0};
    struct search_query query = query_of("word", SEARCH_KEYWORD, 5);
    assert_int_equal(store_collection_create(store, &settings, NULL), STATUS_OK);
    assert_int_equal(store_collection_open(store, text_of("plain"), &plain, NULL), STATUS_OK);
    assert_int_equal(collection_search(plain, &query, 1, &hits, &err), STATUS_UNSUPPORTED);
    assert_string_equal(err.field, "mode");
    collection_release(plain);
    query.deadline_ms = 1;
    assert_int_equal(collection_search(collection, &query, 1, &hits, NULL), STATUS_DEADLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_words),         cmocka_unit_test(best_passage_and_marks),
        cmocka_unit_test(filters_and_ties), cmocka_unit_test(both_legs),
        cmocka_unit_test(codes_first),      cmocka_unit_test(meaning_alone_is_as_before),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}
