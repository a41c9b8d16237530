#include <stdlib.h>

#include "server/document_json.h"
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
};
const struct shape shape_document = SHAPE("Document", "A document.", document_fields);

static const struct field patch_fields[] = {
    {.name = "lang", .kind = FIELD_TEXT, .most = 64, .about = "The new language tag."},
    {.name = "metadata", .kind = FIELD_OBJECT, .about = "The new metadata, in place of all there was."},
};
const struct shape shape_document_patch = SHAPE(
    "DocumentPatch", "What can change without embedding: send text and title as a document.", patch_fields);

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

static const struct field ids_fields[] = {
    {.name = "ids",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .required = true,
     .items = DELETE_ROWS,
     .about = "Ids of documents."},
};
const struct shape shape_ids = SHAPE("Ids", "Which documents to delete.", ids_fields);

static json_t *document_json(struct text collection, const struct document *d, bool with_text)
{
    json_t *body =
        json_pack("{s:o, s:o, s:o, s:o}", "id", text_json(d->id), "collection", text_json(collection),
                  "title", text_or_null(d->title), "lang", text_json(d->lang));
    bool good = body != NULL && (!with_text || json_object_set_new(body, "text", text_json(d->text)) == 0) &&
                json_object_set_new(body, "metadata", metadata_json(d->metadata)) == 0 &&
                json_object_set_new(body, "passages", json_integer(d->passages)) == 0 &&
                json_object_set_new(body, "created", time_json(d->created)) == 0 &&
                json_object_set_new(body, "updated", time_json(d->updated)) == 0;
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
    char *text = NULL;
    const json_t *metadata = shape_get(call->body, "metadata"), *tag = shape_get(call->body, "lang");
    struct text lang = json_text(tag), value;
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = metadata_text(metadata, &text, &call->err);
    if (status == STATUS_OK) {
        value = text != NULL ? text_of(text) : (struct text){0};
        status = collection_patch(c, call->captures[1], tag != NULL ? &lang : NULL,
                                  text != NULL ? &value : NULL, &call->err);
    }
    if (status == STATUS_OK)
        answer_document(call, c);
    free(text);
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

void handle_documents_delete(struct api_call *call)
{
    struct collection *c = NULL;
    struct text *ids = NULL;
    size_t n = 0;
    uint64_t deleted = 0;
    enum status status = call_collection(call, &c);
    if (status == STATUS_OK)
        status = json_texts(shape_get(call->body, "ids"), &ids, &n, &call->err);
    if (status == STATUS_OK)
        status = collection_delete(c, ids, n, &deleted, &call->err);
    if (status == STATUS_OK)
        call_answer(call, 200, json_pack("{s:I}", "deleted", (json_int_t)deleted));
    free(ids);
    collection_release(c);
}
