/* Cohere's embed route, version 2: docs.cohere.com/reference/embed. */
#include <string.h>

#include "server/embed_call.h"
#include "server/json_write.h"
#include "server/routes.h"

static const char *const input_types[] = {"search_query", "classification", "clustering", "search_document",
                                          NULL};
static const char *const truncations[] = {"NONE", "END", "START", NULL};
static const enum long_text long_texts[] = {LONG_TEXT_ERROR, LONG_TEXT_TRUNCATE, LONG_TEXT_TRUNCATE_START,
                                            LONG_TEXT_POOL};

/* What embedding_types can ask for. */
static const char *const type_names[] = {"float", "int8", "uint8", "binary", "ubinary", "base64", NULL};
static const struct vector_format types[] = {{VECTOR_FLOAT, false, 0},  {VECTOR_INT8, false, 0},
                                             {VECTOR_UINT8, false, 0},  {VECTOR_SIGNED_BINARY, false, 0},
                                             {VECTOR_BINARY, false, 0}, {VECTOR_FLOAT, true, 0}};

static const struct field embed_fields[] = {
    {.name = "model", .kind = FIELD_TEXT, .required = true, .about = "The model's name."},
    {.name = "texts",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .required = true,
     .items = EMBED_INPUTS,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "Texts."},
    {.name = "input_type",
     .kind = FIELD_TEXT,
     .required = true,
     .choices = input_types,
     .about = "What the vectors are for."},
    {.name = "embedding_types",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .items = 6,
     .choices = type_names,
     .about = "Forms of the vectors; float when absent."},
    {.name = "output_dimension",
     .kind = FIELD_INTEGER,
     .least = 1,
     .most = 65536,
     .about = "Shorter vectors."},
    {.name = "truncate",
     .kind = FIELD_TEXT,
     .choices = truncations,
     .about =
         "END and START cut long texts there, NONE refuses them; when absent they are pooled over windows."},
};
const struct shape shape_cohere_embed = SHAPE(
    "CohereEmbed", "Texts to be embedded.", embed_fields,
    .example = "{\"model\":\"cognate-e5-512\",\"texts\":[\"Guten "
               "Morgen\"],\"input_type\":\"search_document\",\"embedding_types\":[\"float\",\"int8\"]}");

static const struct field answer_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "Of the call."},
    {.name = "embeddings",
     .kind = FIELD_OBJECT,
     .required = true,
     .about = "A list of vectors for each form asked for."},
    {.name = "texts", .kind = FIELD_TEXT, .count = FIELD_LIST, .required = true, .about = "As they came."},
    {.name = "meta", .kind = FIELD_OBJECT, .required = true, .about = "api_version and billed_units."},
    {.name = "response_type", .kind = FIELD_TEXT, .required = true, .about = "embeddings_by_type"},
};
const struct shape shape_cohere_answer =
    SHAPE("CohereEmbedAnswer", "Vectors, as Cohere gives them.", answer_fields);

/* {"float": [[…], …], "int8": …} */
static enum status write_types(struct embed_call *m, unsigned wanted, struct buf *out, struct error *err)
{
    size_t dimensions = m->format.dimensions;
    const char *before = "{";
    enum status status = STATUS_OK;
    for (unsigned i = 0; type_names[i] != NULL && status == STATUS_OK; i++) {
        if ((wanted & 1u << i) == 0)
            continue;
        m->format = types[i];
        m->format.dimensions = dimensions;
        status = buf_printf(out, err, "%s\"%s\":", before, type_names[i]);
        if (status == STATUS_OK)
            status = embed_call_write_rows(m, out, err);
        before = ",";
    }
    return status == STATUS_OK ? buf_append(out, "}", 1, err) : status;
}

static enum status write_answer(struct embed_call *m, const json_t *texts, unsigned wanted, struct buf *out,
                                struct error *err)
{
    char id[37];
    uuid_text(id);
    enum status status = buf_printf(out, err, "{\"id\":\"%s\",\"embeddings\":", id);
    if (status == STATUS_OK)
        status = write_types(m, wanted, out, err);
    if (status == STATUS_OK)
        status = buf_printf(out, err, ",\"texts\":");
    if (status == STATUS_OK)
        status = json_write(texts, out, err);
    return status == STATUS_OK ? buf_printf(out, err,
                                            ",\"meta\":{\"api_version\":{\"version\":\"2\"},\"billed_units\":"
                                            "{\"input_tokens\":%llu}},"
                                            "\"response_type\":\"embeddings_by_type\"}",
                                            (unsigned long long)embed_call_tokens(m))
                               : status;
}

static unsigned wanted_types(const json_t *list)
{
    unsigned wanted = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        for (unsigned j = 0; type_names[j] != NULL; j++)
            wanted |= (unsigned)text_is(json_text(json_array_get(list, i)), type_names[j]) << j;
    return wanted != 0 ? wanted : 1;
}

void handle_cohere_embed(struct api_call *call)
{
    const json_t *texts = shape_get(call->body, "texts");
    int type = shape_choice(call->body, "input_type", input_types, 0);
    int truncate = shape_choice(call->body, "truncate", truncations, 3);
    struct embed_call m = {0};
    struct buf text;
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status = embed_call_texts(&m, call, "texts", texts, type < 3 ? INPUT_QUERY : INPUT_DOCUMENT);
    m.long_text = long_texts[truncate];
    if (status == STATUS_OK && json_array_size(texts) == 0)
        status = error_field(&call->err, STATUS_INVALID, "texts", "texts must not be empty");
    if (status == STATUS_OK)
        status = embed_call_dimensions(&m, call, "output_dimension");
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK)
        status = write_answer(&m, texts, wanted_types(shape_get(call->body, "embedding_types")), &text,
                              &call->err);
    if (status == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
    embed_call_release(&m);
}
