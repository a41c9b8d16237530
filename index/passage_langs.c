#include "index/passage_langs.h"

#include <stdlib.h>
#include <strings.h>

#include "index/filter.h"
#include "index/schema.h"

/* ---- which passages are in some languages ---- */

/* "zh" is what "zh-Hant" is in, too. */
static bool is_of(struct text tag, struct text lang)
{
    return lang.len <= tag.len && strncasecmp(tag.data, lang.data, lang.len) == 0 &&
           (tag.len == lang.len || tag.data[lang.len] == '-');
}

static enum status find_documents(struct passage_langs *set, struct collection *c, struct sql *sql,
                                  const struct text *langs, size_t n, struct error *err)
{
    struct filter filter = {.kind = FILTER_LANG, .value_count = n};
    struct filter_value *values = calloc(n + 1, sizeof *values);
    if (values == NULL)
        return error_memory(err, "searching");
    for (size_t i = 0; i < n; i++)
        values[i] = (struct filter_value){.type = FILTER_STRING, .string = langs[i]};
    filter.values = values;
    enum status status = filter_resolve(c, sql, &filter, &set->documents, NULL, err);
    free(values);
    return status;
}

static enum status find_own(struct passage_langs *set, struct collection *c, struct sql *sql,
                            const struct text *langs, size_t n, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status = sql_get(sql,
                                 "SELECT id, document, lang FROM passages INDEXED BY passages_by_language "
                                 "WHERE lang > '' AND id >= ?1 AND id < ?2",
                                 &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->space << PASSAGE_BITS);
    sqlite3_bind_int64(st, 2, (c->space + 1) << PASSAGE_BITS);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        int64_t passage = sqlite3_column_int64(st, 0), document = sqlite3_column_int64(st, 1);
        bool wanted = false;
        for (size_t i = 0; i < n && !wanted; i++)
            wanted = is_of(sql_text(st, 2), langs[i]);
        if (wanted)
            status = document_set_add(&set->own, passage, err);
        else if (document_set_has(&set->documents, document))
            status = document_set_add(&set->strange, passage, err);
        if (status == STATUS_OK && wanted)
            status = document_set_add(&set->owners, document, err);
        if (status != STATUS_OK)
            break;
    }
    sqlite3_reset(st);
    return status;
}

enum status passage_langs_resolve(struct passage_langs *set, struct collection *c, struct sql *sql,
                                  const struct text *langs, size_t n, struct error *err)
{
    struct document_set expired = {0};
    enum status status = find_documents(set, c, sql, langs, n, err);
    if (status == STATUS_OK)
        status = find_own(set, c, sql, langs, n, err);
    if (status == STATUS_OK)
        status = expired_documents(c, sql, &expired, err);
    if (status == STATUS_OK)
        document_set_subtract(&set->owners, &expired);
    document_set_release(&expired);
    return status;
}

void passage_langs_release(struct passage_langs *set)
{
    document_set_release(&set->documents);
    document_set_release(&set->strange);
    document_set_release(&set->own);
    document_set_release(&set->owners);
}

enum status passage_langs_narrow(const struct passage_langs *set, bool filtered,
                                 struct document_set *documents, struct error *err)
{
    struct document_set all = {0}, *into = filtered ? &all : documents;
    enum status status = document_set_join(into, &set->documents, err);
    if (status == STATUS_OK)
        status = document_set_join(into, &set->owners, err);
    if (status == STATUS_OK && filtered)
        document_set_meet(documents, &all);
    document_set_release(&all);
    return status;
}

/* ---- stores of earlier versions ---- */

#define STEP 1000 /* passages of a transaction */

struct untold {
    int64_t passage;
    char lang[PASSAGE_LANG_BYTES];
};

/* Names the language of a passage; `text` is open on its document's text or will be. */
static enum status name_passage(struct sql *sql, sqlite3_stmt *st, sqlite3_blob **text, passage_namer *name,
                                char lang[PASSAGE_LANG_BYTES], struct error *err)
{
    int64_t document = sqlite3_column_int64(st, 1), first = sqlite3_column_int64(st, 2);
    int64_t n = sqlite3_column_int64(st, 3) - first;
    int rc = *text != NULL ? sqlite3_blob_reopen(*text, document)
                           : sqlite3_blob_open(sql->db, "main", "texts", "text", document, 0, text);
    if (rc == SQLITE_OK && (first < 0 || n < 0 || first + n > sqlite3_blob_bytes(*text)))
        rc = SQLITE_CORRUPT;
    if (rc != SQLITE_OK)
        return sql_error(sql, rc, err);
    char *passage = malloc((size_t)n + 1);
    if (passage == NULL)
        return error_memory(err, "naming the languages of passages");
    rc = sqlite3_blob_read(*text, passage, (int)n, (int)first);
    if (rc == SQLITE_OK)
        name((struct text){passage, (size_t)n}, sql_text(st, 4), lang);
    free(passage);
    return rc == SQLITE_OK ? STATUS_OK : sql_error(sql, rc, err);
}

static enum status find_untold(struct sql *sql, passage_namer *name, struct untold *out, size_t *n,
                               struct error *err)
{
    sqlite3_blob *text = NULL;
    sqlite3_stmt *st;
    bool row;
    size_t count = 0;
    enum status status =
        sql_get(sql,
                "SELECT p.id, p.document, p.first, p.last, d.lang FROM passages p INDEXED BY passages_untold "
                "CROSS JOIN documents d ON d.id = p.document WHERE p.lang IS NULL LIMIT ?1",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, STEP);
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        out[count].passage = sqlite3_column_int64(st, 0);
        status = name_passage(sql, st, &text, name, out[count].lang, err);
        if (status != STATUS_OK)
            break;
        count++;
    }
    sqlite3_reset(st);
    sqlite3_blob_close(text);
    *n = count;
    return status;
}

static enum status tell(struct sql *sql, const struct untold *untold, struct error *err)
{
    sqlite3_stmt *st;
    enum status status = sql_get(sql, "UPDATE passages SET lang = ?2 WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, untold->passage);
    sql_bind_text(st, 2, text_of(untold->lang));
    return sql_step(sql, st, NULL, err);
}

enum status store_tell_languages(struct store *s, passage_namer *name, struct error *err)
{
    struct untold *untold = calloc(STEP, sizeof *untold);
    size_t n = STEP;
    enum status status = untold != NULL ? STATUS_OK : error_memory(err, "naming the languages of passages");
    while (status == STATUS_OK && n > 0) {
        status = store_begin(s, err);
        if (status != STATUS_OK)
            break;
        status = find_untold(&s->writer, name, untold, &n, err);
        for (size_t i = 0; i < n && status == STATUS_OK; i++)
            status = tell(&s->writer, &untold[i], err);
        if (status == STATUS_OK && n > 0)
            status = store_commit(s, err);
        store_end(s);
    }
    free(untold);
    return status;
}
