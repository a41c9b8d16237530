#include <stdlib.h>

#include "server/embed_call.h"
#include "server/json_schema.h"
#include "server/json_write.h"
#include "server/routes.h"

#define SCORES 16000000 /* of one matrix: what the largest answer has room for */

static const struct field similarity_fields[] = {
    {.name = "input",
     .kind = FIELD_ANY,
     .schema =
         "{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"anyOf\":[{\"type\":\"string\"},"
         "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}]}}",
     .about = "Two texts, or two lists of texts to be compared each with each."},
    {.name = "pairs",
     .kind = FIELD_ANY,
     .count = FIELD_LIST,
     .items = EMBED_INPUTS / 2,
     .schema = "{\"type\":\"array\",\"minItems\":2,\"maxItems\":2,\"items\":{\"type\":\"string\"}}",
     .about = "In place of input: many pairs of texts, each compared by itself."},
    {.name = "model", .kind = FIELD_TEXT, .about = "The model's name; the loaded one when absent."},
    {.name = "input_type",
     .kind = FIELD_TEXT,
     .choices = input_type_names,
     .about = "query (the default) or document."},
};
const struct shape shape_similarity = SHAPE("Similarity", "Texts to be compared.", similarity_fields,
                                            .example = "{\"input\":[\"Guten Morgen\",\"good morning\"]}");

#define PAIR_FIELDS(needed)                                                                                  \
    {.name = "score", .kind = FIELD_NUMBER, .required = needed, .about = "Cosine of two texts."},            \
    {                                                                                                        \
        .name = "relevance", .kind = FIELD_NUMBER, .required = needed, .nullable = true,                     \
        .about = "How probable it is that they mean the same, by the model's curve; null without one."       \
    }
static const struct field pair_fields[] = {PAIR_FIELDS(true)};
static const struct shape shape_pair = SHAPE("SimilarityPair", "How near two texts are.", pair_fields);
static const struct field similarity_answer_fields[] = {
    PAIR_FIELDS(false),
    {.name = "matrix",
     .kind = FIELD_ANY,
     .schema = SCHEMA_ROWS,
     .about = "Of two lists: a row for each of the first, the cosine to each of the second."},
    {.name = "results",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .of = &shape_pair,
     .about = "Of pairs, in order."},
};
const struct shape shape_similarity_answer =
    SHAPE("SimilarityAnswer", "score and relevance, matrix, or results.", similarity_answer_fields);

/* Adds a text, or the texts of a list. */
static enum status add_texts(json_t *all, json_t *texts, const char *field, struct error *err)
{
    for (size_t i = 0; i < json_array_size(texts); i++)
        if (!json_is_string(json_array_get(texts, i)))
            return error_field(err, STATUS_INVALID, field, "%s must hold nothing but texts", field);
    if (!json_is_array(texts) && !json_is_string(texts))
        return error_field(err, STATUS_INVALID, field, "%s must hold nothing but texts", field);
    bool good =
        json_is_array(texts) ? json_array_extend(all, texts) == 0 : json_array_append(all, texts) == 0;
    return good ? STATUS_OK : error_memory(err, "reading the texts");
}

/* The two sides of `input` as one list of texts; the first has *rows. */
static enum status read_sides(const json_t *input, json_t *all, size_t *rows, struct error *err)
{
    if (json_array_size(input) != 2)
        return error_field(err, STATUS_INVALID, "input",
                           "give input, a list of two texts or of two lists of texts; or pairs");
    enum status status = add_texts(all, json_array_get(input, 0), "input", err);
    *rows = json_array_size(all);
    if (status == STATUS_OK)
        status = add_texts(all, json_array_get(input, 1), "input", err);
    size_t columns = json_array_size(all) - *rows;
    if (status == STATUS_OK && (*rows + columns > EMBED_INPUTS || *rows * columns > SCORES))
        status = error_field(err, STATUS_TOO_LARGE, "input",
                             "input has %zu and %zu texts; at most %d together, and %d scores", *rows,
                             columns, EMBED_INPUTS, SCORES);
    return status;
}

/* The texts of pairs one after the other. */
static enum status read_pairs(const json_t *pairs, json_t *all, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < json_array_size(pairs) && status == STATUS_OK; i++) {
        char field[FIELD_PATH];
        json_t *pair = json_array_get(pairs, i);
        path_item(field, "pairs", i);
        if (json_array_size(pair) != 2)
            return error_field(err, STATUS_INVALID, field, "%s must be a list of two texts", field);
        status = add_texts(all, pair, field, err);
    }
    return status;
}

static json_t *pair_json(const struct embed_call *m, size_t first)
{
    double score = embeddings_cosine(&m->rows, first, first + 1);
    return json_pack("{s:f, s:o}", "score", score, "relevance",
                     number_or_null(engine_relevance(m->model, score, true)));
}

static void answer_pairs(struct api_call *call, const struct embed_call *m)
{
    json_t *results = json_array();
    for (size_t i = 0; i < m->rows.rows && results != NULL; i += 2)
        if (json_array_append_new(results, pair_json(m, i)) != 0) {
            json_decref(results);
            results = NULL;
        }
    call_answer(call, 200, results == NULL ? NULL : json_pack("{s:o}", "results", results));
}

static void answer_matrix(struct api_call *call, const struct embeddings *v, size_t rows)
{
    struct buf text;
    size_t columns = v->rows - rows;
    float *row = calloc(columns + 1, sizeof *row);
    buf_init(&text, JSON_WRITE_CEILING);
    enum status status =
        row == NULL ? error_memory(&call->err, "comparing") : buf_printf(&text, &call->err, "{\"matrix\":[");
    for (size_t i = 0; i < rows && status == STATUS_OK; i++) {
        for (size_t j = 0; j < columns; j++)
            row[j] = embeddings_cosine(v, i, rows + j);
        if (i > 0)
            status = buf_append(&text, ",", 1, &call->err);
        if (status == STATUS_OK)
            status = json_write_floats(row, columns, &text, &call->err);
    }
    if (status == STATUS_OK)
        status = buf_append(&text, "]}", 2, &call->err);
    if (status == STATUS_OK)
        call_answer_text(call, &text, NULL);
    buf_release(&text);
    free(row);
}

void handle_similarity(struct api_call *call)
{
    const json_t *input = shape_get(call->body, "input"), *pairs = shape_get(call->body, "pairs");
    bool lists = json_is_array(json_array_get(input, 0)) || json_is_array(json_array_get(input, 1));
    struct embed_call m = {0};
    size_t rows = 0;
    json_t *all = json_array();
    enum status status = STATUS_OK;
    if (input != NULL && pairs != NULL)
        status = error_field(&call->err, STATUS_INVALID, "pairs", "give exactly one of input and pairs");
    if (status == STATUS_OK)
        status =
            pairs != NULL ? read_pairs(pairs, all, &call->err) : read_sides(input, all, &rows, &call->err);
    if (status == STATUS_OK)
        status = embed_call_texts(&m, call, pairs != NULL ? "pairs" : "input", all,
                                  input_type_of(call->body, "input_type"));
    if (status == STATUS_OK)
        status = embed_call_run(&m, call);
    if (status == STATUS_OK && pairs != NULL)
        answer_pairs(call, &m);
    else if (status == STATUS_OK && lists)
        answer_matrix(call, &m.rows, rows);
    else if (status == STATUS_OK)
        call_answer(call, 200, pair_json(&m, 0));
    embed_call_release(&m);
    json_decref(all);
}
