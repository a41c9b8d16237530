/* Opening: what is no store, whose turn it is to write, and what damage leads to. */
#include "scratch_store.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "common/file.h"
#include "index/page_file.h"
#include "index/schema.h"

static enum status try_open(enum store_mode mode, struct error *err)
{
    struct store *s = NULL;
    *err = (struct error){0};
    enum status status = store_open(scratch_path, mode, cpu_best(), &s, err);
    store_close(s);
    return status;
}

static void run_sql(const char *sql)
{
    sqlite3 *db;
    assert_int_equal(
        sqlite3_open_v2(scratch_path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, page_file_layer()),
        SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void missing(void **state)
{
    (void)state;
    struct error err;
    struct store *s = NULL;
    assert_int_equal(try_open(STORE_READ, &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, scratch_path));
    assert_int_not_equal(access(scratch_path, F_OK), 0); /* reading made nothing */
    assert_int_equal(store_open("/tmp", STORE_READ, cpu_best(), &s, &err), STATUS_INVALID);
    assert_int_equal(store_open("/nowhere/at/all.db", STORE_WRITE, cpu_best(), &s, &err), STATUS_NOT_FOUND);
    assert_null(s);
}

static void one_writer_many_readers(void **state)
{
    (void)state;
    struct error err;
    struct store_info info;
    char pid[24];
    struct store *writer = scratch_open(STORE_WRITE);
    scratch_create(writer, "c");
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_CONFLICT);
    snprintf(pid, sizeof pid, "process %ld", (long)getpid());
    assert_non_null(strstr(err.text, pid));
    struct store *reader = scratch_open(STORE_READ);
    struct collection *c = scratch_collection(writer, "c"), *seen = scratch_collection(reader, "c");
    for (size_t i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "%zu", i);
        scratch_put(c, id, id, i, PUT_UPSERT);
        assert_string_equal(scratch_nearest(seen, i), id); /* another connection's commit is seen at once */
    }
    uint64_t deleted;
    struct text gone = text_of("2");
    assert_int_equal(collection_delete(c, &gone, 1, &deleted, NULL), STATUS_OK);
    assert_string_not_equal(scratch_nearest(seen, 2), "2");
    assert_int_equal(store_info(reader, &info, NULL), STATUS_OK);
    assert_int_equal(info.schema_version, SCHEMA_VERSION);
    assert_true(info.file_bytes > 0);
    collection_release(seen);
    collection_release(c);
    store_close(reader);
    store_close(writer);
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_OK); /* the lock went with its owner */
}

static void the_lock_of_a_killed_writer_is_free(void **state)
{
    (void)state;
    struct error err;
    pid_t child = fork();
    if (child == 0) {
        struct store *s = NULL;
        store_open(scratch_path, STORE_WRITE, cpu_best(), &s, NULL);
        raise(SIGKILL);
    }
    int how = 0;
    waitpid(child, &how, 0);
    assert_true(WIFSIGNALED(how));
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_OK);
}

static void not_a_store(void **state)
{
    (void)state;
    struct error err;
    assert_int_equal(file_write_atomic(scratch_path, "a text file, and not a short one either", 39, NULL),
                     STATUS_OK);
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "not a Cognate store"));
    unlink(scratch_path);
    run_sql("CREATE TABLE theirs (x)");
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "another program"));
    assert_int_equal(try_open(STORE_READ, &err), STATUS_INVALID);
}

static void newer_and_foreign_tables(void **state)
{
    (void)state;
    struct error err;
    char back[40];
    store_close(scratch_open(STORE_WRITE));
    run_sql("PRAGMA user_version = 99");
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_UNSUPPORTED);
    assert_int_equal(try_open(STORE_READ, &err), STATUS_UNSUPPORTED);
    assert_non_null(strstr(err.text, "99"));
    run_sql("PRAGMA user_version = 0");
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_CORRUPT);
    snprintf(back, sizeof back, "PRAGMA user_version = %d", SCHEMA_VERSION);
    run_sql(back);
    run_sql("CREATE TRIGGER t AFTER INSERT ON documents BEGIN DELETE FROM texts; END");
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_CORRUPT);
    run_sql("DROP TRIGGER t");
    assert_int_equal(try_open(STORE_WRITE, &err), STATUS_OK);
}

/* Everything a search says, as text. */
static enum status ask(struct store *s, struct buf *out, struct error *err)
{
    float vector[SCRATCH_WIDTH];
    struct collection *c = NULL;
    struct hits hits = {0};
    scratch_vector(3, vector);
    buf_clear(out);
    enum status status = store_collection_open(s, text_of("c"), &c, err);
    if (status == STATUS_OK)
        status = collection_search(c, &(struct search_query){.vector = vector, .k = 100, .min_cosine = -2},
                                   1, &hits, err);
    for (size_t i = 0; i < hits.count; i++)
        assert_int_equal(buf_printf(out, NULL, "%s %s %s %.17g\n", hits.items[i].id.data,
                                    hits.items[i].lang.data, hits.items[i].passage.data,
                                    hits.items[i].cosine),
                         STATUS_OK);
    hits_release(&hits);
    collection_release(c);
    return status;
}

/* A damaged file leads to a clean error or to right answers. */
static void damage(void **state)
{
    (void)state;
    struct buf whole, right, answer;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    for (size_t i = 0; i < 40; i++) {
        char id[8];
        snprintf(id, sizeof id, "%zu", i);
        scratch_put(c, id, id, i % 8, PUT_UPSERT);
    }
    collection_release(c);
    store_close(s);
    c = NULL;
    buf_init(&right, 1 << 20);
    s = scratch_open(STORE_READ);
    assert_int_equal(ask(s, &right, NULL), STATUS_OK);
    store_close(s);
    buf_init(&whole, 64 << 20);
    buf_init(&answer, 1 << 20);
    assert_int_equal(file_read(scratch_path, &whole, NULL), STATUS_OK);
    uint64_t seed = 5;
    size_t found = 0;
    for (int round = 0; round < 120; round++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(seed >> 20) % whole.len;
        size_t n = round % 3 == 2 ? at : whole.len;
        char kept = whole.data[at];
        whole.data[at] ^= (char)(1 << round % 8);
        assert_int_equal(file_write_atomic(scratch_path, whole.data, n, NULL), STATUS_OK);
        whole.data[at] = kept;
        struct error err = {0};
        s = NULL;
        enum status status = store_open(scratch_path, STORE_READ, cpu_best(), &s, &err);
        if (status == STATUS_OK)
            status = ask(s, &answer, &err);
        if (status == STATUS_OK)
            assert_true(text_equal(buf_text(&answer), buf_text(&right)));
        assert_int_equal(status != STATUS_OK, err.text[0] != '\0');
        found += status != STATUS_OK;
        store_close(s);
    }
    assert_true(found > 20); /* every cut file, at least */
    buf_release(&answer);
    buf_release(&right);
    buf_release(&whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(missing, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(one_writer_many_readers, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(the_lock_of_a_killed_writer_is_free, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(not_a_store, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(newer_and_foreign_tables, scratch_make, scratch_clean),
        cmocka_unit_test_setup_teardown(damage, scratch_make, scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
