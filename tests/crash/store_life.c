#include "store_life.h"

#include "../unit/unit.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/job.h"
#include "index/space.h"

#define NAME "c"

/* ---- steps ---- */

static struct text number_text(char out[16], unsigned n)
{
    snprintf(out, 16, "%u", n);
    return text_of(out);
}

static enum status run_open(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    collection_release(life->collection);
    life->collection = NULL;
    store_close(life->store);
    life->store = NULL;
    enum status status = store_open(life->path, STORE_WRITE, cpu_best(), &life->store, err);
    if (status == STATUS_OK)
        status = store_collection_open(life->store, text_of(NAME), &life->collection, err);
    return status;
}

/* Five rows: what is new, what replaces, and what is there already. */
static enum status run_put(struct life *life, struct ledger *after, struct error *err)
{
    static struct ledger_row made[5];
    struct document_row rows[5];
    struct put_result results[5];
    for (unsigned i = 0; i < 5; i++) {
        unsigned document = (life->round * 3 + i * 4) % LEDGER_DOCUMENTS;
        if (i > 0 || after->version[document] == 0) {
            after->version[document] = life->round + 1;
            after->note[document] = life->round;
        }
        ledger_row(after, document, &made[i]);
        rows[i] = made[i].row;
    }
    enum status status = collection_put(life->collection, rows, 5, PUT_UPSERT, results, err);
    for (size_t i = 0; i < 5 && status == STATUS_OK; i++)
        if (results[i].outcome == PUT_FAILED)
            fail_msg("a row failed alone: %s", results[i].error.text);
    return status;
}

static unsigned pick(const struct life *life)
{
    for (unsigned i = 0; i < LEDGER_DOCUMENTS; i++) {
        unsigned document = (life->round + i) % LEDGER_DOCUMENTS;
        if (life->now.version[document] != 0)
            return document;
    }
    return 0;
}

static enum status run_patch(struct life *life, struct ledger *after, struct error *err)
{
    struct ledger_row made;
    unsigned document = pick(life);
    after->note[document] = life->round;
    ledger_row(after, document, &made);
    return collection_patch(life->collection, made.row.id,
                            &(struct document_patch){.metadata = &made.row.metadata, .lang = &made.row.lang},
                            err);
}

static enum status run_search(struct life *life, struct ledger *after, struct error *err)
{
    bool right = true;
    enum status status = ledger_searches(after, life->collection, life->round, &right, err);
    assert_true(right);
    struct text langs[] = {text_of("it"), text_of("und")};
    struct ledger_row made;
    struct hits hits = {0};
    ledger_row(after, pick(life), &made);
    struct search_query query = {
        .vector = made.vectors[0], .k = 3, .min_cosine = -2, .langs = langs, .lang_count = 2};
    if (status == STATUS_OK)
        status = collection_search(life->collection, &query, 1, &hits, err);
    if (status == STATUS_OK)
        hits_release(&hits);
    return status;
}

static enum status run_read(struct life *life, struct ledger *after, struct error *err)
{
    struct ledger_row made;
    struct document document = {0};
    struct passage_row *passages = NULL;
    struct language_count *languages = NULL;
    struct facet *facets = NULL;
    struct collection_map map = {0};
    size_t n = 0;
    bool right = true;
    ledger_row(after, pick(life), &made);
    enum status status = collection_get(life->collection, made.row.id, &document, err);
    if (status == STATUS_OK)
        assert_true(text_equal(document.text, made.row.text));
    document_release(&document);
    if (status == STATUS_OK)
        status = collection_passages(life->collection, made.row.id, &passages, &n, err);
    if (status == STATUS_OK)
        assert_int_equal(n, made.row.passage_count);
    for (size_t i = 0; status == STATUS_OK && i < n; i++)
        assert_string_equal(passages[i].lang, made.row.passages[i].lang);
    free(passages);
    if (status == STATUS_OK &&
        (status = collection_languages(life->collection, &languages, &n, err)) == STATUS_OK)
        language_counts_free(languages, n);
    if (status == STATUS_OK &&
        (status = collection_facets(life->collection, 4, &facets, &n, err)) == STATUS_OK)
        facets_free(facets, n);
    if (status == STATUS_OK &&
        (status = collection_map(life->collection, 50, NULL, NULL, &map, err)) == STATUS_OK)
        collection_map_release(&map);
    if (status == STATUS_OK)
        status = ledger_holds(after, life->collection, &right, err);
    assert_true(right);
    return status;
}

static enum status run_delete(struct life *life, struct ledger *after, struct error *err)
{
    struct ledger_row made;
    unsigned document = pick(life);
    uint64_t deleted = 0;
    ledger_row(after, document, &made);
    after->version[document] = 0;
    struct text ids[2] = {made.row.id, text_of("nobody")};
    enum status status = collection_delete(life->collection, ids, 2, &deleted, err);
    if (status == STATUS_OK)
        assert_int_equal(deleted, 1);
    return status;
}

static enum status run_delete_where(struct life *life, struct ledger *after, struct error *err)
{
    uint64_t deleted = 0;
    struct filter_value note = {.type = FILTER_NUMBER, .number = life->now.note[pick(life)]};
    struct filter filter = {
        .kind = FILTER_FIELD, .field = text_of("note"), .op = OP_IN, .values = &note, .value_count = 1};
    for (unsigned i = 0; i < LEDGER_DOCUMENTS; i++)
        if (after->note[i] == life->now.note[pick(life)])
            after->version[i] = 0;
    return collection_delete_where(life->collection, &filter, text_of("d"), false, &deleted, err);
}

static enum status run_declare(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    struct text fields[] = {text_of("note"), text_of("kind")};
    return collection_declare(life->collection, fields, 1 + life->round % 2, err);
}

/* A document whose time is over is never seen, whether or not it was swept. */
static enum status run_sweep(struct life *life, struct ledger *after, struct error *err)
{
    struct ledger other = *after;
    struct ledger_row made;
    struct put_result result;
    uint64_t deleted = 0;
    other.version[0] = life->round + 1;
    ledger_row(&other, 0, &made);
    made.row.id = text_of("expired");
    made.row.expires = 1;
    enum status status = collection_put(life->collection, &made.row, 1, PUT_UPSERT, &result, err);
    return status == STATUS_OK ? store_sweep(life->store, &deleted, err) : status;
}

static enum status run_job(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    char a[16], b[16];
    int64_t id = 0;
    bool found = false;
    struct job job = {.kind = text_of("ingest"), .collection = text_of(NAME), .total = 2}, taken = {0};
    struct text rows[2] = {number_text(a, life->round), number_text(b, life->round + 1)}, *read = NULL;
    size_t n = 0;
    enum status status = store_job_add(life->store, &job, rows, 2, &id, err);
    if (status == STATUS_OK)
        status = store_job_take(life->store, &taken, &found, err);
    if (status == STATUS_OK)
        status = store_job_rows(life->store, taken.id, 0, 9, &read, &n, err);
    if (status == STATUS_OK)
        assert_int_equal(n, 2);
    job_rows_free(read, n);
    taken.state = JOB_DONE;
    if (status == STATUS_OK)
        status = store_job_update(life->store, &taken, err);
    job_release(&taken);
    return status;
}

static enum status fill(struct life *life, const struct ledger *other, struct collection *spare, size_t *n,
                        struct error *err)
{
    static struct ledger_row made[6];
    struct document_row rows[6];
    struct missing_document *missing = NULL;
    enum status status = collection_missing(spare, 0, 6, &missing, n, err);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < *n; i++) {
        unsigned document = ledger_document(missing[i].document.id);
        assert_true(document < LEDGER_DOCUMENTS && life->now.version[document] != 0);
        ledger_row(other, document, &made[i]);
        rows[i] = made[i].row;
    }
    missing_documents_free(missing, *n);
    return collection_fill(spare, rows, *n, err);
}

/* To the other model, from wherever an attempt before has ended. */
static enum status run_reembed(struct life *life, struct ledger *after, struct error *err)
{
    struct collection_settings settings;
    struct collection *spare = NULL;
    size_t n = 1;
    uint64_t tokens = 0;
    after->model = 1 - after->model;
    ledger_settings(after, NAME, &settings);
    enum status status = collection_spare_drop(life->collection, err);
    if (status == STATUS_NOT_FOUND) {
        *err = (struct error){0};
        status = STATUS_OK;
    }
    if (status == STATUS_OK)
        status = collection_spare_add(life->collection, &settings, err);
    if (status == STATUS_OK)
        status = store_spare_open(life->store, text_of(NAME), &spare, err);
    while (status == STATUS_OK && n > 0)
        status = fill(life, after, spare, &n, err);
    if (status == STATUS_OK)
        status = collection_tokens(spare, &tokens, err);
    if (status == STATUS_OK)
        status = collection_cut_over(life->collection, INT64_MAX, err);
    collection_release(spare);
    collection_release(life->collection); /* it keeps the space it was opened with */
    life->collection = NULL;
    return status;
}

static enum status run_compact(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    struct compacted compacted;
    return store_compact(life->store, NULL, &compacted, err);
}

static enum status run_backup(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    return store_backup(life->store, life->backup, true, NULL, err);
}

static enum status run_restore(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    struct store_counts counts;
    return store_restore(life->backup, life->copy, true, NULL, &counts, err);
}

static enum status run_check(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    return store_check(life->store, err);
}

static enum status run_collections(struct life *life, struct ledger *after, struct error *err)
{
    struct collection_settings settings;
    struct collection_info *infos = NULL;
    struct collection *other = NULL;
    struct error absent = {0};
    size_t n = 0;
    ledger_settings(after, "other", &settings);
    settings.no_keywords = life->round % 2 != 0;
    enum status status = store_collection_delete(life->store, text_of("other"), &absent);
    if (status != STATUS_OK && status != STATUS_NOT_FOUND)
        return error_set(err, status, "%s", absent.text);
    status = store_collection_create(life->store, &settings, err);
    if (status == STATUS_OK)
        status = store_collection_open(life->store, settings.name, &other, err);
    if (status == STATUS_OK)
        status = collection_keep_keywords(other, settings.no_keywords, err);
    collection_release(other);
    if (status == STATUS_OK)
        status = store_collections(life->store, &infos, &n, err);
    if (status == STATUS_OK) {
        assert_int_equal(n, 2);
        collection_infos_free(infos, n);
    }
    return status;
}

/* All passages of a store are in the language of their document but the short ones. */
static void name_short(struct text passage, struct text document_lang, char out[PASSAGE_LANG_BYTES])
{
    (void)document_lang;
    memset(out, 0, PASSAGE_LANG_BYTES);
    if (passage.len < 50)
        memcpy(out, "it", 2);
}

/* A store as the first version wrote it. */
static enum status run_upgrade(struct life *life, struct ledger *after, struct error *err)
{
    (void)after;
    struct store *s = NULL;
    char command[512];
    const char *source = getenv("COGNATE_SOURCE");
    snprintf(command, sizeof command, "gzip -dc '%s/tests/fixtures/store-1.db.gz' > '%s'",
             source != NULL ? source : ".", life->old);
    assert_int_equal(system(command), 0);
    enum status status = store_open(life->old, STORE_WRITE, cpu_best(), &s, err);
    if (status == STATUS_OK)
        status = store_tell_languages(s, name_short, err);
    store_close(s);
    return status;
}

/* ---- what lies beside the store ---- */

static void must(enum status status, const struct error *err, const char *doing)
{
    if (status != STATUS_OK)
        fail_msg("%s: %s", doing, err->text);
}

static void check_whole(const char *path, size_t wanted)
{
    struct store *s = NULL;
    struct collection_info *infos;
    struct error err = {0};
    size_t n;
    must(store_open(path, STORE_WRITE, cpu_best(), &s, &err), &err, path);
    must(store_check(s, &err), &err, path);
    must(store_collections(s, &infos, &n, &err), &err, path);
    assert_true(n >= 1);
    assert_true(wanted == 0 || infos[0].documents == wanted);
    collection_infos_free(infos, n);
    store_close(s);
}

/* All of the old or all of the new. */
static void check_copies(struct life *life)
{
    check_whole(life->backup, 0);
    if (access(life->copy, F_OK) == 0)
        check_whole(life->copy, 0);
}

/* An interrupted upgrade goes on. */
static void check_old(struct life *life)
{
    static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
    check_whole(life->old, 6);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", life->old, ends[i]);
        unlink(path);
    }
}

const struct life_step life_steps[] = {
    {"put", run_put, NULL},
    {"open", run_open, NULL},
    {"patch", run_patch, NULL},
    {"search", run_search, NULL},
    {"read", run_read, NULL},
    {"delete", run_delete, NULL},
    {"put again", run_put, NULL},
    {"declare", run_declare, NULL},
    {"delete where", run_delete_where, NULL},
    {"sweep", run_sweep, NULL},
    {"job", run_job, NULL},
    {"collections", run_collections, NULL},
    {"put more", run_put, NULL},
    {"reembed", run_reembed, NULL},
    {"put beside a spare space", run_put, NULL},
    {"compact", run_compact, NULL},
    {"check", run_check, NULL},
    {"backup", run_backup, check_copies},
    {"restore", run_restore, check_copies},
    {"upgrade", run_upgrade, check_old},
    {"put last", run_put, NULL},
};
const size_t life_step_count = sizeof life_steps / sizeof *life_steps;

/* ---- the life ---- */

void life_open(struct life *life)
{
    struct error err = {0};
    if (life->store == NULL)
        must(store_open(life->path, STORE_WRITE, cpu_best(), &life->store, &err), &err, "opening again");
    if (life->collection == NULL)
        must(store_collection_open(life->store, text_of(NAME), &life->collection, &err), &err,
             "opening again");
}

static void life_close(struct life *life)
{
    collection_release(life->collection);
    store_close(life->store);
    life->collection = NULL;
    life->store = NULL;
}

void life_begin(struct life *life, uint64_t seed)
{
    struct collection_settings settings;
    struct error err = {0};
    struct ledger after = {0};
    *life = (struct life){.seed = seed, .folder = "/tmp/cognate-life-XXXXXX"};
    assert_non_null(mkdtemp(life->folder));
    snprintf(life->path, sizeof life->path, "%s/s.db", life->folder);
    snprintf(life->backup, sizeof life->backup, "%s/backup.db", life->folder);
    snprintf(life->copy, sizeof life->copy, "%s/copy.db", life->folder);
    snprintf(life->old, sizeof life->old, "%s/old.db", life->folder);
    must(store_open(life->path, STORE_WRITE, cpu_best(), &life->store, &err), &err, "the first opening");
    ledger_settings(&life->now, NAME, &settings);
    must(store_collection_create(life->store, &settings, &err), &err, "the first collection");
    life_open(life);
    for (; life->round < 4; life->round++) {
        must(run_put(life, &after, &err), &err, "the first documents");
        life->now = after;
    }
    must(run_backup(life, &after, &err), &err, "the first backup");
}

static uint64_t chance(struct life *life, uint64_t most)
{
    life->seed = life->seed * 6364136223846793005u + 1442695040888963407u;
    return (life->seed >> 33) % most;
}

/* Which of two ledgers the store keeps, which must be one of them. */
static void settle(struct life *life, const struct ledger *after, enum status status, const char *where)
{
    struct error err = {0};
    bool before = false, behind = false, right = false;
    must(ledger_holds(&life->now, life->collection, &before, &err), &err, where);
    must(ledger_holds(after, life->collection, &behind, &err), &err, where);
    bool other_model = after->model != life->now.model;
    if (other_model) { /* which documents do not show */
        struct collection_info info;
        struct collection_settings settings;
        ledger_settings(after, NAME, &settings);
        must(collection_info(life->collection, &info, &err), &err, where);
        behind = behind && text_equal(info.settings.model, settings.model);
        before = before && !behind;
        collection_info_release(&info);
    }
    if (!behind && (status == STATUS_OK || !before))
        fail_msg("%s: the store holds %s", where,
                 before ? "nothing of what was acknowledged"
                        : "neither what it did before nor all of what was to come");
    if (behind)
        life->now = *after;
    must(ledger_searches(&life->now, life->collection, life->round, &right, &err), &err, where);
    if (!right)
        fail_msg("%s: a search found what is not there, or did not find what is", where);
    if (life->round % 16 == 0)
        must(store_check(life->store, &err), &err, where);
}

void life_torture(struct life *life, const struct life_step *step, const struct fault *fault, uint64_t stride)
{
    uint64_t hits = 1;
    unsigned first = life->round;
    bool everywhere = getenv("COGNATE_LONG") != NULL;
    stride = everywhere ? 1 : stride;
    for (uint64_t n = 1 + chance(life, stride); hits > 0; n += 1 + chance(life, 2 * stride - 1)) {
        char where[160];
        struct error err = {0};
        struct ledger after = life->now;
        life->round++;
        life_open(life);
        fault->arm(n);
        enum status status = step->run(life, &after, &err);
        hits = fault->disarm();
        snprintf(where, sizeof where, "%s, %s at %llu: %.80s", step->name, fault->name, (unsigned long long)n,
                 err.text);
        if (status != STATUS_OK && (hits == 0 || err.text[0] == '\0' || err.status != status))
            fail_msg("%s: failed with %s", where, status_code(status));
        if (status != STATUS_OK && status != fault->wanted[0] && status != fault->wanted[1])
            fail_msg("%s: an error that leads astray (%s)", where, status_code(status));
        if (hits > 0 && fault->restart != NULL) {
            life_close(life);
            assert_true(fault->restart(life->seed));
        }
        life_open(life);
        settle(life, &after, status, where);
        if (step->check != NULL)
            step->check(life);
        life->refused += hits > 0 && status != STATUS_OK;
        life->carried += hits > 0 && status == STATUS_OK;
    }
    if (everywhere) { /* for those who wait */
        printf("%s, %s: %u runs\n", step->name, fault->name, life->round - first);
        fflush(stdout);
    }
}

void life_end(struct life *life)
{
    struct error err = {0};
    life_close(life);
    life_open(life);
    settle(life, &life->now, STATUS_OK, "at the end");
    must(store_check(life->store, &err), &err, "at the end");
    life_close(life);
    DIR *folder = opendir(life->folder);
    assert_non_null(folder);
    for (struct dirent *each; (each = readdir(folder)) != NULL;)
        unlinkat(dirfd(folder), each->d_name, 0);
    closedir(folder);
    assert_int_equal(rmdir(life->folder), 0);
}
