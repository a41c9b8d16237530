/* Reranking in the shapes of Jina, Cohere and Text Embeddings Inference. */
#include "api_calls.h"

#define DOCUMENTS                                                                                            \
    "[\"Cook the onions in butter.\",{\"text\":\"Le train est en retard.\"},\"The train is late.\"]"
#define TEXTS "[\"Cook the onions in butter.\",\"Le train est en retard.\",\"The train is late.\"]"

static void orders_documents(void **state)
{
    (void)state;
    static const char *const routes[] = {"POST /v1/rerank", "POST /v1/reranking", "POST /v2/rerank",
                                         "POST /rerank"};
    for (size_t i = 0; i < 4; i++) {
        json_t *answer = ask(routes[i],
                             "{\"query\":\"late train\",\"documents\":" DOCUMENTS
                             ",\"top_n\":2,\"return_documents\":true}",
                             NULL, 200);
        assert_int_equal(json_array_size(get(answer, "results")), 2);
        is_number(answer, "results.0.index", 2);
        is_text(answer, "results.1.document.text", "Le train est en retard.");
        double first = json_number_value(get(answer, "results.0.relevance_score"));
        double second = json_number_value(get(answer, "results.1.relevance_score"));
        assert_true(first >= second && first <= 1 && second >= 0);
        assert_int_equal(json_string_length(get(answer, "id")), 36);
        assert_non_null(strstr(json_string_value(get(answer, "meta.warnings.0")), "no cross-encoder"));
        is_text(answer, "meta.api_version.version", i == 2 ? "2" : "1");
        assert_true(json_integer_value(get(answer, "usage.total_tokens")) > 10);
        json_decref(answer);
    }
}

static void ranks_by_fields(void **state)
{
    (void)state;
    static const char documents[] =
        "[{\"title\":\"late train\",\"text\":\"onions\"},{\"title\":\"onions\",\"text\":\"late train\"}]";
    for (int by_title = 0; by_title < 2; by_title++) {
        char body[256];
        snprintf(body, sizeof body, "{\"query\":\"late train\",\"documents\":%s,\"return_documents\":true%s}",
                 documents, by_title ? ",\"rank_fields\":[\"title\",\"none\"]" : "");
        json_t *answer = ask("POST /v1/rerank", body, NULL, 200);
        is_number(answer, "results.0.index", by_title ? 0 : 1);
        assert_int_equal(json_object_size(get(answer, "results.0.document")), 2);
        json_decref(answer);
    }
}

static void orders_texts(void **state)
{
    (void)state;
    json_t *answer = ask("POST /rerank", "{\"query\":\"late train\",\"texts\":" TEXTS "}", NULL, 200);
    assert_int_equal(json_array_size(answer), 3);
    is_number(answer, "0.index", 2);
    is_number(answer, "2.index", 0);
    assert_int_equal(json_object_size(get(answer, "0")), 2);
    json_decref(answer);
    answer = ask("POST /rerank",
                 "{\"query\":\"late train\",\"texts\":" TEXTS ",\"raw_scores\":true,\"return_text\":true}",
                 NULL, 200);
    is_text(answer, "0.text", "The train is late.");
    assert_true(json_number_value(get(answer, "0.score")) > 0.3);
    json_decref(answer);
}

static void fails(const char *what, const char *body, int status, const char *key, const char *says)
{
    json_t *answer = ask(what, body, NULL, status);
    if (strstr(json_string_value(get(answer, key)), says) == NULL)
        fail_msg("%s: %s", what, json_string_value(get(answer, key)));
    json_decref(answer);
}

static void refuses_in_each_shape(void **state)
{
    (void)state;
    fails("POST /v1/rerank", "{\"query\":\"a\",\"documents\":[]}", 400, "detail", "empty");
    fails("POST /v1/rerank", "{\"query\":\"a\",\"documents\":[5]}", 400, "detail", "documents[0]");
    fails("POST /v1/rerank", "{\"query\":\"a\",\"documents\":[{\"a\":\"b\"}],\"rank_fields\":[\"c\"]}", 400,
          "detail", "rank_fields");
    fails("POST /v1/rerank", "{\"documents\":[\"a\"]}", 400, "detail", "query");
    fails("POST /v2/rerank", "{\"query\":\"a\",\"documents\":[\"a\"],\"model\":\"other\"}", 404, "message",
          "other");
    fails("POST /v2/rerank", "{\"query\":\"a\",\"documents\":[\"a\"],\"topn\":1}", 400, "message",
          "known are");
    fails("POST /rerank", "{\"query\":\"a\",\"texts\":[]}", 400, "error", "empty");
    fails("POST /rerank", "{\"query\":\"a\"}", 422, "error", "texts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_documents),
        cmocka_unit_test(ranks_by_fields),
        cmocka_unit_test(orders_texts),
        cmocka_unit_test(refuses_in_each_shape),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
