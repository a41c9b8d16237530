#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/filter_json.h"
#include "server/routes.h"

#define QUERIES    256   /* of one call */
#define HITS       20000 /* queries × k of one call */
#define DEFAULT_K  5
#define MOST_WIDTH 65536

/* What a hit can be reduced to; id and score are always there. */
static const char *const part_names[] = {"collection", "cosine",   "bm25",    "relevance",  "lang",
                                         "title",      "metadata", "passage", "highlights", NULL};
enum part { COLLECTION, COSINE, BM25, RELEVANCE, LANG, TITLE, METADATA, PASSAGE, HIGHLIGHTS };

static const char *const mode_names[] = {
    [SEARCH_SEMANTIC] = "semantic", [SEARCH_KEYWORD] = "keyword", [SEARCH_HYBRID] = "hybrid", NULL};
static const char *const fusion_names[] = {[FUSION_SUM] = "sum", [FUSION_RRF] = "rrf", NULL};

#define COMMON_FIELDS                                                                                        \
    {.name = "k",                                                                                            \
     .kind = FIELD_INTEGER,                                                                                  \
     .least = 1,                                                                                             \
     .most = 1000,                                                                                           \
     .about = "Documents wanted; 5 when absent."},                                                           \
        {.name = "lang",                                                                                     \
         .kind = FIELD_TEXT,                                                                                 \
         .count = FIELD_ONE_OR_LIST,                                                                         \
         .items = 256,                                                                                       \
         .least = 1,                                                                                         \
         .most = 64,                                                                                         \
         .about = "Only documents in these languages; zh takes zh-Hant too."},                               \
        {.name = "filter",                                                                                   \
         .kind = FIELD_OBJECT,                                                                               \
         .about =                                                                                            \
             "Only documents it holds for, for example {\"field\": \"year\", \"gte\": 2000}. Keys: and, "    \
             "or, not, lang, id, field with eq, in, gt, gte, lt, lte, prefix, exists."},                     \
        {.name = "mode",                                                                                     \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = mode_names,                                                                              \
         .about =                                                                                            \
             "semantic (the default) goes by meaning; keyword by words: any text, \"phrases\" that must be " \
             "there, beginnings*; hybrid by both."},                                                         \
        {.name = "fusion",                                                                                   \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = fusion_names,                                                                            \
         .about = "How hybrid makes one list: sum (the default) of relevance and keyword score, or rrf, "    \
                  "reciprocal ranks."},                                                                      \
        {.name = "min_relevance",                                                                            \
         .kind = FIELD_NUMBER,                                                                               \
         .least = 0,                                                                                         \
         .most = 1,                                                                                          \
         .about = "Leaves out hits of less relevance; an empty answer then says that there is nothing."},    \
        {.name = "fields",                                                                                   \
         .kind = FIELD_TEXT,                                                                                 \
         .count = FIELD_LIST,                                                                                \
         .choices = part_names,                                                                              \
         .about = "What hits hold beside id and score; everything when absent."},                            \
        {.name = "exact",                                                                                    \
         .kind = FIELD_BOOLEAN,                                                                              \
         .about = "Whether the k best must be proven; answers are, always."},                                \
    {                                                                                                        \
        .name = "explain", .kind = FIELD_BOOLEAN, .about = "Adds where the time went."                       \
    }

static const struct field body_fields[] = {
    {.name = "query",
     .kind = FIELD_TEXT,
     .least = 1,
     .most = ENGINE_QUERY_BYTES,
     .about = "What to look for, in any language."},
    {.name = "vector",
     .kind = FIELD_NUMBER,
     .count = FIELD_LIST,
     .items = MOST_WIDTH,
     .about = "In place of query: a vector of the collection's model."},
    {.name = "queries",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .items = QUERIES,
     .least = 1,
     .most = ENGINE_QUERY_BYTES,
     .about = "In place of query: several, answered in order. queries times k is at most 20,000."},
    COMMON_FIELDS,
};
const struct shape shape_search = SHAPE("Search", "A search: one of query, vector and queries.", body_fields,
                                        .example = "{\"query\":\"When can I borrow books?\",\"k\":3}");

static const struct field parameter_fields[] = {
    {.name = "query",
     .kind = FIELD_TEXT,
     .required = true,
     .least = 1,
     .most = ENGINE_QUERY_BYTES,
     .about = "What to look for, in any language."},
    COMMON_FIELDS,
};
const struct shape shape_search_query = SHAPE("SearchParameters", "A search.", parameter_fields);

/* ---- the answer's shape ---- */

static const struct field passage_fields[] = {
    {.name = "text", .kind = FIELD_TEXT, .required = true, .about = "The passage that fits best."},
    {.name = "start",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Its first byte in the document's text."},
    {.name = "end", .kind = FIELD_INTEGER, .required = true, .about = "The byte behind its last."},
    {.name = "start_char", .kind = FIELD_INTEGER, .required = true, .about = "start, in code points."},
    {.name = "end_char", .kind = FIELD_INTEGER, .required = true, .about = "end, in code points."},
    {.name = "score",
     .kind = FIELD_NUMBER,
     .required = true,
     .about = "Its cosine to the query; its bm25 in mode keyword."},
};
static const struct shape shape_passage = SHAPE("Passage", "A stretch of a document.", passage_fields);

static const struct field hit_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "The document."},
    {.name = "score",
     .kind = FIELD_NUMBER,
     .required = true,
     .about =
         "What hits are ordered by: cosine, bm25, or what hybrid makes of both, with 1 more for each code "
         "of the query (a part number, an error code) that the passage has."},
    {.name = "collection", .kind = FIELD_TEXT, .about = "Where it lies."},
    {.name = "cosine",
     .kind = FIELD_NUMBER,
     .nullable = true,
     .about = "Cosine of its passage to the query; null in mode keyword."},
    {.name = "bm25",
     .kind = FIELD_NUMBER,
     .nullable = true,
     .about = "Keyword score of its passage, 0 when it has none of the words; null in mode semantic."},
    {.name = "relevance",
     .kind = FIELD_NUMBER,
     .nullable = true,
     .about = "How probable it is that the hit answers the query, by the model's curve; null without one."},
    {.name = "lang", .kind = FIELD_TEXT, .about = "BCP 47; und when unknown."},
    {.name = "title", .kind = FIELD_TEXT, .nullable = true, .about = "The document's title."},
    {.name = "metadata", .kind = FIELD_OBJECT, .about = "The document's metadata."},
    {.name = "passage", .kind = FIELD_OBJECT, .of = &shape_passage, .about = "Its best passage."},
    {.name = "highlights",
     .kind = FIELD_ANY,
     .count = FIELD_LIST,
     .about = "[start, end] of words of the query in the passage, as bytes of the document's text; empty in "
              "mode semantic."},
};
static const struct shape shape_hit = SHAPE("Hit", "A document found.", hit_fields);

static const struct field plan_fields[] = {
    {.name = "kind",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "scan, keywords, hybrid; or empty when no passage passed the filter."},
    {.name = "exact", .kind = FIELD_BOOLEAN, .required = true, .about = "The k best there are."},
    {.name = "candidates",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Passages that passed the filter; in mode keyword those that have a word of the query too."},
    {.name = "filtered", .kind = FIELD_BOOLEAN, .required = true, .about = "A filter was applied."},
    {.name = "rescored",
     .kind = FIELD_INTEGER,
     .about = "With explain: passages whose stored floats were read."},
};
static const struct shape shape_plan = SHAPE("Plan", "How the answer was found.", plan_fields);

static const struct field timing_fields[] = {
    {.name = "parse_ms", .kind = FIELD_NUMBER, .required = true, .about = "Reading the request."},
    {.name = "search_ms",
     .kind = FIELD_NUMBER,
     .required = true,
     .about = "Encoding the queries and searching."},
    {.name = "answer_ms", .kind = FIELD_NUMBER, .required = true, .about = "Writing the hits."},
};
static const struct shape shape_timings = SHAPE("Timings", "Where the time went.", timing_fields);

#define RESULT_FIELDS                                                                                        \
    {.name = "hits",                                                                                         \
     .kind = FIELD_OBJECT,                                                                                   \
     .count = FIELD_LIST,                                                                                    \
     .of = &shape_hit,                                                                                       \
     .about = "Best first, ties by id."},                                                                    \
        {.name = "plan", .kind = FIELD_OBJECT, .of = &shape_plan, .about = "How they were found."},          \
    {                                                                                                        \
        .name = "next_cursor", .kind = FIELD_TEXT, .nullable = true,                                         \
        .about = "null: there are no further pages."                                                         \
    }

static const struct field result_fields[] = {RESULT_FIELDS};
static const struct shape shape_result =
    SHAPE("SearchResult", "The answer to one of several queries.", result_fields);

static const struct field answer_fields[] = {
    RESULT_FIELDS,
    {.name = "results",
     .kind = FIELD_OBJECT,
     .count = FIELD_LIST,
     .of = &shape_result,
     .about = "Of several queries."},
    {.name = "took_ms", .kind = FIELD_NUMBER, .required = true, .about = "Milliseconds."},
    {.name = "timings", .kind = FIELD_OBJECT, .of = &shape_timings, .about = "With explain."},
};
const struct shape shape_search_answer = SHAPE("SearchAnswer", "What was found.", answer_fields);

/* ---- asking ---- */

struct search {
    const json_t *asked; /* body or query string */
    struct text *texts;
    float *vector;
    struct filter *filter;
    struct engine_query *queries;
    struct hits *hits;
    size_t n;
    bool several, explain;
    unsigned parts; /* bits of enum part */
};

static enum status read_vector(struct search *s, const json_t *list, struct error *err)
{
    size_t width = json_array_size(list);
    s->vector = calloc(width + 1, sizeof *s->vector);
    if (s->vector == NULL)
        return error_memory(err, "reading the vector");
    for (size_t i = 0; i < width; i++)
        s->vector[i] = (float)json_number_value(json_array_get(list, i));
    s->n = 1;
    return STATUS_OK;
}

/* What is looked for: exactly one of query, vector and queries. */
static enum status read_queries(struct search *s, struct error *err)
{
    const json_t *query = shape_get(s->asked, "query"), *vector = shape_get(s->asked, "vector");
    const json_t *queries = shape_get(s->asked, "queries");
    if ((query != NULL) + (vector != NULL) + (queries != NULL) != 1)
        return error_field(err, STATUS_INVALID, "query", "give exactly one of query, vector and queries");
    if (vector != NULL)
        return read_vector(s, vector, err);
    s->several = queries != NULL;
    return json_texts(s->several ? queries : query, &s->texts, &s->n, err);
}

static unsigned read_parts(const json_t *fields)
{
    unsigned parts = fields == NULL ? ~0u : 0;
    for (size_t i = 0; i < json_array_size(fields); i++)
        for (unsigned j = 0; part_names[j] != NULL; j++)
            parts |= (unsigned)text_is(json_text(json_array_get(fields, i)), part_names[j]) << j;
    return parts;
}

static enum status read_search(struct search *s, struct api_call *call)
{
    struct error *err = &call->err;
    long long k = shape_integer(s->asked, "k", DEFAULT_K);
    const json_t *filter = shape_get(s->asked, "filter"), *languages = shape_get(s->asked, "lang");
    enum status status = read_queries(s, err);
    if (status == STATUS_OK && s->n * (size_t)k > HITS)
        status = error_field(err, STATUS_TOO_LARGE, "queries",
                             "%zu queries times k %lld is more than %d hits; send fewer", s->n, k, HITS);
    if (status == STATUS_OK && (filter != NULL || languages != NULL))
        status = filter_parse(filter, languages, &s->filter, err);
    if (status != STATUS_OK)
        return status;
    s->explain = shape_boolean(s->asked, "explain", false);
    s->parts = read_parts(shape_get(s->asked, "fields"));
    s->queries = calloc(s->n + 1, sizeof *s->queries);
    s->hits = calloc(s->n + 1, sizeof *s->hits);
    if (s->queries == NULL || s->hits == NULL)
        return error_memory(err, "searching");
    for (size_t i = 0; i < s->n; i++)
        s->queries[i] = (struct engine_query){
            .collection = call->captures[0],
            .text = s->texts != NULL ? s->texts[i] : (struct text){0},
            .vector = s->vector,
            .width = json_array_size(shape_get(s->asked, "vector")),
            .mode = (enum search_mode)shape_choice(s->asked, "mode", mode_names, SEARCH_SEMANTIC),
            .fusion = (enum fusion)shape_choice(s->asked, "fusion", fusion_names, FUSION_SUM),
            .k = (size_t)k,
            .filter = s->filter,
            .min_relevance = shape_number(s->asked, "min_relevance", 0),
            .deadline_ms = call->request->deadline_ms,
            .cancelled = call->request->cancelled,
        };
    return STATUS_OK;
}

static void search_release(struct search *s)
{
    for (size_t i = 0; i < s->n && s->hits != NULL; i++)
        hits_release(&s->hits[i]);
    free(s->hits);
    free(s->queries);
    free(s->filter);
    free(s->vector);
    free(s->texts);
}

/* ---- answering ---- */

static json_t *passage_json(const struct hit *h)
{
    return json_pack("{s:o, s:I, s:I, s:I, s:I, s:f}", "text", text_json(h->passage), "start",
                     (json_int_t)h->start, "end", (json_int_t)h->end, "start_char", (json_int_t)h->start_char,
                     "end_char", (json_int_t)h->end_char, "score", isnan(h->cosine) ? h->bm25 : h->cosine);
}

static json_t *marks_json(const struct hit *h)
{
    json_t *list = json_array();
    for (size_t i = 0; i < h->mark_count; i++)
        if (json_array_append_new(
                list, json_pack("[I, I]", (json_int_t)h->marks[i].start, (json_int_t)h->marks[i].end)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *part_json(struct api_call *call, enum part part, const struct hit *h)
{
    double relevance;
    switch (part) {
    case COLLECTION:
        return text_json(call->captures[0]);
    case COSINE:
        return number_or_null(h->cosine);
    case BM25:
        return number_or_null(h->bm25);
    case RELEVANCE: /* known without the model: that there is none */
        return !isnan(h->cosine) &&
                       engine_relevance(call->engine, h->cosine, false, &relevance, NULL) == STATUS_OK
                   ? number_or_null(relevance)
                   : json_null();
    case LANG:
        return text_json(h->lang);
    case TITLE:
        return text_or_null(h->title);
    case METADATA:
        return metadata_json(h->metadata);
    case PASSAGE:
        return passage_json(h);
    default:
        return marks_json(h);
    }
}

static json_t *hit_json(struct api_call *call, const struct search *s, const struct hit *h)
{
    json_t *hit = json_pack("{s:o, s:f}", "id", text_json(h->id), "score", h->score);
    for (unsigned i = 0; part_names[i] != NULL; i++)
        if ((s->parts & 1u << i) != 0 &&
            json_object_set_new(hit, part_names[i], part_json(call, (enum part)i, h)) != 0) {
            json_decref(hit);
            return NULL;
        }
    return hit;
}

static json_t *result_json(struct api_call *call, const struct search *s, const struct hits *found)
{
    json_t *hits = json_array();
    json_t *plan = json_pack("{s:s, s:b, s:I, s:b}", "kind", found->plan, "exact", found->exact, "candidates",
                             (json_int_t)found->candidates, "filtered", found->filtered);
    bool good = hits != NULL && plan != NULL;
    for (size_t i = 0; i < found->count && good; i++)
        good = json_array_append_new(hits, hit_json(call, s, &found->items[i])) == 0;
    if (good && s->explain)
        good = json_object_set_new(plan, "rescored", json_integer((json_int_t)found->rescored)) == 0;
    if (good)
        return json_pack("{s:o, s:o, s:n}", "hits", hits, "plan", plan, "next_cursor");
    json_decref(hits);
    json_decref(plan);
    return NULL;
}

static json_t *results_json(struct api_call *call, const struct search *s)
{
    if (!s->several)
        return result_json(call, s, &s->hits[0]);
    json_t *results = json_array();
    for (size_t i = 0; i < s->n; i++)
        if (json_array_append_new(results, result_json(call, s, &s->hits[i])) != 0) {
            json_decref(results);
            return NULL;
        }
    return json_pack("{s:o}", "results", results);
}

void handle_search(struct api_call *call)
{
    struct search s = {.asked = call->body != NULL ? call->body : call->query};
    double start = clock_ms(), searched, answered;
    enum status status = read_search(&s, call);
    double parsed = clock_ms();
    if (status == STATUS_OK)
        status = engine_search(call->engine, s.queries, s.n, s.hits, &call->err);
    searched = clock_ms();
    call->reply->search_ms = searched - parsed;
    if (status == STATUS_OK) {
        json_t *body = results_json(call, &s);
        answered = clock_ms();
        bool good = json_object_set_new(body, "took_ms", json_real(answered - start)) == 0;
        if (good && s.explain)
            good = json_object_set_new(body, "timings",
                                       json_pack("{s:f, s:f, s:f}", "parse_ms", parsed - start, "search_ms",
                                                 searched - parsed, "answer_ms", answered - searched)) == 0;
        if (!good) {
            json_decref(body);
            body = NULL;
        }
        call_answer(call, 200, body);
    }
    search_release(&s);
}
