/* The job that changes the model of a collection, and changes it back.
 *
 *     arguments   space_id    of the model to change to, in hexadecimal
 *                 grace_s     how long the old vectors are kept
 *                 overlap     least share of hits in common, over sampled texts; below it nothing is changed
 *
 *     1. a spare space of that model is added, unless there is one (then this is the way back, or an earlier
 * run)
 *     2. what is missing in it is embedded, in batches that commit; writes go into both spaces meanwhile
 *     3. texts sampled from the collection are searched in both, and their first ten hits compared
 *     4. the two change places
 *
 * A run that was cut off begins again with whatever is missing.
 */
#include <nettle/base16.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "server/engine_state.h"
#include "server/json_edge.h"
#include "server/json_shape.h"
#include "server/timestamp.h"

#define BATCH     64  /* documents in a transaction */
#define SAMPLES   40  /* texts compared */
#define DEPTH     10  /* hits compared */
#define ATTEMPTS  100 /* at cutting over, when writes keep coming */
#define QUERY_MAX 300 /* bytes of a sampled text */

struct change {
    struct job_run *run;
    struct engine *e;
    const struct engine_model *to;
    struct text name;
    struct collection *now, *spare;
    json_t *arguments;
};

/* ---- the spare space ---- */

static enum status open_spare(struct change *g, struct error *err)
{
    struct collection_info about = {0};
    struct error none = {0};
    enum status status = store_spare_open(g->e->store, g->name, &g->spare, &none);
    if (status == STATUS_NOT_FOUND) {
        status = collection_info(g->now, &about, err);
        if (status == STATUS_OK && memcmp(about.settings.space_id, g->to->space_id, 32) == 0)
            status =
                error_set(err, STATUS_CONFLICT, "the collection is of the model %s already", g->to->bound);
        about.settings.width = g->to->info->width;
        memcpy(about.settings.space_id, g->to->space_id, 32);
        struct collection_settings settings = about.settings;
        settings.model = text_of(g->to->bound);
        if (status == STATUS_OK)
            status = collection_spare_add(g->now, &settings, err);
        collection_info_release(&about);
        return status == STATUS_OK ? store_spare_open(g->e->store, g->name, &g->spare, err) : status;
    }
    if (status != STATUS_OK)
        return error_set(err, status, "%s", none.text);
    status = collection_info(g->spare, &about, err);
    if (status == STATUS_OK && memcmp(about.settings.space_id, g->to->space_id, 32) != 0)
        status = error_set(err, STATUS_CONFLICT,
                           "the collection has vectors of the model %.*s beside its own; drop them first",
                           (int)about.settings.model.len, about.settings.model.data);
    collection_info_release(&about);
    return status;
}

/* ---- filling ---- */

static enum status fill_batch(struct change *g, const struct missing_document *missing, size_t n,
                              struct error *err)
{
    struct document_row rows[BATCH];
    for (size_t i = 0; i < n; i++) {
        const struct document *d = &missing[i].document;
        rows[i] = (struct document_row){.id = d->id, .title = d->title, .lang = d->lang, .text = d->text};
        memcpy(rows[i].content_hash, missing[i].content_hash, sizeof rows[i].content_hash);
    }
    return engine_fill(g->e, g->name, rows, n, g->run->stopping, err);
}

static enum status fill(struct change *g, struct error *err)
{
    struct job *job = &g->run->job;
    struct collection_info about = {0};
    int64_t last = 0;
    size_t n = 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && n > 0) {
        struct missing_document *missing = NULL;
        status = collection_missing(g->spare, last, BATCH, &missing, &n, err);
        if (status == STATUS_OK && n > 0)
            status = fill_batch(g, missing, n, err);
        if (status == STATUS_OK && n > 0) {
            last = missing[n - 1].number;
            job->done += n;
        }
        missing_documents_free(missing, status == STATUS_OK ? n : missing != NULL ? n : 0);
        if (status == STATUS_OK)
            status = collection_info(g->now, &about, err);
        if (status == STATUS_OK) {
            job->total = about.documents > job->done ? about.documents : job->done;
            status = job_told(g->run, err);
        }
        collection_info_release(&about);
    }
    return status;
}

/* ---- comparing ---- */

/* The ids of the first hits of a text in one space. */
static enum status first_hits(struct engine *e, const struct engine_model *m, struct collection *c,
                              struct text text, struct hits *out, struct error *err)
{
    struct embeddings v = {0};
    enum status status =
        engine_embed(e, &(struct embed_request){.model = m, .texts = &text, .n = 1, .bulk = true}, &v, err);
    if (status == STATUS_OK)
        status = collection_search(
            c, &(struct search_query){.vector = v.vectors, .k = DEPTH, .min_cosine = -2}, 1, out, err);
    embeddings_release(&v);
    return status;
}

static size_t in_common(const struct hits *a, const struct hits *b)
{
    size_t n = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            n += text_equal(a->items[i].id, b->items[j].id);
    return n;
}

static enum status compare_one(struct change *g, const struct engine_model *from, struct text text,
                               double *share, struct error *err)
{
    struct hits old = {0}, new = {0};
    while (text.len > QUERY_MAX || (text.len > 0 && utf8_invalid(text.data, text.len) < text.len))
        text.len = text.len > QUERY_MAX ? QUERY_MAX : text.len - 1;
    enum status status = first_hits(g->e, from, g->now, text, &old, err);
    if (status == STATUS_OK)
        status = first_hits(g->e, g->to, g->spare, text, &new, err);
    if (status == STATUS_OK)
        *share += old.count > 0 ? (double)in_common(&old, &new) / (double)old.count : 1;
    hits_release(&old);
    hits_release(&new);
    return status;
}

/* Titles, or beginnings of texts, taken at even distances. */
static enum status compare(struct change *g, double *overlap, struct error *err)
{
    struct collection_info about = {0};
    const struct engine_model *from = NULL;
    struct document *documents = NULL;
    size_t n = 0, taken = 0;
    double sum = 0;
    enum status status = collection_info(g->now, &about, err);
    if (status == STATUS_OK)
        status = engine_hold_space(g->e, about.settings.space_id, &from, err);
    if (status == STATUS_OK)
        status = check_space(from, &about.settings, err);
    if (status == STATUS_OK)
        status = collection_documents(g->now, text_of(""), SAMPLES * 25, true, &documents, &n, err);
    size_t step = n > SAMPLES ? n / SAMPLES : 1;
    for (size_t i = 0; i < n && status == STATUS_OK; i += step, taken++)
        status = compare_one(g, from, documents[i].title.len > 0 ? documents[i].title : documents[i].text,
                             &sum, err);
    engine_let_go(g->e, from);
    documents_free(documents, n);
    collection_info_release(&about);
    *overlap = taken > 0 ? sum / (double)taken : 1;
    return status;
}

/* ---- the change ---- */

static enum status change(struct change *g, struct error *err)
{
    struct error busy = {0};
    double overlap = 0, least = shape_number(g->arguments, "overlap", 0);
    int64_t grace = (int64_t)shape_number(g->arguments, "grace_s", 0);
    enum status status = open_spare(g, err);
    if (status == STATUS_OK)
        status = fill(g, err);
    if (status == STATUS_OK)
        status = compare(g, &overlap, err);
    if (status == STATUS_OK && overlap < least)
        return error_set(err, STATUS_CONFLICT,
                         "the two models have %.3f of their first %d hits in common, less than the %.3f "
                         "asked for; nothing "
                         "was changed",
                         overlap, DEPTH, least);
    if (status != STATUS_OK)
        return status;
    for (int i = 0; i < ATTEMPTS; i++) {
        busy = (struct error){0};
        status = collection_cut_over(g->now, timestamp_now() + grace * 1000, &busy);
        if (status != STATUS_CONFLICT)
            break;
        status = fill(g, err);
        if (status != STATUS_OK)
            return status;
        status = STATUS_CONFLICT;
    }
    if (status != STATUS_OK)
        return error_set(err, status, "%s", busy.text);
    snprintf(g->run->message, sizeof g->run->message, "the model is %s; overlap@%d with the one before: %.3f",
             g->to->bound, DEPTH, overlap);
    return STATUS_OK;
}

/* Holds the model that the arguments say. */
static enum status hold_target(struct change *g, struct error *err)
{
    unsigned char space[32];
    const char *hex = json_string_value(shape_get(g->arguments, "space_id"));
    size_t n = sizeof space;
    struct base16_decode_ctx base16;
    base16_decode_init(&base16);
    if (hex == NULL || strlen(hex) != 2 * n || !base16_decode_update(&base16, &n, space, 2 * n, hex) ||
        !base16_decode_final(&base16))
        return error_set(err, STATUS_CORRUPT, "the job does not say which model; start it again");
    enum status status = engine_hold_space(g->e, space, &g->to, err);
    if (status == STATUS_OK && memcmp(g->to->space_id, space, sizeof space) != 0)
        status = error_set(err, STATUS_NOT_FOUND,
                           "the model to change to is not installed any more; add it again");
    return status;
}

enum status job_reembed(struct job_run *run, struct error *err)
{
    struct change g = {.run = run, .e = run->engine, .name = run->job.collection};
    enum status status = api_parse_body(run->job.arguments.data, run->job.arguments.len, &g.arguments, err);
    run->job.done = 0;
    if (status == STATUS_OK)
        status = hold_target(&g, err);
    if (status == STATUS_OK)
        status = store_collection_open(g.e->store, g.name, &g.now, err);
    if (status == STATUS_OK)
        status = change(&g, err);
    engine_let_go(g.e, g.to);
    collection_release(g.spare);
    collection_release(g.now);
    json_decref(g.arguments);
    return status;
}
