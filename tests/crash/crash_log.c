/* The write-ahead log beside readers: it stays bounded while they overlap, and is cut once one that stayed
 * long is gone, be it of another process. */
#include "../unit/scratch_store.h"

#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "index/store.h"

#define MEGABYTE     (1 << 20)
#define LOG_RESTARTS (100 * MEGABYTE) /* about where a writer begins to wait for readers (store.c) */

static off_t log_size(void)
{
    struct stat st;
    char path[96];
    snprintf(path, sizeof path, "%s-wal", scratch_path);
    return stat(path, &st) == 0 ? st.st_size : 0;
}

static struct store *with_collection(struct collection **c)
{
    struct error err = {0};
    struct store *s = scratch_open(STORE_WRITE);
    struct collection_settings settings = {.name = text_of("c"),
                                           .width = SCRATCH_WIDTH,
                                           .passage_tokens = 200,
                                           .passage_overlap = 40,
                                           .no_keywords = true};
    if (store_collection_create(s, &settings, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    *c = scratch_collection(s, "c");
    return s;
}

/* A megabyte over the one before. */
static void put_megabyte(struct collection *c, unsigned version)
{
    float vector[SCRATCH_WIDTH];
    struct put_result result;
    struct error err = {0};
    char *text = malloc(MEGABYTE);
    assert_non_null(text);
    memset(text, 'a' + (int)(version % 26), MEGABYTE);
    scratch_vector(version, vector);
    struct passage_row passage = {.end = 4, .tokens = 1, .vector = vector};
    struct document_row row = {.id = text_of("large"),
                               .text = {text, MEGABYTE},
                               .content_hash = {(unsigned char)version, (unsigned char)(version >> 8)},
                               .passages = &passage,
                               .passage_count = 1};
    if (collection_put(c, &row, 1, PUT_UPSERT, &result, &err) != STATUS_OK || result.outcome == PUT_FAILED)
        fail_msg("%s%s", err.text, result.error.text);
    free(text);
}

struct readers {
    struct store *store;
    pthread_mutex_t lock;
    bool stop, failed;
};

static bool goes_on(struct readers *r)
{
    pthread_mutex_lock(&r->lock);
    bool on = !r->stop;
    pthread_mutex_unlock(&r->lock);
    return on;
}

static void *read_on(void *context)
{
    struct readers *r = context;
    bool good = true;
    while (good && goes_on(r)) {
        struct sql *sql = NULL;
        int64_t n = 0;
        good = store_reader(r->store, &sql, NULL) == STATUS_OK &&
               sql_number(sql, "SELECT count(*) FROM documents", &n, NULL) == STATUS_OK;
        usleep(10000); /* others begin meanwhile */
        store_reader_done(r->store, sql);
    }
    pthread_mutex_lock(&r->lock);
    r->failed |= !good;
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void the_log_is_bounded_while_readers_overlap(void **state)
{
    (void)state;
    struct collection *c;
    struct readers readers = {.store = with_collection(&c), .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[3];
    off_t most = 0;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &readers), 0);
    for (unsigned i = 0; i < 250; i++) {
        put_megabyte(c, i);
        most = log_size() > most ? log_size() : most;
    }
    pthread_mutex_lock(&readers.lock);
    readers.stop = true;
    pthread_mutex_unlock(&readers.lock);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_false(readers.failed);
    assert_true(most < 2 * LOG_RESTARTS - 50 * MEGABYTE);
    assert_int_equal(store_check(readers.store, NULL), STATUS_OK);
    collection_release(c);
    store_close(readers.store);
}

/* Holds a snapshot until the pipe is closed; its exit code says whether it still saw the state it began with.
 */
static int read_in_another_process(int begun, int end)
{
    struct store *s = NULL;
    struct sql *sql = NULL;
    int64_t before = -1, after = -2;
    char byte = 0;
    if (store_open(scratch_path, STORE_READ, cpu_best(), &s, NULL) != STATUS_OK ||
        store_reader(s, &sql, NULL) != STATUS_OK ||
        sql_number(sql, "SELECT max(generation) FROM collections", &before, NULL) != STATUS_OK ||
        write(begun, &byte, 1) != 1 || read(end, &byte, 1) != 0 ||
        sql_number(sql, "SELECT max(generation) FROM collections", &after, NULL) != STATUS_OK)
        return 1;
    store_reader_done(s, sql);
    store_close(s);
    return before == after ? 0 : 2;
}

static void the_log_is_cut_once_a_long_reader_is_gone(void **state)
{
    (void)state;
    struct collection *c;
    struct store *s = with_collection(&c);
    int begun[2], end[2], how = 0;
    char byte;
    put_megabyte(c, 0);
    collection_release(c);
    store_close(s); /* a process must not take over another's connections */
    assert_int_equal(pipe(begun), 0);
    assert_int_equal(pipe(end), 0);
    pid_t child = fork();
    if (child == 0) {
        close(end[1]);
        _exit(read_in_another_process(begun[1], end[0]));
    }
    close(end[0]);
    assert_int_equal(read(begun[0], &byte, 1), 1);
    s = scratch_open(STORE_WRITE);
    c = scratch_collection(s, "c");
    for (unsigned i = 1; i <= 90; i++)
        put_megabyte(c, i);
    assert_true(log_size() > 80 * MEGABYTE); /* the reader needs what it replaced */
    close(end[1]);
    waitpid(child, &how, 0);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
    for (unsigned i = 91; i <= 110; i++)
        put_megabyte(c, i);
    assert_true(log_size() < 40 * MEGABYTE);
    close(begun[0]);
    close(begun[1]);
    collection_release(c);
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_log_is_bounded_while_readers_overlap, scratch_make,
                                        scratch_clean),
        cmocka_unit_test_setup_teardown(the_log_is_cut_once_a_long_reader_is_gone, scratch_make,
                                        scratch_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
