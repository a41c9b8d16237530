#include <stdlib.h>

#include "server/document_json.h"
#include "server/filter_json.h"
#include "server/routes.h"

#define PAGE_ROWS   1000
#define DELETE_ROWS 10000

static const struct field document_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "Unique in the collection."},
    {.name = "collection", .kind = FIELD_TEXT, .required = true, .about = "Where it lies."},
    {.name = "title", .kind = FIELD_TEXT, .required = true, .nullable = true, .about = "Its title."},
    {.name = "lang", .kind = FIELD_TEXT, .required = true, .about = "BCP 47; und when unknown."},
    {.name = "text", .kind = FIELD_TEXT, .about = "Its text; left out of lists unless text=true."},
    {.name = "metadata", .kind = FIELD_OBJECT, .required = true, .about = "Its metadata."},
    {.name = "passages", .kind = FIELD_INTEGER, .required = true, .about = "Passages it was cut into."},
    {.name = "created", .kind = FIELD_TEXT, .required = true, .about = "RFC 3339."},
    {.name = "updated", .kind = FIELD_TEXT, .required = true, .about = "RFC 3339."},
    {.name = "expires_at",
     .kind = FIELD_TEXT,
     .required = true,
     .nullable = true,
     .about = "RFC 3339: from then on it is not there any more; null: never."},
};
const struct shape shape_document = SHAPE("Document", "A document.", document_fields);

static const struct field patch_fields[] = {
    {.name = "title",
     .kind = FIELD_TEXT,
     .most = 8192,
     .about = "The new title; the vectors stay those of the old one until the document is sent again."},
    {.name = "lang", .kind = FIELD_TEXT, .most = 64, .about = "The new language tag."},
    {.name = "metadata", .kind = FIELD_OBJECT, .about = "The new metadata, in place of all there was."},
    {.name = "expires_at",
     .kind = FIELD_TEXT,
     .most = 64,
     .about = "RFC 3339: when it expires; an empty text: never."},
};
const struct shape shape_document_patch =
    SHAPE("DocumentPatch", "What can change without embedding; a text is sent as a document.", patch_fields,
          .example = "{\"metadata\":{\"kind\":\"notice\"}}");

static const struct field page_fields[] = {
    {.name = "after",
     .kind = FIELD_TEXT,
     .most = 512,
     .about = "Documents behind this id; from the first when absent."},
    {.name = "limit",
     .kind = FIELD_INTEGER,
     .least = 1,
     .most = PAGE_ROWS,
     .about = "Most documents; 100 when absent."},
    {.name = "text", .kind = FIELD_BOOLEAN, .about = "With their texts; without when absent."},
};
const struct shape shape_documents_query =
    SHAPE("DocumentsParameters", "Which documents to list.", page_fields);

static const struct field documents_fields[] = {
    {.name = "documents",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_document,
     .about = "By id, in byte order."},
    {.name = "next_after",
     .kind = FIELD_TEXT,
     .required = true,
     .nullable = true,
     .about = "The `after` of the next page; null on the last one."},
};
const struct shape shape_documents = SHAPE("Documents", "A page of documents.", documents_fields);

static const struct field delete_fields[] = {
    {.name = "ids",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .items = DELETE_ROWS,
     .about = "Ids of documents; or"},
    {.name = "filter",
     .kind = FIELD_ANY,
     .about = "documents that meet a filter, written as for a search; and"},
    {.name = "prefix", .kind = FIELD_TEXT, .least = 1, .most = 512, .about = "whose ids begin with this."},
    {.name = "dry_run", .kind = FIELD_BOOLEAN, .about = "Only count what would go; false when absent."},
};
const struct shape shape_documents_delete =
    SHAPE("DocumentsDelete", "Which documents to delete.", delete_fields, .example = "{\"ids\":[\"none\"]}");

static json_t *document_json(struct text collection, const struct document *d, bool with_text)
{
    json_t *body =
        json_pack("{s:o, s:o, s:o, s:o}", "id", text_json(d->id), "collection", text_json(collection),
                  "title", text_or_null(d->title), "lang", text_json(d->lang));
    bool good =
        body != NULL && (!with_text || json_object_set_new(body, "text", text_json(d->text)) == 0) &&
        json_object_set_new(body, "metadata", metadata_json(d->metadata)) == 0 &&
        json_object_set_new(body, "passages", json_integer(d->passages)) == 0 &&
        json_object_set_new(body, "created", time_json(d->created)) == 0 &&
        json_object_set_new(body, "updated", time_json(d->updated)) == 0 &&
        json_object_set_new(body, "expires_at", d->expires != 0 ? time_json(d->expires) : json_null()) == 0;
    if (good)
        return body;
    json_decref(body);
    return NULL;
}

/* Answers with the document that the path names. */
static void answer_document(struct api_call *call, struct collection *c)
{
    struct document d = {0};
    if (collection_get(c, call->captures[1], &d, &call->err) != STATUS_OK)
        return;
    call_answer(call, 200, document_json(call->captures[0], &d, true));
    document_release(&d);
}

void handle_document_get(struct api_call *call)
{
    struct collection *c = NULL;
    if (call_collection(call, &c) == STATUS_OK)
        answer_document(call, c);
    collection_release(c);
}

void handle_document_patch(struct api_call *call)
{
    struct collection *c = NULL;
    char *bytes = NULL;
    int64_t expires = 0;
    struct text title = shape_text(call->body, "title"), lang = shape_text(call->body, "lang"), metadata;
    struct text moment = shape_text(call->body, "expires_at");
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = metadata_text(shape_get(call->body, "metadata"), &bytes, &call->err);
    if (status == STATUS_OK && moment.len > 0)
        status = expiry_read(call->body, &expires, &call->err);
    if (status == STATUS_OK) {
        metadata = bytes != NULL ? text_of(bytes) : (struct text){0};
        struct document_patch patch = {.title = title.data != NULL ? &title : NULL,
                                       .lang = lang.data != NULL ? &lang : NULL,
                                       .metadata = bytes != NULL ? &metadata : NULL,
                                       .expires = moment.data != NULL ? &expires : NULL};
        status = collection_patch(c, call->captures[1], &patch, &call->err);
    }
    if (status == STATUS_OK)
        answer_document(call, c);
    free(bytes);
    collection_release(c);
}

void handle_documents(struct api_call *call)
{
    struct collection *c = NULL;
    struct document *documents = NULL;
    size_t n = 0, limit = (size_t)shape_integer(call->query, "limit", 100);
    bool with_text = shape_boolean(call->query, "text", false);
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = collection_documents(c, shape_text(call->query, "after"), limit, with_text, &documents, &n,
                                      &call->err);
    if (status == STATUS_OK) {
        json_t *list = json_array();
        for (size_t i = 0; i < n && list != NULL; i++)
            if (json_array_append_new(list, document_json(call->captures[0], &documents[i], with_text)) !=
                0) {
                json_decref(list);
                list = NULL;
            }
        call_answer(call, 200,
                    list == NULL ? NULL
                                 : json_pack("{s:o, s:o}", "documents", list, "next_after",
                                             n == limit ? text_json(documents[n - 1].id) : json_null()));
    }
    documents_free(documents, n);
    collection_release(c);
}

void handle_document_delete(struct api_call *call)
{
    struct collection *c = NULL;
    uint64_t deleted = 0;
    struct text id = call->captures[1];
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = collection_delete(c, &id, 1, &deleted, &call->err);
    if (status == STATUS_OK && deleted == 0)
        status = error_set(
            &call->err, STATUS_NOT_FOUND, "there is no document \"%.*s\" in the collection %.*s",
            (int)(id.len < 128 ? id.len : 128), id.data, (int)call->captures[0].len, call->captures[0].data);
    if (status == STATUS_OK)
        call_answer(call, 200, json_pack("{s:i}", "deleted", 1));
    collection_release(c);
}

/* Deletes, or counts, what `ids` or `filter` and `prefix` say. */
static enum status delete_documents(struct api_call *call, struct collection *c, uint64_t *deleted)
{
    const json_t *ids = shape_get(call->body, "ids"), *conditions = shape_get(call->body, "filter");
    struct text *list = NULL, prefix = shape_text(call->body, "prefix");
    struct filter *filter = NULL;
    size_t n = 0;
    bool dry = shape_boolean(call->body, "dry_run", false);
    enum status status = STATUS_OK;
    if ((ids != NULL) == (conditions != NULL || prefix.len > 0))
        return error_set(&call->err, STATUS_INVALID,
                         "say which documents: by ids, or by filter, prefix or both");
    if (ids != NULL && dry)
        return error_field(&call->err, STATUS_INVALID, "dry_run", "dry_run goes with filter and prefix");
    if (ids != NULL)
        status = json_texts(ids, &list, &n, &call->err);
    else if (conditions != NULL)
        status = filter_parse(conditions, NULL, &filter, &call->err);
    if (status == STATUS_OK && ids != NULL)
        status = collection_delete(c, list, n, deleted, &call->err);
    else if (status == STATUS_OK)
        status = collection_delete_where(c, filter, prefix, dry, deleted, &call->err);
    free(filter);
    free(list);
    return status;
}

void handle_documents_delete(struct api_call *call)
{
    struct collection *c = NULL;
    uint64_t deleted = 0;
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = delete_documents(call, c, &deleted);
    if (status == STATUS_OK)
        call_answer(call, 200, json_pack("{s:I}", "deleted", (json_int_t)deleted));
    collection_release(c);
}
