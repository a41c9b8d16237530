#include "index/fts.h"

#include <stdlib.h>

#include "index/words.h"

/* ---- the tokenizer ---- */

static int tokenizer_new(void *unused, const char **arguments, int n, Fts5Tokenizer **out)
{
    struct words *w = malloc(sizeof *w);
    (void)unused;
    (void)arguments;
    (void)n;
    if (w == NULL)
        return SQLITE_NOMEM;
    enum status status = words_open(w, NULL);
    if (status == STATUS_OK) {
        *out = (Fts5Tokenizer *)w;
        return SQLITE_OK;
    }
    words_close(w);
    free(w);
    return status == STATUS_NO_MEMORY ? SQLITE_NOMEM : SQLITE_ERROR;
}

static void tokenizer_free(Fts5Tokenizer *tokenizer)
{
    words_close((struct words *)tokenizer);
    free(tokenizer);
}

typedef int give_token(void *context, int flags, const char *token, int n, int start, int end);

static int tokenize(Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int n,
                    give_token *give)
{
    struct words *w = (struct words *)tokenizer;
    const struct word *word;
    enum status status;
    int rc = SQLITE_OK;
    if ((flags & FTS5_TOKENIZE_QUERY) != 0)
        return give(context, 0, text, n, 0, n);
    words_begin(w, (struct text){text, (size_t)n});
    while ((status = words_next(w, &word, NULL)) == STATUS_OK && word != NULL && rc == SQLITE_OK) {
        struct text folded = words_text(w, word);
        rc = give(context, word->beside ? FTS5_TOKEN_COLOCATED : 0, folded.data, (int)folded.len,
                  (int)word->start, (int)word->end);
    }
    return status == STATUS_OK ? rc : status == STATUS_NO_MEMORY ? SQLITE_NOMEM : SQLITE_ERROR;
}

/* ---- figures of a row ---- */

static sqlite3_int64 least(sqlite3_int64 n, sqlite3_int64 most)
{
    return n < 0 ? 0 : n < most ? n : most;
}

static void tally(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int n,
                  sqlite3_value **values)
{
    Fts5PhraseIter at;
    int column, place, length = 0, rc = SQLITE_OK;
    sqlite3_int64 counts[2] = {0};
    (void)values;
    if (n != 0 || api->xPhraseCount(fts) != 1 || api->xColumnCount(fts) != 2)
        rc = SQLITE_MISUSE;
    if (rc == SQLITE_OK)
        rc = api->xPhraseFirst(fts, 0, &at, &column, &place);
    for (; rc == SQLITE_OK && column >= 0; api->xPhraseNext(fts, &at, &column, &place))
        counts[column == 1]++;
    if (rc == SQLITE_OK)
        rc = api->xColumnSize(fts, 1, &length);
    if (rc == SQLITE_OK)
        sqlite3_result_int64(context, least(counts[0], 0xff) | least(counts[1], 0xffff) << 8 |
                                          least(length, 0xffffff) << 24);
    else
        sqlite3_result_error_code(context, rc);
}

static void average(const Fts5ExtensionApi *api, Fts5Context *fts, sqlite3_context *context, int n,
                    sqlite3_value **values)
{
    sqlite3_int64 rows = 0, words = 0;
    int rc = n == 1 ? api->xRowCount(fts, &rows) : SQLITE_MISUSE;
    if (rc == SQLITE_OK)
        rc = api->xColumnTotalSize(fts, sqlite3_value_int(values[0]), &words);
    if (rc == SQLITE_OK)
        sqlite3_result_double(context, rows > 0 ? (double)words / (double)rows : 0);
    else
        sqlite3_result_error_code(context, rc);
}

/* ---- registering ---- */

enum status fts_register(sqlite3 *db, struct error *err)
{
    static const fts5_tokenizer tokenizer = {tokenizer_new, tokenizer_free, tokenize};
    sqlite3_stmt *st = NULL;
    fts5_api *api = NULL;
    int rc = sqlite3_prepare_v2(db, "SELECT fts5(?1)", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_pointer(st, 1, &api, "fts5_api_ptr", NULL);
    if (rc == SQLITE_OK)
        sqlite3_step(st);
    sqlite3_finalize(st);
    if (rc == SQLITE_NOMEM)
        return error_memory(err, "preparing a connection for keywords");
    if (api == NULL || api->iVersion < 2)
        return error_set(err, STATUS_UNSUPPORTED,
                         "this SQLite (%s) has no FTS5, which keywords need; use a build that has it",
                         sqlite3_libversion());
    fts5_tokenizer copy = tokenizer;
    rc = api->xCreateTokenizer(api, "cognate", NULL, &copy, NULL);
    if (rc == SQLITE_OK)
        rc = api->xCreateFunction(api, "tally", NULL, tally, NULL);
    if (rc == SQLITE_OK)
        rc = api->xCreateFunction(api, "average", NULL, average, NULL);
    return rc == SQLITE_OK ? STATUS_OK : error_memory(err, "preparing a connection for keywords");
}
