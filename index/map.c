/* The map of a collection: its passages, or an even sample of them, on a plane. */
#include <stdlib.h>
#include <string.h>

#include "index/layout.h"
#include "index/schema.h"
#include "index/store.h"

/* ?3: every how-manieth number is taken. */
static const char map_rows[] =
    "SELECT p.document, d.name, d.lang, d.title, d.metadata, p.first_char, p.last_char, p.vector "
    "FROM passages AS p JOIN documents AS d ON d.id = p.document "
    "WHERE p.id >= ?1 AND p.id < ?2 AND p.id % ?3 = 0 AND (d.expires IS NULL OR d.expires > ?5) "
    "ORDER BY p.id LIMIT ?4";

struct drawing {
    struct collection_map map;
    float *vectors;
    int64_t last_document;
};

/* Passages of a document follow each other, or nearly: the last one seen is the one to compare with. */
static enum status add_document(struct drawing *d, sqlite3_stmt *st, struct error *err)
{
    struct collection_map *m = &d->map;
    if (m->document_count > 0 && d->last_document == sqlite3_column_int64(st, 0))
        return STATUS_OK;
    struct map_document *document = &m->documents[m->document_count];
    *document = (struct map_document){0};
    m->document_count++;
    d->last_document = sqlite3_column_int64(st, 0);
    enum status status = sql_text_copy(st, 1, &document->id, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 2, &document->lang, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 3, &document->title, err);
    if (status == STATUS_OK)
        status = sql_text_copy(st, 4, &document->metadata, err);
    return status;
}

static enum status add_point(struct collection *c, struct drawing *d, sqlite3_stmt *st, struct error *err)
{
    struct collection_map *m = &d->map;
    size_t bytes = c->width * sizeof(float);
    if ((size_t)sqlite3_column_bytes(st, 7) != bytes)
        return error_set(err, STATUS_CORRUPT, "%s: a passage has a vector of another length", c->store->path);
    enum status status = add_document(d, st, err);
    if (status != STATUS_OK)
        return status;
    m->points[m->point_count] = (struct map_point){.document = (uint32_t)(m->document_count - 1),
                                                   .start_char = (size_t)sqlite3_column_int64(st, 5),
                                                   .end_char = (size_t)sqlite3_column_int64(st, 6)};
    memcpy(d->vectors + m->point_count * c->width, sqlite3_column_blob(st, 7), bytes);
    m->point_count++;
    return STATUS_OK;
}

static enum status count_passages(struct collection *c, struct sql *sql, int64_t *out, struct error *err)
{
    struct collection_row facts = {0};
    sqlite3_stmt *st;
    bool row = false;
    enum status status = collection_row(c, sql, &facts, err);
    if (status == STATUS_OK)
        status =
            sql_get(sql, "SELECT s.passages - " EXPIRED_PASSAGES " FROM spaces s WHERE s.id = ?1", &st, err);
    if (status != STATUS_OK)
        return status;
    sqlite3_bind_int64(st, 1, c->space);
    sqlite3_bind_int64(st, 9, time_now_ms());
    status = sql_step(sql, st, &row, err);
    *out = row ? sqlite3_column_int64(st, 0) : 0;
    return status;
}

static enum status read_points(struct collection *c, size_t most, struct drawing *d, struct error *err)
{
    struct sql *sql;
    sqlite3_stmt *st = NULL;
    bool row;
    int64_t passages = 0;
    enum status status = store_reader(c->store, &sql, err);
    if (status != STATUS_OK)
        return status;
    status = count_passages(c, sql, &passages, err);
    d->map.passages = (uint64_t)passages;
    size_t room = (size_t)passages < most ? (size_t)passages : most;
    d->map.points = calloc(room + 1, sizeof *d->map.points);
    d->map.documents = calloc(room + 1, sizeof *d->map.documents);
    d->vectors = malloc((room + 1) * c->width * sizeof *d->vectors);
    if (status == STATUS_OK && (d->map.points == NULL || d->map.documents == NULL || d->vectors == NULL))
        status = error_memory(err, "reading the vectors of the map");
    if (status == STATUS_OK)
        status = sql_get(sql, map_rows, &st, err);
    if (status == STATUS_OK) {
        int64_t step = (passages + (int64_t)most - 1) / (int64_t)most;
        sqlite3_bind_int64(st, 1, c->space << PASSAGE_BITS);
        sqlite3_bind_int64(st, 2, (c->space + 1) << PASSAGE_BITS);
        sqlite3_bind_int64(st, 3, step > 1 ? step : 1);
        sqlite3_bind_int64(st, 4, (sqlite3_int64)room);
        sqlite3_bind_int64(st, 5, time_now_ms());
    }
    while (status == STATUS_OK && (status = sql_step(sql, st, &row, err)) == STATUS_OK && row)
        status = add_point(c, d, st, err);
    store_reader_done(c->store, sql);
    return status;
}

enum status collection_map(struct collection *c, size_t most, bool (*go_on)(void *), void *context,
                           struct collection_map *out, struct error *err)
{
    struct drawing d = {0};
    struct layout_options options = {.go_on = go_on, .context = context};
    float *xy = NULL;
    enum status status = read_points(c, most, &d, err);
    if (status == STATUS_OK && (xy = calloc(2 * d.map.point_count + 1, sizeof *xy)) == NULL)
        status = error_memory(err, "laying out the map");
    if (status == STATUS_OK)
        status = layout_plane(d.vectors, d.map.point_count, c->width, &options, xy, err);
    for (size_t i = 0; i < d.map.point_count && status == STATUS_OK; i++) {
        d.map.points[i].x = xy[2 * i];
        d.map.points[i].y = xy[2 * i + 1];
    }
    free(xy);
    free(d.vectors);
    if (status == STATUS_OK)
        *out = d.map;
    else
        collection_map_release(&d.map);
    return status;
}

void collection_map_release(struct collection_map *map)
{
    for (size_t i = 0; i < map->document_count; i++) {
        free((void *)map->documents[i].id.data);
        free((void *)map->documents[i].lang.data);
        free((void *)map->documents[i].title.data);
        free((void *)map->documents[i].metadata.data);
    }
    free(map->documents);
    free(map->points);
    *map = (struct collection_map){0};
}
