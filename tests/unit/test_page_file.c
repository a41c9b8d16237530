/* Sums of pages, and files whose pages have changed behind SQLite's back. */
#include "scratch_store.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "index/page_file.h"

#define PAGE 16384

static void every_bit_counts(void **state)
{
    (void)state;
    unsigned char page[512];
    for (size_t i = 0; i < sizeof page; i++)
        page[i] = (unsigned char)(i * 37);
    uint64_t sum = page_sum(page, sizeof page, 3);
    assert_true(sum != page_sum(page, sizeof page, 4));
    for (size_t bit = 0; bit < 8 * sizeof page; bit++) {
        page[bit / 8] ^= (unsigned char)(1 << bit % 8);
        bool covered = bit / 8 < sizeof page - PAGE_SUM_BYTES;
        assert_int_equal(page_sum(page, sizeof page, 3) != sum, covered);
        page[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

/* Flips one bit in every page of a store in turn; the full check finds each. */
static void every_page_is_checked(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    for (size_t i = 0; i < 300; i++) {
        char id[8], text[400];
        snprintf(id, sizeof id, "%zu", i);
        snprintf(text, sizeof text, "%zu%390s", i, "x");
        scratch_put(c, id, text, i % 50, PUT_UPSERT);
    }
    collection_release(c);
    store_close(s);
    int fd = open(scratch_path, O_RDWR | O_CLOEXEC);
    off_t size = lseek(fd, 0, SEEK_END);
    assert_true(size % PAGE == 0 && size > 8 * PAGE);
    for (off_t page = 0; page < size / PAGE; page++) {
        unsigned char kept, flipped;
        struct error err = {0};
        off_t at = page * PAGE + 200 + page * 977 % (PAGE - 200);
        assert_int_equal(pread(fd, &kept, 1, at), 1);
        flipped = kept ^ 16;
        assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
        s = NULL;
        enum status status = store_open(scratch_path, STORE_READ, cpu_best(), &s, &err);
        if (status == STATUS_OK)
            status = store_check(s, &err);
        assert_int_equal(status, STATUS_CORRUPT);
        assert_non_null(strstr(err.text, "backup"));
        store_close(s);
        assert_int_equal(pwrite(fd, &kept, 1, at), 1);
    }
    close(fd);
    s = scratch_open(STORE_READ);
    assert_int_equal(store_check(s, NULL), STATUS_OK);
    store_close(s);
}

/* Databases without sums work as ever, and are no stores. */
static void other_files_pass_through(void **state)
{
    (void)state;
    sqlite3 *db;
    sqlite3_stmt *st;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(sqlite3_open_v2(scratch_path, &db, flags, page_file_layer()), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db, "CREATE TABLE t (x); INSERT INTO t VALUES (randomblob(100000))", NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(sqlite3_open(scratch_path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test_setup_teardown(every_page_is_checked, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(other_files_pass_through, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
