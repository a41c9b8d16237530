#include "index/sql.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/fts.h"
#include "index/page_file.h"

#define CACHE_KIB 4096
#define WAL_KEEP  (64 << 20) /* bytes of write-ahead log left on disk once its content is in the file */

enum status sql_error(struct sql *c, int rc, struct error *err)
{
    const char *reason = c->db != NULL ? sqlite3_errmsg(c->db) : sqlite3_errstr(rc);
    int number = c->db != NULL ? sqlite3_system_errno(c->db) : 0;
    c->failed = true;
    switch (rc & 0xff) {
    case SQLITE_FULL:
        return error_set(err, STATUS_DISK_FULL,
                         "%s: no space left; nothing was changed; free some space and try again", c->path);
    case SQLITE_NOMEM:
        return error_memory(err, "working with the store");
    case SQLITE_NOTADB:
        return error_set(
            err, STATUS_INVALID,
            "%s is not a Cognate store, or its beginning is damaged; give the path of a store, or restore "
            "it from a backup",
            c->path);
    case SQLITE_CORRUPT:
        return error_set(err, STATUS_CORRUPT, "%s is damaged: %s; restore it from a backup", c->path, reason);
    case SQLITE_TOOBIG:
        return error_set(err, STATUS_TOO_LARGE, "%s: a value is over SQLite's limit of 1,000,000,000 bytes",
                         c->path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return error_set(err, STATUS_UNAVAILABLE,
                         "%s is locked by another program; end that program or try again later", c->path);
    case SQLITE_INTERRUPT:
        return error_set(err, STATUS_DEADLINE, "the request's time was up before the store had answered");
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return error_set(err, STATUS_FORBIDDEN,
                         "cannot write %s: %s; check the permissions of the file and of its folder", c->path,
                         reason);
    case SQLITE_CANTOPEN:
        return error_system(err, number != 0 ? number : EIO, "open", c->path);
    case SQLITE_IOERR:
        if (rc == SQLITE_IOERR_DATA)
            return error_set(err, STATUS_CORRUPT,
                             "%s is damaged: a page is not what was written; restore it from a backup",
                             c->path);
        if (number == ENOSPC || number == EDQUOT)
            return error_set(err, STATUS_DISK_FULL,
                             "%s: no space left; nothing was changed; free some space and try again",
                             c->path);
        return error_set(err, STATUS_IO, "%s: %s (%s)", c->path, reason,
                         number != 0 ? strerror(number) : "no further reason");
    default:
        return error_set(err, STATUS_INTERNAL, "%s: %s (SQLite code %d)", c->path, reason, rc);
    }
}

/* A path as a URI of SQLite's: everything but plain characters as %XX. */
static char *uri_of(const char *path, const char *options)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t n = strlen(path), at = 5;
    char *uri = malloc(5 + 3 * n + strlen(options) + 1);
    if (uri == NULL)
        return NULL;
    memcpy(uri, "file:", 5);
    for (size_t i = 0; i < n; i++) {
        unsigned char b = (unsigned char)path[i];
        if ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '/' ||
            b == '.' || b == '-' || b == '_') {
            uri[at++] = (char)b;
        } else {
            uri[at++] = '%';
            uri[at++] = hex[b >> 4];
            uri[at++] = hex[b & 15];
        }
    }
    memcpy(uri + at, options, strlen(options) + 1);
    return uri;
}

enum status sql_open(struct sql *c, const char *path, enum sql_access access, struct error *err)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI |
                (access == SQL_WRITE ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY);
    enum status status = STATUS_OK;
    *c = (struct sql){.path = path};
    char *uri = uri_of(path, access == SQL_IMMUTABLE ? "?immutable=1" : "");
    if (uri == NULL)
        return error_memory(err, "opening the store");
    int rc = sqlite3_open_v2(uri, &c->db, flags, page_file_layer());
    free(uri);
    if (rc != SQLITE_OK) {
        status = sql_error(c, rc, err);
        goto done;
    }
    sqlite3_extended_result_codes(c->db, 1);
    sqlite3_busy_timeout(c->db, SQL_BUSY_MS);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_FKEY, 1, NULL);
    sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, access != SQL_WRITE, NULL);
    sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_wal_autocheckpoint(c->db, 0);
    char pragmas[320];
    snprintf(pragmas, sizeof pragmas,
             "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA synchronous = FULL; "
             "PRAGMA cache_size = -%d; PRAGMA journal_size_limit = %d; PRAGMA query_only = %d",
             CACHE_KIB, WAL_KEEP, access != SQL_WRITE);
    status = sql_run(c, pragmas, err);
    if (status == STATUS_OK)
        status = fts_register(c->db, err);
done:
    if (status != STATUS_OK)
        sql_close(c);
    return status;
}

void sql_close(struct sql *c)
{
    for (size_t i = 0; i < c->kept_count; i++)
        sqlite3_finalize(c->kept[i].statement);
    sqlite3_close(c->db);
    *c = (struct sql){.path = c->path};
}

enum status sql_get(struct sql *c, const char *literal, sqlite3_stmt **out, struct error *err)
{
    for (size_t i = 0; i < c->kept_count; i++) {
        if (c->kept[i].text != literal)
            continue;
        sqlite3_reset(c->kept[i].statement);
        *out = c->kept[i].statement;
        return STATUS_OK;
    }
    if (c->kept_count == SQL_STATEMENTS)
        return error_set(err, STATUS_INTERNAL, "more than %d kept statements", SQL_STATEMENTS);
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v3(c->db, literal, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
    if (rc != SQLITE_OK)
        return sql_error(c, rc, err);
    c->kept[c->kept_count].text = literal;
    c->kept[c->kept_count++].statement = st;
    *out = st;
    return STATUS_OK;
}

enum status sql_step(struct sql *c, sqlite3_stmt *st, bool *row, struct error *err)
{
    int rc = sqlite3_step(st);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        return sql_error(c, rc, err);
    if (row != NULL)
        *row = rc == SQLITE_ROW;
    return STATUS_OK;
}

enum status sql_run(struct sql *c, const char *text, struct error *err)
{
    int rc = sqlite3_exec(c->db, text, NULL, NULL, NULL);
    return rc == SQLITE_OK ? STATUS_OK : sql_error(c, rc, err);
}

enum status sql_number(struct sql *c, const char *literal, int64_t *out, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(c, literal, &st, err);
    if (status == STATUS_OK)
        status = sql_step(c, st, &row, err);
    if (status != STATUS_OK)
        return status;
    int64_t value = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    if (!row)
        return STATUS_NOT_FOUND;
    *out = value;
    return STATUS_OK;
}

void sql_reset(struct sql *c)
{
    for (size_t i = 0; i < c->kept_count; i++) {
        sqlite3_reset(c->kept[i].statement);
        sqlite3_clear_bindings(c->kept[i].statement);
    }
}

void sql_bind_text(sqlite3_stmt *st, int at, struct text text)
{
    sqlite3_bind_text64(st, at, text.data != NULL ? text.data : "", text.len, SQLITE_STATIC, SQLITE_UTF8);
}

struct text sql_text(sqlite3_stmt *st, int column)
{
    const char *data = (const char *)sqlite3_column_text(st, column);
    return data != NULL ? (struct text){data, (size_t)sqlite3_column_bytes(st, column)} : text_of("");
}

enum status sql_text_copy(sqlite3_stmt *st, int column, struct text *out, struct error *err)
{
    struct text text = sql_text(st, column);
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return error_memory(err, "reading a row");
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    *out = (struct text){copy, text.len};
    return STATUS_OK;
}
