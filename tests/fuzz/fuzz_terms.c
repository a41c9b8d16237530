/* Any text is a query: FTS5 takes the expression of each of its terms, and marks lie inside the text, apart. */
#include <sqlite3.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "index/fts.h"
#include "index/terms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(struct terms *t, sqlite3_stmt *st)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    for (size_t i = 0; i < t->count; i++) {
        buf_clear(&out);
        if (term_expression(t, &t->items[i], &out, NULL) != STATUS_OK)
            abort();
        sqlite3_bind_text(st, 1, out.data, (int)out.len, SQLITE_STATIC);
        int rc = sqlite3_step(st);
        if (rc != SQLITE_DONE && rc != SQLITE_ROW)
            abort();
        sqlite3_reset(st);
    }
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *st = NULL, *insert = NULL;
    struct terms t;
    struct marks marks = {0};
    char *text = malloc(size + 1); /* exactly as long, so that a byte too many is seen */
    if (text == NULL || sqlite3_open(":memory:", &db) != SQLITE_OK || fts_register(db, NULL) != STATUS_OK ||
        sqlite3_exec(db, "CREATE VIRTUAL TABLE k USING fts5(title, text, tokenize = 'cognate')", NULL, NULL,
                     NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "INSERT INTO k VALUES (?1, ?1)", -1, &insert, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(db, "SELECT tally(k) FROM k WHERE k MATCH ?1", -1, &st, NULL) != SQLITE_OK)
        abort();
    memcpy(text, data, size);
    struct text query = {text, utf8_invalid(text, size)};
    sqlite3_bind_text(insert, 1, text, (int)query.len, SQLITE_STATIC);
    if (sqlite3_step(insert) != SQLITE_DONE || terms_open(&t, query, NULL) != STATUS_OK)
        abort();
    ask(&t, st);
    if (terms_mark(&t, query, &marks, NULL) != STATUS_OK)
        abort();
    for (size_t i = 0; i < marks.count; i++)
        if (marks.items[i].start >= marks.items[i].end || marks.items[i].end > query.len ||
            (i > 0 && marks.items[i].start < marks.items[i - 1].end))
            abort();
    free(marks.items);
    terms_close(&t);
    sqlite3_finalize(insert);
    sqlite3_finalize(st);
    sqlite3_close(db);
    free(text);
    return 0;
}
