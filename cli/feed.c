#include "cli/feed.h"

#include <string.h>

#include "cli/output.h"
#include "server/json_shape.h"

enum status feed_init(struct feed *f, struct session *s, struct client *c, const char *collection,
                      bool print_rows, struct error *err)
{
    *f = (struct feed){.session = s, .client = c, .print_rows = print_rows, .batch = json_array()};
    buf_init(&f->path, 1 << 16);
    if (f->batch == NULL)
        return error_memory(err, "reading documents");
    return client_collection_path(&f->path, collection, "/documents", err);
}

void feed_release(struct feed *f)
{
    json_decref(f->batch);
    buf_release(&f->path);
    *f = (struct feed){0};
}

/* What became of one row: its object as the API gave it, with the index counted over the whole run. */
static enum status report(struct feed *f, json_t *row, struct error *err)
{
    struct text outcome = shape_text(row, "status"), id = shape_text(row, "id");
    const json_t *error = shape_get(row, "error");
    uint64_t index = f->rows++;
    f->created += text_is(outcome, "created");
    f->updated += text_is(outcome, "updated");
    f->unchanged += text_is(outcome, "unchanged");
    f->passages += (uint64_t)shape_integer(row, "passages", 0);
    f->tokens += (uint64_t)shape_integer(row, "tokens", 0);
    if (error != NULL) {
        struct text detail = shape_text(error, "detail");
        f->failed++;
        warn(f->session, "%.*s: %.*s", (int)id.len, id.data != NULL ? id.data : "", (int)detail.len,
             detail.data != NULL ? detail.data : "");
    }
    if (!f->print_rows)
        return STATUS_OK;
    if (json_object_set_new(row, "index", json_integer((json_int_t)index)) != 0)
        return error_memory(err, "reading documents");
    return output_json(row, err);
}

enum status feed_flush(struct feed *f, struct error *err)
{
    json_t *answer = NULL, *row;
    size_t i;
    enum status status = STATUS_OK;
    if (json_array_size(f->batch) == 0)
        return STATUS_OK;
    if (f->client != NULL)
        status = client_call(f->client, "POST", f->path.data, NULL, f->batch, &answer, err);
    else
        f->rows += json_array_size(f->batch);
    json_array_foreach(shape_get(answer, "results"), i, row)
    {
        if (status == STATUS_OK)
            status = report(f, row, err);
    }
    json_decref(answer);
    json_array_clear(f->batch);
    f->bytes = 0;
    return status;
}

enum status feed_add(struct feed *f, json_t *document, struct error *err)
{
    enum status status = STATUS_OK;
    size_t bytes = shape_text(document, "text").len;
    if (f->bytes + bytes > FEED_BYTES)
        status = feed_flush(f, err);
    if (status != STATUS_OK) {
        json_decref(document);
        return status;
    }
    if (json_array_append_new(f->batch, document) != 0)
        return error_memory(err, "reading documents");
    f->bytes += bytes;
    return json_array_size(f->batch) >= FEED_ROWS ? feed_flush(f, err) : STATUS_OK;
}

enum status feed_turn(struct feed *f, const char *collection, struct error *err)
{
    enum status status = feed_flush(f, err);
    buf_clear(&f->path);
    return status == STATUS_OK ? client_collection_path(&f->path, collection, "/documents", err) : status;
}
