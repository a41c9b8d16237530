/* Searches for passages in some languages. */
#include "scratch_store.h"

#include "index/sql.h"

#define DOCUMENTS 6
#define PASSAGES  2

/* Each has a passage of its own language, and another in the second; passage p of document d has the vector
 * of number 2 d + p. */
static const struct {
    const char *id, *lang, *second;
} documents[DOCUMENTS] = {{"a", "en", "de"}, {"b", "en", ""},      {"c", "de", "en"},
                          {"d", "und", ""},  {"e", "zh-Hant", ""}, {"f", "fr", "zh"}};

static void put_document(struct collection *c, size_t d)
{
    static const char text[] = "first second";
    float vectors[PASSAGES][SCRATCH_WIDTH];
    struct passage_row passages[PASSAGES] = {{.start = 0, .end = 5, .tokens = 1, .vector = vectors[0]},
                                             {.start = 6, .end = 12, .tokens = 1, .vector = vectors[1]}};
    struct document_row row = {.id = text_of(documents[d].id),
                               .lang = text_of(documents[d].lang),
                               .text = text_of(text),
                               .passages = passages,
                               .passage_count = PASSAGES,
                               .content_hash = {(unsigned char)d}};
    struct put_result result = {0};
    struct error err = {0};
    for (size_t p = 0; p < PASSAGES; p++)
        scratch_vector(PASSAGES * d + p, vectors[p]);
    snprintf(passages[1].lang, sizeof passages[1].lang, "%s", documents[d].second);
    if (collection_put(c, &row, 1, PUT_UPSERT, &result, &err) != STATUS_OK || result.outcome == PUT_FAILED)
        fail_msg("%s %s", err.text, result.error.text);
}

static struct store *filled(void)
{
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "default");
    struct collection *c = scratch_collection(s, "default");
    for (size_t d = 0; d < DOCUMENTS; d++)
        put_document(c, d);
    collection_release(c);
    return s;
}

/* What a search finds near passage 0 of document "b", in the order of ids: "a1:de " for passage 1 of a. */
static const char *found(struct collection *c, struct search_query query)
{
    static char out[128];
    float vector[SCRATCH_WIDTH];
    struct hits hits = {0};
    struct error err = {0};
    size_t n = 0;
    scratch_vector(2, vector);
    query.vector = vector;
    query.min_cosine = -2;
    query.k = query.k > 0 ? query.k : DOCUMENTS;
    if (collection_search(c, &query, 1, &hits, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_true(hits.exact && (hits.filtered || query.lang_count == 0));
    out[0] = '\0';
    for (const char *id = "a"; *id <= 'f'; id = (const char[]){(char)(*id + 1), '\0'})
        for (size_t i = 0; i < hits.count; i++)
            if (text_is(hits.items[i].id, id))
                n += (size_t)snprintf(out + n, sizeof out - n, "%s%d:%s ", id, hits.items[i].start > 0,
                                      hits.items[i].passage_lang.data);
    hits_release(&hits);
    return out;
}

static const char *in_languages(struct collection *c, const char *first, const char *second)
{
    struct text langs[] = {text_of(first), text_of(second)};
    return found(c, (struct search_query){.langs = langs, .lang_count = 1 + (*second != '\0')});
}

static void a_passage_is_found_by_its_own_language(void **state)
{
    (void)state;
    struct store *s = filled();
    struct collection *c = scratch_collection(s, "default");
    assert_string_equal(in_languages(c, "de", ""), "a1:de c0:de ");
    assert_string_equal(in_languages(c, "DE", ""), "a1:de c0:de ");
    assert_string_equal(in_languages(c, "zh-Hant", ""), "e0:zh-Hant ");
    assert_string_equal(in_languages(c, "und", ""), "d0:und ");
    assert_string_equal(in_languages(c, "ja", ""), "");
    assert_string_equal(in_languages(c, "zh-Hans", "e"), "");
    assert_string_equal(in_languages(c, "zh", "de"), "a1:de c0:de e0:zh-Hant f1:zh ");
    collection_release(c);
    store_close(s);
}

static void languages_and_filters_narrow_together(void **state)
{
    (void)state;
    struct store *s = filled();
    struct collection *c = scratch_collection(s, "default");
    struct text de = text_of("de");
    struct filter_value english = {.type = FILTER_STRING, .string = text_of("en")};
    struct filter filter = {.kind = FILTER_LANG, .values = &english, .value_count = 1};
    struct search_query query = {.langs = &de, .lang_count = 1, .filter = &filter};
    assert_string_equal(found(c, query), "a1:de ");
    query.filter = NULL;
    query.except = &(struct text){"a", 1};
    query.except_count = 1;
    assert_string_equal(found(c, query), "c0:de ");
    query.k = 1;
    query.except_count = 0;
    assert_int_equal(strlen(found(c, query)), 6);
    collection_release(c);
    store_close(s);
}

static void languages_follow_what_is_put(void **state)
{
    (void)state;
    struct store *s = filled();
    struct collection *c = scratch_collection(s, "default");
    struct document_row again = {.id = text_of("g"), .lang = text_of("en"), .reuse = true};
    struct put_result result = {0};
    uint64_t deleted;
    again.text = text_of("first second");
    assert_int_equal(collection_put(c, &again, 1, PUT_UPSERT, &result, NULL),
                     STATUS_OK); /* the content of a */
    assert_int_equal(result.outcome, PUT_CREATED);
    assert_int_equal(collection_delete(c, &(struct text){"a", 1}, 1, &deleted, NULL), STATUS_OK);
    struct text de = text_of("de");
    struct hits hits = {0};
    float vector[SCRATCH_WIDTH];
    scratch_vector(1, vector);
    struct search_query query = {.vector = vector, .k = 10, .min_cosine = -2, .langs = &de, .lang_count = 1};
    assert_int_equal(collection_search(c, &query, 1, &hits, NULL), STATUS_OK);
    assert_int_equal(hits.count, 2);
    assert_true(text_is(hits.items[0].id, "g") && hits.items[0].start == 6);
    hits_release(&hits);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
}

static void a_language_that_is_none_is_refused(void **state)
{
    (void)state;
    struct store *s = filled();
    struct collection *c = scratch_collection(s, "default");
    float vector[SCRATCH_WIDTH];
    scratch_vector(0, vector);
    static const char *const wrong[] = {"d e", "-de", "0123456789abcde"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct passage_row passage = {.end = 5, .tokens = 1, .vector = vector};
        struct document_row row = {.id = text_of("w"),
                                   .text = text_of("first"),
                                   .passages = &passage,
                                   .passage_count = 1,
                                   .content_hash = {99}};
        struct put_result result = {0};
        memcpy(passage.lang, wrong[i], strlen(wrong[i]));
        if (i == 2)
            passage.lang[15] = 'x'; /* and so without an end */
        assert_int_equal(collection_put(c, &row, 1, PUT_UPSERT, &result, NULL), STATUS_OK);
        assert_int_equal(result.outcome, PUT_FAILED);
        assert_non_null(strstr(result.error.text, "language tag"));
    }
    collection_release(c);
    store_close(s);
}

/* As if an earlier version had put the passages. */
static void name_words(struct text passage, struct text document_lang, char out[PASSAGE_LANG_BYTES])
{
    assert_true(document_lang.len > 0);
    memset(out, 0, PASSAGE_LANG_BYTES);
    if (text_is(passage, "second"))
        memcpy(out, "it", 2);
}

static void languages_are_told_later(void **state)
{
    (void)state;
    struct sql sql;
    store_close(filled());
    assert_int_equal(sql_open(&sql, scratch_path, SQL_WRITE, NULL), STATUS_OK);
    assert_int_equal(sql_run(&sql, "UPDATE passages SET lang = NULL", NULL), STATUS_OK);
    sql_close(&sql);
    struct store *s = scratch_open(STORE_WRITE);
    struct collection *c = scratch_collection(s, "default");
    assert_string_equal(in_languages(c, "de", ""), "c0:de "); /* as their documents are */
    assert_string_equal(in_languages(c, "it", ""), "");
    assert_int_equal(store_tell_languages(s, name_words, NULL), STATUS_OK);
    assert_string_equal(in_languages(c, "it", ""), "a1:it b1:it c1:it d1:it e1:it f1:it ");
    assert_string_equal(in_languages(c, "en", ""), "a0:en b0:en ");
    assert_int_equal(store_tell_languages(s, NULL, NULL), STATUS_OK); /* nothing is left to be named */
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_passage_is_found_by_its_own_language, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(languages_and_filters_narrow_together, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(languages_follow_what_is_put, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(a_language_that_is_none_is_refused, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(languages_are_told_later, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
