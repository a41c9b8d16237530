/* store_check: each rule finds the damage it is for, and says so. */
#include "scratch_store.h"

#include <sqlite3.h>

#include "index/page_file.h"

/* A sound store of two documents in one collection. */
static int make(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    scratch_put(c, "a", "one", 0, PUT_UPSERT);
    scratch_put(c, "b", "two", 1, PUT_UPSERT);
    collection_release(c);
    store_close(s);
    return 0;
}

static void check_after(const char *sql, const char *finding)
{
    struct error err = {0};
    sqlite3 *db;
    struct store *s = scratch_open(STORE_WRITE); /* brings the file's log into it */
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    store_close(s);
    assert_int_equal(sqlite3_open_v2(scratch_path, &db, SQLITE_OPEN_READWRITE, page_file_layer()), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_changes(db), 1);
    sqlite3_close(db);
    s = scratch_open(STORE_READ);
    assert_int_equal(store_check(s, &err), STATUS_CORRUPT);
    store_close(s);
    if (strstr(err.text, finding) == NULL)
        fail_msg("%s: expected %s", err.text, finding);
}

static void a_passage_without_its_document(void **state)
{
    (void)state;
    check_after("UPDATE passages SET document = 99 WHERE document = 1", "refers to one that is gone");
}

static void documents_that_are_not_counted(void **state)
{
    (void)state;
    check_after("UPDATE collections SET documents = 7", "documents it counts");
}

static void passages_that_are_not_counted(void **state)
{
    (void)state;
    check_after("UPDATE spaces SET passages = 7", "a collection does not have the passages");
}

static void a_collection_without_a_space(void **state)
{
    (void)state;
    check_after("UPDATE spaces SET active = 0", "no active vector space");
}

static void a_document_without_text(void **state)
{
    (void)state;
    check_after("DELETE FROM texts WHERE document = 2", "a document has no text");
}

static void a_passage_out_of_line(void **state)
{
    (void)state;
    check_after("UPDATE passages SET ordinal = 1 WHERE document = 2", "passages one behind the other");
}

static void a_passage_of_another_collection(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "other");
    store_close(s);
    check_after("UPDATE spaces SET passages = 1; UPDATE passages SET id = (2 << 40) + 5 WHERE document = 2",
                "the vector space of another collection");
}

static void a_vector_that_is_too_short(void **state)
{
    (void)state;
    check_after("UPDATE passages SET vector = zeroblob(4) WHERE document = 2", "no vector of its space");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_passage_without_its_document, make, scratch_clean),
        cmocka_unit_test_setup_teardown(documents_that_are_not_counted, make, scratch_clean),
        cmocka_unit_test_setup_teardown(passages_that_are_not_counted, make, scratch_clean),
        cmocka_unit_test_setup_teardown(a_collection_without_a_space, make, scratch_clean),
        cmocka_unit_test_setup_teardown(a_document_without_text, make, scratch_clean),
        cmocka_unit_test_setup_teardown(a_passage_out_of_line, make, scratch_clean),
        cmocka_unit_test_setup_teardown(a_passage_of_another_collection, make, scratch_clean),
        cmocka_unit_test_setup_teardown(a_vector_that_is_too_short, make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
