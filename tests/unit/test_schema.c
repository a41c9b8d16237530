/* Stores of earlier versions: each file in tests/fixtures was made by the program as it was then. */
#include "scratch_store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "index/page_file.h"
#include "index/schema.h"
#include "index/sql.h"

static void unpack(int version)
{
    char command[512];
    const char *source = getenv("COGNATE_SOURCE");
    snprintf(command, sizeof command, "gzip -dc '%s/tests/fixtures/store-%d.db.gz' > '%s'",
             source != NULL ? source : ".", version, scratch_path);
    assert_int_equal(system(command), 0);
}

static int64_t number(const char *sql)
{
    struct sql c;
    sqlite3_stmt *st;
    assert_int_equal(sql_open(&c, scratch_path, SQL_READ, NULL), STATUS_OK);
    assert_int_equal(sqlite3_prepare_v2(c.db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sql_close(&c);
    return value;
}

/* Finds every document by the vector of its first passage, which is read past the library. */
static void find_each(struct collection *c, const char *name)
{
    struct sql sql;
    sqlite3_stmt *st;
    size_t found = 0;
    int rc;
    assert_int_equal(sql_open(&sql, scratch_path, SQL_READ, NULL), STATUS_OK);
    assert_int_equal(
        sqlite3_prepare_v2(sql.db,
                           "SELECT d.name, p.vector FROM documents d JOIN passages p ON p.document = "
                           "d.id JOIN collections c ON c.id = d.collection WHERE c.name = ?1 AND "
                           "p.ordinal = 0",
                           -1, &st, NULL),
        SQLITE_OK);
    sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        float vector[512];
        struct hits hits = {0};
        assert_int_equal(sqlite3_column_bytes(st, 1), sizeof vector);
        memcpy(vector, sqlite3_column_blob(st, 1), sizeof vector);
        assert_int_equal(collection_search(c,
                                           &(struct search_query){.vector = vector, .k = 1, .min_cosine = -2},
                                           1, &hits, NULL),
                         STATUS_OK);
        assert_int_equal(hits.count, 1);
        assert_true(text_equal(hits.items[0].id, sql_text(st, 0)));
        hits_release(&hits);
        found++;
    }
    assert_int_equal(rc, SQLITE_DONE);
    assert_true(found > 0);
    sqlite3_finalize(st);
    sql_close(&sql);
}

static void check_documents(struct collection *c)
{
    static const struct {
        const char *id, *title, *lang, *text, *metadata;
        uint32_t passages;
    } wanted[] = {
        {"bakery", "", "en", "The bakery on the corner opens at eight.", "{\"kind\":\"shop\",\"year\":2021}",
         1},
        {"biblio", "", "fr", "La bibliothèque ouvre à neuf heures.", "{\"kind\":\"notice\"}", 1},
        {"gatos", "Los gatos", "es", "Los gatos duermen al sol.",
         "{\"kind\":\"animal\",\"year\":2021,\"tags\":[\"pet\",\"sun\"]}", 1},
        {"long", "A longer one", "en", NULL, "{}", 6},
        {"zug", "Der Zug", "de", "Der Zug nach Wien fährt heute von Gleis vier.",
         "{\"kind\":\"travel\",\"year\":2020}", 1},
        {"雨", "天気", "ja", "今日は雨が降っています。傘を持って行ってください。", "{\"kind\":\"weather\"}",
         1},
    };
    struct document *documents;
    size_t n;
    assert_int_equal(collection_documents(c, text_of(""), 100, true, &documents, &n, NULL), STATUS_OK);
    assert_int_equal(n, sizeof wanted / sizeof *wanted);
    for (size_t i = 0; i < n; i++) {
        assert_string_equal(documents[i].id.data, wanted[i].id);
        assert_string_equal(documents[i].title.data, wanted[i].title);
        assert_string_equal(documents[i].lang.data, wanted[i].lang);
        assert_string_equal(documents[i].metadata.data, wanted[i].metadata);
        if (wanted[i].text != NULL)
            assert_string_equal(documents[i].text.data, wanted[i].text);
        assert_int_equal(documents[i].passages, wanted[i].passages);
    }
    documents_free(documents, n);
}

static void check_store(struct store *s)
{
    struct error err = {0};
    struct collection_info info;
    struct collection *c = scratch_collection(s, "default"), *second = scratch_collection(s, "second");
    if (store_check(s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    check_documents(c);
    find_each(c, "default");
    find_each(second, "second");
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    assert_int_equal(info.documents, 6);
    assert_int_equal(info.passages, 11);
    collection_info_release(&info);
    assert_int_equal(collection_info(second, &info, NULL), STATUS_OK);
    assert_int_equal(info.documents, 1);
    assert_int_equal(info.settings.passage_tokens, 64);
    collection_info_release(&info);
    collection_release(second);
    collection_release(c);
}

static void version_1_is_brought_up_to_date(void **state)
{
    (void)state;
    struct error err = {0};
    struct store *s = NULL;
    unpack(1);
    assert_int_equal(number("PRAGMA user_version"), 1);
    assert_int_equal(store_open(scratch_path, STORE_READ, cpu_best(), &s, &err), STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "older Cognate (store version 1)"));
    assert_int_equal(number("PRAGMA user_version"), 1); /* reading changes nothing */
    s = scratch_open(STORE_WRITE);
    check_store(s);
    uint64_t deleted;
    struct collection *c = scratch_collection(s, "second");
    assert_int_equal(collection_delete(c, &(struct text){"only", 4}, 1, &deleted, NULL), STATUS_OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);
    assert_int_equal(number("PRAGMA user_version"), SCHEMA_VERSION);
    store_close(scratch_open(STORE_READ));
}

/* A version that knew no languages of passages: they are told once, when something writes. */
static void name_second(struct text passage, struct text document_lang, char out[PASSAGE_LANG_BYTES])
{
    (void)document_lang;
    memset(out, 0, PASSAGE_LANG_BYTES);
    if (passage.len >= 12 && memcmp(passage.data, "## Protokoll", 12) == 0)
        memcpy(out, "de", 2);
}

static void version_2_is_brought_up_to_date(void **state)
{
    (void)state;
    unpack(2);
    assert_int_equal(number("PRAGMA user_version"), 2);
    struct store *s = scratch_open(STORE_WRITE);
    check_store(s);
    assert_int_equal(number("SELECT count(*) FROM passages WHERE lang IS NULL"), 14);
    assert_int_equal(store_tell_languages(s, name_second, NULL), STATUS_OK);
    assert_int_equal(number("SELECT count(*) FROM passages WHERE lang IS NULL"), 0);
    assert_int_equal(number("SELECT count(*) FROM passages WHERE lang = 'de'"), 1);
    check_store(s);
    struct text de = text_of("de");
    float vector[512] = {1};
    struct hits hits = {0};
    struct collection *c = scratch_collection(s, "mixed");
    assert_int_equal(
        collection_search(
            c,
            &(struct search_query){.vector = vector, .k = 5, .min_cosine = -2, .langs = &de, .lang_count = 1},
            1, &hits, NULL),
        STATUS_OK);
    assert_int_equal(hits.count, 1);
    assert_true(text_is(hits.items[0].id, "letter") && text_is(hits.items[0].lang, "en"));
    assert_true(text_is(hits.items[0].passage_lang, "de"));
    hits_release(&hits);
    collection_release(c);
    store_close(s);
    assert_int_equal(number("PRAGMA user_version"), SCHEMA_VERSION);
}

/* Files may not grow in the child, so its upgrade fails on the way. */
static void an_upgrade_that_fails_leaves_the_old_version(void **state)
{
    (void)state;
    unpack(1);
    pid_t child = fork();
    if (child == 0) {
        struct store *s = NULL;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &(struct rlimit){40000, 40000});
        _exit(store_open(scratch_path, STORE_WRITE, cpu_best(), &s, NULL) == STATUS_OK ? 0 : 7);
    }
    int how = 0;
    waitpid(child, &how, 0);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 7);
    assert_int_equal(number("PRAGMA user_version"), 1);
    struct store *s = scratch_open(STORE_WRITE);
    check_store(s);
    store_close(s);
}

/* What the steps make of an old store is what they make of an empty file. */
static void steps_from_anywhere_give_the_same_tables(void **state)
{
    (void)state;
    unpack(1);
    store_close(scratch_open(STORE_WRITE)); /* which compares them */
    int64_t upgraded = number("SELECT sum(length(sql)) FROM sqlite_schema WHERE name NOT GLOB 'keywords_*'");
    unlink(scratch_path);
    store_close(scratch_open(STORE_WRITE));
    assert_int_equal(number("SELECT sum(length(sql)) FROM sqlite_schema WHERE name NOT GLOB 'keywords_*'"),
                     upgraded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(version_1_is_brought_up_to_date, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(version_2_is_brought_up_to_date, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(an_upgrade_that_fails_leaves_the_old_version, scratch_make,
                                        scratch_clean),
        cmocka_unit_test_setup_teardown(steps_from_anywhere_give_the_same_tables, scratch_make,
                                        scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
