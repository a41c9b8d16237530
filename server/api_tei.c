/* The routes of Text Embeddings Inference: huggingface.github.io/text-embeddings-inference. What it would
 * refuse for its size is split instead. Vectors have unit length, always. */
#include <stdlib.h>

#include "common/utf8.h"
#include "server/embed_call.h"
#include "server/json_schema.h"
#include "server/json_write.h"
#include "server/routes.h"
#include "server/token_text.h"

const char *const tei_directions[] = {"right", "Right", "left", "Left", NULL};

#define TRUNCATE_FIELDS                                                                                      \
    {.name = "truncate",                                                                                     \
     .kind = FIELD_BOOLEAN,                                                                                  \
     .about =                                                                                                \
         "Cuts texts longer than the model's context; false when absent: they are pooled over windows."},    \
        {.name = "truncation_direction",                                                                     \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = tei_directions,                                                                          \
         .about = "right (when absent) cuts the end off, left the beginning."},                              \
    {                                                                                                        \
        .name = "prompt_name", .kind = FIELD_TEXT, .choices = input_type_names,                              \
        .about = "query when absent."                                                                        \
    }
#define INPUTS_FIELD                                                                                         \
    {                                                                                                        \
        .name = "inputs", .kind = FIELD_INPUT, .count = FIELD_ONE_OR_LIST, .required = true,                 \
        .items = EMBED_INPUTS, .most = ENGINE_DOCUMENT_BYTES,                                                \
        .about = "A text, or a list of them. " EMBED_IDS                                                     \
    }

static const struct field embed_fields[] = {
    INPUTS_FIELD,
    TRUNCATE_FIELDS,
    {.name = "normalize",
     .kind = FIELD_BOOLEAN,
     .about = "true when absent: vectors have unit length; false: as the model makes them."},
    {.name = "dimensions", .kind = FIELD_INTEGER, .least = 1, .most = 65536, .about = "Shorter vectors."},
};
const struct shape shape_tei_embed =
    SHAPE("TeiEmbed", "Texts to be embedded.", embed_fields,
          .example = "{\"inputs\":[\"Guten Morgen\",\"good morning\"],\"truncate\":true}");
const struct shape shape_tei_vectors = {
    .name = "TeiVectors", .about = "A vector for each text.", .list = true, .schema = SCHEMA_ROWS};

static const struct field embed_all_fields[] = {INPUTS_FIELD, TRUNCATE_FIELDS};
const struct shape shape_tei_embed_all = SHAPE("TeiEmbedAll", "Texts whose tokens are to be embedded.",
                                               embed_all_fields, .example = "{\"inputs\":\"Guten Morgen\"}");
const struct shape shape_tei_states = {.name = "TeiStates",
                                       .about = "For each text a vector for each of its tokens.",
                                       .list = true,
                                       .schema = "{\"type\":\"array\",\"items\":" SCHEMA_ROWS "}"};

static const struct field sentences_fields[] = {
    {.name = "source_sentence",
     .kind = FIELD_TEXT,
     .required = true,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "A text."},
    {.name = "sentences",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .required = true,
     .items = EMBED_INPUTS - 1,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "Texts to compare it with."},
};
static const struct shape shape_sentences = SHAPE("TeiSentences", "What to compare.", sentences_fields);
static const struct field parameter_fields[] = {TRUNCATE_FIELDS};
static const struct shape shape_parameters = SHAPE("TeiParameters", "How to embed.", parameter_fields);
static const struct field similarity_fields[] = {
    {.name = "inputs",
     .kind = FIELD_OBJECT,
     .required = true,
     .of = &shape_sentences,
     .about = "What to compare."},
    {.name = "parameters", .kind = FIELD_OBJECT, .of = &shape_parameters, .about = "How to embed."},
};
const struct shape shape_tei_similarity =
    SHAPE("TeiSimilarity", "Texts to be compared.", similarity_fields,
          .example = "{\"inputs\":{\"source_sentence\":\"late train\",\"sentences\":[\"Le train est en "
                     "retard.\",\"Cook the onions.\"]}}");
const struct shape shape_tei_scores = {
    .name = "TeiScores", .about = "A cosine for each sentence.", .list = true, .schema = SCHEMA_NUMBERS};

static const struct field tokenize_fields[] = {
    {.name = "inputs",
     .kind = FIELD_TEXT,
     .count = FIELD_ONE_OR_LIST,
     .required = true,
     .items = EMBED_INPUTS,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "A text, or a list of them."},
    {.name = "add_special_tokens", .kind = FIELD_BOOLEAN, .about = "true when absent."},
    {.name = "prompt_name",
     .kind = FIELD_TEXT,
     .choices = input_type_names,
     .about = "No prompt when absent."},
};
const struct shape shape_tei_tokenize = SHAPE("TeiTokenize", "Texts to be tokenized.", tokenize_fields,
                                              .example = "{\"inputs\":\"Donaudampfschiff\"}");
const struct shape shape_tei_tokens = {
    .name = "TeiTokens",
    .about = "For each text its tokens; start and stop count characters.",
    .list = true,
    .schema = "{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"required\":"
              "[\"id\",\"text\",\"special\",\"start\",\"stop\"],\"properties\":{\"id\":{\"type\":\"integer\"}"
              ",\"text\":{\"type\":\"string\"},\"special\":{\"type\":\"boolean\"},\"start\":{\"type\":["
              "\"integer\",\"null\"]},\"stop\":{\"type\":[\"integer\",\"null\"]}}}}}"};

static const struct field decode_fields[] = {
    {.name = "ids",
     .kind = FIELD_ANY,
     .required = true,
     .schema = "{\"type\":\"array\",\"items\":{\"anyOf\":[{\"type\":\"integer\"},{\"type\":\"array\","
               "\"items\":{\"type\":\"integer\"}}]}}",
     .about = "Token ids, or a list of such lists."},
    {.name = "skip_special_tokens", .kind = FIELD_BOOLEAN, .about = "true when absent."},
};
const struct shape shape_tei_decode = SHAPE("TeiDecode", "Token ids to be turned into text.", decode_fields,
                                            .example = "{\"ids\":[0,33600,31,2]}");
const struct shape shape_tei_texts = {.name = "TeiTexts",
                                      .about = "A text for each list of ids.",
                                      .list = true,
                                      .schema = "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"};

const struct shape shape_tei_info = {.name = "TeiInfo", .about = "The model and the limits.", .open = true};

/* Whether a list of inputs is empty, which has an answer of its own. */
static bool answer_empty(struct api_call *call, const json_t *inputs, const char *name)
{
    if (!json_is_array(inputs) || json_array_size(inputs) > 0)
        return false;
    call_answer(call, 400,
                json_pack("{s:s++, s:s}", "error", "`", name, "` cannot be empty", "error_type", "empty"));
    return true;
}

enum long_text tei_long_text(const json_t *wishes)
{
    if (!shape_boolean(wishes, "truncate", false))
        return LONG_TEXT_POOL;
    return shape_choice(wishes, "truncation_direction", tei_directions, 0) < 2 ? LONG_TEXT_TRUNCATE
                                                                               : LONG_TEXT_TRUNCATE_START;
}

static void answer_rows(struct api_call *call, const struct embed_call *m)
{
    struct buf text;
    buf_init(&text, JSON_WRITE_CEILING);
    if (embed_call_write_rows(m, &text, &call->err) == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
}

void handle_tei_embed(struct api_call *call)
{
    const json_t *inputs = shape_get(call->body, "inputs");
    struct embed_call m = {0};
    if (answer_empty(call, inputs, "inputs"))
        return;
    enum status status =
        embed_call_texts(&m, call, "inputs", inputs, input_type_of(call->body, "prompt_name"));
    if (status == STATUS_OK)
        status = embed_call_dimensions(&m, call, "dimensions");
    m.long_text = tei_long_text(call->body);
    m.raw = !shape_boolean(call->body, "normalize", true);
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK)
        answer_rows(call, &m);
    embed_call_release(&m);
}

/* [[[…], …], …]: for each text a row for each of its tokens. */
static enum status write_states(const struct embeddings *v, size_t n, struct buf *out, struct error *err)
{
    const float *row = v->states;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        status = buf_append(out, i > 0 ? ",[" : "[[", 2, err);
        for (size_t j = 0; j < v->texts[i].tokens && status == STATUS_OK; j++, row += v->hidden) {
            if (j > 0)
                status = buf_append(out, ",", 1, err);
            if (status == STATUS_OK)
                status = json_write_floats(row, v->hidden, out, err);
        }
        if (status == STATUS_OK)
            status = buf_append(out, "]", 1, err);
    }
    return status == STATUS_OK ? buf_append(out, "]", 1, err) : status;
}

void handle_tei_embed_all(struct api_call *call)
{
    const json_t *inputs = shape_get(call->body, "inputs");
    struct embed_call m = {.states = true};
    struct buf text;
    if (answer_empty(call, inputs, "inputs"))
        return;
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status =
        embed_call_texts(&m, call, "inputs", inputs, input_type_of(call->body, "prompt_name"));
    m.long_text = tei_long_text(call->body);
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK)
        status = write_states(&m.rows, m.n, &text, &call->err);
    if (status == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
    embed_call_release(&m);
}

/* [0.91,0.12,…]: the cosine of the first row to each of the others. */
static void answer_cosines(struct api_call *call, const struct embed_call *m)
{
    struct buf text;
    float *scores = calloc(m->n, sizeof *scores);
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status = scores == NULL ? error_memory(&call->err, "comparing") : STATUS_OK;
    for (size_t i = 1; i < m->n && status == STATUS_OK; i++)
        scores[i - 1] = embeddings_cosine(&m->rows, 0, i);
    if (status == STATUS_OK)
        status = json_write_floats(scores, m->n - 1, &text, &call->err);
    if (status == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
    free(scores);
}

void handle_tei_similarity(struct api_call *call)
{
    const json_t *inputs = shape_get(call->body, "inputs"), *parameters = shape_get(call->body, "parameters");
    struct embed_call m = {0};
    enum status status = STATUS_OK;
    if (answer_empty(call, shape_get(inputs, "sentences"), "inputs.sentences"))
        return;
    json_t *all = json_array();
    if (json_array_append(all, json_object_get(inputs, "source_sentence")) != 0 ||
        json_array_extend(all, json_object_get(inputs, "sentences")) != 0)
        status = error_memory(&call->err, "reading the sentences");
    if (status == STATUS_OK)
        status =
            embed_call_texts(&m, call, "inputs.sentences", all, input_type_of(parameters, "prompt_name"));
    m.long_text = tei_long_text(parameters);
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK)
        answer_cosines(call, &m);
    embed_call_release(&m);
    json_decref(all);
}

const struct shape shape_tei_any = {.name = "TeiAny",
                                    .about = "inputs as /embed takes them, or as /similarity does.",
                                    .either = {&shape_tei_embed, &shape_tei_similarity},
                                    .example = "{\"inputs\":\"good morning\"}"};
const struct shape shape_tei_any_answer = {.name = "TeiAnyAnswer",
                                           .about = "A vector for each text, or a cosine for each sentence.",
                                           .list = true,
                                           .schema = "{\"anyOf\":[" SCHEMA_ROWS "," SCHEMA_NUMBERS "]}"};

void handle_tei_any(struct api_call *call)
{
    bool compare = json_is_object(shape_get(call->body, "inputs"));
    if (shape_check(compare ? &shape_tei_similarity : &shape_tei_embed, call->body, "", &call->err) !=
        STATUS_OK)
        return;
    if (compare)
        handle_tei_similarity(call);
    else
        handle_tei_embed(call);
}

/* ---- tokens ---- */

/* Special tokens stand nowhere in the text; the others say which characters of it they are. */
static json_t *token_json(const struct tokenizer *t, struct text text, const struct token *token)
{
    size_t start = utf8_length(text.data, token->start);
    struct text piece = {text.data + token->start, token->end - token->start};
    size_t stop = start + utf8_length(piece.data, piece.len);
    if (tokenizer_is_special(t, token->id))
        return json_pack("{s:i, s:o, s:b, s:n, s:n}", "id", (int)token->id, "text",
                         text_json(tokenizer_piece(t, token->id)), "special", 1, "start", "stop");
    return json_pack("{s:i, s:o, s:b, s:I, s:I}", "id", (int)token->id, "text",
                     piece.len > 0 ? text_json(piece) : text_json(tokenizer_piece(t, token->id)), "special",
                     0, "start", (json_int_t)start, "stop", (json_int_t)stop);
}

static json_t *tokens_json(const struct tokenizer *t, struct text text, const struct encoding *e,
                           bool specials)
{
    const struct token first = {.id = tokenizer_start_id(t)}, last = {.id = tokenizer_end_id(t)};
    json_t *list = json_array();
    bool good = list != NULL;
    if (specials && first.id >= 0)
        good = json_array_append_new(list, token_json(t, text, &first)) == 0;
    for (size_t i = 0; i < e->count && good; i++)
        good = json_array_append_new(list, token_json(t, text, &e->tokens[i])) == 0;
    if (good && specials && last.id >= 0)
        good = json_array_append_new(list, token_json(t, text, &last)) == 0;
    if (good)
        return list;
    json_decref(list);
    return NULL;
}

void handle_tei_tokenize(struct api_call *call)
{
    const struct engine_model *model;
    const json_t *inputs = shape_get(call->body, "inputs");
    struct encoding encoding = {0};
    struct text *texts = NULL, prompt = {0};
    size_t n = 0;
    if (answer_empty(call, inputs, "inputs"))
        return;
    json_t *all = json_array();
    enum status status = call_model(call, (struct text){0}, &model);
    if (status == STATUS_OK)
        status = json_texts(inputs, &texts, &n, &call->err);
    if (status == STATUS_OK && shape_get(call->body, "prompt_name") != NULL)
        prompt = input_type_of(call->body, "prompt_name") == INPUT_QUERY ? model->info->prompt_query
                                                                         : model->info->prompt_document;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        status = tokenizer_encode(model->tokenizer, &encoding, prompt, texts[i], &call->err);
        if (status == STATUS_OK &&
            json_array_append_new(all, tokens_json(model->tokenizer, texts[i], &encoding,
                                                   shape_boolean(call->body, "add_special_tokens", true))) !=
                0)
            status = error_memory(&call->err, "listing the tokens");
    }
    if (status == STATUS_OK)
        call_answer(call, 200, json_incref(all));
    json_decref(all);
    encoding_release(&encoding);
    free(texts);
}

void handle_tei_decode(struct api_call *call)
{
    const struct engine_model *model;
    const json_t *ids = shape_get(call->body, "ids");
    bool batch = json_is_array(json_array_get(ids, 0)),
         skip = shape_boolean(call->body, "skip_special_tokens", true);
    struct buf text;
    if (answer_empty(call, ids, "ids"))
        return;
    json_t *all = json_array();
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status = call_model(call, (struct text){0}, &model);
    for (size_t i = 0; i < (batch ? json_array_size(ids) : 1) && status == STATUS_OK; i++) {
        status = token_text(model->tokenizer, batch ? json_array_get(ids, i) : ids, skip, "ids", &text,
                            &call->err);
        if (status == STATUS_OK && json_array_append_new(all, text_json(buf_text(&text))) != 0)
            status = error_memory(&call->err, "decoding");
    }
    if (status == STATUS_OK)
        call_answer(call, 200, json_incref(all));
    json_decref(all);
    buf_release(&text);
}

void handle_tei_info(struct api_call *call)
{
    const struct engine_model *m;
    if (call_model(call, (struct text){0}, &m) != STATUS_OK)
        return;
    call_answer(call, 200,
                json_pack("{s:s, s:n, s:s, s:s, s:{s:{s:s}}, s:i, s:I, s:I, s:n, s:i, s:b, s:I, s:s}",
                          "model_id", m->name, "model_sha", "model_dtype",
                          m->precision == PRECISION_INT8 ? "int8" : "float32", "served_model_name", m->name,
                          "model_type", "embedding", "pooling", "mean", "max_concurrent_requests",
                          ENGINE_WAITING, "max_input_length", (json_int_t)m->info->context,
                          "max_batch_tokens", (json_int_t)m->info->context * EMBED_INPUTS,
                          "max_batch_requests", "max_client_batch_size", EMBED_INPUTS, "auto_truncate", 0,
                          "tokenization_workers", (json_int_t)m->threads, "version", COGNATE_VERSION));
}
