/* The web page, and the routes that only it needs. */
#include "api_calls.h"

#include "server/web_files.h"

static const char *header(void *known, const char *name)
{
    return strcmp(name, "If-None-Match") == 0 ? known : NULL;
}

static struct api_reply get_file(const char *path, const char *known)
{
    struct api_reply reply = {0};
    struct api_request request = {
        .method = "GET", .path = path, .header = header, .header_context = (void *)(uintptr_t)known};
    api_call(engine, &request, &reply);
    return reply;
}

static void gives_its_files(void **state)
{
    (void)state;
    size_t total = 0;
    char path[128];
    for (size_t i = 0; i < web_file_count; i++) {
        const struct web_file *file = &web_files[i];
        snprintf(path, sizeof path, "/web/%s", file->name);
        struct api_reply reply = get_file(path, NULL);
        assert_int_equal(reply.status, 200);
        assert_int_equal(strlen(reply.text), file->len);
        assert_memory_equal(reply.text, file->bytes, file->len);
        assert_string_equal(reply.media_type, file->media_type);
        char etag[80];
        snprintf(etag, sizeof etag, "W/\"0\", %s", reply.etag);
        api_reply_release(&reply);
        reply = get_file(path, etag);
        assert_int_equal(reply.status, 304);
        assert_null(reply.text);
        api_reply_release(&reply);
        total += file->len;
    }
    assert_in_range(total, 1000, 100000); /* what the page may weigh */
    struct api_reply reply = get_file("/", NULL);
    assert_int_equal(reply.status, 200);
    assert_non_null(strstr(reply.text, "<!doctype html>"));
    api_reply_release(&reply);
    refuses("GET /web/nothing.js", NULL, 404, "not_found", NULL, "no file");
    refuses("GET /web/..%2Fapi.c", NULL, 404, "not_found", NULL, "no file");
}

static void stats_and_map(void **state)
{
    (void)state;
    ok("PUT /v1/collections/m", "{}", 201);
    json_t *answer = ask("GET /v1/collections/m/map", NULL, NULL, 200);
    assert_int_equal(json_array_size(get(answer, "x")), 0);
    json_decref(answer);
    ok("POST /v1/collections/m/documents",
       "[{\"id\":\"a\",\"text\":\"Bread rises "
       "overnight.\",\"lang\":\"en\",\"metadata\":{\"kind\":\"food\",\"year\":1}},"
       "{\"id\":\"b\",\"text\":\"Brot geht über Nacht "
       "auf.\",\"lang\":\"de\",\"metadata\":{\"kind\":\"food\"}},"
       "{\"id\":\"c\",\"text\":\"The bridge is closed.\",\"lang\":\"en\",\"metadata\":{\"kind\":\"news\"}}]",
       200);
    answer = ask("GET /v1/collections/m/stats", NULL, NULL, 200);
    is_number(answer, "documents", 3);
    is_text(answer, "languages.0.lang", "en");
    is_text(answer, "fields.0.name", "kind");
    is_text(answer, "fields.0.values.0.value", "food");
    is_number(answer, "fields.0.values.0.documents", 2);
    is_number(answer, "fields.1.values.0.value", 1);
    json_decref(answer);
    answer = ask("GET /v1/collections/m/map?limit=100", NULL, NULL, 200);
    assert_int_equal(json_array_size(get(answer, "x")), 3);
    for (size_t i = 0; i < 3; i++) {
        json_int_t x = json_integer_value(json_array_get(get(answer, "x"), i));
        assert_in_range(x, 0, 65535);
    }
    is_text(answer, "documents.1.lang", "de");
    is_text(answer, "documents.1.metadata.kind", "food");
    json_decref(answer);
    refuses("GET /v1/collections/m/map?limit=0", NULL, 400, "invalid_argument", "limit", "limit");
    refuses("GET /v1/collections/none/map", NULL, 404, "not_found", NULL, "none");
    refuses("GET /v1/collections/none/stats", NULL, 404, "not_found", NULL, "none");

    struct api_reply reply = get_file("/v1/collections/m/map", NULL);
    char etag[80];
    snprintf(etag, sizeof etag, "%s", reply.etag);
    api_reply_release(&reply);
    reply = get_file("/v1/collections/m/map", etag);
    assert_int_equal(reply.status, 304);
    api_reply_release(&reply);
    ok("DELETE /v1/collections/m/documents/a", NULL, 200);
    reply = get_file("/v1/collections/m/map", etag);
    assert_int_equal(reply.status, 200);
    api_reply_release(&reply);
}

static void map_has_an_end(void **state)
{
    (void)state;
    atomic_bool left = true;
    struct api_reply reply = {0};
    struct api_request request = {.method = "GET", .path = "/v1/collections/m/map", .cancelled = &left};
    api_call(engine, &request, &reply);
    assert_int_equal(reply.status, 499);
    assert_string_equal(reply.etag, "");
    api_reply_release(&reply);
    request = (struct api_request){.method = "GET", .path = "/v1/collections/m/map", .deadline_ms = 1};
    api_call(engine, &request, &reply);
    assert_int_equal(reply.status, 504);
    api_reply_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gives_its_files), cmocka_unit_test(stats_and_map),
                                       cmocka_unit_test(map_has_an_end)};
    return cmocka_run_group_tests(tests, start, stop);
}
