/* What a search by meaning gives of the documents that scored best: a page of them, or a choice.
 *
 *     page      s->best is as deep as all pages up to the wanted one; what came on those before goes, by its
 *               cosine and id, so that a document that has expired meanwhile moves nothing
 *     choice    s->best is a pool several times as large as k, from which those are taken that are near the
 *               query and not near each other
 */
#include <math.h>
#include <stdlib.h>

#include "common/arena.h"
#include "index/diversity.h"
#include "index/schema.h"
#include "index/search.h"

#define POOL       4 /* times k, */
#define POOL_LEAST 50

size_t search_depth(const struct search_query *query)
{
    size_t pool = query->k * POOL > POOL_LEAST ? query->k * POOL : POOL_LEAST;
    if (query->mode == SEARCH_HYBRID)
        return query->k <= BLEND_DEPTH ? BLEND_DEPTH : SEARCH_MOST;
    if (query->mode == SEARCH_SEMANTIC && query->diversity > 0)
        return pool < SEARCH_MOST ? pool : SEARCH_MOST;
    return query->k + query->after.seen;
}

/* ---- pages ---- */

static int by_rank(const void *a, const void *b)
{
    const struct fusion_item *x = a, *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return text_compare(x->name, y->name);
}

static bool tied(const struct search *s, size_t i)
{
    const struct fusion_item *found = s->found;
    return (i > 0 && found[i - 1].score == found[i].score) ||
           (i + 1 < s->found_count && found[i + 1].score == found[i].score) ||
           (s->query->after.seen > 0 && found[i].score == s->query->after.cosine);
}

/* Puts equal scores into the order of their ids. */
static enum status order(struct search *s)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < s->found_count && status == STATUS_OK; i++)
        if (tied(s, i))
            status = search_name(s, &s->found[i]);
    if (status == STATUS_OK)
        qsort(s->found, s->found_count, sizeof *s->found, by_rank);
    return status;
}

static bool on_page_before(const struct search_page *after, const struct fusion_item *item)
{
    return item->score > after->cosine ||
           (item->score == after->cosine && text_compare(item->name, after->id) <= 0);
}

static void turn_page(struct search *s)
{
    const struct search_page *after = &s->query->after;
    size_t kept = 0;
    for (size_t i = 0; i < s->found_count; i++)
        if (on_page_before(after, &s->found[i]))
            free((char *)(uintptr_t)s->found[i].name.data);
        else
            s->found[kept++] = s->found[i];
    s->found_count = kept;
}

/* ---- choice ---- */

static enum status read_vectors(struct search *s, float *vectors)
{
    size_t width = s->c->width;
    sqlite3_stmt *st;
    bool row = false;
    enum status status = sql_get(s->sql, "SELECT vector FROM passages WHERE id = ?1", &st, s->err);
    for (size_t i = 0; i < s->found_count && status == STATUS_OK; i++) {
        sqlite3_bind_int64(st, 1, s->found[i].passage);
        status = sql_step(s->sql, st, &row, s->err);
        const void *blob = status == STATUS_OK && row ? sqlite3_column_blob(st, 0) : NULL;
        if (status == STATUS_OK &&
            (blob == NULL || (size_t)sqlite3_column_bytes(st, 0) != width * sizeof *vectors))
            status = search_damaged(s, s->found[i].passage);
        if (status == STATUS_OK)
            memcpy(vectors + i * width, blob, width * sizeof *vectors);
        sqlite3_reset(st);
    }
    return status;
}

static enum status choose(struct search *s)
{
    size_t n = s->found_count, width = s->c->width, k = s->query->k < n ? s->query->k : n;
    float *vectors = big_alloc((n + 1) * width * sizeof *vectors);
    double *cosines = malloc((n + 1) * sizeof *cosines);
    size_t *chosen = malloc((k + 1) * sizeof *chosen);
    struct fusion_item *found = calloc(k + 1, sizeof *found);
    enum status status = STATUS_OK;
    if (vectors == NULL || cosines == NULL || chosen == NULL || found == NULL)
        status = error_memory(s->err, "choosing among hits");
    if (status == STATUS_OK)
        status = read_vectors(s, vectors);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        cosines[i] = s->found[i].score;
    if (status == STATUS_OK)
        status = diversity_choose(cosines, vectors, n, width, s->query->diversity, k, chosen, s->err);
    if (status == STATUS_OK) {
        for (size_t i = 0; i < k; i++) {
            found[i] = s->found[chosen[i]];
            s->found[chosen[i]].name = (struct text){0};
        }
        for (size_t i = 0; i < n; i++)
            free((char *)(uintptr_t)s->found[i].name.data);
        free(s->found);
        s->found = found;
        s->found_count = k;
        found = NULL;
    }
    free(found);
    free(chosen);
    free(cosines);
    big_free(vectors);
    return status;
}

/* ---- the step ---- */

enum status search_meaning(struct search *s)
{
    s->found = calloc(s->best.count + 1, sizeof *s->found);
    if (s->found == NULL)
        return error_memory(s->err, "searching");
    s->found_count = s->best.count;
    for (size_t i = 0; i < s->found_count; i++)
        s->found[i] = (struct fusion_item){.document = s->best.items[i].document,
                                           .passage = s->best.items[i].passage,
                                           .cosine = s->best.items[i].score,
                                           .bm25 = NAN,
                                           .score = s->best.items[i].score};
    enum status status = STATUS_OK;
    if (s->query->after.seen > 0 || s->query->diversity > 0)
        status = order(s);
    if (status == STATUS_OK && s->query->after.seen > 0)
        turn_page(s);
    return status == STATUS_OK && s->query->diversity > 0 ? choose(s) : status;
}

/* ---- the direction of a document ---- */

/* Adds the unit vectors of a document's passages; *count of them. */
static enum status add_passages(struct collection *c, struct sql *sql, struct text id, double *sum,
                                size_t *count, struct error *err)
{
    sqlite3_stmt *st;
    bool row;
    enum status status =
        sql_get(sql,
                "SELECT p.id, p.vector FROM documents d JOIN passages p ON p.document = d.id "
                "AND p.id >= ?3 AND p.id < ?4 WHERE d.collection = ?1 AND d.name = ?2 AND "
                "(d.expires IS NULL OR d.expires > ?5) ORDER BY p.id",
                &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->id);
    sql_bind_text(st, 2, id);
    sqlite3_bind_int64(st, 3, c->space << PASSAGE_BITS);
    sqlite3_bind_int64(st, 4, (c->space + 1) << PASSAGE_BITS);
    sqlite3_bind_int64(st, 5, time_now_ms());
    while ((status = sql_step(sql, st, &row, err)) == STATUS_OK && row) {
        const float *blob = sqlite3_column_blob(st, 1);
        double square = 0;
        if (blob == NULL || (size_t)sqlite3_column_bytes(st, 1) != c->width * sizeof *blob) {
            status = error_set(err, STATUS_CORRUPT,
                               "%s is damaged: passage %lld has no vector; restore it from a backup",
                               sql->path, (long long)sqlite3_column_int64(st, 0));
            break;
        }
        for (size_t i = 0; i < c->width; i++) {
            float v;
            memcpy(&v, blob + i, sizeof v);
            square += (double)v * v;
        }
        for (size_t i = 0; i < c->width; i++) {
            float v;
            memcpy(&v, blob + i, sizeof v);
            sum[i] += v / sqrt(square);
        }
        ++*count;
    }
    sqlite3_reset(st);
    return status;
}

enum status collection_vector(struct collection *c, struct text id, float *out, struct error *err)
{
    struct collection_row facts;
    struct sql *sql;
    size_t count = 0;
    double square = 0, *sum = calloc(c->width, sizeof *sum);
    if (sum == NULL)
        return error_memory(err, "reading the vector of a document");
    enum status status = store_reader(c->store, &sql, err);
    if (status == STATUS_OK) {
        status = collection_row(c, sql, &facts, err);
        if (status == STATUS_OK)
            status = add_passages(c, sql, id, sum, &count, err);
        store_reader_done(c->store, sql);
    }
    for (size_t i = 0; i < c->width; i++)
        square += sum[i] * sum[i];
    if (status == STATUS_OK && (count == 0 || !(square > 1e-30)))
        status = error_field(err, STATUS_NOT_FOUND, "id",
                             "there is no document \"%.*s\" with a passage in the collection \"%s\"",
                             (int)(id.len < 256 ? id.len : 256), id.data, c->name);
    for (size_t i = 0; i < c->width && status == STATUS_OK; i++)
        out[i] = (float)(sum[i] / sqrt(square));
    free(sum);
    return status;
}
