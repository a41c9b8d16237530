/* What values the metadata of a collection's documents have, counted in one pass of SQL over the rows. */
#include <stdlib.h>

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
    "        WHERE d.collection = ?1 AND j.type IN ('text', 'integer', 'real', 'true', 'false')"
    "        GROUP BY 1, 3)" /* by number: json_each has columns and names of its own */
    ") WHERE place <= ?2 ORDER BY field, place LIMIT 4096";

/* A further element of a list that holds `count` of them. */
static void *grown(void *list, size_t count, size_t size)
{
    bool full = (count & (count - 1)) == 0; /* capacities are powers of two */
    return full ? realloc(list, (count == 0 ? 1 : 2 * count) * size) : list;
}

static enum status add_row(struct facet **facets, size_t *n, sqlite3_stmt *st, struct error *err)
{
    if (*n == 0 || !text_equal((*facets)[*n - 1].field, sql_text(st, 0))) {
        struct facet *more = grown(*facets, *n, sizeof **facets);
        if (more == NULL)
            return error_memory(err, "counting metadata");
        *facets = more;
        more[*n] = (struct facet){.distinct = (uint64_t)sqlite3_column_int64(st, 3)};
        enum status status = sql_text_copy(st, 0, &more[*n].field, err);
        if (status != STATUS_OK)
            return status;
        ++*n;
    }
    struct facet *facet = &(*facets)[*n - 1];
    struct facet_value *values = grown(facet->values, facet->count, sizeof *values);
    if (values == NULL)
        return error_memory(err, "counting metadata");
    facet->values = values;
    values[facet->count] = (struct facet_value){.documents = (uint64_t)sqlite3_column_int64(st, 2)};
    enum status status = sql_text_copy(st, 1, &values[facet->count].json, err);
    facet->count += status == STATUS_OK;
    return status;
}

enum status collection_facets(struct collection *c, size_t most, struct facet **out, size_t *n,
                              struct error *err)
{
    struct collection_row facts;
    struct facet *facets = NULL;
    struct sql *sql;
    sqlite3_stmt *st = NULL;
    size_t count = 0;
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
    }
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row)
        status = add_row(&facets, &count, st, err);
    store_reader_done(c->store, sql);
    if (status == STATUS_OK) {
        *out = facets;
        *n = count;
    } else {
        facets_free(facets, count);
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
