/* Postings follow what is put, patched and deleted; they are made anew when their rules change. */
#include "scratch_store.h"

#include "index/keyword.h"

/* Passages of the space that match an expression of FTS5. */
static int64_t found(int64_t space, const char *expression)
{
    struct sql c = {0};
    struct error err = {0};
    sqlite3_stmt *st = NULL;
    char text[128];
    snprintf(text, sizeof text, "SELECT count(*) FROM keywords_%lld WHERE keywords_%lld MATCH ?1",
             (long long)space, (long long)space);
    if (sql_open(&c, scratch_path, SQL_READ, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    if (sqlite3_prepare_v2(c.db, text, -1, &st, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(c.db));
    sql_bind_text(st, 1, text_of(expression));
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sql_close(&c);
    return n;
}

static void run(const char *sql)
{
    struct sql c = {0};
    struct error err = {0};
    if (sql_open(&c, scratch_path, SQL_WRITE, &err) != STATUS_OK || sql_run(&c, sql, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    sql_close(&c);
}

static void assert_sound(struct store *s)
{
    struct error err = {0};
    if (store_check(s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static void put_patch_delete(void **state)
{
    (void)state;
    uint64_t deleted;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_put(c, "a", "red apples", 0, PUT_UPSERT);
    scratch_put(c, "b", "green apples", 1, PUT_UPSERT);
    assert_int_equal(found(1, "\"apples\""), 2);
    scratch_put(c, "a", "red cherries", 2, PUT_UPSERT); /* other content */
    assert_int_equal(found(1, "\"apples\""), 1);
    assert_int_equal(found(1, "\"cherries\""), 1);
    struct text title = text_of("Orchard");
    assert_int_equal(collection_patch(c, text_of("a"), &(struct document_patch){.title = &title}, NULL),
                     STATUS_OK);
    assert_int_equal(found(1, "\"orchard\""), 1);
    assert_int_equal(found(1, "\"cherries\""), 1);
    scratch_put(c, "a", "red cherries", 2, PUT_UPSERT); /* the same text without the title */
    assert_int_equal(found(1, "\"orchard\""), 0);
    assert_int_equal(found(1, "\"cherries\""), 1);
    assert_int_equal(collection_delete(c, &(struct text){"a", 1}, 1, &deleted, NULL), STATUS_OK);
    assert_int_equal(found(1, "\"cherries\""), 0);
    assert_int_equal(found(1, "\"red\""), 0);
    assert_int_equal(found(1, "\"green\"+\"apples\""), 1);
    assert_sound(s);
    collection_release(c);
    store_close(s);
}

/* Rows of one batch that share an id, swap their contents, or fail. */
static void batches(void **state)
{
    (void)state;
    float vector[SCRATCH_WIDTH] = {1};
    struct passage_row passages[2] = {{.end = 3, .tokens = 1, .vector = vector},
                                      {.start = 4, .end = 7, .tokens = 1, .vector = vector}};
    struct document_row rows[4];
    struct put_result results[4];
    static const char *const first[][2] = {{"x", "one two"},
                                           {"y", "six ten"},
                                           {"x", "bee fly"},
                                           {"z", "dog cat"}},
                             *const second[][2] = {
                                 {"y", "bee fly"}, {"x", "six ten"}, {"z", "cow pig"}, {"z", "dog cat"}};
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 4; i++) {
            const char *const *row = round == 0 ? first[i] : second[i];
            rows[i] = (struct document_row){.id = text_of(row[0]),
                                            .text = text_of(row[1]),
                                            .passages = passages,
                                            .passage_count = 2,
                                            .reuse = round == 1 && i != 2};
            memcpy(rows[i].content_hash, row[1], 7);
        }
        assert_int_equal(collection_put(c, rows, 4, PUT_UPSERT, results, NULL), STATUS_OK);
        assert_int_equal(found(1, "\"one\""), 0); /* overwritten within the batch */
        assert_int_equal(found(1, "\"bee\""), 1);
        assert_int_equal(found(1, "\"ten\""), 1);
        assert_int_equal(found(1, "\"dog\""), 1);
        assert_int_equal(found(1, "\"cow\""), 0);
        assert_sound(s);
    }
    collection_release(c);
    store_close(s);
}

static void without_keywords(void **state)
{
    (void)state;
    struct collection_info info;
    struct collection_settings settings = {.name = text_of("plain"),
                                           .model = text_of("m"),
                                           .width = SCRATCH_WIDTH,
                                           .passage_tokens = 9,
                                           .no_keywords = true};
    struct store *s = scratch_open(STORE_WRITE);
    assert_int_equal(store_collection_create(s, &settings, NULL), STATUS_OK);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "plain");
    scratch_put(c, "a", "red apples", 0, PUT_UPSERT);
    scratch_put(c, "a", "green apples", 0, PUT_UPSERT);
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    assert_true(info.settings.no_keywords);
    collection_info_release(&info);
    assert_sound(s);
    collection_release(c);
    assert_int_equal(store_collection_delete(s, text_of("c"), NULL), STATUS_OK); /* with its table */
    store_close(s);
    s = scratch_open(STORE_WRITE);
    assert_sound(s);
    store_close(s);
}

/* As when a store meets another version of ICU, and as when that was interrupted. */
static void made_anew(void **state)
{
    (void)state;
    struct error err = {0};
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    for (size_t i = 0; i < 20; i++) {
        char text[32], id[8];
        snprintf(text, sizeof text, "number %zu", i);
        snprintf(id, sizeof id, "%zu", i);
        scratch_put(c, id, text, i, PUT_UPSERT);
    }
    collection_release(c);
    store_close(s);
    run("UPDATE spaces SET keyword_rules = '0 1.0'");
    store_close(scratch_open(STORE_WRITE));
    assert_int_equal(found(1, "\"number\""), 20);
    run("INSERT INTO keywords_1(keywords_1, rowid, title, text) SELECT 'delete', max(id), '', 'number 19' "
        "FROM passages;"
        "UPDATE spaces SET keyword_next = 19");
    assert_int_equal(found(1, "\"number\""), 19);
    s = scratch_open(STORE_WRITE);
    assert_int_equal(found(1, "\"number\"+\"19\""), 1);
    assert_sound(s);
    store_close(s);
    run("INSERT INTO keywords_1(rowid, title, text) VALUES (7, '', 'stray')");
    s = scratch_open(STORE_READ);
    assert_int_equal(store_check(s, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "keywords"));
    store_close(s);
}

/* What was taken back is gone from the file too, and the rest is found as before. */
static void merged(void **state)
{
    (void)state;
    struct compacted out;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    scratch_create(s, "empty");
    struct collection *c = scratch_collection(s, "c");
    for (size_t i = 0; i < 60; i++) {
        char text[32], id[8];
        snprintf(text, sizeof text, "number %zu", i);
        snprintf(id, sizeof id, "%zu", i % 20);
        scratch_put(c, id, text, i, PUT_UPSERT);
    }
    if (store_compact(s, NULL, &out, NULL) != STATUS_OK)
        fail_msg("it cannot be compacted");
    assert_int_equal(found(1, "\"number\""), 20);
    assert_int_equal(found(1, "\"7\""), 0);
    assert_int_equal(found(1, "\"47\""), 1);
    assert_sound(s);
    collection_release(c);
    store_close(s);
}

/* A table of that name which is no keyword table, or of no space, does not get past the opening. */
static void foreign_tables(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "CREATE TABLE keywords_7 (a)",
        "CREATE TABLE keywords_1_more (a)",
        "CREATE TRIGGER keywords_1_x AFTER INSERT ON documents BEGIN SELECT 1; END",
        "DROP TABLE keywords_1; CREATE TABLE keywords_1 (a)",
        "DROP TABLE keywords_1; CREATE VIRTUAL TABLE keywords_1 USING fts5(title, text, content='', "
        "tokenize='ascii')",
        "UPDATE spaces SET keyword_rules = ''",
        "DROP TABLE keywords_1",
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct error err = {0};
        struct store *s = scratch_open(STORE_WRITE);
        scratch_create(s, "c");
        store_close(s);
        run(changes[i]);
        assert_int_equal(store_open(scratch_path, STORE_READ, cpu_best(), &s, &err), STATUS_CORRUPT);
        assert_non_null(strstr(err.text, "tables"));
        unlink(scratch_path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(put_patch_delete, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(batches, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(without_keywords, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(made_anew, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(merged, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(foreign_tables, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
