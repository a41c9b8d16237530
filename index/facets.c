/* What values the metadata of a collection's documents have, counted in one pass of SQL over the rows. */
#include <stdlib.h>

#include "common/grow.h"
#include "index/store.h"

/* Scalars only: a list or an object is not one value to choose. json_quote gives a value back as JSON. */
static const char facet_rows[] =
    "SELECT field, json, n, kinds FROM ("
    "  SELECT field, json, n, count(*) OVER (PARTITION BY field) AS kinds,"
    "         row_number() OVER (PARTITION BY field ORDER BY n DESC, json) AS place"
    "  FROM (SELECT j.key AS field, count(*) AS n,"
    "               CASE j.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE json_quote(j.atom) END"
    "               AS json"
    "        FROM documents AS d, json_each(d.metadata) AS j"
    "        WHERE d.collection = ?1 AND (d.expires IS NULL OR d.expires > ?3) AND j.type IN ('text', "
    "'integer', 'real', 'true', 'false')"
    "        GROUP BY 1, 3)" /* by number: json_each has columns and names of its own */
    ") WHERE place <= ?2 ORDER BY field, place LIMIT 4096";

struct listing {
    struct facet *facets;
    size_t count, capacity;
    size_t most; /* values of a field */
};

static enum status add_field(struct listing *l, sqlite3_stmt *st, struct error *err)
{
    struct facet *more = grown(l->facets, l->count, &l->capacity, sizeof *more);
    if (more == NULL)
        return error_memory(err, "counting metadata");
    l->facets = more;
    struct facet *facet = &more[l->count];
    *facet = (struct facet){.distinct = (uint64_t)sqlite3_column_int64(st, 3),
                            .values = calloc(l->most + 1, sizeof *facet->values)};
    l->count++;
    return facet->values != NULL ? sql_text_copy(st, 0, &facet->field, err)
                                 : error_memory(err, "counting metadata");
}

static enum status add_row(struct listing *l, sqlite3_stmt *st, struct error *err)
{
    enum status status = STATUS_OK;
    if (l->count == 0 || !text_equal(l->facets[l->count - 1].field, sql_text(st, 0)))
        status = add_field(l, st, err);
    if (status != STATUS_OK)
        return status;
    struct facet *facet = &l->facets[l->count - 1];
    struct facet_value *value = &facet->values[facet->count];
    value->documents = (uint64_t)sqlite3_column_int64(st, 2);
    status = sql_text_copy(st, 1, &value->json, err);
    facet->count += status == STATUS_OK;
    return status;
}

enum status collection_facets(struct collection *c, size_t most, struct facet **out, size_t *n,
                              struct error *err)
{
    struct collection_row facts;
    struct listing l = {.most = most};
    struct sql *sql;
    sqlite3_stmt *st = NULL;
    bool row;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status = sql_get(sql, facet_rows, &st, err);
    if (status == STATUS_OK) {
        sqlite3_bind_int64(st, 1, c->id);
        sqlite3_bind_int64(st, 2, (sqlite3_int64)most);
        sqlite3_bind_int64(st, 3, time_now_ms());
    }
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row)
        status = add_row(&l, st, err);
    store_reader_done(c->store, sql);
    if (status == STATUS_OK) {
        *out = l.facets;
        *n = l.count;
    } else {
        facets_free(l.facets, l.count);
    }
    return status;
}

void facets_free(struct facet *facets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < facets[i].count; j++)
            free((void *)facets[i].values[j].json.data);
        free(facets[i].values);
        free((void *)facets[i].field.data);
    }
    free(facets);
}
