/* Reranking: the routes of Jina (jina.ai/reranker), Cohere (docs.cohere.com/reference/rerank) and Text
 * Embeddings Inference. A cross-encoder reads the query with each document; by a model of embeddings the order is
 * the relevance of each document's cosine to the query. Answers that have room for it say so. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "server/embed_call.h"
#include "server/routes.h"

#define METHOD "ordered by the similarity of embeddings; %s is no cross-encoder"
#define CUT    "%zu of the documents lost their ends, %llu tokens in all, to fit the model %s"

static const struct field rerank_fields[] = {
    {.name = "model",
     .kind = FIELD_TEXT,
     .about = "The model's name, a cross-encoder's or another's; when absent the reranker in use, or without one "
              "the loaded model."},
    {.name = "query",
     .kind = FIELD_TEXT,
     .required = true,
     .least = 1,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "A query."},
    {.name = "documents",
     .kind = FIELD_ANY,
     .count = FIELD_LIST,
     .required = true,
     .items = EMBED_INPUTS,
     .schema = "{\"type\":[\"string\",\"object\"]}",
     .about = "Texts, or objects {\"text\": …}."},
    {.name = "top_n",
     .kind = FIELD_INTEGER,
     .least = 1,
     .most = 1e9,
     .about = "Most results; all when absent."},
    {.name = "rank_fields",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .items = 64,
     .least = 1,
     .about = "Which fields of documents that are objects count, one line each; text when absent."},
    {.name = "return_documents", .kind = FIELD_BOOLEAN, .about = "With the documents; false when absent."},
    {.name = "max_tokens_per_doc",
     .kind = FIELD_INTEGER,
     .about = "Not used: long documents are pooled over windows, and by a cross-encoder cut where it ends."},
    {.name = "max_chunks_per_doc", .kind = FIELD_INTEGER, .about = "Not used, likewise."},
};
const struct shape shape_rerank = SHAPE("Rerank", "Documents to be ordered.", rerank_fields,
                                        .example = "{\"query\":\"late train\",\"documents\":[\"Le train est "
                                                   "en retard.\",\"Cook the onions.\"],\"top_n\":1}");

static const struct field result_fields[] = {
    {.name = "index", .kind = FIELD_INTEGER, .required = true, .about = "Which document."},
    {.name = "relevance_score", .kind = FIELD_NUMBER, .required = true, .about = "0 to 1, best first."},
    {.name = "document",
     .kind = FIELD_OBJECT,
     .about = "As it was sent, a text as {\"text\": …}; with return_documents."},
};
static const struct shape shape_result = SHAPE("RerankResult", "A document's rank.", result_fields);
static const struct field answer_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "Of the call."},
    {.name = "model", .kind = FIELD_TEXT, .required = true, .about = "The model's name."},
    {.name = "results",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .required = true,
     .of = &shape_result,
     .about = "Best first."},
    {.name = "usage", .kind = FIELD_OBJECT, .required = true, .about = "total_tokens, prompt_tokens."},
    {.name = "meta",
     .kind = FIELD_OBJECT,
     .required = true,
     .about = "api_version, billed_units, tokens, warnings."},
};
const struct shape shape_rerank_answer = SHAPE("RerankAnswer", "The order of documents.", answer_fields);

static const struct field tei_fields[] = {
    {.name = "query",
     .kind = FIELD_TEXT,
     .required = true,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "A query."},
    {.name = "texts",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .required = true,
     .items = EMBED_INPUTS,
     .most = ENGINE_DOCUMENT_BYTES,
     .about = "Texts to be ordered."},
    {.name = "truncate",
     .kind = FIELD_BOOLEAN,
     .about = "Cuts long texts; false when absent: they are pooled, and refused by a cross-encoder."},
    {.name = "truncation_direction",
     .kind = FIELD_TEXT,
     .choices = tei_directions,
     .about = "right (when absent) cuts the end off, left the beginning, which a cross-encoder does not."},
    {.name = "raw_scores",
     .kind = FIELD_BOOLEAN,
     .about = "Logits of a cross-encoder, or cosines, in place of relevances."},
    {.name = "return_text", .kind = FIELD_BOOLEAN, .about = "With the texts."},
};
static const struct shape shape_tei = SHAPE("TeiRerank", "Texts to be ordered.", tei_fields);

const struct shape shape_rerank_any = {
    .name = "RerankAny",
    .about = "query with texts (Text Embeddings Inference) or documents (Jina, Cohere).",
    .either = {&shape_tei, &shape_rerank},
    .example = "{\"query\":\"late train\",\"texts\":[\"Le train est en retard.\",\"Cook the onions.\"]}"};

static const struct field tei_rank_fields[] = {
    {.name = "index", .kind = FIELD_INTEGER, .required = true, .about = "Which text."},
    {.name = "score", .kind = FIELD_NUMBER, .required = true, .about = "0 to 1; a logit or cosine with raw_scores."},
    {.name = "text", .kind = FIELD_TEXT, .about = "With return_text."},
};
static const struct shape shape_tei_ranks =
    SHAPE("TeiRank", "Texts, best first.", tei_rank_fields, .list = true);
const struct shape shape_rerank_any_answer = {.name = "RerankAnyAnswer",
                                              .about = "As the request's family answers.",
                                              .anything = true,
                                              .either = {&shape_tei_ranks, &shape_rerank_answer}};

struct rank {
    size_t index;
    double score;
};

static int by_score(const void *a, const void *b)
{
    const struct rank *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

/* P(relevant) of a cosine; of a model without a curve the cosine moved to 0 … 1. */
static double relevance(const struct engine_model *m, double cosine)
{
    double relevance = engine_relevance(m, cosine, false);
    return isnan(relevance) ? (1 + cosine) / 2 : relevance;
}

/* What is asked, and what comes out. */
struct ranking {
    const json_t *query, *texts; /* a list of texts */
    enum long_text long_text;
    bool raw;
    bool whole; /* no pair is cut */
    const struct engine_model *model;
    struct rank *ranks; /* of all texts, best first */
    uint64_t tokens, dropped;
    size_t cut; /* texts that lost something */
};

/* By the cosines of embeddings. */
static enum status rank_by_vectors(struct api_call *call, struct ranking *r)
{
    struct embed_call q = {0}, d = {0};
    size_t n = json_array_size(r->texts);
    q.long_text = d.long_text = r->long_text;
    enum status status = embed_call_texts(&q, call, "query", r->query, INPUT_QUERY);
    if (status == STATUS_OK)
        status = embed_call_run(&q, call);
    if (status == STATUS_OK)
        status = embed_call_texts(&d, call, "documents", r->texts, INPUT_DOCUMENT);
    if (status == STATUS_OK)
        status = embed_call_run(&d, call);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        double dot = 0;
        for (size_t j = 0; j < d.rows.width; j++)
            dot += (double)q.rows.vectors[j] * d.rows.vectors[i * d.rows.width + j];
        r->ranks[i] = (struct rank){i, fmax(-1, fmin(1, dot))};
        if (!r->raw)
            r->ranks[i].score = relevance(d.model, r->ranks[i].score);
    }
    if (status == STATUS_OK)
        r->tokens = embed_call_tokens(&q) + embed_call_tokens(&d);
    embed_call_release(&q);
    embed_call_release(&d);
    return status;
}

/* By the scores of a cross-encoder. */
static enum status rank_by_pairs(struct api_call *call, struct ranking *r)
{
    struct text *texts = NULL;
    size_t n = 0;
    double start = clock_ms();
    if (r->long_text == LONG_TEXT_TRUNCATE_START)
        return error_field(&call->err, STATUS_UNSUPPORTED, "truncation_direction",
                           "the cross-encoder %s cuts the ends of texts; leave truncation_direction out",
                           r->model->name);
    enum status status = json_texts(r->texts, &texts, &n, &call->err);
    struct score *scores = calloc(n + 1, sizeof *scores);
    if (status == STATUS_OK && scores == NULL)
        status = error_memory(&call->err, "ordering the documents");
    if (status == STATUS_OK)
        status = engine_score(call->engine,
                              &(struct score_request){.model = r->model,
                                                      .query = json_text(r->query),
                                                      .texts = texts,
                                                      .n = n,
                                                      .whole = r->whole,
                                                      .bulk = n > EMBED_BULK,
                                                      .deadline_ms = call->request->deadline_ms,
                                                      .cancelled = call->request->cancelled},
                              scores, &call->err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        r->ranks[i] = (struct rank){i, r->raw ? scores[i].logit : scores[i].score};
        call->reply->characters += utf8_length(texts[i].data, texts[i].len);
        r->tokens += scores[i].tokens;
        r->dropped += scores[i].dropped;
        r->cut += scores[i].dropped > 0;
    }
    call->reply->characters += utf8_length(json_string_value(r->query), json_string_length(r->query));
    call->reply->encode_ms += clock_ms() - start;
    call->reply->tokens += r->tokens;
    free(scores);
    free(texts);
    return status;
}

/* Sets ranks (owned by the caller) and what stands behind it. */
static enum status rank_texts(struct api_call *call, struct ranking *r)
{
    size_t n = json_array_size(r->texts);
    enum status status = call_reranker(call, shape_text(call->body, "model"), &r->model);
    r->ranks = calloc(n + 1, sizeof *r->ranks);
    if (status == STATUS_OK && r->ranks == NULL)
        status = error_memory(&call->err, "ordering the documents");
    if (status == STATUS_OK)
        status = r->model->info->scores ? rank_by_pairs(call, r) : rank_by_vectors(call, r);
    if (status == STATUS_OK)
        qsort(r->ranks, n, sizeof *r->ranks, by_score);
    return status;
}

/* ---- Jina, Cohere ---- */

/* Its fields of the names in `fields`, one below the other; *found says whether it has any. */
static enum status join_fields(const json_t *document, const json_t *fields, struct buf *out, bool *found,
                               struct error *err)
{
    enum status status = STATUS_OK;
    *found = false;
    for (size_t i = 0; i < json_array_size(fields) && status == STATUS_OK; i++) {
        struct text value =
            json_text(json_object_get(document, json_string_value(json_array_get(fields, i))));
        if (value.data == NULL)
            continue;
        if (*found)
            status = buf_append(out, "\n", 1, err);
        if (status == STATUS_OK)
            status = buf_append(out, value.data, value.len, err);
        *found = true;
    }
    return status;
}

/* The text of a document: itself, its field `text`, or those of `fields`; NULL for one that has none. */
static enum status document_text(json_t *document, const json_t *fields, json_t **out, struct error *err)
{
    struct buf lines;
    bool found;
    if (!json_is_object(document) || json_array_size(fields) == 0) {
        json_t *text = json_is_object(document) ? json_object_get(document, "text") : document;
        *out = json_is_string(text) ? json_incref(text) : NULL;
        return STATUS_OK;
    }
    buf_init(&lines, 2 * (size_t)ENGINE_DOCUMENT_BYTES);
    enum status status = join_fields(document, fields, &lines, &found, err);
    *out = found && status == STATUS_OK ? text_json(buf_text(&lines)) : NULL;
    if (found && status == STATUS_OK && *out == NULL)
        status = error_memory(err, "reading the documents");
    buf_release(&lines);
    return status;
}

static enum status document_texts(const json_t *body, json_t *out, struct error *err)
{
    const json_t *documents = shape_get(body, "documents"), *fields = shape_get(body, "rank_fields");
    for (size_t i = 0; i < json_array_size(documents); i++) {
        json_t *text = NULL;
        enum status status = document_text(json_array_get(documents, i), fields, &text, err);
        if (status != STATUS_OK)
            return status;
        if (text == NULL)
            return error_field(err, STATUS_INVALID, "documents",
                               "documents[%zu] must be a text or an object with %s", i,
                               fields == NULL ? "a text" : "one of rank_fields");
        size_t len = json_string_length(text);
        if (json_array_append_new(out, text) != 0)
            return error_memory(err, "reading the documents");
        if (len > ENGINE_DOCUMENT_BYTES)
            return error_field(err, STATUS_TOO_LARGE, "documents", "documents[%zu] has %zu bytes; at most %d",
                               i, len, ENGINE_DOCUMENT_BYTES);
    }
    return STATUS_OK;
}

/* Documents come back as they were sent, texts as objects with one. */
static json_t *document_json(json_t *document)
{
    return json_is_object(document) ? json_incref(document) : json_pack("{s:O}", "text", document);
}

static json_t *results_json(const struct rank *ranks, size_t n, const json_t *documents, bool with_text)
{
    json_t *results = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *result =
            json_pack("{s:I, s:f}", "index", (json_int_t)ranks[i].index, "relevance_score", ranks[i].score);
        bool good =
            !with_text || json_object_set_new(result, "document",
                                              document_json(json_array_get(documents, ranks[i].index))) == 0;
        if (json_array_append_new(results, result) != 0 || !good) {
            json_decref(results);
            return NULL;
        }
    }
    return results;
}

/* What a user should know of the order; an empty list when nothing. */
static json_t *warnings_json(const struct ranking *r)
{
    char text[512];
    if (r->model->info->scores && r->cut == 0)
        return json_array();
    if (r->model->info->scores)
        snprintf(text, sizeof text, CUT, r->cut, (unsigned long long)r->dropped, r->model->name);
    else
        snprintf(text, sizeof text, METHOD, r->model->name);
    return json_pack("[o]", message_json(text));
}

void handle_rerank(struct api_call *call)
{
    struct ranking r = {.query = shape_get(call->body, "query"), .texts = json_array(), .long_text = LONG_TEXT_POOL};
    char id[37];
    json_t *texts = (json_t *)(uintptr_t)r.texts;
    enum status status = document_texts(call->body, texts, &call->err);
    if (status == STATUS_OK && json_array_size(texts) == 0)
        status = error_field(&call->err, STATUS_INVALID, "documents", "documents must not be empty");
    if (status == STATUS_OK)
        status = rank_texts(call, &r);
    if (status == STATUS_OK) {
        size_t n = json_array_size(texts), most = (size_t)shape_integer(call->body, "top_n", (long long)n);
        json_t *results = results_json(r.ranks, most < n ? most : n, shape_get(call->body, "documents"),
                                       shape_boolean(call->body, "return_documents", false));
        uuid_text(id);
        call_answer(call, 200,
                    json_pack("{s:s, s:s, s:o, s:{s:I, s:I}, s:{s:{s:s}, s:{s:i}, s:{s:I}, s:o}}", "id", id,
                              "model", r.model->name, "results", results, "usage", "total_tokens",
                              (json_int_t)r.tokens, "prompt_tokens", (json_int_t)r.tokens, "meta", "api_version",
                              "version", call->route->family == API_COHERE ? "2" : "1", "billed_units",
                              "search_units", 1, "tokens", "input_tokens", (json_int_t)r.tokens, "warnings",
                              warnings_json(&r)));
    }
    json_decref(texts);
    free(r.ranks);
}

/* ---- Text Embeddings Inference ---- */

static void answer_tei(struct api_call *call, const struct ranking *r)
{
    bool with_text = shape_boolean(call->body, "return_text", false);
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(r->texts) && list != NULL; i++) {
        json_t *rank =
            json_pack("{s:I, s:f}", "index", (json_int_t)r->ranks[i].index, "score", r->ranks[i].score);
        bool good = !with_text || json_object_set(rank, "text", json_array_get(r->texts, r->ranks[i].index)) == 0;
        if (json_array_append_new(list, rank) != 0 || !good) {
            json_decref(list);
            list = NULL;
        }
    }
    call_answer(call, 200, list);
}

/* Its answers have no room to say that a text was cut, so a cross-encoder cuts only where that was asked for. */
static void rerank_tei(struct api_call *call)
{
    struct ranking r = {.query = shape_get(call->body, "query"),
                        .texts = shape_get(call->body, "texts"),
                        .long_text = tei_long_text(call->body),
                        .raw = shape_boolean(call->body, "raw_scores", false),
                        .whole = !shape_boolean(call->body, "truncate", false)};
    if (json_array_size(r.texts) == 0) {
        call_answer(call, 400,
                    json_pack("{s:s, s:s}", "error", "`texts` cannot be empty", "error_type", "empty"));
        return;
    }
    if (rank_texts(call, &r) == STATUS_OK)
        answer_tei(call, &r);
    free(r.ranks);
}

/* One address, two families: texts are Text Embeddings Inference's, documents are Jina's and Cohere's. */
void handle_rerank_any(struct api_call *call)
{
    bool tei = shape_get(call->body, "documents") == NULL;
    if (shape_check(tei ? &shape_tei : &shape_rerank, call->body, "", &call->err) != STATUS_OK)
        return;
    if (tei)
        rerank_tei(call);
    else
        handle_rerank(call);
}
