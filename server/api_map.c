/* The map of a collection, laid out by index/layout.h. */
#include <math.h>

#include "server/routes.h"

#define GRID 65535 /* coordinates are whole numbers from 0 to this, as fine as any screen */

static const struct field query_fields[] = {
    {.name = "limit",
     .kind = FIELD_INTEGER,
     .least = 1,
     .most = MAP_MOST,
     .about = "Most passages on the map; of more an even sample is taken. 20,000 when absent."},
};
const struct shape shape_map_query = SHAPE("MapParameters", "A map.", query_fields);

static const struct field document_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "The document."},
    {.name = "lang", .kind = FIELD_TEXT, .required = true, .about = "BCP 47; und when unknown."},
    {.name = "title", .kind = FIELD_TEXT, .required = true, .nullable = true, .about = "Its title."},
    {.name = "metadata", .kind = FIELD_OBJECT, .required = true, .about = "Its metadata."},
};
static const struct shape shape_map_document =
    SHAPE("MapDocument", "A document on the map.", document_fields);

#define NUMBERS(field, what)                                                                                 \
    {                                                                                                        \
        .name = field, .kind = FIELD_INTEGER, .count = FIELD_LIST, .required = true, .about = what           \
    }
static const struct field map_fields[] = {
    {.name = "passages", .kind = FIELD_INTEGER, .required = true, .about = "Passages of the collection."},
    {.name = "documents",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_map_document,
     .about = "Documents of the passages on the map."},
    NUMBERS("document", "Of each passage on the map: which of the documents it is of, from 0."),
    NUMBERS("start_char", "Where it begins in the document's text, in code points."),
    NUMBERS("end_char", "Where it ends."),
    NUMBERS("x", "From 0 to 65,535. Near passages lie near each other; the axes mean nothing."),
    NUMBERS("y", "The same."),
    {.name = "took_ms", .kind = FIELD_NUMBER, .required = true, .about = "Milliseconds."},
};
const struct shape shape_map = SHAPE("Map", "Passages on a plane, column by column.", map_fields);

/* ---- how long it may take ---- */

static bool go_on(void *context)
{
    const struct api_request *request = context;
    bool left = request->cancelled != NULL && atomic_load(request->cancelled);
    return !left && (request->deadline_ms == 0 || monotonic_ms() < request->deadline_ms);
}

/* ---- the answer ---- */

static json_t *documents_json(const struct collection_map *map)
{
    json_t *list = json_array();
    for (size_t i = 0; i < map->document_count; i++) {
        const struct map_document *d = &map->documents[i];
        if (json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "id", text_json(d->id), "lang",
                                                  text_json(d->lang), "title", text_or_null(d->title),
                                                  "metadata", metadata_json(d->metadata))) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

enum column { DOCUMENT, START_CHAR, END_CHAR, X, Y };

static json_int_t cell(const struct map_point *p, enum column column, float least, float unit)
{
    switch (column) {
    case DOCUMENT:
        return p->document;
    case START_CHAR:
        return (json_int_t)p->start_char;
    case END_CHAR:
        return (json_int_t)p->end_char;
    case X:
        return lrintf((p->x - least) * unit);
    default:
        return lrintf((p->y - least) * unit);
    }
}

/* Both axes in one unit, so that the picture keeps its shape. */
static json_t *column_json(const struct collection_map *map, enum column column)
{
    float reach = 1e-12f;
    for (size_t i = 0; i < map->point_count; i++)
        reach = fmaxf(reach, fmaxf(fabsf(map->points[i].x), fabsf(map->points[i].y)));
    json_t *list = json_array();
    for (size_t i = 0; i < map->point_count; i++)
        if (json_array_append_new(
                list, json_integer(cell(&map->points[i], column, -reach, GRID / (2 * reach)))) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

void handle_map(struct api_call *call)
{
    struct collection *c = NULL;
    struct collection_info info = {0};
    struct collection_map map = {0};
    char etag[64];
    double start = clock_ms();
    size_t most = (size_t)shape_integer(call->query, "limit", 20000);
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = collection_info(c, &info, &call->err);
    if (status != STATUS_OK)
        goto done;
    snprintf(etag, sizeof etag, "\"%llx-%llx-%zx\"", (unsigned long long)info.created,
             (unsigned long long)info.generation, most);
    if (call_is_known(call, etag))
        goto done;
    status = collection_map(c, most, go_on, (void *)call->request, &map, &call->err);
    if (status == STATUS_CANCELLED &&
        (call->request->cancelled == NULL || !atomic_load(call->request->cancelled))) {
        call->err = (struct error){0};
        error_set(&call->err, STATUS_DEADLINE,
                  "the map was not done in time; ask for a smaller limit or allow more time");
    } else if (status == STATUS_OK) {
        call_answer(call, 200,
                    json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:f}", "passages",
                              (json_int_t)map.passages, "documents", documents_json(&map), "document",
                              column_json(&map, DOCUMENT), "start_char", column_json(&map, START_CHAR),
                              "end_char", column_json(&map, END_CHAR), "x", column_json(&map, X), "y",
                              column_json(&map, Y), "took_ms", clock_ms() - start));
    }
done:
    collection_map_release(&map);
    collection_info_release(&info);
    collection_release(c);
}
