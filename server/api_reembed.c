#include <stdlib.h>
#include <string.h>

#include "server/engine_state.h"
#include "server/json_write.h"
#include "server/routes.h"

#define SAMPLE  64 /* texts whose embedding is timed for an estimate */
#define GRACE_S (7 * 86400)

static const struct field reembed_fields[] = {
    {.name = "collection",
     .kind = FIELD_TEXT,
     .required = true,
     .least = 1,
     .most = 64,
     .about = "Which collection."},
    {.name = "model",
     .kind = FIELD_TEXT,
     .most = 128,
     .about = "The installed model to change to: NAME, NAME@VERSION or NAME@LABEL."},
    {.name = "rollback",
     .kind = FIELD_BOOLEAN,
     .about = "Go back to the vectors before, while they are kept."},
    {.name = "dry_run", .kind = FIELD_BOOLEAN, .about = "Only say what it would take."},
    {.name = "grace_s",
     .kind = FIELD_INTEGER,
     .least = 0,
     .most = 365 * 86400,
     .about = "Seconds that the old vectors are kept; a week when absent."},
    {.name = "min_overlap",
     .kind = FIELD_NUMBER,
     .least = 0,
     .most = 1,
     .about = "Least share of the first ten hits in common, over sampled texts, else nothing is changed; 0 "
              "when absent."},
};
const struct shape shape_reembed =
    SHAPE("Reembed", "A change of a collection's model.", reembed_fields,
          .example = "{\"collection\":\"default\",\"model\":\"cognate-e5-512\",\"dry_run\":true}");

static const struct field estimate_fields[] = {
    {.name = "collection", .kind = FIELD_TEXT, .required = true, .about = "Which collection."},
    {.name = "model", .kind = FIELD_TEXT, .required = true, .about = "The model to change to."},
    {.name = "documents", .kind = FIELD_INTEGER, .required = true, .about = "Documents to embed."},
    {.name = "passages",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Their passages with the model now."},
    {.name = "tokens", .kind = FIELD_INTEGER, .required = true, .about = "Tokens of those passages."},
    {.name = "seconds",
     .kind = FIELD_NUMBER,
     .required = true,
     .about = "At the rate at which a sample was embedded."},
};
const struct shape shape_reembed_estimate =
    SHAPE("ReembedEstimate", "What a change of model would take.", estimate_fields);

/* The model to change to: the one that the body names, or that of the vectors there were before. */
static enum status target(struct api_call *call, const struct engine_model **out)
{
    struct collection *spare = NULL;
    struct collection_info about = {0};
    struct text name = shape_text(call->body, "model");
    enum status status = STATUS_OK;
    if (!shape_boolean(call->body, "rollback", false)) {
        status = name.len > 0 ? call_model(call, name, out)
                              : error_field(&call->err, STATUS_INVALID, "model", "say which model, or rollback");
        return status == STATUS_OK ? engine_need_vectors(*out, &call->err) : status;
    }
    status = store_spare_open(engine_store(call->engine), shape_text(call->body, "collection"),
                                          &spare, &call->err);
    if (status == STATUS_OK)
        status = collection_info(spare, &about, &call->err);
    if (status == STATUS_OK)
        status = call_model_of(call, about.settings.space_id, out);
    if (status == STATUS_OK)
        status = check_space(*out, &about.settings, &call->err);
    collection_info_release(&about);
    collection_release(spare);
    return status;
}

/* Embeds the first passages of some documents with the new model: tokens a second. */
static enum status measure(struct api_call *call, struct collection *c, const struct engine_model *to,
                           double *rate)
{
    struct document *documents = NULL;
    struct text texts[SAMPLE];
    struct embeddings v = {0};
    size_t n = 0;
    double tokens = 0, start = clock_ms();
    enum status status = collection_documents(c, text_of(""), SAMPLE, true, &documents, &n, &call->err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        texts[i] = documents[i].text;
    if (status == STATUS_OK)
        status = engine_embed(call->engine,
                              &(struct embed_request){.model = to,
                                                      .texts = texts,
                                                      .n = n,
                                                      .long_text = LONG_TEXT_TRUNCATE,
                                                      .input_type = INPUT_DOCUMENT,
                                                      .bulk = true,
                                                      .deadline_ms = call->request->deadline_ms},
                              &v, &call->err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        tokens += v.texts[i].tokens;
    *rate = clock_ms() > start && tokens > 0 ? tokens / (clock_ms() - start) * 1000 : 0;
    embeddings_release(&v);
    documents_free(documents, n);
    return status;
}

static void estimate(struct api_call *call, const struct engine_model *to)
{
    struct collection *c = NULL;
    struct collection_info about = {0};
    uint64_t tokens = 0;
    double rate = 0;
    enum status status = store_collection_open(engine_store(call->engine),
                                               shape_text(call->body, "collection"), &c, &call->err);
    if (status == STATUS_OK)
        status = collection_info(c, &about, &call->err);
    if (status == STATUS_OK)
        status = collection_tokens(c, &tokens, &call->err);
    if (status == STATUS_OK)
        status = measure(call, c, to, &rate);
    if (status == STATUS_OK)
        call_answer(call, 200,
                    json_pack("{s:o, s:s, s:I, s:I, s:I, s:f}", "collection", text_json(about.settings.name),
                              "model", to->bound, "documents", (json_int_t)about.documents, "passages",
                              (json_int_t)about.passages, "tokens", (json_int_t)tokens, "seconds",
                              rate > 0 ? (double)tokens / rate : 0.0));
    collection_info_release(&about);
    collection_release(c);
}

void handle_reembed(struct api_call *call)
{
    struct store *s = NULL;
    const struct engine_model *to = NULL;
    struct collection *c = NULL;
    char space[65] = "";
    struct buf arguments;
    buf_init(&arguments, 4096);
    enum status status = call_store(call, &s);
    if (status == STATUS_OK)
        status = target(call, &to);
    if (status == STATUS_OK && shape_boolean(call->body, "dry_run", false)) {
        estimate(call, to);
        return;
    }
    if (status == STATUS_OK)
        status = store_collection_open(s, shape_text(call->body, "collection"), &c, &call->err);
    if (status == STATUS_OK)
        hex_text(to->space_id, sizeof to->space_id, space);
    json_t *object = json_pack("{s:s, s:I, s:f}", "space_id", space, "grace_s",
                               (json_int_t)shape_integer(call->body, "grace_s", GRACE_S), "overlap",
                               shape_number(call->body, "min_overlap", 0));
    if (status == STATUS_OK)
        status = object != NULL ? json_write(object, &arguments, &call->err)
                                : error_memory(&call->err, "starting a job");
    if (status == STATUS_OK)
        call_start_job(call,
                       &(struct job){.kind = text_of("reembed"),
                                     .collection = shape_text(call->body, "collection"),
                                     .arguments = buf_text(&arguments)},
                       NULL, 0);
    json_decref(object);
    collection_release(c);
    buf_release(&arguments);
}
