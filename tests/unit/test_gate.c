#include "server/gate.h"

#include <stdio.h>

#include "unit.h"

#define MOST 120

static const char *const hosts[] = {"search.example"};
static const char *const origins[] = {"https://app.example"};
static const struct gate_policy policy = {hosts, 1, origins, 1};

/* Reads "METHOD target version\nName: value\n…" as the HTTP library would hand it over. */
static int pass_text(const char *head, struct gate_pass *pass, struct error *err)
{
    static struct gate_header headers[MOST];
    struct gate_request request = {.headers = headers, .header_bytes = strlen(head)};
    const char *line = head;
    struct text *parts[] = {&request.method, &request.target, &request.version};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strcspn(line, i < 2 ? " " : "\n");
        *parts[i] = (struct text){line, n};
        line += n + (line[n] != '\0');
    }
    while (*line != '\0') {
        size_t n = strcspn(line, "\n"), colon = strcspn(line, ":");
        assert_true(colon < n && request.header_count < MOST);
        headers[request.header_count++] =
            (struct gate_header){{line, colon}, {line + colon + 1, n - colon - 1}};
        line += n + (line[n] != '\0');
    }
    return gate_head(&policy, &request, pass, err);
}

static void expect(int http, const char *head)
{
    struct gate_pass pass;
    struct error err = {0};
    int got = pass_text(head, &pass, &err);
    if (got != http)
        fail_msg("%d instead of %d (%s) for\n%s", got, http, err.text, head);
    assert_int_equal(http == 0, err.status == STATUS_OK);
}

#define GET  "GET /livez HTTP/1.1\n"
#define POST "POST /v1/embed HTTP/1.1\nHost: localhost\n"

static void test_views(void **state)
{
    struct gate_pass p;
    (void)state;
    assert_int_equal(
        pass_text("POST /v1/embed?a=%20b HTTP/1.1\nhost: localhost:8088\nCONTENT-LENGTH:  12 \n"
                  "content-type: Application/JSON ;charset=UTF-8\nAuthorization: bearer cog_12=\n"
                  "X-Request-Id: abc-1\nX-Request-Timeout-Ms: 250\n",
                  &p, NULL),
        0);
    assert_true(text_is(p.path, "/v1/embed") && text_is(p.query, "a=%20b"));
    assert_true(p.has_body && !p.chunked && p.content_length == 12 && p.media == GATE_MEDIA_JSON &&
                !p.encoded);
    assert_true(p.authorization && text_is(p.bearer, "cog_12=") && text_is(p.request_id, "abc-1"));
    assert_int_equal(p.timeout_ms, 250);
    assert_int_equal(pass_text(GET "Host: localhost\nAuthorization: Basic eDp5\n", &p, NULL), 0);
    assert_true(p.query.data == NULL && !p.has_body && p.authorization && p.bearer.len == 0 &&
                p.request_id.len == 0);
    assert_int_equal(pass_text("GET http://search.example HTTP/1.1\nHost: localhost\n", &p, NULL), 0);
    assert_true(text_is(p.path, "/"));
    assert_int_equal(pass_text("OPTIONS * HTTP/1.1\nHost: localhost\n", &p, NULL), 0);
    assert_true(p.asterisk);
    assert_int_equal(pass_text("GET /? HTTP/1.1\nHost: localhost\n", &p, NULL), 0);
    assert_true(p.query.data != NULL && p.query.len == 0);
}

static void test_framing(void **state)
{
    (void)state;
    expect(0, POST "Content-Length: 0\n");
    expect(0, POST "Transfer-Encoding: Chunked\n");
    expect(400, POST "Content-Length: 1\nContent-Length: 1\n");
    expect(400, POST "Content-Length: 1\ncontent-length: 2\n");
    expect(400, POST "Content-Length: 1\nTransfer-Encoding: chunked\n");
    expect(400, POST "Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n");
    expect(501, POST "Transfer-Encoding: gzip, chunked\n");
    expect(501, POST "Transfer-Encoding: \n");
    expect(400, "POST / HTTP/1.0\nHost: localhost\nTransfer-Encoding: chunked\n");
    static const char *const lengths[] = {"-1", "+1", "1,1", "0x1", "1 1", "", "1e3", "9999999999999999999"};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        char head[128];
        snprintf(head, sizeof head, POST "Content-Length: %s\n", lengths[i]);
        expect(400, head);
    }
    expect(417, POST "Expect: something\n");
    expect(0, POST "Expect: 100-Continue\n");
}

static void test_request_line(void **state)
{
    static const char *const targets[] = {"livez",          "",     "*",     "/%",    "/%4",   "/%zz",
                                          "/%00",           "/a#b", "/a\\b", "/a\"b", "/\x7f", "/\xc3",
                                          "ftp://localhost"};
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        char head[128];
        snprintf(head, sizeof head, "GET %s HTTP/1.1\nHost: localhost\n", targets[i]);
        expect(400, head);
    }
    expect(505, "GET / HTTP/2.0\nHost: localhost\n");
    expect(505, "GET / http/1.1\nHost: localhost\n");
    expect(505, "GET / \nHost: localhost\n");
    expect(400, "G(T / HTTP/1.1\nHost: localhost\n");
    expect(400, " / HTTP/1.1\nHost: localhost\n");
    expect(403, "GET http://evil.example/ HTTP/1.1\nHost: localhost\n");
    expect(400, "GET http:// HTTP/1.1\nHost: localhost\n");
    char long_one[GATE_TARGET_BYTES + 64];
    int n = snprintf(long_one, sizeof long_one, "GET /");
    memset(long_one + n, 'a', GATE_TARGET_BYTES);
    snprintf(long_one + n + GATE_TARGET_BYTES, 32, " HTTP/1.1\nHost: localhost\n");
    expect(414, long_one);
    memmove(long_one + n, long_one + n + 1, strlen(long_one + n));
    expect(0, long_one);
}

static void test_headers(void **state)
{
    struct gate_header headers[GATE_HEADERS + 1];
    struct gate_request request = {text_of("GET"), text_of("/"), text_of("HTTP/1.1"),
                                   headers,        GATE_HEADERS, 0};
    struct gate_pass p;
    (void)state;
    expect(400, GET "Host: localhost\nBad Name: x\n");
    expect(400, GET "Host: localhost\nName : x\n");
    expect(400, GET "Host: localhost\nX: a\x01\n");
    expect(400, GET "Host: localhost\nX: a\rb\n");
    expect(0, GET "Host: localhost\nX: a\tb\nY: \xc3\xbc\nZ:\n");
    for (size_t i = 0; i <= GATE_HEADERS; i++)
        headers[i] = (struct gate_header){text_of("X"), text_of("y")};
    headers[0] = (struct gate_header){text_of("Host"), text_of("localhost")};
    assert_int_equal(gate_head(&policy, &request, &p, NULL), 0);
    request.header_count++;
    assert_int_equal(gate_head(&policy, &request, &p, NULL), 431);
    request.header_count = 1;
    request.header_bytes = GATE_HEADER_BYTES + 1;
    assert_int_equal(gate_head(&policy, &request, &p, NULL), 431);
    headers[1] = (struct gate_header){text_of("X"), {"a\0b", 3}};
    request.header_bytes = 0;
    request.header_count = 2;
    assert_int_equal(gate_head(&policy, &request, &p, NULL), 400);
}

static void test_host(void **state)
{
    static const char *const good[] = {
        "localhost", "LocalHost:1", "a.b.localhost",  "localhost.",          "127.0.0.1", "8.8.8.8:80",
        "[::1]",     "[fe80::1]:9", "search.example", "Search.Example.:443", "localhost:"};
    static const char *const foreign[] = {"evil.example",
                                          "xlocalhost",
                                          "localhost.evil.example",
                                          "1.2.3.4.evil",
                                          "xsearch.example",
                                          "1.2.3",
                                          "127.1",
                                          "0x7f000001",
                                          "2130706433",
                                          ".."};
    static const char *const broken[] = {"",
                                         " ",
                                         "[::1",
                                         "[::1]x",
                                         "[localhost]",
                                         "::1",
                                         "a@localhost",
                                         "localhost:x",
                                         "localhost:99999",
                                         "local host",
                                         "localhost/x",
                                         "\xc3\xbc",
                                         "a,b",
                                         ".localhost"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        char head[128];
        snprintf(head, sizeof head, GET "Host: %s\n", good[i]);
        expect(0, head);
    }
    for (size_t i = 0; i + 1 < sizeof foreign / sizeof *foreign; i++) {
        char head[128];
        snprintf(head, sizeof head, GET "Host: %s\n", foreign[i]);
        expect(403, head);
    }
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char head[128];
        snprintf(head, sizeof head, GET "Host: %s\n", broken[i]);
        expect(400, head);
    }
    expect(400, GET);
    expect(400, GET "Host: localhost\nHost: localhost\n");
    expect(400, "GET / HTTP/1.0\n");
}

static void test_origin(void **state)
{
    struct gate_pass p;
    (void)state;
    expect(0, GET "Host: localhost:8088\nOrigin: http://localhost:8088\n");
    expect(0, GET "Host: localhost\nOrigin: HTTPS://LOCALHOST\n");
    expect(0, GET "Host: localhost:443\nOrigin: https://localhost\n");
    expect(0, GET "Host: [::1]:80\nOrigin: http://[::1]\n");
    expect(403, GET "Host: localhost:8088\nOrigin: http://localhost\n");
    expect(403, GET "Host: localhost:8088\nOrigin: http://127.0.0.1:8088\n");
    expect(403, GET "Host: localhost\nOrigin: null\n");
    expect(403, GET "Host: localhost\nOrigin: \n");
    expect(403, GET "Host: localhost\nOrigin: https://app.example.evil\n");
    expect(403, GET "Host: localhost\nOrigin: https://app.example:444\n");
    expect(403, GET "Host: localhost\nOrigin: http://app.example\n");
    expect(400, GET "Host: localhost\nOrigin: http://localhost\nOrigin: http://evil.example\n");
    expect(403, GET "Host: localhost\nSec-Fetch-Site: Cross-Site\n");
    expect(0, GET "Host: localhost\nSec-Fetch-Site: none\n");
    assert_int_equal(
        pass_text(GET "Host: localhost\nOrigin: https://app.example\nSec-Fetch-Site: cross-site\n", &p, NULL),
        0);
    assert_true(text_is(p.origin, "https://app.example"));
}

static void test_rest(void **state)
{
    struct gate_pass p;
    (void)state;
    expect(400, GET "Host: localhost\nX-Request-Timeout-Ms: 0\n");
    expect(400, GET "Host: localhost\nX-Request-Timeout-Ms: 600001\n");
    expect(0, GET "Host: localhost\nX-Request-Timeout-Ms: 600000\n");
    static const char *const ids[] = {"a b", "\"", "\xc3\xbc", ""};
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++) {
        char head[128];
        snprintf(head, sizeof head, GET "Host: localhost\nX-Request-Id: %s\n", ids[i]);
        assert_int_equal(pass_text(head, &p, NULL), 0);
        assert_int_equal(p.request_id.len, 0);
    }
    assert_int_equal(pass_text(GET "Host: evil\nX-Request-Id: kept\n", &p, NULL), 403);
    assert_true(text_is(p.request_id, "kept"));
}

static void test_body(void **state)
{
    struct gate_pass p = {.has_body = true, .content_length = 100, .media = GATE_MEDIA_JSON};
    (void)state;
    assert_int_equal(gate_body(&p, 100, false, NULL), 0);
    assert_int_equal(gate_body(&p, 99, false, NULL), 413);
    assert_int_equal(gate_body(&p, 0, false, NULL), 413);
    p.media = GATE_MEDIA_NDJSON;
    assert_int_equal(gate_body(&p, 100, false, NULL), 415);
    assert_int_equal(gate_body(&p, 100, true, NULL), 0);
    p.media = GATE_MEDIA_OTHER;
    assert_int_equal(gate_body(&p, 100, true, NULL), 415);
    p.media = GATE_MEDIA_NONE;
    assert_int_equal(gate_body(&p, 100, true, NULL), 415);
    p.media = GATE_MEDIA_JSON;
    p.encoded = true;
    assert_int_equal(gate_body(&p, 100, true, NULL), 415);
    p = (struct gate_pass){.media = GATE_MEDIA_OTHER};
    assert_int_equal(gate_body(&p, 0, false, NULL), 0);
    struct {
        const char *type;
        enum gate_media media;
    } types[] = {{"application/json", GATE_MEDIA_JSON},
                 {"APPLICATION/JSON; charset=\"utf-8\"", GATE_MEDIA_JSON},
                 {"application/x-ndjson", GATE_MEDIA_NDJSON},
                 {"application/json; charset=latin-1", GATE_MEDIA_OTHER},
                 {"application/json; charset=utf-8; x=y", GATE_MEDIA_OTHER},
                 {"application/json, text/plain", GATE_MEDIA_OTHER},
                 {"application/jsonp", GATE_MEDIA_OTHER},
                 {"text/plain", GATE_MEDIA_OTHER},
                 {"", GATE_MEDIA_OTHER}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char head[128];
        snprintf(head, sizeof head, POST "Content-Type: %s\nContent-Encoding: br\n", types[i].type);
        assert_int_equal(pass_text(head, &p, NULL), 0);
        assert_int_equal(p.media, types[i].media);
        assert_true(p.encoded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),   cmocka_unit_test(test_framing), cmocka_unit_test(test_request_line),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_host),    cmocka_unit_test(test_origin),
        cmocka_unit_test(test_rest),    cmocka_unit_test(test_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
