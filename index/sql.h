/* One SQLite connection with its prepared statements, and SQLite's result codes as statuses.
 *
 *     sqlite3_stmt *st;
 *     bool row;
 *     if (sql_get(c, "SELECT name FROM collections WHERE id = ?1", &st, err) != STATUS_OK) …
 *     sqlite3_bind_int64(st, 1, id);
 *     if (sql_step(c, st, &row, err) != STATUS_OK) …
 *     sql_reset(c);                                   // ends every statement, and with them the snapshot
 *
 * Statements are kept by the address of their text, so the text must be a string literal. A connection is one
 * thread's at a time.
 */
#ifndef COGNATE_INDEX_SQL_H
#define COGNATE_INDEX_SQL_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

#define SQL_STATEMENTS 128   /* distinct literals in this folder, with room */
#define SQL_BUSY_MS    10000 /* how long a lock of another process is waited for */

struct sql {
    sqlite3 *db;
    const char *path; /* for messages; borrowed */
    bool failed;      /* a call of SQLite's has: what it keeps in memory, FTS5 above all, may be half done */
    struct {
        const char *text;
        sqlite3_stmt *statement;
    } kept[SQL_STATEMENTS];
    size_t kept_count;
};

enum sql_access {
    SQL_READ,      /* query_only, never checkpoints */
    SQL_IMMUTABLE, /* as SQL_READ, for a file that nobody can write: no locks, no files beside it */
    SQL_WRITE      /* creates a missing file; checkpoints only when told to */
};

/* Opens `path` with every guard on: defensive, untrusted schema, no extensions, no memory mapping, cell
 * checks, foreign keys. */
enum status sql_open(struct sql *c, const char *path, enum sql_access access, struct error *err);
void sql_close(struct sql *c); /* accepts a zeroed or half-opened one */

/* The kept statement of this literal, ready to be bound. */
enum status sql_get(struct sql *c, const char *literal, sqlite3_stmt **out, struct error *err);

/* *row is false at the end of the rows; NULL when there are none to expect. */
enum status sql_step(struct sql *c, sqlite3_stmt *st, bool *row, struct error *err);

/* Runs statements that give no rows. */
enum status sql_run(struct sql *c, const char *text, struct error *err);

/* First column of the first row; NOT_FOUND, without a message, when there is no row. */
enum status sql_number(struct sql *c, const char *literal, int64_t *out, struct error *err);

void sql_reset(struct sql *c);

/* What `rc` means, with SQLite's own words in the message. */
enum status sql_error(struct sql *c, int rc, struct error *err);

/* Binds without copying: the bytes must stay until the statement is reset. */
void sql_bind_text(sqlite3_stmt *st, int at, struct text text);

/* Borrowed until the next step. */
struct text sql_text(sqlite3_stmt *st, int column);

/* A copy that ends with a NUL; its bytes are freed with free. */
enum status sql_text_copy(sqlite3_stmt *st, int column, struct text *out, struct error *err);

#endif
