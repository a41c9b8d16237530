/* store_check: SQLite's own check of every page, then what must hold between the rows. */
#include <stdlib.h>
#include <string.h>

#include "index/fields.h"
#include "index/keyword.h"
#include "index/schema.h"
#include "index/store.h"

/* Runs a statement that gives a row for each finding. */
static enum status expect_none(struct sql *sql, const char *literal, const char *finding, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, literal, &st, err);
    if (status == STATUS_OK)
        status = sql_step(sql, st, &row, err);
    if (status == STATUS_OK && row)
        status = error_set(err, STATUS_CORRUPT, "%s is damaged: %s (%s); restore it from a backup", sql->path,
                           finding, sql_text(st, 0).data);
    return status;
}

/* What SQLite could not look at stands among its findings, with the code of the reason. 0: all else. */
static int code_in(const char *finding)
{
    const char *at = strstr(finding, "error code=");
    return at != NULL ? (int)strtol(at + strlen("error code="), NULL, 10) : 0;
}

static enum status found(struct sql *sql, const char *finding, struct error *err)
{
    int code = code_in(finding);
    if ((code & 0xff) == SQLITE_NOMEM)
        return error_memory(err, "checking the store");
    if ((code & 0xff) == SQLITE_IOERR && code != SQLITE_IOERR_DATA)
        return error_set(err, STATUS_IO, "%s: not all of it could be read: %s; check it again", sql->path,
                         finding);
    return error_set(err, STATUS_CORRUPT, "%s is damaged: %s; restore it from a backup", sql->path, finding);
}

static enum status pages(struct sql *sql, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, "PRAGMA integrity_check(1)", &st, err);
    if (status == STATUS_OK)
        status = sql_step(sql, st, &row, err);
    if (status == STATUS_OK && (!row || !text_is(sql_text(st, 0), "ok")))
        status = found(sql, row ? sql_text(st, 0).data : "its check gave no answer", err);
    return status;
}

enum status store_check(struct store *s, struct error *err)
{
    static const struct {
        const char *literal, *finding;
    } rules[] = {
        {"PRAGMA foreign_key_check", "a row refers to one that is gone"},
        {"SELECT c.name FROM collections c WHERE c.documents <> "
         "(SELECT count(*) FROM documents d WHERE d.collection = c.id)",
         "a collection does not have the documents it counts"},
        {"SELECT c.name FROM collections c JOIN spaces s ON s.collection = c.id WHERE s.passages <> "
         "(SELECT count(*) FROM passages p WHERE p.id >= s.id << 40 AND p.id < s.id + 1 << 40)",
         "a collection does not have the passages it counts"},
        {"SELECT c.name FROM collections c WHERE 1 <> "
         "(SELECT count(*) FROM spaces s WHERE s.collection = c.id AND s.active)",
         "a collection has no active vector space"},
        {"SELECT d.name FROM documents d WHERE NOT EXISTS (SELECT 1 FROM texts t WHERE t.document = d.id)",
         "a document has no text"},
        {"SELECT p.id FROM passages p JOIN documents d ON d.id = p.document "
         "LEFT JOIN spaces s ON s.id = p.id >> 40 AND s.collection = d.collection WHERE s.id IS NULL",
         "a passage lies in the vector space of another collection"},
        {"SELECT d.name FROM documents d JOIN passages p ON p.document = d.id GROUP BY d.id, p.id >> 40 "
         "HAVING min(p.ordinal) <> 0 OR max(p.ordinal) + 1 <> count(*) OR max(p.id) - min(p.id) <> "
         "max(p.ordinal)",
         "a document does not have its passages one behind the other"},
        {"SELECT p.id FROM passages p JOIN spaces s ON s.id = p.id >> 40 WHERE length(p.vector) <> 4 * "
         "s.width",
         "a passage has no vector of its space"},
    };
    _Static_assert(PASSAGE_BITS == 40, "the statements shift by it");
    struct sql *sql;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = pages(sql, err);
    for (size_t i = 0; i < sizeof rules / sizeof *rules && status == STATUS_OK; i++)
        status = expect_none(sql, rules[i].literal, rules[i].finding, err);
    if (status == STATUS_OK)
        status = keyword_check_rows(sql, err);
    if (status == STATUS_OK)
        status = fields_check(sql, err);
    store_reader_done(s, sql);
    return status;
}
