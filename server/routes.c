#include "server/routes.h"

#include <string.h>

#define MIB ((size_t)1 << 20)

#define NO_BODY        0
#define SETTINGS_BYTES (64 << 10)
#define SEARCH_BYTES   (2 * MIB)
#define EMBED_BYTES    (32 * MIB)
#define INGEST_BYTES   (64 * MIB)

#define SEARCH_MS 5000
#define EMBED_MS  600000 /* what EMBED_BYTES take on a slow machine */
#define MAP_MS    120000
#define INGEST_MS 600000 /* what a body of INGEST_BYTES takes on a slow machine */

/* Of two patterns that match a path the first one counts. */
static const struct api_route table[] = {
    {"GET", "/", API_OPEN, API_COGNATE, NO_BODY, false, "The web page.", handle_web_page,
     .media_type = "text/html"},
    {"GET", "/web/{file}", API_OPEN, API_COGNATE, NO_BODY, false, "A file of the web page.", handle_web_file,
     .media_type = "*/*"},
    {"GET", "/livez", API_OPEN, API_COGNATE, NO_BODY, false, "Whether the process runs.", handle_livez,
     .answer = &shape_alive},
    {"GET", "/readyz", API_OPEN, API_COGNATE, NO_BODY, false,
     "Whether requests can be answered: 503 until the model is loaded, and while draining.", handle_readyz,
     .answer = &shape_alive},
    {"GET", "/health", API_OPEN, API_COGNATE, NO_BODY, false,
     "As /readyz, and whether the models give the vectors that they should.", handle_health,
     .answer = &shape_health},
    {"GET", "/ping", API_OPEN, API_COGNATE, NO_BODY, false, "As /readyz.", handle_readyz,
     .answer = &shape_alive},
    {"GET", "/version", API_READ, API_COGNATE, NO_BODY, false, "What runs here: program, model, store.",
     handle_version, .answer = &shape_version, .storeless = true},
    {"GET", "/metrics", API_READ, API_COGNATE, NO_BODY, false, "Figures in the Prometheus text format 0.0.4.",
     handle_metrics},
    {"GET", "/openapi.json", API_OPEN, API_COGNATE, NO_BODY, false, "This description (OpenAPI 3.1).",
     handle_openapi, .answer = &shape_openapi},

    {"GET", "/v1/collections", API_READ, API_COGNATE, NO_BODY, false, "All collections, by name.",
     handle_collections, .answer = &shape_collections},
    {"PUT", "/v1/collections/{collection}", API_WRITE, API_COGNATE, SETTINGS_BYTES, false,
     "Creates a collection for a model: 201, or 200 when it is there with the same settings.",
     handle_collection_put, .request = &shape_collection_settings, .answer = &shape_collection},
    {"GET", "/v1/collections/{collection}", API_READ, API_COGNATE, NO_BODY, false,
     "A collection's settings and figures.", handle_collection_get, .answer = &shape_collection},
    {"PATCH", "/v1/collections/{collection}", API_WRITE, API_COGNATE, SETTINGS_BYTES, false,
     "Changes which fields of the metadata have an index; what is there is indexed before the answer.",
     handle_collection_patch, .request = &shape_collection_change, .answer = &shape_collection},
    {"DELETE", "/v1/collections/{collection}", API_WRITE, API_COGNATE, NO_BODY, false,
     "Deletes a collection with all its documents.", handle_collection_delete, .answer = &shape_deleted},

    {"GET", "/v1/collections/{collection}/stats", API_READ, API_COGNATE, NO_BODY, false,
     "The languages of a collection's documents and the fields of their metadata, with the most frequent "
     "values of each.",
     handle_stats, .answer = &shape_stats},
    {"GET", "/v1/collections/{collection}/map", API_READ, API_COGNATE, NO_BODY, false,
     "The passages of a collection on a plane, near ones near each other, for a map. Tens of thousands take "
     "seconds; the answer has an ETag, so asking again costs nothing while the collection stays as it is.",
     handle_map, .query = &shape_map_query, .answer = &shape_map, .deadline_ms = MAP_MS},

    {"POST", "/v1/collections/{collection}/documents", API_WRITE, API_COGNATE, INGEST_BYTES, true,
     "Adds or replaces documents: one object, a list of at most 1,000 (committed together), or JSON lines "
     "(application/x-ndjson, committed in batches). The answer has a result for each row; a row at fault "
     "fails "
     "alone. A single object at fault is an error. With async=true the rows are kept and taken in by a job.",
     handle_ingest, .query = &shape_ingest_query, .request = &shape_document_in,
     .answer = &shape_ingest_answer, .accepted = &shape_job, .deadline_ms = INGEST_MS},
    {"GET", "/v1/collections/{collection}/documents", API_READ, API_COGNATE, NO_BODY, false,
     "Documents by id, a page at a time.", handle_documents, .query = &shape_documents_query,
     .answer = &shape_documents},
    {"POST", "/v1/collections/{collection}/documents/delete", API_WRITE, API_COGNATE, EMBED_BYTES, false,
     "Deletes documents by id, or those that meet a filter and whose ids begin with a prefix, in one "
     "transaction. Unknown ids are not counted; dry_run counts without deleting.",
     handle_documents_delete, .request = &shape_documents_delete, .answer = &shape_deleted},
    {"GET", "/v1/collections/{collection}/documents/{id}", API_READ, API_COGNATE, NO_BODY, false,
     "A document.", handle_document_get, .answer = &shape_document},
    {"PATCH", "/v1/collections/{collection}/documents/{id}", API_WRITE, API_COGNATE, MIB, false,
     "Changes title, language, metadata or expiry without embedding anything again.", handle_document_patch,
     .request = &shape_document_patch, .answer = &shape_document},
    {"DELETE", "/v1/collections/{collection}/documents/{id}", API_WRITE, API_COGNATE, NO_BODY, false,
     "Deletes a document.", handle_document_delete, .answer = &shape_deleted},

    {"GET", "/v1/collections/{collection}/export", API_ADMIN, API_COGNATE, NO_BODY, false,
     "Documents by id as JSON lines that a write of documents takes, some at a time: go on after the last "
     "id; "
     "an empty answer is the end.",
     handle_export, .query = &shape_export_query, .media_type = "application/x-ndjson"},
    {"POST", "/v1/admin/backup", API_ADMIN, API_COGNATE, NO_BODY, false,
     "A copy of the whole store as it is at this moment: a file for `cognate restore`.", handle_backup,
     .media_type = "application/vnd.sqlite3", .deadline_ms = INGEST_MS},
    {"POST", "/v1/admin/compact", API_ADMIN, API_COGNATE, NO_BODY, false,
     "Gives unused space of the store back to the file system; searches go on.", handle_compact,
     .accepted = &shape_job},
    {"POST", "/v1/admin/reembed", API_ADMIN, API_COGNATE, SETTINGS_BYTES, false,
     "Changes the model of a collection in the background, or back; searches and writes go on. dry_run says "
     "what it "
     "would take.",
     handle_reembed, .request = &shape_reembed, .answer = &shape_reembed_estimate, .accepted = &shape_job,
     .deadline_ms = INGEST_MS},
    {"POST", "/v1/admin/models", API_ADMIN, API_COGNATE, SETTINGS_BYTES, false,
     "Loads and unloads installed models, and changes which one is in use; no request waits or fails "
     "meanwhile.",
     handle_models_change, .request = &shape_model_change, .answer = &shape_model_changed},
    {"GET", "/v1/jobs", API_READ, API_COGNATE, NO_BODY, false, "Work in the background, newest first.",
     handle_jobs, .answer = &shape_jobs},
    {"GET", "/v1/jobs/{id}", API_READ, API_COGNATE, NO_BODY, false, "How far a job is.", handle_job,
     .answer = &shape_job},
    {"DELETE", "/v1/jobs/{id}", API_WRITE, API_COGNATE, NO_BODY, false,
     "Cancels a job; what it has done is kept.", handle_job_cancel, .answer = &shape_job},

    {"POST", "/v1/collections/{collection}/search", API_READ, API_COGNATE, SEARCH_BYTES, false,
     "The documents nearest in meaning to a query, each with its best passage. Several queries are answered "
     "as "
     "{\"results\": […]}.",
     handle_search, .request = &shape_search, .answer = &shape_search_answer, .deadline_ms = SEARCH_MS},
    {"GET", "/v1/collections/{collection}/search", API_READ, API_COGNATE, NO_BODY, false,
     "The documents nearest in meaning to a query.", handle_search, .query = &shape_search_query,
     .answer = &shape_search_answer, .deadline_ms = SEARCH_MS},

    {"POST", "/v1/embed", API_READ, API_COGNATE, EMBED_BYTES, false, "Vectors of texts.", handle_embed,
     .request = &shape_embed, .answer = &shape_embed_answer, .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/v1/similarity", API_READ, API_COGNATE, EMBED_BYTES, false,
     "How near two texts are in meaning, or each text of a list to each of another.", handle_similarity,
     .request = &shape_similarity, .answer = &shape_similarity_answer, .deadline_ms = EMBED_MS,
     .storeless = true},
    {"POST", "/v1/tokenize", API_READ, API_COGNATE, SEARCH_BYTES, false,
     "The tokens of texts, with the bytes each stands for.", handle_tokenize, .request = &shape_tokenize,
     .answer = &shape_tokenize_answer, .storeless = true},
    {"POST", "/v1/detect-language", API_READ, API_COGNATE, EMBED_BYTES, false, "The language of texts.",
     handle_detect_language, .request = &shape_detect, .answer = &shape_detect_answer, .storeless = true},

    {"POST", "/v1/embeddings", API_READ, API_OPENAI, EMBED_BYTES, false,
     "Vectors of texts, as OpenAI gives them.", handle_openai_embeddings, .request = &shape_openai_embeddings,
     .answer = &shape_openai_answer, .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/embeddings", API_READ, API_OPENAI, EMBED_BYTES, false, "The same without /v1.",
     handle_openai_embeddings, .request = &shape_openai_embeddings, .answer = &shape_openai_answer,
     .deadline_ms = EMBED_MS, .storeless = true},
    {"GET", "/v1/models", API_READ, API_OPENAI, NO_BODY, false, "The models here, as OpenAI lists them.",
     handle_models, .answer = &shape_models, .storeless = true},
    {"GET", "/v1/models/{model}", API_READ, API_OPENAI, NO_BODY, false, "A model.", handle_model,
     .answer = &shape_model, .storeless = true},

    {"POST", "/embed", API_READ, API_TEI, EMBED_BYTES, false,
     "Vectors of texts, as Text Embeddings Inference gives them.", handle_tei_embed,
     .request = &shape_tei_embed, .answer = &shape_tei_vectors, .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/", API_READ, API_TEI, EMBED_BYTES, false,
     "/embed or /similarity, by what inputs are: for clients that know the server's address alone.",
     handle_tei_any, .request = &shape_tei_any, .answer = &shape_tei_any_answer, .deadline_ms = EMBED_MS,
     .storeless = true},
    {"POST", "/embed_all", API_READ, API_TEI, EMBED_BYTES, false,
     "Vectors of every token: what the last layer makes of it, before pooling. At most 65,536 tokens a call.",
     handle_tei_embed_all, .request = &shape_tei_embed_all, .answer = &shape_tei_states,
     .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/similarity", API_READ, API_TEI, EMBED_BYTES, false, "Cosine of a text to each of a list.",
     handle_tei_similarity, .request = &shape_tei_similarity, .answer = &shape_tei_scores,
     .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/tokenize", API_READ, API_TEI, SEARCH_BYTES, false,
     "Tokens of texts; start and stop count characters.", handle_tei_tokenize, .request = &shape_tei_tokenize,
     .answer = &shape_tei_tokens, .storeless = true},
    {"POST", "/decode", API_READ, API_TEI, SEARCH_BYTES, false, "Texts of token ids.", handle_tei_decode,
     .request = &shape_tei_decode, .answer = &shape_tei_texts, .storeless = true},
    {"GET", "/info", API_READ, API_TEI, NO_BODY, false, "The model and the limits.", handle_tei_info,
     .answer = &shape_tei_info, .storeless = true},
    {"POST", "/rerank", API_READ, API_TEI, EMBED_BYTES, false,
     "Orders texts by relevance to a query: with texts as Text Embeddings Inference answers, with documents "
     "as "
     "/v1/rerank. Scores come from the similarity of embeddings, not from a cross-encoder.",
     handle_rerank_any, .request = &shape_rerank_any, .answer = &shape_rerank_any_answer,
     .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/v1/rerank", API_READ, API_JINA, EMBED_BYTES, false,
     "Orders documents by relevance to a query, as Jina and Cohere answer. Scores come from the similarity "
     "of "
     "embeddings, not from a cross-encoder; the answer says so.",
     handle_rerank, .request = &shape_rerank, .answer = &shape_rerank_answer, .deadline_ms = EMBED_MS,
     .storeless = true},
    {"POST", "/v1/reranking", API_READ, API_JINA, EMBED_BYTES, false, "As /v1/rerank.", handle_rerank,
     .request = &shape_rerank, .answer = &shape_rerank_answer, .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/v2/rerank", API_READ, API_COHERE, EMBED_BYTES, false, "As /v1/rerank, with Cohere's errors.",
     handle_rerank, .request = &shape_rerank, .answer = &shape_rerank_answer, .deadline_ms = EMBED_MS,
     .storeless = true},
    {"POST", "/v2/embed", API_READ, API_COHERE, EMBED_BYTES, false, "Vectors of texts, as Cohere gives them.",
     handle_cohere_embed, .request = &shape_cohere_embed, .answer = &shape_cohere_answer,
     .deadline_ms = EMBED_MS, .storeless = true},

    {"POST", "/v1/models/{model}:predict", API_READ, API_TF, EMBED_BYTES, false,
     "Vectors of texts, as TensorFlow Serving gives them.", handle_tf_predict, .request = &shape_tf_predict,
     .answer = &shape_tf_answer, .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/v1/models/{model}/versions/{version}:predict", API_READ, API_TF, EMBED_BYTES, false,
     "The same of a version.", handle_tf_predict, .request = &shape_tf_predict, .answer = &shape_tf_answer,
     .deadline_ms = EMBED_MS, .storeless = true},
    {"POST", "/v1/models/{model}/labels/{label}:predict", API_READ, API_TF, EMBED_BYTES, false,
     "The same of a labelled version.", handle_tf_predict, .request = &shape_tf_predict,
     .answer = &shape_tf_answer, .deadline_ms = EMBED_MS, .storeless = true},
    {"GET", "/v1/models/{model}/metadata", API_READ, API_TF, NO_BODY, false, "The signature of a model.",
     handle_tf_metadata, .answer = &shape_tf_metadata, .storeless = true},
    {"GET", "/v1/models/{model}/versions/{version}", API_READ, API_TF, NO_BODY, false,
     "The state of a version.", handle_tf_status, .answer = &shape_tf_status, .storeless = true},
    {"GET", "/v1/models/{model}/versions/{version}/metadata", API_READ, API_TF, NO_BODY, false,
     "The signature of a version.", handle_tf_metadata, .answer = &shape_tf_metadata, .storeless = true},
    {"GET", "/v1/models/{model}/labels/{label}", API_READ, API_TF, NO_BODY, false,
     "The state of a labelled version.", handle_tf_status, .answer = &shape_tf_status, .storeless = true},
    {"GET", "/v1/models/{model}/labels/{label}/metadata", API_READ, API_TF, NO_BODY, false,
     "The signature of a labelled version.", handle_tf_metadata, .answer = &shape_tf_metadata,
     .storeless = true},

    {"POST", "/mcp", API_READ, API_MCP, EMBED_BYTES, false,
     "The Model Context Protocol: tools for agents that search and read.", handle_mcp, .request = &shape_mcp,
     .answer = &shape_mcp_answer},
    {"POST", "/mcp/write", API_WRITE, API_MCP, EMBED_BYTES, false,
     "The same, with tools that add and delete documents.", handle_mcp_write, .request = &shape_mcp,
     .answer = &shape_mcp_answer},
};

enum { ROUTES = sizeof table / sizeof *table };

const struct api_route *api_routes(size_t *n)
{
    *n = ROUTES;
    return table;
}

bool route_match(const char *pattern, const char *path, struct text captures[CALL_CAPTURES])
{
    size_t count = 0;
    while (*pattern != '\0' && *path != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        /* A capture runs to the end of its segment, less what the pattern has behind it there. */
        const char *rest = strchr(pattern, '}') + 1;
        size_t segment = strcspn(path, "/"), behind = strcspn(rest, "/");
        if (count == CALL_CAPTURES || segment <= behind)
            return false;
        captures[count++] = (struct text){path, segment - behind};
        path += segment - behind;
        pattern = rest;
    }
    return *pattern == '\0' && *path == '\0';
}

/* ---- finding ---- */

enum { GET = 1, PUT = 2, PATCH = 4, POST = 8, DELETE = 16 };

static unsigned method_bit(const char *method)
{
    static const struct {
        const char *name;
        unsigned bit;
    } methods[] = {{"GET", GET}, {"PUT", PUT}, {"PATCH", PATCH}, {"POST", POST}, {"DELETE", DELETE}};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, method) == 0)
            return methods[i].bit;
    return 0;
}

/* The Allow header of a set of methods; every set that the table has is here. */
static const char *allow_text(unsigned methods)
{
    static const struct {
        unsigned methods;
        const char *text;
    } sets[] = {
        {GET, "GET, HEAD"},
        {POST, "POST"},
        {GET | POST, "GET, HEAD, POST"},
        {GET | PUT | PATCH | DELETE, "GET, HEAD, PUT, PATCH, DELETE"},
        {GET | DELETE, "GET, HEAD, DELETE"},
        {GET | PATCH | DELETE, "GET, HEAD, PATCH, DELETE"},
        {GET | PATCH | DELETE | POST, "GET, HEAD, PATCH, POST, DELETE"},
    };
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (sets[i].methods == methods)
            return sets[i].text;
    return NULL;
}

const struct api_route *api_route_find(const char *method, const char *path, const char **allow)
{
    struct text captures[CALL_CAPTURES];
    unsigned methods = 0;
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (size_t i = 0; i < ROUTES; i++) {
        if (!route_match(table[i].pattern, path, captures))
            continue;
        if (strcmp(table[i].method, wanted) == 0)
            return &table[i];
        methods |= method_bit(table[i].method);
    }
    *allow = allow_text(methods);
    return NULL;
}
