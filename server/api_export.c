#include <stdlib.h>

#include "server/json_write.h"
#include "server/passages_json.h"
#include "server/routes.h"

#define PAGE_ROWS    200
#define ANSWER_BYTES ((size_t)224 << 20) /* one document of 16 MiB with its vectors fits */
#define FULL_BYTES   ((size_t)16 << 20)  /* a page ends behind the document that reaches this */

static const struct field query_fields[] = {
    {.name = "after",
     .kind = FIELD_TEXT,
     .most = 512,
     .about = "Documents behind this id; from the first when absent."},
    {.name = "vectors", .kind = FIELD_BOOLEAN, .about = "With their vectors; without when absent."},
};
const struct shape shape_export_query = SHAPE("ExportParameters", "Which documents to export.", query_fields);

/* A document as a write of documents takes it, on a line. */
static enum status export_line(struct collection *c, const struct collection_settings *settings,
                               const struct document *d, bool vectors, struct buf *out, struct error *err)
{
    struct passage_row *rows = NULL;
    size_t n = 0;
    json_t *row = json_pack("{s:o, s:o, s:o, s:o}", "id", text_json(d->id), "lang", text_json(d->lang),
                            "text", text_json(d->text), "metadata", metadata_json(d->metadata));
    bool good = row != NULL &&
                (d->title.len == 0 || json_object_set_new(row, "title", text_json(d->title)) == 0) &&
                (d->expires == 0 || json_object_set_new(row, "expires_at", time_json(d->expires)) == 0);
    enum status status = good ? json_write(row, out, err) : error_memory(err, "exporting");
    json_decref(row);
    if (status == STATUS_OK && vectors)
        status = collection_passages(c, d->id, &rows, &n, err);
    if (status == STATUS_OK && n > 0) {
        out->len--; /* the closing brace */
        status = buf_printf(out, err, ",\"vectors\":");
        if (status == STATUS_OK)
            status = passages_write(settings->space_id, rows, n, settings->width, out, err);
        if (status == STATUS_OK)
            status = buf_append(out, "}", 1, err);
    }
    free(rows);
    return status == STATUS_OK ? buf_append(out, "\n", 1, err) : status;
}

void handle_export(struct api_call *call)
{
    struct collection *c = NULL;
    struct collection_info info = {0};
    struct document *documents = NULL;
    struct buf out;
    size_t n = 0;
    bool vectors = shape_boolean(call->query, "vectors", false);
    buf_init(&out, ANSWER_BYTES);
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = collection_info(c, &info, &call->err);
    if (status == STATUS_OK)
        status = collection_documents(c, shape_text(call->query, "after"), PAGE_ROWS, true, &documents, &n,
                                      &call->err);
    for (size_t i = 0; i < n && status == STATUS_OK && out.len < FULL_BYTES; i++)
        status = export_line(c, &info.settings, &documents[i], vectors, &out, &call->err);
    if (status == STATUS_OK)
        status = buf_append(&out, "", 1, &call->err); /* answers as text end with a NUL */
    if (status == STATUS_OK)
        call_answer_text(call, &out, "application/x-ndjson");
    documents_free(documents, n);
    collection_info_release(&info);
    collection_release(c);
    buf_release(&out);
}
