/* Pages are a whole answer cut into pieces; exceptions, choices, and the directions of documents. */
#include "scratch_store.h"

#include <math.h>

#define DOCUMENTS 700

static struct store *store;
static struct collection *c;

static int fill(void **state)
{
    static float vectors[DOCUMENTS][2][SCRATCH_WIDTH];
    static struct passage_row passages[DOCUMENTS][2];
    static struct document_row rows[DOCUMENTS];
    static struct put_result results[DOCUMENTS];
    static char ids[DOCUMENTS][24];
    scratch_make(state);
    store = scratch_open(STORE_WRITE);
    scratch_create(store, "c");
    c = scratch_collection(store, "c");
    for (size_t i = 0; i < DOCUMENTS; i++) { /* many equal ones, and second passages that are near too */
        snprintf(ids[i], sizeof ids[i], "d%zu", i * 37 % DOCUMENTS);
        scratch_vector(i % 90, vectors[i][0]);
        scratch_vector(i % 91 + 3, vectors[i][1]);
        for (size_t j = 0; j < 2; j++)
            passages[i][j] = (struct passage_row){.vector = vectors[i][j], .tokens = 1};
        rows[i] = (struct document_row){.id = text_of(ids[i]),
                                        .lang = text_of(i % 2 == 0 ? "en" : "de"),
                                        .passages = passages[i],
                                        .passage_count = 1 + i % 2};
        memcpy(rows[i].content_hash, ids[i], 8);
    }
    assert_int_equal(collection_put(c, rows, DOCUMENTS, PUT_UPSERT, results, NULL), STATUS_OK);
    return 0;
}

static int clean(void **state)
{
    collection_release(c);
    store_close(store);
    return scratch_clean(state);
}

static void search(const struct search_query *query, struct hits *hits)
{
    struct error err = {0};
    if (collection_search(c, query, 1, hits, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static void make_query(size_t i, float *vector, struct search_query *query)
{
    scratch_vector(i, vector);
    vector[(i + 5) % SCRATCH_WIDTH] += 0.3f;
    *query = (struct search_query){.vector = vector, .min_cosine = -2};
}

static void pages_make_the_whole(void **state)
{
    (void)state;
    static const struct filter_value english = {.string = {"en", 2}};
    static const struct filter filter = {.kind = FILTER_LANG, .values = &english, .value_count = 1};
    for (size_t i = 0; i < 12; i++) {
        float vector[SCRATCH_WIDTH];
        struct search_query query;
        struct hits whole = {0};
        make_query(i * 7, vector, &query);
        query.filter = i % 3 == 0 ? &filter : NULL;
        query.k = 1000;
        search(&query, &whole);
        query.k = 1 + i * 5;
        char id[24] = "";
        size_t seen = 0;
        while (seen < whole.count) {
            struct hits page = {0};
            search(&query, &page);
            assert_true(page.exact && page.generation == whole.generation);
            assert_int_equal(page.count, whole.count - seen < query.k ? whole.count - seen : query.k);
            for (size_t j = 0; j < page.count; j++) {
                assert_string_equal(page.items[j].id.data, whole.items[seen + j].id.data);
                assert_true(page.items[j].cosine == whole.items[seen + j].cosine);
            }
            const struct hit *last = &page.items[page.count - 1];
            seen += page.count;
            snprintf(id, sizeof id, "%s", last->id.data);
            query.after = (struct search_page){.seen = seen, .cosine = last->cosine, .id = text_of(id)};
            hits_release(&page);
        }
        hits_release(&whole);
    }
}

/* A document that came before and is gone leaves nothing out and brings nothing back. */
static void a_page_stays_when_others_go(void **state)
{
    (void)state;
    float vector[SCRATCH_WIDTH];
    struct search_query query;
    struct hits whole = {0}, page = {0};
    make_query(11, vector, &query);
    query.k = 60;
    search(&query, &whole);
    struct text gone[] = {whole.items[3].id, whole.items[20].id, whole.items[44].id};
    query.k = 10;
    query.except = gone;
    query.except_count = 3;
    query.after =
        (struct search_page){.seen = 30, .cosine = whole.items[29].cosine, .id = whole.items[29].id};
    search(&query, &page);
    assert_int_equal(page.count, 10);
    for (size_t j = 0; j < 10; j++)
        assert_string_equal(page.items[j].id.data, whole.items[30 + j].id.data);
    hits_release(&page);
    hits_release(&whole);
}

static void exceptions(void **state)
{
    (void)state;
    float vector[SCRATCH_WIDTH];
    struct search_query query;
    struct hits whole = {0}, rest = {0};
    make_query(5, vector, &query);
    query.k = 40;
    search(&query, &whole);
    struct text gone[] = {whole.items[0].id, whole.items[7].id, text_of("nobody"), whole.items[7].id};
    query.except = gone;
    query.except_count = 4;
    query.k = 38;
    for (size_t round = 0; round < 2; round++) {
        static const struct filter all = {.kind = FILTER_AND};
        query.filter = round == 0 ? NULL : &all;
        search(&query, &rest);
        for (size_t j = 0, at = 1; j < rest.count; j++, at++) {
            at += at == 7;
            assert_string_equal(rest.items[j].id.data, whole.items[at].id.data);
        }
        hits_release(&rest);
    }
    hits_release(&whole);
}

static void a_choice_is_wider(void **state)
{
    (void)state;
    float vector[SCRATCH_WIDTH];
    struct search_query query;
    struct hits nearest = {0}, chosen = {0}, again = {0};
    double low = 1, high = -1;
    make_query(20, vector, &query);
    query.k = 6;
    search(&query, &nearest);
    query.diversity = 0.6;
    search(&query, &chosen);
    search(&query, &again);
    assert_int_equal(chosen.count, 6);
    assert_true(chosen.items[0].cosine == nearest.items[0].cosine);
    for (size_t j = 0; j < 6; j++) {
        assert_string_equal(chosen.items[j].id.data, again.items[j].id.data);
        low = fmin(low, chosen.items[j].cosine);
        high = fmax(high, chosen.items[j].cosine);
    }
    assert_true(low < nearest.items[5].cosine && high <= nearest.items[0].cosine);
    hits_release(&nearest);
    hits_release(&chosen);
    hits_release(&again);
}

static void limits(void **state)
{
    (void)state;
    float vector[SCRATCH_WIDTH];
    struct search_query query;
    struct hits hits = {0};
    struct error err = {0};
    make_query(1, vector, &query);
    query.k = 10;
    query.diversity = 1.5;
    assert_int_equal(collection_search(c, &query, 1, &hits, &err), STATUS_INVALID);
    assert_string_equal(err.field, "diversity");
    query.diversity = 0;
    query.after = (struct search_page){.seen = SEARCH_PAGES - 9, .id = text_of("x")};
    err = (struct error){0};
    assert_int_equal(collection_search(c, &query, 1, &hits, &err), STATUS_INVALID);
    assert_string_equal(err.field, "cursor");
}

static void directions(void **state)
{
    (void)state;
    float one[SCRATCH_WIDTH], wanted[2][SCRATCH_WIDTH];
    struct error err = {0};
    assert_int_equal(collection_vector(c, text_of("d0"), one, NULL), STATUS_OK); /* document 0, one passage */
    scratch_vector(0, wanted[0]);
    for (size_t i = 0; i < SCRATCH_WIDTH; i++)
        assert_true(fabsf(one[i] - wanted[0][i]) < 1e-6f);
    assert_int_equal(collection_vector(c, text_of("d37"), one, NULL),
                     STATUS_OK); /* document 1, two of them */
    scratch_vector(1, wanted[0]);
    scratch_vector(4, wanted[1]);
    double square = 0, dots[2] = {0};
    for (size_t i = 0; i < SCRATCH_WIDTH; i++) {
        square += (double)one[i] * one[i];
        dots[0] += (double)one[i] * wanted[0][i];
        dots[1] += (double)one[i] * wanted[1][i];
    }
    assert_true(fabs(square - 1) < 1e-6 && fabs(dots[0] - dots[1]) < 1e-6 && dots[0] > 0.7);
    assert_int_equal(collection_vector(c, text_of("nobody"), one, &err), STATUS_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_make_the_whole),
        cmocka_unit_test(a_page_stays_when_others_go),
        cmocka_unit_test(exceptions),
        cmocka_unit_test(a_choice_is_wider),
        cmocka_unit_test(limits),
        cmocka_unit_test(directions),
    };
    return cmocka_run_group_tests(tests, fill, clean);
}
