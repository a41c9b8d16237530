/* Copies of a store: made while it is in use, and put in its place again.
 *
 *     backup     store ──pages──▶ FILE.part ──rename──▶ FILE
 *     restore    FILE ──pages──▶ STORE.part ──opened, brought up to date, checked──rename──▶ STORE
 *
 * Pages go through the layer that checks their sums (page_file.h) on both ways, so a copy is never made of a
 * damaged page. What is at the final name is either all of the old or all of the new.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "index/schema.h"
#include "index/store.h"
#include "index/writer_lock.h"

#define STEP_PAGES 256 /* copied between two words to the watcher: 4 MiB */

static const char *const companions[] = {"-wal", "-shm", "-journal", ".lock"};

static char *joined(const char *path, const char *end)
{
    char *out = NULL;
    return asprintf(&out, "%s%s", path, end) < 0 ? NULL : out;
}

/* Removes a file and what SQLite and the lock left beside it. */
static void remove_part(const char *part)
{
    for (size_t i = 0; i < sizeof companions / sizeof *companions; i++) {
        char *beside = joined(part, companions[i]);
        if (beside != NULL)
            unlink(beside);
        free(beside);
    }
    unlink(part);
}

/* ---- copying pages ---- */

static enum status copy_steps(struct sql *from, struct sql *to, const struct watcher *w, struct error *err)
{
    enum status status = STATUS_OK;
    sqlite3_backup *copy = sqlite3_backup_init(to->db, "main", from->db, "main");
    int rc = copy != NULL ? SQLITE_OK : sqlite3_errcode(to->db);
    while (status == STATUS_OK && rc == SQLITE_OK) {
        rc = sqlite3_backup_step(copy, STEP_PAGES);
        uint64_t total = (uint64_t)sqlite3_backup_pagecount(copy) << 14;
        uint64_t left = (uint64_t)sqlite3_backup_remaining(copy) << 14;
        if (rc == SQLITE_OK || rc == SQLITE_DONE)
            status = watcher_tell(w, total - left, total, err);
    }
    int finished = sqlite3_backup_finish(copy);
    if (status != STATUS_OK || rc == SQLITE_DONE)
        return status;
    /* Which of the two files was at fault, only the destination's own result tells. */
    bool source = (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_CORRUPT || rc == SQLITE_IOERR_DATA ||
                  rc == SQLITE_IOERR_READ || rc == SQLITE_IOERR_SHORT_READ;
    return sql_error(source ? from : to, finished != SQLITE_OK ? finished : rc, err);
}

/* The pages of the snapshot that `from` reads, to a new file at `path`, and to the disk. */
static enum status copy_pages(struct sql *from, const char *path, const struct watcher *w, struct error *err)
{
    struct sql to = {0};
    int64_t pages;
    remove_part(path);
    enum status status = sql_number(from, "SELECT count(*) FROM sqlite_schema", &pages, err);
    if (status == STATUS_OK)
        status = sql_open(&to, path, SQL_WRITE, err);
    if (status == STATUS_OK)
        status = schema_prepare(&to, err); /* before the first page, so that every page gets its sum */
    if (status == STATUS_OK)
        status = copy_steps(from, &to, w, err);
    sql_close(&to);
    return status;
}

static enum status must_be_free(const char *path, bool replace, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? STATUS_OK : error_system(err, errno, "look at", path);
    if (!S_ISREG(st.st_mode))
        return error_set(err, STATUS_INVALID, "%s is not a file; give the path of one", path);
    if (!replace)
        return error_set(err, STATUS_CONFLICT,
                         "%s is there already; choose another name, or say that it is to be replaced", path);
    return STATUS_OK;
}

/* ---- backup ---- */

enum status store_backup(struct store *s, const char *path, bool replace, const struct watcher *w,
                         struct error *err)
{
    struct sql *from = NULL;
    char *part = NULL, *whole = NULL;
    enum status status = must_be_free(path, replace, err);
    if (status == STATUS_OK)
        status = store_canonical(path, &whole, err);
    if (status == STATUS_OK && strcmp(whole, s->path) == 0)
        status = error_set(err, STATUS_INVALID, "%s is the store itself; give the backup another name", path);
    if (status != STATUS_OK)
        goto done;
    part = joined(whole, ".part");
    if (part == NULL) {
        status = error_memory(err, "backing up");
        goto done;
    }
    status = store_reader(s, &from, err);
    if (status == STATUS_OK)
        status = copy_pages(from, part, w, err);
    if (status == STATUS_OK)
        status = file_replace(part, whole, err);
    if (status != STATUS_OK)
        remove_part(part);
done:
    store_reader_done(s, from);
    free(part);
    free(whole);
    return status;
}

/* ---- restore ---- */

/* A copy stands alone: a log beside it means that it is a store in use, and that the copy would lack what the
 * log holds. */
static enum status must_stand_alone(const char *path, struct error *err)
{
    struct stat st;
    char *log = joined(path, "-wal");
    if (log == NULL)
        return error_memory(err, "restoring");
    bool alone = stat(log, &st) != 0 || st.st_size == 0;
    free(log);
    return alone ? STATUS_OK
                 : error_set(err, STATUS_INVALID,
                             "%s is a store with a log beside it, not a backup; make one with: cognate --db "
                             "%s backup FILE",
                             path, path);
}

static enum status count_rows(struct store *s, struct store_counts *out, struct error *err)
{
    int64_t collections = 0, documents = 0, passages = 0;
    struct sql *sql = NULL;
    struct store_info info = {0};
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_number(sql, "SELECT count(*) FROM collections", &collections, err);
    if (status == STATUS_OK)
        status = sql_number(sql, "SELECT coalesce(sum(documents), 0) FROM collections", &documents, err);
    if (status == STATUS_OK)
        status =
            sql_number(sql, "SELECT coalesce(sum(passages), 0) FROM spaces WHERE active", &passages, err);
    store_reader_done(s, sql);
    if (status == STATUS_OK)
        status = store_info(s, &info, err);
    if (status == STATUS_OK)
        *out = (struct store_counts){(uint64_t)collections, (uint64_t)documents, (uint64_t)passages,
                                     info.file_bytes};
    return status;
}

/* Opens the copy as the store it will be: older versions are brought up to date, every page, sum, count and
 * reference is checked. */
static enum status prove(const char *part, struct store_counts *out, struct error *err)
{
    struct store *s = NULL;
    enum status status = store_open(part, STORE_WRITE, ISA_REFERENCE, &s, err);
    if (status == STATUS_OK)
        status = store_check(s, err);
    if (status == STATUS_OK)
        status = count_rows(s, out, err);
    store_close(s);
    return status;
}

/* The log of the old store must never meet the new one. */
static enum status put_in_place(const char *part, const char *path, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < 3 && status == STATUS_OK; i++) {
        char *beside = joined(path, companions[i]);
        if (beside == NULL)
            status = error_memory(err, "restoring");
        else if (unlink(beside) != 0 && errno != ENOENT)
            status = error_system(err, errno, "remove", beside);
        free(beside);
    }
    return status == STATUS_OK ? file_replace(part, path, err) : status;
}

static enum status restore(const char *backup, const char *path, const char *part, const struct watcher *w,
                           struct store_counts *out, struct error *err)
{
    struct sql from = {0};
    struct error inner = {0};
    enum status status = sql_open(&from, backup, SQL_IMMUTABLE, err);
    if (status == STATUS_OK)
        status = copy_pages(&from, part, w, err);
    sql_close(&from);
    if (status != STATUS_OK)
        return status;
    status = prove(part, out, &inner);
    if (status != STATUS_OK)
        return error_set(err, status, "%s cannot be restored; nothing was changed: %s", backup, inner.text);
    return put_in_place(part, path, err);
}

enum status store_restore(const char *backup, const char *path, bool replace, const struct watcher *w,
                          struct store_counts *out, struct error *err)
{
    char *from = NULL, *to = NULL, *part = NULL;
    int lock = -1;
    enum status status = store_canonical(backup, &from, err);
    if (status == STATUS_OK)
        status = store_canonical(path, &to, err);
    if (status == STATUS_OK && strcmp(from, to) == 0)
        status = error_set(err, STATUS_INVALID, "%s is both the backup and the store to be restored", path);
    if (status == STATUS_OK)
        status = must_stand_alone(from, err);
    if (status == STATUS_OK)
        status = must_be_free(to, replace, err);
    if (status == STATUS_OK)
        status = writer_lock_take(to, &lock, err); /* nobody writes what is about to be replaced */
    if (status != STATUS_OK)
        goto done;
    part = joined(to, ".part");
    status = part != NULL ? restore(from, to, part, w, out, err) : error_memory(err, "restoring");
    if (part != NULL)
        remove_part(part);
done:
    writer_lock_drop(lock);
    free(part);
    free(to);
    free(from);
    return status;
}
