#include <stdlib.h>

#include "server/embed_call.h"
#include "server/json_schema.h"
#include "server/json_write.h"
#include "server/routes.h"
#include "server/vector_json.h"
#include "tokenizer/language.h"

/* ---- embed ---- */

static const struct field embed_fields[] = {
    EMBED_FIELDS,
    {.name = "output_type",
     .kind = FIELD_TEXT,
     .choices = vector_type_names,
     .about = "float (the default), int8 or binary."},
};
const struct shape shape_embed = SHAPE("Embed", "Texts to be embedded.", embed_fields,
                                       .example = "{\"input\":[\"Guten Morgen\",\"good morning\"]}");

static const struct field stretch_fields[] = {
    {.name = "start", .kind = FIELD_INTEGER, .required = true, .about = "Its first byte in the text."},
    {.name = "end", .kind = FIELD_INTEGER, .required = true, .about = "The byte behind its last."},
    {.name = "tokens", .kind = FIELD_INTEGER, .required = true, .about = "Its tokens alone."},
    {.name = "embedding",
     .kind = FIELD_ANY,
     .required = true,
     .schema = SCHEMA_EMBEDDING,
     .about = "Its vector."},
};
static const struct shape shape_stretch = SHAPE("EmbeddedPassage", "A passage of a text.", stretch_fields);

static const struct field embedded_fields[] = {
    {.name = "index", .kind = FIELD_INTEGER, .required = true, .about = "Which input."},
    {.name = "embedding",
     .kind = FIELD_ANY,
     .required = true,
     .nullable = true,
     .schema = "{\"anyOf\":[" SCHEMA_EMBEDDING ",{\"type\":\"null\"}]}",
     .about = "Numbers, or base64 of them; null where passages are asked for."},
    {.name = "tokens",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Tokens the encoder saw, prompt included."},
    {.name = "dropped_tokens",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Tokens cut off by long_text truncate."},
    {.name = "passages",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .of = &shape_stretch,
     .about = "With long_text passages."},
};
static const struct shape shape_embedded = SHAPE("Embedding", "The vector of a text.", embedded_fields);

static const struct field embed_answer_fields[] = {
    {.name = "model", .kind = FIELD_TEXT, .required = true, .about = "The model's name."},
    {.name = "data",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_embedded,
     .about = "In the order of input."},
};
const struct shape shape_embed_answer = SHAPE("EmbedAnswer", "Vectors.", embed_answer_fields);

static enum status write_passages(const struct embed_call *m, const struct embedded_text *t, struct buf *out,
                                  struct error *err)
{
    enum status status = buf_printf(out, err, "null,\"passages\":[");
    for (size_t i = t->first; i < t->first + t->count && status == STATUS_OK; i++) {
        const struct passage *p = &m->rows.passages[i];
        status = buf_printf(out, err, "%s{\"start\":%zu,\"end\":%zu,\"tokens\":%u,\"embedding\":",
                            i > t->first ? "," : "", p->start, p->end, (unsigned)p->tokens);
        if (status == STATUS_OK)
            status = embed_call_write(m, i, out, err);
        if (status == STATUS_OK)
            status = buf_append(out, "}", 1, err);
    }
    return status == STATUS_OK ? buf_append(out, "]", 1, err) : status;
}

static enum status write_embed(const struct embed_call *m, struct buf *out, struct error *err)
{
    enum status status = buf_printf(out, err, "{\"model\":");
    if (status == STATUS_OK)
        status = json_write_text(text_of(m->model->name), out, err);
    if (status == STATUS_OK)
        status = buf_printf(out, err, ",\"data\":[");
    for (size_t i = 0; i < m->n && status == STATUS_OK; i++) {
        const struct embedded_text *t = &m->rows.texts[i];
        status = buf_printf(out, err, "%s{\"index\":%zu,\"tokens\":%u,\"dropped_tokens\":%u,\"embedding\":",
                            i > 0 ? "," : "", i, (unsigned)t->tokens, (unsigned)t->dropped);
        if (status == STATUS_OK)
            status = m->long_text == LONG_TEXT_PASSAGES ? write_passages(m, t, out, err)
                                                        : embed_call_write(m, t->first, out, err);
        if (status == STATUS_OK)
            status = buf_append(out, "}", 1, err);
    }
    return status == STATUS_OK ? buf_append(out, "]}", 2, err) : status;
}

void handle_embed(struct api_call *call)
{
    struct embed_call m = {0};
    struct buf text;
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status = embed_call_read(&m, call);
    m.format.type =
        (enum vector_type)shape_choice(call->body, "output_type", vector_type_names, VECTOR_FLOAT);
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK)
        status = write_embed(&m, &text, &call->err);
    if (status == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
    embed_call_release(&m);
}

/* ---- tokenize ---- */

static const struct field tokenize_fields[] = {
    {.name = "input",
     .kind = FIELD_TEXT,
     .count = FIELD_ONE_OR_LIST,
     .required = true,
     .items = EMBED_INPUTS,
     .about = "A text, or a list of them."},
    {.name = "model", .kind = FIELD_TEXT, .about = "The model's name; the loaded one when absent."},
    {.name = "input_type",
     .kind = FIELD_TEXT,
     .choices = input_type_names,
     .about = "Puts this prompt in front; none when absent."},
    {.name = "add_special_tokens",
     .kind = FIELD_BOOLEAN,
     .about = "With the tokens that begin and end a text; true when absent."},
};
const struct shape shape_tokenize = SHAPE("Tokenize", "Texts to be tokenized.", tokenize_fields,
                                          .example = "{\"input\":\"Donaudampfschiff\"}");

static const struct field token_fields[] = {
    {.name = "id", .kind = FIELD_INTEGER, .required = true, .about = "Row of the vocabulary."},
    {.name = "piece",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "As the vocabulary has it; ▁ begins a word."},
    {.name = "start",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "First byte of the text that it stands for."},
    {.name = "end",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "The byte behind its last; equal to start when it stands for none."},
    {.name = "special",
     .kind = FIELD_BOOLEAN,
     .required = true,
     .about = "A control token or the unknown one."},
};
static const struct shape shape_token = SHAPE("Token", "A token.", token_fields);

#define TOKENS_FIELD                                                                                         \
    {                                                                                                        \
        .name = "tokens", .kind = FIELD_OBJECT, .count = FIELD_LIST, .of = &shape_token,                     \
        .about = "In order."                                                                                 \
    }
static const struct field tokens_fields[] = {TOKENS_FIELD};
static const struct shape shape_tokens = SHAPE("Tokens", "The tokens of a text.", tokens_fields);
static const struct field tokenize_answer_fields[] = {
    TOKENS_FIELD,
    {.name = "results",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .of = &shape_tokens,
     .about = "Of a list of texts."},
};
const struct shape shape_tokenize_answer =
    SHAPE("TokenizeAnswer", "tokens of a text, or results of a list.", tokenize_answer_fields);

static int append_token(json_t *list, const struct tokenizer *t, int32_t id, size_t start, size_t end)
{
    return json_array_append_new(list,
                                 json_pack("{s:i, s:o, s:I, s:I, s:b}", "id", (int)id, "piece",
                                           text_json(tokenizer_piece(t, id)), "start", (json_int_t)start,
                                           "end", (json_int_t)end, "special", tokenizer_is_special(t, id)));
}

static json_t *tokens_json(const struct tokenizer *t, const struct encoding *e, bool specials, size_t length)
{
    json_t *list = json_array();
    int32_t first = specials ? tokenizer_start_id(t) : -1, last = specials ? tokenizer_end_id(t) : -1;
    bool good = list != NULL && (first < 0 || append_token(list, t, first, 0, 0) == 0);
    for (size_t i = 0; i < e->count && good; i++)
        good = append_token(list, t, e->tokens[i].id, e->tokens[i].start, e->tokens[i].end) == 0;
    if (good && last >= 0)
        good = append_token(list, t, last, length, length) == 0;
    if (good)
        return json_pack("{s:o}", "tokens", list);
    json_decref(list);
    return NULL;
}

void handle_tokenize(struct api_call *call)
{
    const struct engine_model *model;
    const json_t *input = shape_get(call->body, "input");
    bool specials = shape_boolean(call->body, "add_special_tokens", true);
    struct encoding encoding = {0};
    struct text *texts = NULL, prompt = {0};
    size_t n = 0;
    json_t *results = json_array();
    enum status status = call_model(call, shape_text(call->body, "model"), &model);
    if (status == STATUS_OK)
        status = json_texts(input, &texts, &n, &call->err);
    if (status == STATUS_OK && shape_get(call->body, "input_type") != NULL)
        prompt = input_type_of(call->body, "input_type") == INPUT_QUERY ? model->info->prompt_query
                                                                        : model->info->prompt_document;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        status = tokenizer_encode(model->tokenizer, &encoding, prompt, texts[i], &call->err);
        if (status == STATUS_OK && json_array_append_new(results, tokens_json(model->tokenizer, &encoding,
                                                                              specials, texts[i].len)) != 0)
            status = error_memory(&call->err, "listing the tokens");
    }
    if (status == STATUS_OK && json_is_array(input))
        call_answer(call, 200, json_pack("{s:O}", "results", results));
    else if (status == STATUS_OK)
        call_answer(call, 200, json_incref(json_array_get(results, 0)));
    json_decref(results);
    encoding_release(&encoding);
    free(texts);
}

/* ---- language ---- */

static const struct field detect_fields[] = {
    {.name = "input",
     .kind = FIELD_TEXT,
     .count = FIELD_ONE_OR_LIST,
     .required = true,
     .items = EMBED_INPUTS,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "A text, or a list of them."},
};
const struct shape shape_detect = SHAPE("DetectLanguage", "Texts whose language is wanted.", detect_fields,
                                        .example = "{\"input\":\"Der Zug hat Verspätung.\"}");

#define LANGUAGE_FIELDS(needed)                                                                              \
    {.name = "lang",                                                                                         \
     .kind = FIELD_TEXT,                                                                                     \
     .required = needed,                                                                                     \
     .about = "BCP 47; und when nothing can be told."},                                                      \
        {.name = "share",                                                                                    \
         .kind = FIELD_NUMBER,                                                                               \
         .required = needed,                                                                                 \
         .least = 0,                                                                                         \
         .most = 1,                                                                                          \
         .about = "Of the text's letters that are in it."},                                                  \
    {                                                                                                        \
        .name = "confidence", .kind = FIELD_NUMBER, .required = needed, .least = 0, .most = 1,               \
        .about = "The share, less what the text is too short or too mixed to tell."                          \
    }
static const struct field candidate_fields[] = {LANGUAGE_FIELDS(true)};
static const struct shape shape_candidate = SHAPE("LanguageCandidate", "A language in a text.", candidate_fields);
#define CANDIDATES                                                                                           \
    {                                                                                                        \
        .name = "candidates", .kind = FIELD_OBJECT, .count = FIELD_LIST, .of = &shape_candidate,             \
        .about = "All languages found in the text, the one with most of it first."                           \
    }
static const struct field language_fields[] = {LANGUAGE_FIELDS(true), CANDIDATES};
static const struct shape shape_language = SHAPE("Language", "The language of a text.", language_fields);
static const struct field detect_answer_fields[] = {
    LANGUAGE_FIELDS(false),
    CANDIDATES,
    {.name = "results",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .of = &shape_language,
     .about = "Of a list of texts."},
};
const struct shape shape_detect_answer =
    SHAPE("DetectLanguageAnswer", "The language of a text, or results of a list.", detect_answer_fields);

static json_t *language_json(struct text text)
{
    struct language found[LANGUAGE_CANDIDATES];
    size_t n = language_rank(text, found);
    json_t *candidates = json_array();
    for (size_t i = 0; i < n && candidates != NULL; i++)
        if (json_array_append_new(candidates, json_pack("{s:s, s:f, s:f}", "lang", found[i].tag, "share",
                                                        found[i].share, "confidence", found[i].confidence)) != 0) {
            json_decref(candidates);
            return NULL;
        }
    return json_pack("{s:s, s:f, s:f, s:o}", "lang", n > 0 ? found[0].tag : "und", "share",
                     n > 0 ? found[0].share : 0, "confidence", n > 0 ? found[0].confidence : 0, "candidates",
                     candidates);
}

void handle_detect_language(struct api_call *call)
{
    const json_t *input = shape_get(call->body, "input");
    if (!json_is_array(input)) {
        call_answer(call, 200, language_json(json_text(input)));
        return;
    }
    json_t *results = json_array();
    for (size_t i = 0; i < json_array_size(input) && results != NULL; i++)
        if (json_array_append_new(results, language_json(json_text(json_array_get(input, i)))) != 0) {
            json_decref(results);
            results = NULL;
        }
    call_answer(call, 200, results == NULL ? NULL : json_pack("{s:o}", "results", results));
}
