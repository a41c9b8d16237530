/* Collections: their rows, the handles on them, and how a search and the vectors in memory come to see the
 * same state.
 *
 * Every commit to a collection adds one to its generation, and `resident.generation` says which of them the
 * copy in memory shows. A reader takes a snapshot of the file, then the lock of the copy, and compares:
 *
 *     equal        what it reads from the file and from memory is one state
 *     otherwise    it takes `apply`, which keeps this process from committing meanwhile, reads a new
 * snapshot, and brings the copy to it (the first load is this case too)
 *
 * A commit holds `apply` from before COMMIT until the copy shows it, so nobody sees the file ahead of memory.
 */
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "index/keyword.h"
#include "index/schema.h"
#include "index/space.h"
#include "index/store.h"

#define NAME_BYTES 64

static const char missing[] = "there is no collection \"%.*s\"; create it first, or list those there are";

enum status collection_row(struct collection *c, struct sql *sql, struct collection_row *out,
                           struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status =
        sql_get(sql,
                "SELECT c.generation, c.documents, s.passages, c.created, c.updated, s.active "
                "FROM collections c JOIN spaces s ON s.collection = c.id WHERE s.id = ?1",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->space);
    status = sql_step(sql, st, &row, err);
    if (status != STATUS_OK)
        return status;
    if (row)
        *out = (struct collection_row){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1),
                                       sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3),
                                       sqlite3_column_int64(st, 4), sqlite3_column_int(st, 5) != 0};
    sqlite3_reset(st);
    if (!row)
        return error_set(err, STATUS_NOT_FOUND, "the collection \"%s\" was deleted", c->name);
    return STATUS_OK;
}

enum status collection_touch(struct collection *c, int64_t documents, int64_t passages, struct error *err)
{
    struct sql *sql = &c->store->writer;
    sqlite3_stmt *st;
    enum status status =
        sql_get(sql,
                "UPDATE collections SET generation = generation + 1, documents = documents + ?2, "
                "updated = max(updated, ?3) WHERE id = ?1",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sqlite3_bind_int64(st, 2, documents);
    sqlite3_bind_int64(st, 3, time_now_ms());
    status = sql_step(sql, st, NULL, err);
    if (status == STATUS_OK)
        status = sql_get(sql, "UPDATE spaces SET passages = passages + ?2 WHERE id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->space);
    sqlite3_bind_int64(st, 2, passages);
    return sql_step(sql, st, NULL, err);
}

enum status collection_commit(struct collection *c, const int64_t *removed, size_t n, struct error *err)
{
    struct store *s = c->store;
    struct collection_row row;
    pthread_mutex_lock(&c->apply);
    enum status status = store_commit(s, err);
    pthread_rwlock_wrlock(&c->lock);
    if (status == STATUS_OK && c->resident.generation != 0) {
        for (size_t i = 0; i < n; i++)
            resident_remove(&c->resident, removed[i]);
        /* Failing here costs a later search a reload; what was committed is committed. */
        if (collection_row(c, &s->writer, &row, NULL) != STATUS_OK ||
            resident_refresh(&c->resident, &s->writer, c->space, row.generation, row.passages, NULL) !=
                STATUS_OK)
            resident_clear(&c->resident);
    }
    pthread_rwlock_unlock(&c->lock);
    pthread_mutex_unlock(&c->apply);
    return status;
}

/* ---- a reader's view ---- */

static enum status snapshot(struct collection *c, struct collection_view *view, struct error *err)
{
    enum status status = store_reader(c->store, &view->sql, err);
    if (status != STATUS_OK)
        return status;
    status = collection_row(c, view->sql, &view->row, err);
    if (status != STATUS_OK)
        store_reader_done(c->store, view->sql);
    return status;
}

static enum status catch_up(struct collection *c, struct collection_view *view, struct error *err)
{
    pthread_mutex_lock(&c->apply);
    enum status status = snapshot(c, view, err);
    if (status != STATUS_OK)
        goto done;
    pthread_rwlock_wrlock(&c->lock);
    if (c->resident.generation != view->row.generation)
        status = resident_refresh(&c->resident, view->sql, c->space, view->row.generation, view->row.passages,
                                  err);
    pthread_rwlock_unlock(&c->lock);
    if (status == STATUS_OK)
        pthread_rwlock_rdlock(&c->lock);
    else
        store_reader_done(c->store, view->sql);
done:
    pthread_mutex_unlock(&c->apply);
    return status;
}

enum status collection_view(struct collection *c, struct collection_view *view, struct error *err)
{
    enum status status = snapshot(c, view, err);
    if (status != STATUS_OK)
        return status;
    pthread_rwlock_rdlock(&c->lock);
    if (c->resident.generation == view->row.generation)
        return STATUS_OK;
    pthread_rwlock_unlock(&c->lock);
    store_reader_done(c->store, view->sql);
    return catch_up(c, view, err);
}

void collection_view_end(struct collection *c, struct collection_view *view)
{
    pthread_rwlock_unlock(&c->lock);
    store_reader_done(c->store, view->sql);
}

/* ---- creating and deleting ---- */

static bool name_is_valid(struct text name)
{
    for (size_t i = 0; i < name.len; i++) {
        char b = name.data[i];
        bool letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9');
        if (!letter && (i == 0 || (b != '.' && b != '_' && b != '-')))
            return false;
    }
    return name.len > 0 && name.len <= NAME_BYTES;
}

static enum status check_settings(const struct collection_settings *settings, struct error *err)
{
    if (!name_is_valid(settings->name))
        return error_field(
            err, STATUS_INVALID, "name",
            "a collection's name is 1 to %d of a-z A-Z 0-9 . _ - and begins with a letter or digit",
            NAME_BYTES);
    if (settings->width == 0 || settings->width > SCAN_MAX_WIDTH)
        return error_field(err, STATUS_INVALID, "width", "vectors have 1 to %d numbers, not %lu",
                           SCAN_MAX_WIDTH, (unsigned long)settings->width);
    if (settings->passage_tokens == 0 || settings->passage_overlap >= settings->passage_tokens)
        return error_field(err, STATUS_INVALID, "passage_overlap",
                           "passages have at least one token and overlap by fewer tokens than they have");
    return STATUS_OK;
}

static enum status find_id(struct sql *sql, struct text name, int64_t *id, struct error *err)
{
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(sql, "SELECT id FROM collections WHERE name = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sql_bind_text(st, 1, name);
    status = sql_step(sql, st, &row, err);
    int64_t found = row ? sqlite3_column_int64(st, 0) : 0;
    sqlite3_reset(st);
    if (status == STATUS_OK && found != 0)
        *id = found;
    else if (status == STATUS_OK)
        status = STATUS_NOT_FOUND;
    return status;
}

enum status space_insert(struct sql *sql, int64_t collection, const struct collection_settings *settings,
                         bool active, int64_t *out, struct error *err)
{
    sqlite3_stmt *st;
    enum status status =
        sql_get(sql,
                "INSERT INTO spaces (collection, active, model, space_id, width, passage_tokens, "
                "passage_overlap, next_passage, created) VALUES (?1, ?8, ?2, ?3, ?4, ?5, ?6, 0, ?7)",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, collection);
    sql_bind_text(st, 2, settings->model);
    sqlite3_bind_blob(st, 3, settings->space_id, sizeof settings->space_id, SQLITE_STATIC);
    sqlite3_bind_int64(st, 4, settings->width);
    sqlite3_bind_int64(st, 5, settings->passage_tokens);
    sqlite3_bind_int64(st, 6, settings->passage_overlap);
    sqlite3_bind_int64(st, 7, time_now_ms());
    sqlite3_bind_int(st, 8, active);
    status = sql_step(sql, st, NULL, err);
    int64_t space = sqlite3_last_insert_rowid(sql->db);
    if (status == STATUS_OK && space >= SPACE_LIMIT)
        status =
            error_set(err, STATUS_UNSUPPORTED,
                      "%s has had %lld collections, all it can number; export what you need to a new store",
                      sql->path, (long long)SPACE_LIMIT);
    if (status == STATUS_OK)
        *out = space;
    return status == STATUS_OK && !settings->no_keywords ? keyword_create(sql, space, err) : status;
}

enum status store_collection_create(struct store *s, const struct collection_settings *settings,
                                    struct error *err)
{
    sqlite3_stmt *st;
    int64_t id;
    enum status status = check_settings(settings, err);
    if (status == STATUS_OK)
        status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    struct sql *sql = &s->writer;
    status = find_id(sql, settings->name, &id, err);
    if (status == STATUS_OK)
        status =
            error_field(err, STATUS_CONFLICT, "name",
                        "there is a collection \"%.*s\" already; choose another name, or delete it first",
                        (int)settings->name.len, settings->name.data);
    else if (status == STATUS_NOT_FOUND)
        status = sql_get(sql,
                         "INSERT INTO collections (name, generation, documents, created, updated, settings) "
                         "VALUES (?1, 1, 0, ?2, ?2, iif(?3, '{\"keyword\":false}', '{}'))",
                         &st, err);
    if (status != STATUS_OK)
        goto done;
    sql_bind_text(st, 1, settings->name);
    sqlite3_bind_int64(st, 2, time_now_ms());
    sqlite3_bind_int(st, 3, settings->no_keywords);
    status = sql_step(sql, st, NULL, err);
    if (status == STATUS_OK)
        status = space_insert(sql, sqlite3_last_insert_rowid(sql->db), settings, true, &id, err);
    if (status == STATUS_OK)
        status = store_commit(s, err);
done:
    store_end(s);
    return status;
}

static enum status delete_rows(struct sql *sql, int64_t id, struct error *err)
{
    /* Children first: a row goes by its range of numbers, not by a look at each parent. */
    static const char *const texts[] = {
        "DELETE FROM passages WHERE EXISTS (SELECT 1 FROM spaces WHERE collection = ?1) AND id >= "
        "(SELECT min(id) << 40 FROM spaces WHERE collection = ?1) AND id < "
        "(SELECT max(id) + 1 << 40 FROM spaces WHERE collection = ?1) AND id >> 40 IN "
        "(SELECT id FROM spaces WHERE collection = ?1)",
        "DELETE FROM texts WHERE document IN (SELECT id FROM documents WHERE collection = ?1)",
        "DELETE FROM field_values WHERE field IN (SELECT id FROM fields WHERE collection = ?1)",
        "DELETE FROM fields WHERE collection = ?1",
        "DELETE FROM documents WHERE collection = ?1",
        "DELETE FROM spaces WHERE collection = ?1",
        "DELETE FROM collections WHERE id = ?1",
    };
    _Static_assert(PASSAGE_BITS == 40, "the first statement shifts by it");
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts && status == STATUS_OK; i++) {
        sqlite3_stmt *st;
        status = sql_get(sql, texts[i], &st, err);
        if (status != STATUS_OK)
            break;
        sqlite3_bind_int64(st, 1, id);
        status = sql_step(sql, st, NULL, err);
    }
    return status;
}

void handles_drop(struct store *s, int64_t id, int64_t space)
{
    struct collection **at = &s->collections;
    pthread_mutex_lock(&s->registry);
    while (*at != NULL) {
        struct collection *c = *at;
        c->dropped |= c->id == id && (space == 0 || c->space == space);
        if (c->dropped && c->references == 0) {
            *at = c->next;
            collection_free(c);
        } else {
            at = &c->next;
        }
    }
    pthread_mutex_unlock(&s->registry);
}

enum status store_collection_delete(struct store *s, struct text name, struct error *err)
{
    int64_t id = 0;
    enum status status = store_begin(s, err);
    if (status != STATUS_OK)
        return status;
    status = find_id(&s->writer, name, &id, err);
    if (status == STATUS_NOT_FOUND)
        error_field(err, status, "name", missing, (int)name.len, name.data);
    if (status == STATUS_OK)
        status = keyword_drop_all(&s->writer, id, err);
    if (status == STATUS_OK)
        status = delete_rows(&s->writer, id, err);
    if (status == STATUS_OK)
        status = store_commit(s, err);
    store_end(s);
    if (status == STATUS_OK)
        handles_drop(s, id, 0);
    return status;
}

/* ---- facts ---- */

/* ?9: now. */
#define FACTS                                                                                                \
    "SELECT c.name, s.model, s.space_id, s.width, s.passage_tokens, s.passage_overlap, c.documents - "       \
    "(SELECT count(*) FROM documents d WHERE d.collection = c.id AND d.expires <= ?9), "                     \
    "s.passages - " EXPIRED_PASSAGES                                                                         \
    ", c.created, c.updated, c.generation, c.id, s.id, coalesce(json_extract(c.settings, "                   \
    "'$.keyword'), 1) FROM collections c "                                                                   \
    "JOIN spaces s ON s.collection = c.id "

static enum status read_facts(struct sql *sql, sqlite3_stmt *st, struct collection_info *out,
                              struct error *err)
{
    struct collection_info info = {0};
    const void *space = sqlite3_column_blob(st, 2);
    int64_t width = sqlite3_column_int64(st, 3), tokens = sqlite3_column_int64(st, 4),
            overlap = sqlite3_column_int64(st, 5);
    if (space == NULL || sqlite3_column_bytes(st, 2) != sizeof info.settings.space_id || width < 1 ||
        width > SCAN_MAX_WIDTH || tokens < 1 || tokens > UINT32_MAX || overlap < 0 || overlap >= tokens)
        return error_set(
            err, STATUS_CORRUPT,
            "%s is damaged: the settings of a collection make no sense; restore it from a backup", sql->path);
    memcpy(info.settings.space_id, space, sizeof info.settings.space_id);
    info.settings.width = (uint32_t)width;
    info.settings.passage_tokens = (uint32_t)tokens;
    info.settings.passage_overlap = (uint32_t)overlap;
    info.documents = (uint64_t)sqlite3_column_int64(st, 6);
    info.passages = (uint64_t)sqlite3_column_int64(st, 7);
    info.created = sqlite3_column_int64(st, 8);
    info.updated = sqlite3_column_int64(st, 9);
    info.generation = (uint64_t)sqlite3_column_int64(st, 10);
    info.settings.no_keywords = sqlite3_column_int(st, 13) == 0;
    enum status status = sql_text_copy(st, 0, &info.settings.name, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 1, &info.settings.model, err);
    if (status == STATUS_OK)
        *out = info;
    else
        collection_info_release(&info);
    return status;
}

void collection_info_release(struct collection_info *info)
{
    free((char *)(uintptr_t)info->settings.name.data);
    free((char *)(uintptr_t)info->settings.model.data);
    *info = (struct collection_info){0};
}

void collection_infos_free(struct collection_info *infos, size_t n)
{
    for (size_t i = 0; i < n; i++)
        collection_info_release(&infos[i]);
    free(infos);
}

enum status store_collections(struct store *s, struct collection_info **out, size_t *n, struct error *err)
{
    struct collection_info *infos = NULL;
    struct sql *sql;
    sqlite3_stmt *st;
    size_t count = 0, capacity = 0;
    bool row;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_get(sql, FACTS "WHERE s.active ORDER BY c.name", &st, err);
    if (status == STATUS_OK)
        sqlite3_bind_int64(st, 9, time_now_ms());
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        struct collection_info *more = grown(infos, count, &capacity, sizeof *more);
        if (more == NULL) {
            status = error_memory(err, "listing the collections");
            break;
        }
        infos = more;
        status = read_facts(sql, st, &infos[count], err);
        count += status == STATUS_OK;
    }
    store_reader_done(s, sql);
    if (status == STATUS_OK) {
        *out = infos;
        *n = count;
    } else {
        collection_infos_free(infos, count);
    }
    return status;
}

enum status collection_info(struct collection *c, struct collection_info *out, struct error *err)
{
    struct sql *sql;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_get(sql, FACTS "WHERE s.id = ?1", &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, c->space);
        sqlite3_bind_int64(st, 9, time_now_ms());
        status = sql_step(sql, st, &row, err);
    }
    if (status == STATUS_OK && !row)
        status = error_set(err, STATUS_NOT_FOUND, "the collection \"%s\" was deleted", c->name);
    if (status == STATUS_OK)
        status = read_facts(sql, st, out, err);
    store_reader_done(c->store, sql);
    return status;
}

enum status collection_languages(struct collection *c, struct language_count **out, size_t *n,
                                 struct error *err)
{
    struct language_count *counts = NULL;
    struct collection_row facts;
    struct sql *sql;
    sqlite3_stmt *st = NULL;
    size_t count = 0, capacity = 0;
    bool row;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status = sql_get(sql,
                         /* out of two indexes, without a look at the rows */
                         "SELECT lang, sum(n) FROM (SELECT lang, count(*) AS n FROM documents WHERE "
                         "collection = ?1 GROUP BY lang UNION ALL SELECT lang, -count(*) FROM documents "
                         "WHERE collection = ?1 AND expires <= ?2 GROUP BY lang) "
                         "GROUP BY lang HAVING sum(n) > 0 ORDER BY sum(n) DESC, lang",
                         &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, c->id);
        sqlite3_bind_int64(st, 2, time_now_ms());
    }
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        struct language_count *more = grown(counts, count, &capacity, sizeof *more);
        if (more == NULL) {
            status = error_memory(err, "counting languages");
            break;
        }
        counts = more;
        counts[count].documents = (uint64_t)sqlite3_column_int64(st, 1);
        status = sql_text_copy(st, 0, &counts[count].lang, err);
        count += status == STATUS_OK;
    }
    store_reader_done(c->store, sql);
    if (status == STATUS_OK) {
        *out = counts;
        *n = count;
    } else {
        language_counts_free(counts, count);
    }
    return status;
}

void language_counts_free(struct language_count *counts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)counts[i].lang.data);
    free(counts);
}

/* ---- handles ---- */

void collection_free(struct collection *c)
{
    resident_clear(&c->resident);
    scan_gate_release(&c->gate);
    filter_cache_release(&c->filters);
    pthread_mutex_destroy(&c->arranging);
    pthread_mutex_destroy(&c->apply);
    pthread_rwlock_destroy(&c->lock);
    free(c->name);
    free(c->model);
    free(c);
}

/* Takes over the texts of `info`. */
static struct collection *handle_new(struct store *s, int64_t id, int64_t space, struct collection_info *info)
{
    struct collection *c = calloc(1, sizeof *c);
    pthread_rwlockattr_t fair;
    if (c == NULL)
        return NULL;
    c->store = s;
    c->id = id;
    c->space = space;
    c->name = (char *)(uintptr_t)info->settings.name.data;
    c->model = (char *)(uintptr_t)info->settings.model.data;
    info->settings.name = info->settings.model = (struct text){0};
    memcpy(c->space_id, info->settings.space_id, sizeof c->space_id);
    c->width = info->settings.width;
    c->passage_tokens = info->settings.passage_tokens;
    c->passage_overlap = info->settings.passage_overlap;
    resident_init(&c->resident, c->width);
    scan_gate_init(&c->gate);
    filter_cache_init(&c->filters);
    pthread_mutex_init(&c->apply, NULL);
    pthread_mutex_init(&c->arranging, NULL);
    pthread_rwlockattr_init(&fair); /* searches without a pause must not keep a commit waiting */
    pthread_rwlockattr_setkind_np(&fair, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&c->lock, &fair);
    pthread_rwlockattr_destroy(&fair);
    return c;
}

static enum status open_space(struct store *s, struct text name, bool active, struct collection **out,
                              struct error *err)
{
    struct collection_info info = {0};
    struct sql *sql;
    sqlite3_stmt *st;
    bool row = false;
    int64_t id = 0, space = 0;
    enum status status = store_reader(s, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = sql_get(sql, FACTS "WHERE c.name = ?1 AND s.active = ?2", &st, err);
    if (status == STATUS_OK) {
        sql_bind_text(st, 1, name);
        sqlite3_bind_int(st, 2, active);
        sqlite3_bind_int64(st, 9, time_now_ms());
        status = sql_step(sql, st, &row, err);
    }
    if (status == STATUS_OK && !row && !active)
        status = error_set(err, STATUS_NOT_FOUND, "the collection \"%.*s\" has vectors of one model only",
                           (int)name.len, name.data);
    else if (status == STATUS_OK && !row)
        status = error_field(err, STATUS_NOT_FOUND, "collection", missing, (int)name.len, name.data);
    if (status == STATUS_OK)
        status = read_facts(sql, st, &info, err);
    if (status == STATUS_OK) {
        id = sqlite3_column_int64(st, 11);
        space = sqlite3_column_int64(st, 12);
    }
    store_reader_done(s, sql);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&s->registry);
    struct collection *c = s->collections;
    while (c != NULL && (c->space != space || c->dropped))
        c = c->next;
    if (c == NULL) {
        c = handle_new(s, id, space, &info);
        if (c != NULL) {
            c->next = s->collections;
            s->collections = c;
        }
    }
    if (c != NULL)
        c->references++;
    pthread_mutex_unlock(&s->registry);
    collection_info_release(&info);
    if (c == NULL)
        return error_memory(err, "opening a collection");
    *out = c;
    return STATUS_OK;
}

enum status store_collection_open(struct store *s, struct text name, struct collection **out,
                                  struct error *err)
{
    return open_space(s, name, true, out, err);
}

enum status store_spare_open(struct store *s, struct text name, struct collection **out, struct error *err)
{
    return open_space(s, name, false, out, err);
}

void collection_release(struct collection *c)
{
    if (c == NULL)
        return;
    struct store *s = c->store;
    pthread_mutex_lock(&s->registry);
    c->references--;
    pthread_mutex_unlock(&s->registry);
    handles_drop(s, 0, 0); /* frees what was dropped meanwhile */
}
