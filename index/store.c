#include "index/store.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "index/keyword.h"
#include "index/schema.h"
#include "index/writer_lock.h"

#define WAL_PAGES_CHECKPOINT 1000 /* of 16 KiB: copy what readers allow into the file */
#define WAL_PAGES_RESTART    6000 /* wait for the readers, so that the log starts again from its beginning */
#define RESTART_WAIT_MS      2000

int64_t time_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- opening ---- */

/* So that all ways to a file meet at one lock. */
enum status store_canonical(const char *path, char **out, struct error *err)
{
    enum status status = STATUS_OK;
    char *folder = NULL, *copy = NULL, *base = NULL, *full = realpath(path, NULL);
    if (full != NULL) {
        *out = full;
        return STATUS_OK;
    }
    if (errno != ENOENT)
        return error_system(err, errno, "open", path);
    copy = strdup(path);
    base = strdup(path);
    if (copy == NULL || base == NULL) {
        status = error_memory(err, "opening the store");
        goto done;
    }
    folder = realpath(dirname(copy), NULL);
    if (folder == NULL)
        status = error_system(err, errno, "open the folder of", path);
    else if (asprintf(&full, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder, basename(base)) < 0)
        status = error_memory(err, "opening the store");
    else
        *out = full;
done:
    free(folder);
    free(copy);
    free(base);
    return status;
}

/* Tells a wrong path from a damaged store before SQLite sees the file. The file is not opened for that:
 * closing it would drop the locks that other connections of this process hold on it. */
static enum status look(const char *path, enum store_mode mode, struct error *err)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        if (!S_ISREG(st.st_mode))
            return error_set(err, STATUS_INVALID, "%s is not a file; give the path of a store", path);
        return STATUS_OK;
    }
    if (errno != ENOENT)
        return error_system(err, errno, "open", path);
    if (mode == STORE_WRITE)
        return STATUS_OK;
    return error_set(err, STATUS_NOT_FOUND,
                     "there is no store at %s; index something first, or give its path", path);
}

/* SQLite keeps shared memory beside a store in WAL mode. Where the folder cannot be written it can still be
 * read, provided that there is no log to replay and that nobody can change the file meanwhile. */
static bool nobody_writes(const char *path)
{
    struct stat st;
    char *log = NULL, *folder = strdup(path);
    bool yes = folder != NULL && asprintf(&log, "%s-wal", path) >= 0 &&
               (stat(log, &st) != 0 || st.st_size == 0) && access(path, W_OK) != 0 &&
               access(dirname(folder), W_OK) != 0;
    free(log);
    free(folder);
    return yes;
}

static enum status open_reader(struct store *s, struct error *err)
{
    struct sql c = {0};
    struct error first = {0};
    s->reading = SQL_READ;
    enum status status = sql_open(&c, s->path, s->reading, &first);
    if (status == STATUS_OK)
        status = schema_open(&c, false, &first);
    if (status != STATUS_OK && nobody_writes(s->path)) {
        sql_close(&c);
        first = (struct error){0};
        s->reading = SQL_IMMUTABLE;
        status = sql_open(&c, s->path, s->reading, &first);
        if (status == STATUS_OK)
            status = schema_open(&c, false, &first);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_FORBIDDEN)
        status = error_set(err, STATUS_FORBIDDEN,
                           "cannot read %s: SQLite must be able to write %s-shm beside it; make its folder "
                           "writable, or copy the closed store elsewhere",
                           s->path, s->path);
    else if (status != STATUS_OK)
        status = error_set(err, status, "%s", first.text);
    sql_close(&c);
    return status;
}

enum status store_open(const char *path, enum store_mode mode, enum isa isa, struct store **out,
                       struct error *err)
{
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_memory(err, "opening the store");
    s->mode = mode;
    s->lock = -1;
    s->kernels = scan_kernels(isa);
    s->cluster_from = CLUSTER_FROM;
    pthread_mutex_init(&s->writing, NULL);
    pthread_mutex_init(&s->pool, NULL);
    pthread_mutex_init(&s->registry, NULL);
    pthread_cond_init(&s->reader_free, NULL);
    enum status status = look(path, mode, err);
    if (status == STATUS_OK)
        status = store_canonical(path, &s->path, err);
    if (status == STATUS_OK && mode == STORE_READ)
        status = open_reader(s, err);
    if (status == STATUS_OK && mode == STORE_WRITE) {
        s->reading = SQL_READ;
        status = writer_lock_take(s->path, &s->lock, err);
        if (status == STATUS_OK)
            status = sql_open(&s->writer, s->path, SQL_WRITE, err);
        if (status == STATUS_OK)
            status = schema_open(&s->writer, true, err);
        if (status == STATUS_OK)
            status = keyword_fill(&s->writer, err);
    }
    if (status == STATUS_OK)
        *out = s;
    else
        store_close(s);
    return status;
}

const char *store_path(const struct store *s)
{
    return s->path;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    while (s->collections != NULL) {
        struct collection *next = s->collections->next;
        collection_free(s->collections);
        s->collections = next;
    }
    for (size_t i = 0; i < s->idle_count; i++) {
        sql_close(s->idle[i]);
        free(s->idle[i]);
    }
    sql_close(&s->writer); /* the last to go: it copies the log into the file and removes it */
    writer_lock_drop(s->lock);
    pthread_cond_destroy(&s->reader_free);
    pthread_mutex_destroy(&s->registry);
    pthread_mutex_destroy(&s->pool);
    pthread_mutex_destroy(&s->writing);
    free(s->path);
    free(s);
}

/* ---- readers ---- */

static enum status take_reader(struct store *s, struct sql **out, struct error *err)
{
    pthread_mutex_lock(&s->pool);
    while (s->idle_count == 0 && s->reader_count == STORE_READERS)
        pthread_cond_wait(&s->reader_free, &s->pool);
    struct sql *c = s->idle_count > 0 ? s->idle[--s->idle_count] : NULL;
    s->reader_count += c == NULL;
    pthread_mutex_unlock(&s->pool);
    if (c != NULL) {
        *out = c;
        return STATUS_OK;
    }
    enum status status = STATUS_OK;
    c = malloc(sizeof *c);
    if (c == NULL)
        status = error_memory(err, "opening a connection to the store");
    else
        status = sql_open(c, s->path, s->reading, err);
    if (status == STATUS_OK) {
        *out = c;
        return STATUS_OK;
    }
    free(c);
    pthread_mutex_lock(&s->pool);
    s->reader_count--;
    pthread_cond_signal(&s->reader_free);
    pthread_mutex_unlock(&s->pool);
    return status;
}

enum status store_reader(struct store *s, struct sql **out, struct error *err)
{
    struct sql *c;
    enum status status = take_reader(s, &c, err);
    if (status != STATUS_OK)
        return status;
    status = sql_run(c, "BEGIN", err);
    if (status == STATUS_OK)
        *out = c;
    else
        store_reader_done(s, c);
    return status;
}

void store_reader_done(struct store *s, struct sql *c)
{
    if (c == NULL)
        return;
    sql_reset(c);
    if (!sqlite3_get_autocommit(c->db))
        sql_run(c, "ROLLBACK", NULL);
    bool keep = !c->failed;
    if (!keep) {
        sql_close(c);
        free(c);
    }
    pthread_mutex_lock(&s->pool);
    if (keep)
        s->idle[s->idle_count++] = c;
    else
        s->reader_count--;
    pthread_cond_signal(&s->reader_free);
    pthread_mutex_unlock(&s->pool);
}

/* ---- the writer ---- */

/* A connection on which something failed is not used again. */
static enum status renew_writer(struct store *s, struct error *err)
{
    sql_close(&s->writer);
    enum status status = sql_open(&s->writer, s->path, SQL_WRITE, err);
    s->writer.failed = status != STATUS_OK;
    return status;
}

enum status store_turn(struct store *s, struct error *err)
{
    if (s->mode != STORE_WRITE)
        return error_set(err, STATUS_FORBIDDEN, "%s was opened for reading only; nothing can be changed",
                         s->path);
    pthread_mutex_lock(&s->writing);
    enum status status = s->writer.failed ? renew_writer(s, err) : STATUS_OK;
    if (status != STATUS_OK)
        pthread_mutex_unlock(&s->writing);
    return status;
}

enum status store_begin(struct store *s, struct error *err)
{
    enum status status = store_turn(s, err);
    if (status != STATUS_OK)
        return status;
    status = sql_run(&s->writer, "BEGIN IMMEDIATE", err);
    if (status != STATUS_OK)
        pthread_mutex_unlock(&s->writing);
    return status;
}

/* The log is kept short: what is committed is copied into the file, and when readers that overlap each other
 * have kept the log from starting again for long, new ones are made to wait a moment. Failure costs only
 * space, and the next commit tries again. */
static void checkpoint(struct store *s)
{
    int pages = 0, done = 0;
    struct stat st;
    char *log = NULL;
    if (asprintf(&log, "%s-wal", s->path) < 0)
        return;
    int64_t size = stat(log, &st) == 0 ? st.st_size : 0;
    free(log);
    if (size < (int64_t)WAL_PAGES_CHECKPOINT << 14)
        return;
    sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
    if (pages < WAL_PAGES_RESTART)
        return;
    sqlite3_busy_timeout(s->writer.db, RESTART_WAIT_MS);
    sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &pages, &done);
    sqlite3_busy_timeout(s->writer.db, SQL_BUSY_MS);
}

enum status store_shorten_log(struct store *s, struct error *err)
{
    int pages = 0, done = 0;
    enum status status = store_turn(s, err);
    if (status != STATUS_OK)
        return status;
    sql_reset(&s->writer);
    sqlite3_busy_timeout(s->writer.db, RESTART_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(s->writer.db, NULL, SQLITE_CHECKPOINT_TRUNCATE, &pages, &done);
    sqlite3_busy_timeout(s->writer.db, SQL_BUSY_MS);
    if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY)
        status = sql_error(&s->writer, rc, err);
    pthread_mutex_unlock(&s->writing);
    return status;
}

enum status watcher_tell(const struct watcher *w, uint64_t done, uint64_t total, struct error *err)
{
    if (w == NULL || w->tell(w->context, done, total))
        return STATUS_OK;
    return error_set(err, STATUS_CANCELLED, "stopped before the end; nothing is lost");
}

enum status store_commit(struct store *s, struct error *err)
{
    sql_reset(&s->writer);
    return sql_run(&s->writer, "COMMIT", err);
}

void store_end(struct store *s)
{
    sql_reset(&s->writer);
    if (!sqlite3_get_autocommit(s->writer.db))
        sql_run(&s->writer, "ROLLBACK", NULL);
    else
        checkpoint(s);
    pthread_mutex_unlock(&s->writing);
}

/* ---- facts ---- */

enum status store_info(struct store *s, struct store_info *out, struct error *err)
{
    struct stat st;
    char *log = NULL;
    if (stat(s->path, &st) != 0)
        return error_system(err, errno, "read", s->path);
    int64_t bytes = st.st_size;
    if (asprintf(&log, "%s-wal", s->path) < 0)
        return error_memory(err, "reading the store's size");
    if (stat(log, &st) == 0)
        bytes += st.st_size;
    free(log);
    *out = (struct store_info){SCHEMA_VERSION, bytes, sqlite3_libversion()};
    return STATUS_OK;
}
