/* The tables of a store.
 *
 *     collections ──< spaces                 what made the vectors
 *          │             ╎
 *          │             ╎ (number of the space = upper bits of the passage's number)
 *          └──< documents ──< passages       small facts in documents, vectors in passages
 *                    └─── texts              apart, so that filters never read past a long text
 *     keywords_N                             postings of space N, FTS5's (keyword.h)
 *     fields ──< field_values                fields of the metadata with an index (fields.c)
 *     jobs ──< job_rows                      work that goes on in the background, and what it was given
 *
 * 1. Every row of passages lies in the number range of a space of its document's collection, so the space of
 *    each vector is known without a column. A collection has one active space, which searches use, and at
 *    most one spare: being filled by another model, or kept to go back to until kept_until.
 * 2. collections.documents and spaces.passages count the rows; `generation` grows by one with every commit
 *    that touches the collection.
 * 3. A passage never changes once written and its language is told: new content means new passages under new
 * numbers. A copy of the vectors in memory is therefore brought up to date by adding what has larger numbers
 * and dropping what is gone.
 * 4. lang compares without regard to case, as BCP 47 wants; names of documents compare by bytes.
 * 5. A document whose `expires` has passed is not there for any reader, though its rows go a little later.
 * 6. Times are Unix milliseconds.
 */
#include "index/schema.h"

#include <string.h>

#include "index/keyword.h"
#include "index/page_file.h"

static const char version_1[] =
    "CREATE TABLE collections (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    name TEXT NOT NULL UNIQUE,\n"
    "    generation INTEGER NOT NULL,\n"
    "    documents INTEGER NOT NULL,\n"
    "    passages INTEGER NOT NULL,\n"
    "    created INTEGER NOT NULL,\n"
    "    updated INTEGER NOT NULL\n"
    ") STRICT;\n"
    "CREATE TABLE spaces (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,\n"
    "    active INTEGER NOT NULL CHECK (active IN (0, 1)),\n"
    "    model TEXT NOT NULL,\n"
    "    space_id BLOB NOT NULL CHECK (length(space_id) = 32),\n"
    "    width INTEGER NOT NULL,\n"
    "    passage_tokens INTEGER NOT NULL,\n"
    "    passage_overlap INTEGER NOT NULL,\n"
    "    next_passage INTEGER NOT NULL,\n"
    "    created INTEGER NOT NULL\n"
    ") STRICT;\n"
    "CREATE UNIQUE INDEX spaces_active ON spaces (collection) WHERE active;\n"
    "CREATE TABLE documents (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,\n"
    "    name TEXT NOT NULL,\n"
    "    content_hash BLOB NOT NULL CHECK (length(content_hash) = 32),\n"
    "    passages INTEGER NOT NULL,\n"
    "    created INTEGER NOT NULL,\n"
    "    updated INTEGER NOT NULL,\n"
    "    lang TEXT NOT NULL COLLATE NOCASE,\n"
    "    title TEXT NOT NULL,\n"
    "    metadata TEXT NOT NULL CHECK (ltrim(metadata, char(9, 10, 13, 32)) GLOB '{*}*'),\n"
    "    UNIQUE (collection, name)\n"
    ") STRICT;\n"
    "CREATE INDEX documents_by_content ON documents (collection, content_hash);\n"
    "CREATE INDEX documents_by_language ON documents (collection, lang);\n"
    "CREATE TABLE texts (\n"
    "    document INTEGER PRIMARY KEY REFERENCES documents ON DELETE CASCADE,\n"
    "    text TEXT NOT NULL\n"
    ") STRICT;\n"
    "CREATE TABLE passages (\n"
    "    id INTEGER PRIMARY KEY,\n"
    "    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,\n"
    "    ordinal INTEGER NOT NULL,\n"
    "    first INTEGER NOT NULL,      -- bytes of the text\n"
    "    last INTEGER NOT NULL,       -- one past\n"
    "    first_char INTEGER NOT NULL, -- the same in code points\n"
    "    last_char INTEGER NOT NULL,\n"
    "    tokens INTEGER NOT NULL,\n"
    "    vector BLOB NOT NULL         -- width × float32, little-endian\n"
    ") STRICT;\n"
    "CREATE INDEX passages_by_document ON passages (document);\n";

static const char version_2[] =
    "ALTER TABLE spaces ADD COLUMN passages INTEGER NOT NULL DEFAULT 0;\n"
    "ALTER TABLE spaces ADD COLUMN kept_until INTEGER;\n"
    "ALTER TABLE spaces ADD COLUMN keyword_rules TEXT NOT NULL DEFAULT '';\n"
    "ALTER TABLE spaces ADD COLUMN keyword_next INTEGER NOT NULL DEFAULT 0;\n"
    "UPDATE spaces SET passages = (SELECT c.passages FROM collections c WHERE c.id = collection) WHERE "
    "active;\n"
    "ALTER TABLE collections DROP COLUMN passages;\n"
    "ALTER TABLE documents DROP COLUMN passages;\n"
    "ALTER TABLE documents ADD COLUMN expires INTEGER;\n"
    "CREATE INDEX documents_by_expiry ON documents (collection, expires) WHERE expires IS NOT NULL;\n"
    "ALTER TABLE collections ADD COLUMN settings TEXT NOT NULL DEFAULT '{}' "
    "CHECK (settings GLOB '{*}');\n"
    "CREATE TABLE jobs (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    kind TEXT NOT NULL,\n"
    "    state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),\n"
    "    collection TEXT NOT NULL, -- its name; empty for the whole store\n"
    "    arguments TEXT NOT NULL,  -- a JSON object: what its kind was told\n"
    "    position INTEGER NOT NULL, -- what comes before it is committed\n"
    "    done INTEGER NOT NULL,\n"
    "    total INTEGER NOT NULL,\n"
    "    errors INTEGER NOT NULL,\n"
    "    message TEXT NOT NULL,    -- of the last error\n"
    "    created INTEGER NOT NULL,\n"
    "    started INTEGER,\n"
    "    updated INTEGER NOT NULL\n"
    ") STRICT;\n"
    "CREATE INDEX jobs_waiting ON jobs (id) WHERE state IN ('queued', 'running');\n"
    "CREATE TABLE job_rows (\n"
    "    id INTEGER PRIMARY KEY,\n"
    "    job INTEGER NOT NULL REFERENCES jobs ON DELETE CASCADE,\n"
    "    row INTEGER NOT NULL,\n"
    "    body TEXT NOT NULL,\n"
    "    UNIQUE (job, row)\n"
    ") STRICT;\n"
    "CREATE TABLE fields (\n"
    "    id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
    "    collection INTEGER NOT NULL REFERENCES collections ON DELETE CASCADE,\n"
    "    name TEXT NOT NULL,\n"
    "    UNIQUE (collection, name)\n"
    ") STRICT;\n"
    "CREATE TABLE field_values (\n"
    "    field INTEGER NOT NULL,\n"
    "    type INTEGER NOT NULL,\n"
    "    value ANY NOT NULL,\n"
    "    document INTEGER NOT NULL,\n"
    "    PRIMARY KEY (field, type, value, document)\n"
    ") STRICT, WITHOUT ROWID;\n";

/* A passage's own language; empty for its document's, and NULL until it is told (store_tell_languages). */
static const char version_3[] =
    "ALTER TABLE passages ADD COLUMN lang TEXT COLLATE NOCASE;\n"
    "CREATE INDEX passages_by_language ON passages (lang, document) WHERE lang > '';\n"
    "CREATE INDEX passages_untold ON passages (document) WHERE lang IS NULL;\n";

/* steps[v] turns version v into v + 1. A released step is never edited. */
static const char *const steps[SCHEMA_VERSION] = {version_1, version_2, version_3};

static const char object_list[] =
    "SELECT type, name, tbl_name, sql FROM sqlite_schema "
    "WHERE name NOT LIKE 'sqlite_stat%' AND name NOT GLOB 'keywords_*' ORDER BY type, name";

/* The tables must be what the steps create: nothing else (a trigger, a view, a changed constraint) may run on
 * behalf of our statements. */
static enum status compare_objects(struct sql *c, int version, struct error *err)
{
    struct sql wanted = {0};
    sqlite3_stmt *a = NULL, *b = NULL;
    enum status status = sql_open(&wanted, ":memory:", SQL_WRITE, err);
    for (int v = 0; v < version && status == STATUS_OK; v++)
        status = sql_run(&wanted, steps[v], err);
    if (status == STATUS_OK)
        status = sql_get(&wanted, object_list, &a, err);
    if (status == STATUS_OK)
        status = sql_get(c, object_list, &b, err);
    while (status == STATUS_OK) {
        bool row_a, row_b;
        bool same = true;
        status = sql_step(&wanted, a, &row_a, err);
        if (status == STATUS_OK)
            status = sql_step(c, b, &row_b, err);
        if (status != STATUS_OK)
            break;
        for (int i = 0; i < 4 && row_a && row_b; i++)
            same &= text_equal(sql_text(a, i), sql_text(b, i));
        if (row_a != row_b || !same)
            status = error_set(
                err, STATUS_CORRUPT,
                "%s: its tables are not those of a Cognate store of version %d%s%s; restore it from a backup",
                c->path, version, row_b ? ": " : "", row_b ? sql_text(b, 1).data : "");
        if (!row_a || !row_b)
            break;
    }
    sql_reset(c);
    sql_close(&wanted);
    return status;
}

static enum status check_tables(struct sql *c, int version, struct error *err)
{
    enum status status = compare_objects(c, version, err);
    return status == STATUS_OK && version > 1 ? keyword_check_tables(c, err) : status;
}

enum status schema_prepare(struct sql *c, struct error *err)
{
    int reserved = PAGE_SUM_BYTES;
    sqlite3_file_control(c->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    return sql_run(c, "PRAGMA page_size = 16384; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA user_version = 0",
                   err);
}

static enum status create_file(struct sql *c, struct error *err)
{
    enum status status = schema_prepare(c, err);
    return status == STATUS_OK ? sql_run(c, "PRAGMA journal_mode = WAL", err) : status;
}

/* Each step is a transaction: an interrupted upgrade leaves one of the versions, and goes on from there. */
static enum status upgrade(struct sql *c, int64_t from, struct error *err)
{
    char facts[96];
    enum status status = STATUS_OK;
    for (int64_t v = from; v < SCHEMA_VERSION && status == STATUS_OK; v++) {
        sqlite3_snprintf(sizeof facts, facts, "PRAGMA application_id = %d; PRAGMA user_version = %d",
                         SCHEMA_APPLICATION_ID, (int)v + 1);
        status = sql_run(c, "BEGIN IMMEDIATE", err);
        if (status == STATUS_OK)
            status = sql_run(c, steps[v], err);
        if (status == STATUS_OK)
            status = sql_run(c, facts, err);
        if (status == STATUS_OK)
            status = sql_run(c, "COMMIT", err);
        if (status != STATUS_OK && !sqlite3_get_autocommit(c->db))
            sql_run(c, "ROLLBACK", NULL);
    }
    return status;
}

enum status schema_open(struct sql *c, bool write, struct error *err)
{
    int64_t application = 0, version = 0, objects = 0;
    int reserved = -1; /* asks */
    enum status status = sql_number(c, "PRAGMA application_id", &application, err);
    if (status == STATUS_OK)
        status = sql_number(c, "PRAGMA user_version", &version, err);
    if (status == STATUS_OK)
        status = sql_number(c, "SELECT count(*) FROM sqlite_schema", &objects, err);
    if (status != STATUS_OK)
        return status;
    bool empty = application == 0 && version == 0 && objects == 0;
    if (empty && !write)
        return error_set(err, STATUS_INVALID,
                         "%s is empty: no store was ever created in it; index something first", c->path);
    if (empty) {
        status = create_file(c, err);
        if (status != STATUS_OK)
            return status;
    } else if (application != SCHEMA_APPLICATION_ID) {
        return error_set(err, STATUS_INVALID,
                         "%s is a database of another program; give the path of a Cognate store", c->path);
    } else if (version > SCHEMA_VERSION) {
        return error_set(
            err, STATUS_UNSUPPORTED,
            "%s was written by a newer Cognate (store version %lld, this program knows up to %d); "
            "use that program, or restore a backup made by this one",
            c->path, (long long)version, SCHEMA_VERSION);
    } else if (version < 1) {
        return error_set(err, STATUS_CORRUPT,
                         "%s has the impossible store version %lld; restore it from a backup", c->path,
                         (long long)version);
    }
    sqlite3_file_control(c->db, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
    if (reserved != PAGE_SUM_BYTES)
        return error_set(err, STATUS_CORRUPT,
                         "%s is damaged: its pages have no checksums; restore it from a backup", c->path);
    if (version < SCHEMA_VERSION && !write)
        return error_set(err, STATUS_UNSUPPORTED,
                         "%s was written by an older Cognate (store version %lld); whatever writes to it "
                         "brings it up to date, "
                         "for example: cognate --db %s compact",
                         c->path, (long long)version, c->path);
    if (version < SCHEMA_VERSION) {
        if (version > 0)
            status = check_tables(c, (int)version, err);
        if (status == STATUS_OK)
            status = upgrade(c, version, err);
    }
    return status == STATUS_OK ? check_tables(c, SCHEMA_VERSION, err) : status;
}
