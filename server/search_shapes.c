#include "server/search_shapes.h"

#include "server/cursor.h"
#include "server/routes.h"

#define QUERIES    256 /* of one call */
#define EXAMPLES   64
#define MOST_WIDTH 65536

/* What a hit can be reduced to; id and score are always there. */
const char *const search_part_names[] = {"collection", "cosine",     "bm25",  "rerank",
                                         "relevance",  "lang",       "title", "metadata",
                                         "passage",    "highlights", NULL};
const char *const search_mode_names[] = {
    [SEARCH_SEMANTIC] = "semantic", [SEARCH_KEYWORD] = "keyword", [SEARCH_HYBRID] = "hybrid", NULL};
const char *const search_fusion_names[] = {[FUSION_SUM] = "sum", [FUSION_RRF] = "rrf", NULL};

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
        {.name = "passage_lang",                                                                             \
         .kind = FIELD_TEXT,                                                                                 \
         .count = FIELD_ONE_OR_LIST,                                                                         \
         .items = 256,                                                                                       \
         .least = 1,                                                                                         \
         .most = 64,                                                                                         \
         .about = "Only passages that are themselves in one of these languages, whatever their documents' "  \
                  "are; zh takes zh-Hant too. Applied before the search, like a filter."},                   \
        {.name = "filter",                                                                                   \
         .kind = FIELD_OBJECT,                                                                               \
         .about =                                                                                            \
             "Only documents it holds for, for example {\"field\": \"year\", \"gte\": 2000}. Keys: and, "    \
             "or, not, lang, id, field with eq, in, gt, gte, lt, lte, prefix, exists."},                     \
        {.name = "mode",                                                                                     \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = search_mode_names,                                                                       \
         .about =                                                                                            \
             "semantic (the default) goes by meaning; keyword by words: any text, \"phrases\" that must be " \
             "there, beginnings*; hybrid by both."},                                                         \
        {.name = "fusion",                                                                                   \
         .kind = FIELD_TEXT,                                                                                 \
         .choices = search_fusion_names,                                                                     \
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
         .choices = search_part_names,                                                                       \
         .about = "What hits hold beside id and score; everything when absent."},                            \
        {.name = "group_by",                                                                                 \
         .kind = FIELD_TEXT,                                                                                 \
         .least = 1,                                                                                         \
         .most = 256,                                                                                        \
         .about = "A field of the metadata: at most group_size hits of each value of it. Of a list the "     \
                  "first value counts; documents without the field are not limited."},                       \
        {.name = "group_size",                                                                               \
         .kind = FIELD_INTEGER,                                                                              \
         .least = 1,                                                                                         \
         .most = 100,                                                                                        \
         .about = "Hits of one value of group_by; 1 when absent."},                                          \
        {.name = "diversity",                                                                                \
         .kind = FIELD_NUMBER,                                                                               \
         .least = 0,                                                                                         \
         .most = 1,                                                                                          \
         .about =                                                                                            \
             "Above 0 hits are chosen to be unlike each other too (maximal marginal relevance), in the "     \
             "order they were chosen; 0.3 is a good first try."},                                            \
        {.name = "cursor",                                                                                   \
         .kind = FIELD_TEXT,                                                                                 \
         .least = 1,                                                                                         \
         .most = CURSOR_TEXT,                                                                                \
         .about = "next_cursor of the page before, with the same search. Pages never repeat or leave out a " \
                  "document; 410 once the collection has changed."},                                         \
        {.name = "highlight",                                                                                \
         .kind = FIELD_BOOLEAN,                                                                              \
         .about = "Whether to mark the sentence of each passage that is nearest to the query, which "        \
                  "embeds all of them: for at most 100 hits."},                                              \
        {.name = "rerank",                                                                                   \
         .kind = FIELD_BOOLEAN,                                                                              \
         .about = "Whether the reranker in use, a cross-encoder, reads the query with the best 50 hits "     \
                  "(or k, when that is more) and orders them anew. Without one the order stays, and "        \
                  "warnings say so."},                                                                       \
        {.name = "exact",                                                                                    \
         .kind = FIELD_BOOLEAN,                                                                              \
         .about = "Whether the k best must be proven, however many passages there are. Answers are, except " \
                  "those "                                                                                   \
                  "of the plan ivf, which leaves out most of a large collection."},                          \
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
    {.name = "like",
     .kind = FIELD_TEXT,
     .count = FIELD_ONE_OR_LIST,
     .items = EXAMPLES,
     .least = 1,
     .most = 512,
     .about =
         "In place of query, or beside it: ids of documents to be near to. They are not among the hits."},
    {.name = "unlike",
     .kind = FIELD_TEXT,
     .count = FIELD_ONE_OR_LIST,
     .items = EXAMPLES,
     .least = 1,
     .most = 512,
     .about = "Ids of documents to be far from, beside query, vector or like."},
    {.name = "collections",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .items = SEARCH_COLLECTIONS - 1,
     .least = 1,
     .most = 64,
     .about =
         "Further collections to search, with vectors of the same model: the hits of all make one list."},
    COMMON_FIELDS,
};
const struct shape shape_search =
    SHAPE("Search", "A search: one of query, vector, queries and like.", body_fields,
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
    {.name = "lang",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "Its own language where it is long and clear enough to tell, else the document's; passage_lang "
              "searches by it."},
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
    {.name = "page",
     .kind = FIELD_INTEGER,
     .nullable = true,
     .about = "The page it begins on, from 1; null where form feeds do not part the text into pages."},
    {.name = "line",
     .kind = FIELD_INTEGER,
     .nullable = true,
     .about = "The line of the text it begins on, from 1; null when the document has changed meanwhile."},
    {.name = "heading",
     .kind = FIELD_TEXT,
     .nullable = true,
     .about = "The headings above it, as Markdown marks them, from the outermost on: Guide > Install."},
    {.name = "sentence",
     .kind = FIELD_ANY,
     .nullable = true,
     .about = "With highlight: [start, end] of the sentence nearest to the query, as bytes of the document's "
              "text; null in a passage without one, such as a table."},
};
static const struct shape shape_passage = SHAPE("Passage", "A stretch of a document.", passage_fields);

static const struct field hit_fields[] = {
    {.name = "id", .kind = FIELD_TEXT, .required = true, .about = "The document."},
    {.name = "score",
     .kind = FIELD_NUMBER,
     .required = true,
     .about =
         "What hits are ordered by: cosine, bm25, or what hybrid makes of both, with 1 more for each code "
         "of the query (a part number, an error code) that the passage has; or rerank."},
    {.name = "collection", .kind = FIELD_TEXT, .about = "Where it lies."},
    {.name = "cosine",
     .kind = FIELD_NUMBER,
     .nullable = true,
     .about = "Cosine of its passage to the query; null in mode keyword."},
    {.name = "bm25",
     .kind = FIELD_NUMBER,
     .nullable = true,
     .about = "Keyword score of its passage, 0 when it has none of the words; null in mode semantic."},
    {.name = "rerank",
     .kind = FIELD_NUMBER,
     .nullable = true,
     .about =
         "Score of a cross-encoder for the query with its passage, 0 to 1; null when none looked at it."},
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
    {.name = "group",
     .kind = FIELD_ANY,
     .nullable = true,
     .about = "With group_by: its value, null without one."},
};
static const struct shape shape_hit = SHAPE("Hit", "A document found.", hit_fields);

static const struct field plan_fields[] = {
    {.name = "kind",
     .kind = FIELD_TEXT,
     .required = true,
     .about = "scan, of all passages; ivf, of the clusters of them nearest to the query; keywords; hybrid; "
              "or empty when "
              "no passage passed the filter."},
    {.name = "exact", .kind = FIELD_BOOLEAN, .required = true, .about = "The k best there are."},
    {.name = "candidates",
     .kind = FIELD_INTEGER,
     .required = true,
     .about = "Passages that passed the filter; in mode keyword those that have a word of the query too; of "
              "clusters, "
              "those that were looked at."},
    {.name = "clusters",
     .kind = FIELD_INTEGER,
     .about = "Clusters that were looked into, where not all were."},
    {.name = "filtered", .kind = FIELD_BOOLEAN, .required = true, .about = "A filter was applied."},
    {.name = "filter",
     .kind = FIELD_TEXT,
     .about =
         "How its documents were found: index; rows, by reading the metadata of all; index+rows, of those "
         "that indexes left over; or kept, as for an earlier search since which nothing was written."},
    {.name = "filter_rows",
     .kind = FIELD_INTEGER,
     .about = "With explain: documents whose metadata was read for the filter."},
    {.name = "rescored",
     .kind = FIELD_INTEGER,
     .about = "With explain: passages whose stored floats were read."},
    {.name = "encode_ms", .kind = FIELD_NUMBER, .about = "With explain: the vectors of all queries."},
    {.name = "filter_ms",
     .kind = FIELD_NUMBER,
     .about = "With explain: finding the documents of the filter."},
    {.name = "scan_ms",
     .kind = FIELD_NUMBER,
     .about = "With explain: the pass over the int8 vectors, its wait included."},
    {.name = "rescore_ms",
     .kind = FIELD_NUMBER,
     .about = "With explain: exact scores, keywords, and the order of hits."},
    {.name = "fetch_ms", .kind = FIELD_NUMBER, .about = "With explain: texts of the hits."},
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
    {.name = "reranker",
     .kind = FIELD_TEXT,
     .nullable = true,
     .about = "With rerank: which one ordered the hits."},
    {.name = "warnings",
     .kind = FIELD_TEXT,
     .count = FIELD_LIST,
     .about = "With rerank: what else the order is by."},
    {.name = "took_ms", .kind = FIELD_NUMBER, .required = true, .about = "Milliseconds."},
    {.name = "timings", .kind = FIELD_OBJECT, .of = &shape_timings, .about = "With explain."},
};
const struct shape shape_search_answer = SHAPE("SearchAnswer", "What was found.", answer_fields);
