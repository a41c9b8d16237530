/* Every route with good and bad input, through the engine with the shipped model. */
#include "api_calls.h"

#define DOCS "/v1/collections/default/documents"

static const char *const corpus =
    "[{\"id\":\"train-en\",\"lang\":\"en\",\"text\":\"The train to the airport is late because of "
    "snow.\",\"metadata\":{\"year\":2001}},"
    "{\"id\":\"zug/de 1\",\"lang\":\"de\",\"title\":\"Bahn\",\"text\":\"Der Zug zum Flughafen hat wegen "
    "Schnee Verspätung.\","
    "\"metadata\":{\"year\":1999,\"price\":0.1}},"
    "{\"id\":\"soup\",\"lang\":\"en\",\"text\":\"Cook the onions slowly in butter before you add the "
    "broth.\"},"
    "{\"id\":\"chess\",\"lang\":\"fr\",\"text\":\"Aux échecs, le fou se déplace en diagonale.\"}]";

/* ---- tests, in the order they run ---- */

static void status_routes(void **state)
{
    (void)state;
    ok("GET /livez", NULL, 200);
    refuses("GET /readyz", NULL, 503, "unavailable", "", "being loaded");
    refuses("GET /health", NULL, 503, "unavailable", "", "being loaded");
    json_t *answer = ask("GET /version", NULL, NULL, 200);
    assert_true(json_is_null(get(answer, "model")));
    json_decref(answer);
    assert_int_equal(engine_load(engine, NULL), STATUS_OK);
    ok("GET /readyz", NULL, 200);
    ok("HEAD /health", NULL, 200);
    answer = ask("GET /version", NULL, NULL, 200);
    is_number(answer, "model.dimensions", 512);
    json_decref(answer);
    json_decref(ask("GET /metrics", NULL, NULL, 200));
    ok("GET /openapi.json", NULL, 200);
    struct api_reply reply;
    api_call(engine, &(struct api_request){.method = "GET", .path = "/readyz", .draining = true}, &reply);
    assert_int_equal(reply.status, 503);
    api_reply_release(&reply);
}

static void addresses(void **state)
{
    (void)state;
    refuses("GET /v2/none", NULL, 404, "not_found", "", "/v2/none");
    refuses("DELETE /livez", NULL, 405, "method_not_allowed", "", "GET, HEAD");
    assert_string_equal(allowed, "GET, HEAD");
    refuses("GET /livez?x=1", NULL, 400, "invalid_argument", "", "unknown parameter");
    refuses("GET /v1/collections/%4", NULL, 400, "invalid_argument", "", "hexadecimal");
    refuses("GET /v1/collections/%ff", NULL, 400, "invalid_argument", "", "UTF-8");
    refuses("GET /livez", "{}", 400, "invalid_argument", "", "takes no body");
    refuses("POST /v1/embed", NULL, 400, "invalid_argument", "", "needs a JSON body");
    json_t *answer = ask("POST /v1/embed", NULL, "{}\n", 415);
    is_text(answer, "code", "unsupported_media_type");
    json_decref(answer);
}

static void collections(void **state)
{
    (void)state;
    refuses("GET /v1/collections/a", NULL, 404, "not_found", NULL, "a");
    json_t *answer = ask("PUT /v1/collections/a", NULL, NULL, 201);
    is_text(answer, "name", "a");
    is_number(answer, "dimensions", 512);
    is_number(answer, "passage_tokens", 200);
    assert_int_equal(json_string_length(get(answer, "space_id")), 64);
    json_decref(answer);
    ok("PUT /v1/collections/a", "{}", 200);
    ok("PUT /v1/collections/a", "{\"passage_tokens\":200}", 200);
    refuses("PUT /v1/collections/a", "{\"passage_tokens\":100}", 409, "conflict", "", "passage_tokens 200");
    answer = ask("PUT /v1/collections/b", "{\"passage_tokens\":100,\"passage_overlap\":0}", NULL, 201);
    is_number(answer, "passage_overlap", 0);
    json_decref(answer);
    refuses("PUT /v1/collections/c", "{\"passage_tokens\":5}", 400, "invalid_argument", "passage_tokens",
            "32 to");
    refuses("PUT /v1/collections/c", "{\"tokens\":5}", 400, "invalid_argument", "tokens",
            "known are: model, passage_tokens");
    json_decref(ask("PUT /v1/collections/.c", NULL, NULL, 400));
    answer = ask("GET /v1/collections", NULL, NULL, 200);
    assert_int_equal(json_array_size(get(answer, "collections")), 2);
    is_text(answer, "collections.1.name", "b");
    json_decref(answer);
    ok("DELETE /v1/collections/b", NULL, 200);
    refuses("DELETE /v1/collections/b", NULL, 404, "not_found", NULL, "b");
}

static void ingesting(void **state)
{
    (void)state;
    json_t *answer = ask("POST " DOCS, corpus, NULL, 200);
    is_number(answer, "created", 4);
    is_text(answer, "results.1.id", "zug/de 1");
    is_text(answer, "results.1.status", "created");
    is_number(answer, "results.1.index", 1);
    is_number(answer, "results.1.passages", 1);
    assert_true(json_integer_value(get(answer, "results.1.tokens")) > 5);
    json_decref(answer);
    answer = ask("POST " DOCS, corpus, NULL, 200);
    is_number(answer, "unchanged", 4);
    is_number(answer, "results.0.tokens", 0);
    json_decref(answer);

    answer = ask("POST " DOCS, "{\"text\":\"no id\"}", NULL, 200);
    assert_int_equal(json_string_length(get(answer, "results.0.id")), 36);
    char path[128];
    snprintf(path, sizeof path, "DELETE " DOCS "/%s", json_string_value(get(answer, "results.0.id")));
    ok(path, NULL, 200);
    json_decref(answer);

    refuses("POST " DOCS, "{\"id\":\"x\"}", 400, "invalid_argument", "text", "missing");
    refuses("POST " DOCS, "{\"id\":\"x\",\"text\":\"a\",\"txt\":1}", 400, "invalid_argument", "txt",
            "known are: id, text");
    refuses("POST " DOCS "?mode=create", "{\"id\":\"soup\",\"text\":\"a\"}", 409, "conflict", "id",
            "already");
    refuses("POST " DOCS "?mode=update", "{\"id\":\"none\",\"text\":\"a\"}", 404, "not_found", "id",
            "no document");
    refuses("POST " DOCS "?mode=insert", "{\"text\":\"a\"}", 400, "invalid_argument", "mode",
            "upsert, create, update");
    refuses("POST " DOCS "?mode=create&mode=create", "{\"text\":\"a\"}", 400, "invalid_argument", "mode",
            "twice");
    refuses("POST /v1/collections/-/documents", "{\"text\":\"a\"}", 400, "invalid_argument", NULL, "name");

    answer = ask("POST " DOCS "?mode=create",
                 "[{\"id\":\"soup\",\"text\":\"a\"},5,{\"id\":\"new\",\"text\":\"A new "
                 "one.\"},{\"id\":\"e\",\"text\":\"\"}]",
                 NULL, 200);
    is_number(answer, "created", 1);
    is_number(answer, "failed", 3);
    is_text(answer, "results.0.error.code", "conflict");
    is_text(answer, "results.1.error.code", "invalid_argument");
    assert_true(json_is_null(get(answer, "results.1.id")));
    is_text(answer, "results.2.status", "created");
    is_text(answer, "results.3.error.field", "text");
    is_text(answer, "results.3.id", "e");
    json_decref(answer);
    ok("POST " DOCS, "[]", 200);

    json_t *many = json_array();
    for (int i = 0; i <= 1000; i++)
        json_array_append_new(many, json_pack("{s:s}", "text", "x"));
    char *text = json_dumps(many, 0);
    refuses("POST " DOCS, text, 413, "too_large", "", "1000");
    free(text);
    json_decref(many);
}

static void ingesting_lines(void **state)
{
    (void)state;
    json_t *answer = ask("POST /v1/collections/lines/documents", NULL,
                         "{\"id\":\"1\",\"text\":\"one\"}\n\n{\"id\":\"2\",\"text\":\n{\"id\":\"3\",\"text\":"
                         "\"three\"}\r\n{\"id\":\"4\"}",
                         200);
    is_number(answer, "created", 2);
    is_number(answer, "failed", 2);
    is_number(answer, "results.1.line", 3);
    is_number(answer, "results.1.index", 1);
    is_text(answer, "results.1.error.code", "invalid_argument");
    is_number(answer, "results.2.line", 4);
    is_text(answer, "results.2.id", "3");
    is_text(answer, "results.3.error.field", "text");
    json_decref(answer);

    struct buf lines;
    buf_init(&lines, 1 << 20);
    for (int i = 0; i < 600; i++) /* more than a batch; the same few texts, so that little is encoded */
        buf_printf(&lines, NULL, "{\"id\":\"n%d\",\"text\":\"word %d\"}\n", i, i % 3);
    answer = ask("POST /v1/collections/lines/documents", NULL, lines.data, 200);
    is_number(answer, "created", 600);
    is_text(answer, "results.599.id", "n599");
    json_decref(answer);
    buf_release(&lines);
    ok("DELETE /v1/collections/lines", NULL, 200);
}

static void documents(void **state)
{
    (void)state;
    json_t *answer = ask("GET " DOCS "/zug%2Fde%201", NULL, NULL, 200);
    is_text(answer, "text", "Der Zug zum Flughafen hat wegen Schnee Verspätung.");
    is_text(answer, "title", "Bahn");
    is_number(answer, "metadata.price", 0.1);
    is_text(answer, "collection", "default");
    json_decref(answer);
    refuses("GET " DOCS "/none", NULL, 404, "not_found", "id", "none");
    refuses("GET /v1/collections/none/documents/x", NULL, 404, "not_found", NULL, "none");

    answer = ask("PATCH " DOCS "/soup", "{\"lang\":\"en-GB\",\"metadata\":{\"dish\":true}}", NULL, 200);
    is_text(answer, "lang", "en-GB");
    assert_true(json_is_true(get(answer, "metadata.dish")));
    json_decref(answer);
    answer = ask("PATCH " DOCS "/soup", "{\"lang\":\"en\"}", NULL, 200);
    assert_true(json_is_true(get(answer, "metadata.dish")));
    json_decref(answer);
    refuses("PATCH " DOCS "/soup", "{\"text\":\"x\"}", 400, "invalid_argument", "text",
            "known are: title, lang, metadata, expires_at");
    answer = ask("PATCH " DOCS "/soup", "{\"title\":\"Soups\",\"expires_at\":\"2199-01-01T02:00:00+02:00\"}",
                 NULL, 200);
    is_text(answer, "title", "Soups");
    is_text(answer, "expires_at", "2199-01-01T00:00:00.000Z");
    json_decref(answer);
    answer = ask("PATCH " DOCS "/soup", "{\"expires_at\":\"\"}", NULL, 200);
    assert_true(json_is_null(get(answer, "expires_at")));
    json_decref(answer);
    refuses("PATCH " DOCS "/soup", "{\"expires_at\":\"2001-01-01T00:00:00Z\"}", 400, "invalid_argument",
            "expires_at", "in the future");
    refuses("PATCH " DOCS "/soup", "{\"expires_at\":\"soon\"}", 400, "invalid_argument", "expires_at",
            "a moment");
    refuses("PATCH " DOCS "/soup", "{\"metadata\":[]}", 400, "invalid_argument", "metadata", "an object");
    refuses("PATCH " DOCS "/none", "{\"lang\":\"en\"}", 404, "not_found", "id", "none");

    answer = ask("GET " DOCS "?limit=2", NULL, NULL, 200);
    assert_int_equal(json_array_size(get(answer, "documents")), 2);
    is_text(answer, "documents.0.id", "chess");
    assert_null(json_object_get(get(answer, "documents.0"), "text"));
    is_text(answer, "next_after", "new");
    json_decref(answer);
    answer = ask("GET " DOCS "?after=new&text=true", NULL, NULL, 200);
    assert_int_equal(json_array_size(get(answer, "documents")), 3);
    assert_true(json_string_length(get(answer, "documents.0.text")) > 10);
    assert_true(json_is_null(get(answer, "next_after")));
    json_decref(answer);
    refuses("GET " DOCS "?limit=0", NULL, 400, "invalid_argument", "limit", "1 to 1000");
    refuses("GET " DOCS "?limit=two", NULL, 400, "invalid_argument", "limit", "an integer");

    answer = ask("POST " DOCS "/delete", "{\"ids\":[\"new\",\"none\"]}", NULL, 200);
    is_number(answer, "deleted", 1);
    json_decref(answer);
    refuses("POST " DOCS "/delete", "{\"ids\":[1]}", 400, "invalid_argument", "ids[0]", "a text");
    refuses("DELETE " DOCS "/new", NULL, 404, "not_found", NULL, "new");

    const char *lines =
        "{\"id\":\"t/1\",\"text\":\"one\",\"metadata\":{\"n\":1}}\n"
        "{\"id\":\"t/2\",\"text\":\"two\",\"metadata\":{\"n\":2},\"expires_at\":\"2199-01-01T00:00:00Z\"}\n"
        "{\"id\":\"t/3\",\"text\":\"three\",\"expires_at\":\"2020-01-01T00:00:00Z\"}\n";
    answer = ask("POST " DOCS, NULL, lines, 200);
    is_number(answer, "created", 2);
    is_text(answer, "results.2.error.field", "expires_at");
    json_decref(answer);
    const char *delete = "POST " DOCS "/delete";
    answer = ask(delete, "{\"prefix\":\"t/\",\"dry_run\":true}", NULL, 200);
    is_number(answer, "deleted", 2);
    json_decref(answer);
    answer = ask(delete, "{\"prefix\":\"t/\",\"filter\":{\"field\":\"n\",\"gt\":1}}", NULL, 200);
    is_number(answer, "deleted", 1);
    json_decref(answer);
    answer = ask(delete, "{\"filter\":{\"field\":\"n\",\"eq\":1}}", NULL, 200);
    is_number(answer, "deleted", 1);
    json_decref(answer);
    refuses(delete, "{}", 400, "invalid_argument", "", "by ids, or by filter");
    refuses(delete, "{\"ids\":[\"a\"],\"prefix\":\"t\"}", 400, "invalid_argument", "",
            "by ids, or by filter");
    refuses(delete, "{\"ids\":[\"a\"],\"dry_run\":true}", 400, "invalid_argument", "dry_run", "goes with");
    refuses(delete, "{\"filter\":{\"field\":\"n\"}}", 400, "invalid_argument", NULL, "");
}

#define SEARCH "/v1/collections/default/search"

static void searching(void **state)
{
    (void)state;
    json_t *answer = ask("POST " SEARCH, "{\"query\":\"late train\",\"k\":2,\"explain\":true}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "hits")), 2);
    is_text(answer, "hits.0.id", "train-en");
    is_text(answer, "hits.1.id", "zug/de 1");
    assert_true(json_number_value(get(answer, "hits.0.score")) >=
                json_number_value(get(answer, "hits.1.score")));
    is_number(answer, "hits.0.cosine", json_number_value(get(answer, "hits.0.score")));
    assert_true(json_is_null(get(answer, "hits.0.bm25")));
    assert_true(json_is_real(get(answer, "hits.0.relevance")));
    is_text(answer, "hits.1.passage.text", "Der Zug zum Flughafen hat wegen Schnee Verspätung.");
    is_number(answer, "hits.1.passage.end", 51);
    is_number(answer, "hits.1.passage.end_char", 50);
    is_text(answer, "plan.kind", "scan");
    assert_true(json_is_true(get(answer, "plan.exact")));
    is_number(answer, "plan.candidates", 4);
    assert_true(json_is_string(get(answer, "next_cursor"))); /* as many as asked for: there may be more */
    get(answer, "timings.search_ms");
    json_decref(answer);

    answer = ask("GET " SEARCH "?query=Zug+Versp%C3%A4tung&k=1&lang=de,fr", NULL, NULL, 200);
    is_text(answer, "hits.0.id", "zug/de 1");
    assert_true(json_is_true(get(answer, "plan.filtered")));
    is_number(answer, "plan.candidates", 2);
    json_decref(answer);
    answer = ask("POST " SEARCH,
                 "{\"query\":\"train\",\"filter\":{\"field\":\"year\",\"lt\":2000},\"fields\":[\"lang\"]}",
                 NULL, 200);
    assert_int_equal(json_array_size(get(answer, "hits")), 1);
    assert_int_equal(json_object_size(get(answer, "hits.0")), 3);
    is_text(answer, "hits.0.lang", "de");
    json_decref(answer);
    answer =
        ask("GET " SEARCH "?query=train&filter=%7B%22id%22:%7B%22eq%22:%22soup%22%7D%7D", NULL, NULL, 200);
    is_text(answer, "hits.0.id", "soup");
    json_decref(answer);
    answer = ask("POST " SEARCH, "{\"queries\":[\"chess\",\"kitchen\"],\"k\":1}", NULL, 200);
    is_text(answer, "results.0.hits.0.id", "chess");
    is_text(answer, "results.1.hits.0.id", "soup");
    json_decref(answer);
    answer = ask("POST " SEARCH, "{\"query\":\"chess\",\"lang\":\"ja\"}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "hits")), 0);
    json_decref(answer);
    answer = ask("POST " SEARCH, "{\"query\":\"quantum chromodynamics\",\"min_relevance\":1}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "hits")), 0);
    json_decref(answer);

    refuses("POST " SEARCH, "{}", 400, "invalid_argument", "query", "give one of");
    refuses("POST " SEARCH, "{\"query\":\"a\",\"queries\":[\"b\"]}", 400, "invalid_argument", "query",
            "give one of");
    refuses("POST " SEARCH, "{\"query\":\"\"}", 400, "invalid_argument", "query", "empty");
    refuses("POST " SEARCH, "{\"query\":\"a\",\"k\":0}", 400, "invalid_argument", "k", "1 to 1000");
    refuses("POST " SEARCH, "{\"query\":\"a\",\"limit\":3}", 400, "invalid_argument", "limit",
            "known are: query, vector, queries, like, unlike, collections, k");
    refuses("POST " SEARCH, "{\"query\":\"a\",\"filter\":{\"and\":[{},{\"field\":3}]}}", 400,
            "invalid_argument", "filter.and[1].field", "name");
    refuses("POST " SEARCH, "{\"vector\":[1,2,3]}", 400, "invalid_argument", "vector", "512");
    refuses("POST " SEARCH, "{\"vector\":[]}", 400, "invalid_argument", "vector", "zero");
    refuses("POST " SEARCH, "{\"query\":\"a\",\"min_relevance\":2}", 400, "invalid_argument", "min_relevance",
            "0 to 1");
    refuses("POST " SEARCH, "{\"query\":\"a\",\"fields\":[\"text\"]}", 400, "invalid_argument", "fields[0]",
            "passage");
    refuses("GET " SEARCH, NULL, 400, "invalid_argument", "query", "missing");
    refuses("POST /v1/collections/none/search", "{\"query\":\"a\"}", 404, "not_found", NULL, "none");
    refuses("POST /v1/collections/a/search", "{\"query\":\"a\"}", 404, "not_found", NULL, "empty");

    struct buf query;
    buf_init(&query, 1 << 20);
    buf_printf(&query, NULL, "{\"query\":\"");
    for (int i = 0; i <= ENGINE_QUERY_BYTES; i++)
        buf_append(&query, "a", 1, NULL);
    buf_printf(&query, NULL, "\"}");
    refuses("POST " SEARCH, query.data, 413, "too_large", "query", "at most 8192");
    buf_release(&query);
}

/* The vector that an embedding answer holds in JSON numbers. */
static size_t vector_of(const json_t *list, float *out)
{
    for (size_t i = 0; i < json_array_size(list) && i < 512; i++)
        out[i] = (float)json_number_value(json_array_get(list, i));
    return json_array_size(list);
}

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void embedding(void **state)
{
    (void)state;
    float one[512], two[512];
    struct embeddings direct = {0};
    struct text text = text_of("Good morning");
    json_t *answer = ask("POST /v1/embed", "{\"input\":\"Good morning\"}", NULL, 200);
    is_text(answer, "model", "cognate-e5-512");
    is_number(answer, "data.0.dropped_tokens", 0);
    assert_int_equal(vector_of(get(answer, "data.0.embedding"), one), 512);
    assert_int_equal(engine_embed(engine, &(struct embed_request){.texts = &text, .n = 1}, &direct, NULL),
                     STATUS_OK);
    assert_memory_equal(one, direct.vectors, sizeof one); /* the same bits after the way through JSON */
    is_number(answer, "data.0.tokens", direct.texts[0].tokens);
    embeddings_release(&direct);
    json_decref(answer);

    answer = ask("POST /v1/embed", "{\"input\":[\"Good morning\",\"Guten Morgen\"],\"dimensions\":128}", NULL,
                 200);
    assert_int_equal(vector_of(get(answer, "data.0.embedding"), one), 128);
    vector_of(get(answer, "data.1.embedding"), two);
    assert_true(fabs(dot(one, one, 128) - 1) < 1e-5);
    assert_true(dot(one, two, 128) > 0.5);
    is_number(answer, "data.1.index", 1);
    json_decref(answer);

    answer = ask("POST /v1/embed", "{\"input\":\"a\",\"encoding_format\":\"base64\"}", NULL, 200);
    assert_int_equal(json_string_length(get(answer, "data.0.embedding")), 2732);
    json_decref(answer);
    answer = ask("POST /v1/embed", "{\"input\":\"a\",\"output_type\":\"int8\"}", NULL, 200);
    assert_true(json_is_integer(get(answer, "data.0.embedding.511")));
    json_decref(answer);
    answer = ask("POST /v1/embed", "{\"input\":\"a\",\"output_type\":\"binary\"}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "data.0.embedding")), 64);
    json_decref(answer);
    answer = ask("POST /v1/embed", "{\"input\":\"a\",\"input_type\":\"search_document\"}", NULL, 200);
    vector_of(get(answer, "data.0.embedding"), one);
    json_decref(answer);
    answer = ask("POST /v1/embed", "{\"input\":\"a\",\"input_type\":\"query\"}", NULL, 200);
    vector_of(get(answer, "data.0.embedding"), two);
    assert_true(dot(one, two, 512) < 0.9999);
    json_decref(answer);
    answer = ask("POST /v1/embed",
                 "{\"input\":[\"One sentence. Another one.\",\" \"],\"long_text\":\"passages\"}", NULL, 200);
    assert_true(json_is_null(get(answer, "data.0.embedding")));
    is_number(answer, "data.0.passages.0.end", 26);
    assert_int_equal(json_array_size(get(answer, "data.0.passages.0.embedding")), 512);
    assert_int_equal(json_array_size(get(answer, "data.1.passages")), 0);
    json_decref(answer);
    answer = ask("POST /v1/embed", "{\"input\":[]}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "data")), 0);
    json_decref(answer);

    refuses("POST /v1/embed", "{\"input\":[\"a\",5]}", 400, "invalid_argument", "input[1]", "a text");
    refuses("POST /v1/embed", "{\"input\":\"a\",\"dimensions\":513}", 400, "invalid_argument", "dimensions",
            "1 to 512");
    refuses("POST /v1/embed", "{\"input\":\"a\",\"model\":\"other\"}", 404, "not_found", "model",
            "cognate-e5-512");
    refuses("POST /v1/embed", "{\"input\":\"a\",\"encoding_format\":\"hex\"}", 400, "invalid_argument",
            "encoding_format", "float, base64");
    refuses("POST /v1/embed", "{\"inputs\":\"a\"}", 400, "invalid_argument", "inputs",
            "known are: input, model");
}

static void long_texts(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_printf(&body, NULL, "{\"input\":\"");
    for (int i = 0; i < 700; i++)
        buf_printf(&body, NULL, "garden ");
    buf_printf(&body, NULL, "\",\"long_text\":\"truncate\"}");
    json_t *answer = ask("POST /v1/embed", body.data, NULL, 200);
    is_number(answer, "data.0.tokens", 512);
    assert_true(json_integer_value(get(answer, "data.0.dropped_tokens")) > 100);
    json_decref(answer);
    body.len -= strlen("truncate\"}");
    buf_printf(&body, NULL, "error\"}");
    refuses("POST /v1/embed", body.data, 400, "invalid_argument", "input[0]", "512");
    buf_release(&body);
}

/* The two ends of a text that is too long give other vectors, each that of the end alone. */
static void cuts_at_either_end(void **state)
{
    (void)state;
    static const char *const ends[] = {"truncate", "truncate_start"};
    static const char *const alone[] = {"river", "bread"};
    for (int end = 0; end < 2; end++) {
        struct buf body;
        buf_init(&body, 1 << 20);
        buf_printf(&body, NULL, "{\"input\":[\"");
        for (int i = 0; i < 1400; i++)
            buf_printf(&body, NULL, "%s ", i < 700 ? "river" : "bread");
        buf_printf(&body, NULL, "\",\"");
        for (int i = 0; i < 700; i++)
            buf_printf(&body, NULL, "%s ", alone[end]);
        buf_printf(&body, NULL, "\"],\"long_text\":\"%s\"}", ends[end]);
        json_t *answer = ask("POST /v1/embed", body.data, NULL, 200);
        is_number(answer, "data.0.tokens", 512);
        assert_true(json_integer_value(get(answer, "data.0.dropped_tokens")) > 700);
        assert_true(json_equal(get(answer, "data.0.embedding"), (json_t *)get(answer, "data.1.embedding")));
        json_decref(answer);
        buf_release(&body);
    }
}

/* [0, …, 2]: the ids of a text as /v1/tokenize gives them, printed. */
static char *ids_of(const char *text)
{
    json_t *body = json_pack("{s:s}", "input", text), *ids = json_array();
    char *bytes = json_dumps(body, 0);
    json_t *answer = ask("POST /v1/tokenize", bytes, NULL, 200);
    const json_t *tokens = get(answer, "tokens");
    for (size_t i = 0; i < json_array_size(tokens); i++)
        json_array_append(ids, json_object_get(json_array_get(tokens, i), "id"));
    json_decref(answer);
    json_decref(body);
    free(bytes);
    char *printed = json_dumps(ids, JSON_COMPACT);
    json_decref(ids);
    return printed;
}

static void takes_token_ids(void **state)
{
    (void)state;
    static const char text[] = "Grüße aus dem  Garten, 猫は庭で寝る!";
    struct buf body;
    char *ids = ids_of(text);
    buf_init(&body, 1 << 16);
    buf_printf(&body, NULL, "{\"input\":[\"%s\",%s]}", text, ids);
    json_t *answer = ask("POST /v1/embed", body.data, NULL, 200);
    assert_true(json_equal(get(answer, "data.0.embedding"), (json_t *)get(answer, "data.1.embedding")));
    buf_clear(&body);
    buf_printf(&body, NULL, "{\"input\":%s}", ids);
    json_t *one = ask("POST /v1/embed", body.data, NULL, 200);
    assert_int_equal(json_array_size(get(one, "data")), 1);
    assert_true(json_equal(get(one, "data.0.embedding"), (json_t *)get(answer, "data.0.embedding")));
    refuses("POST /v1/embed", "{\"input\":[\"a\",[9906,1917]]}", 400, "invalid_argument", "input[1]",
            "check_embedding_ctx_length");
    refuses("POST /v1/embed", "{\"input\":[0,9906,1917,2]}", 400, "invalid_argument", "input",
            "of another tokenizer");
    refuses("POST /v1/embed", "{\"input\":[0,-1,2]}", 400, "invalid_argument", "input", "integers of 0 to");
    json_decref(one);
    json_decref(answer);
    buf_release(&body);
    free(ids);
}

static void takes_many_texts(void **state)
{
    (void)state;
    struct buf body;
    buf_init(&body, 1 << 20);
    buf_printf(&body, NULL, "{\"dimensions\":1,\"input\":[\"a\"");
    for (int i = 1; i < 2100; i++)
        buf_printf(&body, NULL, ",\"\"");
    buf_printf(&body, NULL, "]}");
    json_t *answer = ask("POST /v1/embed", body.data, NULL, 200);
    assert_int_equal(json_array_size(get(answer, "data")), 2100);
    json_decref(answer);
    buf_release(&body);
}

static void detects_languages(void **state)
{
    (void)state;
    json_t *answer = ask("POST /v1/detect-language",
                         "{\"input\":\"Der Zug nach Wien fährt heute von Gleis vier ab.\"}", NULL, 200);
    is_text(answer, "lang", "de");
    assert_true(json_number_value(get(answer, "share")) > 0.5);
    assert_true(json_number_value(get(answer, "confidence")) > 0.5);
    is_text(answer, "candidates.0.lang", "de");
    json_decref(answer);
    answer = ask("POST /v1/detect-language", "{\"input\":[\"猫は庭で寝るのが好きです。\",\"\"]}", NULL, 200);
    is_text(answer, "results.0.lang", "ja");
    is_text(answer, "results.1.lang", "und");
    json_decref(answer);
    refuses("POST /v1/detect-language", "{\"text\":\"a\"}", 400, "invalid_argument", "text", "input");
}

static void similarity(void **state)
{
    (void)state;
    json_t *answer = ask("POST /v1/similarity", "{\"input\":[\"Good morning\",\"Guten Morgen\"]}", NULL, 200);
    double near = json_number_value(get(answer, "score")),
           likely = json_number_value(get(answer, "relevance"));
    assert_true(near > 0.8 && near <= 1 && likely > 0 && likely <= 1);
    json_decref(answer);
    answer =
        ask("POST /v1/similarity",
            "{\"input\":[[\"Good morning\",\"Snow\"],[\"Guten Morgen\",\"Snow\",\"neige\"]]}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "matrix")), 2);
    assert_int_equal(json_array_size(get(answer, "matrix.0")), 3);
    assert_true(fabs(json_number_value(get(answer, "matrix.0.0")) - near) < 1e-6);
    assert_true(json_number_value(get(answer, "matrix.1.1")) > 0.9999);
    assert_true(json_number_value(get(answer, "matrix.1.1")) <= 1);
    json_decref(answer);
    answer = ask("POST /v1/similarity", "{\"pairs\":[[\"Good morning\",\"Guten Morgen\"],[\"a\",\"a\"]]}",
                 NULL, 200);
    assert_int_equal(json_array_size(get(answer, "results")), 2);
    assert_true(fabs(json_number_value(get(answer, "results.0.score")) - near) < 1e-6);
    assert_true(fabs(json_number_value(get(answer, "results.0.relevance")) - likely) < 1e-6);
    is_number(answer, "results.1.score", 1);
    json_decref(answer);
    answer = ask("POST /v1/similarity", "{\"pairs\":[]}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "results")), 0);
    json_decref(answer);
    refuses("POST /v1/similarity", "{\"pairs\":[[\"a\",\"b\"],[\"a\"]]}", 400, "invalid_argument", "pairs[1]",
            "two texts");
    refuses("POST /v1/similarity", "{\"pairs\":[[\"a\",5]]}", 400, "invalid_argument", "pairs[0]", "texts");
    refuses("POST /v1/similarity", "{\"pairs\":[],\"input\":[\"a\",\"b\"]}", 400, "invalid_argument", "pairs",
            "exactly one");
    refuses("POST /v1/similarity", "{}", 400, "invalid_argument", "input", "pairs");
    answer = ask("POST /v1/similarity", "{\"input\":[\"a\",[\"b\",\"c\"]]}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "matrix.0")), 2);
    json_decref(answer);
    refuses("POST /v1/similarity", "{\"input\":\"a\"}", 400, "invalid_argument", "input", "two texts");
    refuses("POST /v1/similarity", "{\"input\":[\"a\",\"b\",\"c\"]}", 400, "invalid_argument", "input",
            "two texts");
    refuses("POST /v1/similarity", "{\"input\":[\"a\",5]}", 400, "invalid_argument", "input",
            "nothing but texts");
    refuses("POST /v1/similarity", "{\"input\":[[\"a\",[]],\"b\"]}", 400, "invalid_argument", "input",
            "nothing but texts");
}

static void tokenizing(void **state)
{
    (void)state;
    json_t *answer = ask("POST /v1/tokenize", "{\"input\":\"Grüße\"}", NULL, 200);
    size_t n = json_array_size(get(answer, "tokens"));
    assert_true(n >= 3);
    is_number(answer, "tokens.0.id", 0);
    is_text(answer, "tokens.0.piece", "<s>");
    assert_true(json_is_true(get(answer, "tokens.0.special")));
    json_t *last = json_array_get(get(answer, "tokens"), n - 1),
           *before = json_array_get(get(answer, "tokens"), n - 2);
    is_text(last, "piece", "</s>");
    is_number(last, "start", 7);
    is_number(before, "end", 7);
    json_decref(answer);
    answer = ask("POST /v1/tokenize", "{\"input\":[\"a\",\"\"],\"add_special_tokens\":false}", NULL, 200);
    assert_int_equal(json_array_size(get(answer, "results")), 2);
    assert_int_equal(json_array_size(get(answer, "results.1.tokens")), 0);
    json_decref(answer);
    answer = ask("POST /v1/tokenize",
                 "{\"input\":\"a\",\"input_type\":\"query\",\"add_special_tokens\":false}", NULL, 200);
    assert_true(json_array_size(get(answer, "tokens")) >= 3);
    is_number(answer, "tokens.0.end", 0);
    json_decref(answer);
    refuses("POST /v1/tokenize", "{\"input\":5}", 400, "invalid_argument", "input",
            "a text or a list of texts");
}

static void openai_refuses(const char *body, int status, const char *type, const char *code,
                           const char *param)
{
    json_t *answer = ask("POST /v1/embeddings", body, NULL, status);
    is_text(answer, "error.type", type);
    is_text(answer, "error.code", code);
    is_text(answer, "error.param", param);
    assert_true(json_string_length(get(answer, "error.message")) > 10);
    json_decref(answer);
}

static void openai(void **state)
{
    (void)state;
    json_t *answer = ask("POST /v1/embeddings",
                         "{\"input\":\"hello\",\"model\":\"cognate-e5-512\",\"user\":\"u\"}", NULL, 200);
    is_text(answer, "object", "list");
    is_text(answer, "data.0.object", "embedding");
    assert_int_equal(json_array_size(get(answer, "data.0.embedding")), 512);
    assert_true(json_integer_value(get(answer, "usage.prompt_tokens")) >= 4);
    json_decref(answer);
    answer =
        ask("POST /embeddings",
            "{\"input\":[\"hello\",\"bye\"],\"encoding_format\":\"base64\",\"dimensions\":3}", NULL, 200);
    assert_int_equal(json_string_length(get(answer, "data.1.embedding")), 16);
    json_decref(answer);
    openai_refuses("{\"input\":[[1,2]]}", 400, "invalid_request_error", "invalid_argument", "input[0]");
    openai_refuses("{\"input\":[\"a\",[1,\"b\"]]}", 400, "invalid_request_error", "invalid_argument",
                   "input[1]");
    openai_refuses("{\"input\":[1,2]}", 400, "invalid_request_error", "invalid_argument", "input");
    openai_refuses("{\"input\":[]}", 400, "invalid_request_error", "invalid_argument", "input");
    openai_refuses("{\"input\":[\"a\",\"\"]}", 400, "invalid_request_error", "invalid_argument", "input");
    openai_refuses("{\"input\":{}}", 400, "invalid_request_error", "invalid_argument", "input");
    openai_refuses("{}", 400, "invalid_request_error", "invalid_argument", "input");
    openai_refuses("{\"input\":\"a\",\"model\":\"gpt\"}", 404, "invalid_request_error", "model_not_found",
                   "model");
    openai_refuses("{\"input\":\"a\",\"dimensions\":0}", 400, "invalid_request_error", "invalid_argument",
                   "dimensions");
    openai_refuses("{\"input\":\"a\",\"long_text\":\"passages\"}", 400, "invalid_request_error",
                   "invalid_argument", "long_text");

    answer = ask("GET /v1/models", NULL, NULL, 200);
    is_text(answer, "data.0.id", "cognate-e5-512");
    json_decref(answer);
    answer = ask("GET /v1/models/cognate-e5-512", NULL, NULL, 200);
    is_text(answer, "object", "model");
    json_decref(answer);
    answer = ask("GET /v1/models/other", NULL, NULL, 404);
    is_text(answer, "error.code", "model_not_found");
    json_decref(answer);
}

static void errors_of_the_transport(void **state)
{
    (void)state;
    struct api_reply reply = {0};
    struct error err = {.status = STATUS_OVERLOADED, .text = "too many"};
    api_reply_error(API_OPENAI, &err, 0, &reply);
    assert_int_equal(reply.status, 429);
    is_text(reply.body, "error.type", "rate_limit_error");
    err = (struct error){.status = STATUS_UNAUTHORIZED, .text = "no key"};
    api_reply_error(API_OPENAI, &err, 0, &reply);
    is_text(reply.body, "error.code", "invalid_api_key");
    err = (struct error){.status = STATUS_INVALID, .text = "cut here: \xc3", .field = "f\xe4"};
    api_reply_error(API_COGNATE, &err, 431, &reply);
    assert_int_equal(reply.status, 431);
    is_text(reply.body, "detail", "cut here: ?");
    is_text(reply.body, "field", "f?");
    is_text(reply.body, "title", "Invalid argument");
    api_reply_release(&reply);
}

static void without_a_store(void **state)
{
    (void)state;
    struct engine *with = engine;
    engine = NULL;
    assert_int_equal(engine_open(&(struct engine_options){0}, &engine, NULL), STATUS_OK);
    refuses("GET /v1/collections", NULL, 503, "unavailable", "", "no store");
    refuses("POST " DOCS, "{\"text\":\"a\"}", 503, "unavailable", "", "no store");
    refuses("POST " SEARCH, "{\"query\":\"a\"}", 503, "unavailable", "", "no store");
    json_t *answer = ask("GET /version", NULL, NULL, 200);
    assert_true(json_is_null(get(answer, "sqlite")));
    json_decref(answer);
    engine_close(engine);
    engine = with;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_routes),
        cmocka_unit_test(addresses),
        cmocka_unit_test(collections),
        cmocka_unit_test(ingesting),
        cmocka_unit_test(ingesting_lines),
        cmocka_unit_test(documents),
        cmocka_unit_test(searching),
        cmocka_unit_test(embedding),
        cmocka_unit_test(long_texts),
        cmocka_unit_test(cuts_at_either_end),
        cmocka_unit_test(takes_token_ids),
        cmocka_unit_test(takes_many_texts),
        cmocka_unit_test(detects_languages),
        cmocka_unit_test(similarity),
        cmocka_unit_test(tokenizing),
        cmocka_unit_test(openai),
        cmocka_unit_test(errors_of_the_transport),
        cmocka_unit_test(without_a_store),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
