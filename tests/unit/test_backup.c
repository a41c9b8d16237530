/* Copies made in use, and restored: what comes back, what is refused, what is left when it fails. */
#include "scratch_store.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "common/file.h"

static char copy_path[96], other_path[96];

static int make(void **state)
{
    int rc = scratch_make(state);
    snprintf(copy_path, sizeof copy_path, "%s/b.db", scratch_folder);
    snprintf(other_path, sizeof other_path, "%s/r.db", scratch_folder);
    return rc;
}

static int clean(void **state)
{
    const char *const paths[] = {copy_path, other_path}, *const ends[] = {"", "-wal", "-shm", ".lock"};
    for (size_t i = 0; i < 8; i++) {
        char file[128];
        snprintf(file, sizeof file, "%s%s", paths[i / 4], ends[i % 4]);
        unlink(file);
    }
    return scratch_clean(state); /* fails when anything else was left behind */
}

static void put_many(struct collection *c, size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        char id[24];
        snprintf(id, sizeof id, "%zu", i);
        scratch_put(c, id, id, i, PUT_UPSERT);
    }
}

static void check_count(const char *path, uint64_t least, uint64_t most)
{
    struct store *s = NULL;
    struct collection_info info;
    struct error err = {0};
    if (store_open(path, STORE_READ, cpu_best(), &s, &err) != STATUS_OK || store_check(s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    struct collection *c = scratch_collection(s, "c");
    assert_int_equal(collection_info(c, &info, NULL), STATUS_OK);
    assert_in_range(info.documents, least, most);
    collection_info_release(&info);
    collection_release(c);
    store_close(s);
}

static void there_and_back(void **state)
{
    (void)state;
    struct error err = {0};
    struct store_counts counts;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    put_many(c, 0, 50);
    if (store_backup(s, copy_path, false, NULL, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    put_many(c, 50, 10);
    assert_int_equal(store_backup(s, copy_path, false, NULL, NULL), STATUS_CONFLICT);
    assert_int_equal(store_backup(s, scratch_path, true, NULL, NULL), STATUS_INVALID);
    check_count(copy_path, 50, 50); /* a store like any other */
    assert_int_equal(store_restore(copy_path, other_path, false, NULL, &counts, &err), STATUS_OK);
    assert_int_equal(counts.collections, 1);
    assert_int_equal(counts.documents, 50);
    assert_int_equal(counts.passages, 50);
    check_count(other_path, 50, 50);

    /* A reader may make the copy as well. */
    struct store *reader = scratch_open(STORE_READ);
    assert_int_equal(store_backup(reader, copy_path, true, NULL, NULL), STATUS_OK);
    store_close(reader);
    assert_int_equal(store_restore(copy_path, scratch_path, true, NULL, &counts, NULL),
                     STATUS_CONFLICT); /* in use */
    assert_int_equal(store_restore(copy_path, other_path, false, NULL, &counts, NULL), STATUS_CONFLICT);
    assert_int_equal(store_restore(copy_path, copy_path, true, NULL, &counts, NULL), STATUS_INVALID);
    assert_int_equal(store_restore(copy_path, other_path, true, NULL, &counts, &err), STATUS_OK);
    check_count(other_path, 60, 60);
    collection_release(c);
    store_close(s);
}

struct writing {
    struct collection *c;
    atomic_bool stop, started;
    size_t n;
};

static void *write_on(void *context)
{
    struct writing *w = context;
    while (!atomic_load(&w->stop)) {
        put_many(w->c, 1000 + w->n++, 1);
        atomic_store(&w->started, true);
    }
    return NULL;
}

static void while_others_write(void **state)
{
    (void)state;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct writing w = {.c = scratch_collection(s, "c")};
    pthread_t thread;
    put_many(w.c, 0, 60);
    pthread_create(&thread, NULL, write_on, &w);
    while (!atomic_load(&w.started))
        usleep(100);
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_backup(s, copy_path, true, NULL, NULL), STATUS_OK);
        check_count(copy_path, 60, 100000);
    }
    atomic_store(&w.stop, true);
    pthread_join(thread, NULL);
    collection_release(w.c);
    store_close(s);
}

static bool stop_at_once(void *context, uint64_t done, uint64_t total)
{
    *(uint64_t *)context = total;
    return done > total; /* never */
}

static void stopped_and_damaged(void **state)
{
    (void)state;
    uint64_t total = 0;
    struct watcher watcher = {stop_at_once, &total};
    struct error err = {0};
    struct store_counts counts;
    struct buf whole;
    struct store *s = scratch_open(STORE_WRITE);
    scratch_create(s, "c");
    struct collection *c = scratch_collection(s, "c");
    put_many(c, 0, 40);
    assert_int_equal(store_backup(s, copy_path, false, &watcher, &err), STATUS_CANCELLED);
    assert_true(total > 0);
    assert_int_not_equal(access(copy_path, F_OK), 0);
    assert_int_equal(store_backup(s, copy_path, false, NULL, NULL), STATUS_OK);
    collection_release(c);
    store_close(s);

    buf_init(&whole, 64 << 20);
    assert_int_equal(file_read(copy_path, &whole, NULL), STATUS_OK);
    for (size_t i = 0; i < 3; i++) { /* a flipped bit, a cut, another file */
        size_t at = whole.len / 2 + 5000 * i, n = i == 1 ? whole.len - 20000 : whole.len;
        whole.data[at] ^= 4;
        assert_int_equal(file_write_atomic(copy_path, i < 2 ? whole.data : "no store", i < 2 ? n : 8, NULL),
                         STATUS_OK);
        whole.data[at] ^= 4;
        err = (struct error){0};
        enum status status = store_restore(copy_path, scratch_path, true, NULL, &counts, &err);
        assert_true(status == STATUS_CORRUPT || (i == 2 && status == STATUS_INVALID));
        assert_non_null(strstr(err.text, copy_path));
    }
    buf_release(&whole);
    check_count(scratch_path, 40, 40); /* the store was left alone */
    assert_int_equal(store_restore("/nowhere/b.db", scratch_path, true, NULL, &counts, &err),
                     STATUS_NOT_FOUND);

    /* A store in use has a log, which a copy of the file alone would lack. */
    assert_int_equal(file_write_atomic(copy_path, "x", 1, NULL), STATUS_OK);
    char log[128];
    snprintf(log, sizeof log, "%s-wal", copy_path);
    assert_int_equal(file_write_atomic(log, "x", 1, NULL), STATUS_OK);
    err = (struct error){0};
    assert_int_equal(store_restore(copy_path, scratch_path, true, NULL, &counts, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "log"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, make, clean),
        cmocka_unit_test_setup_teardown(while_others_write, make, clean),
        cmocka_unit_test_setup_teardown(stopped_and_damaged, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
