/* The protocol, with an API of the test's own behind it. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/json_edge.h"
#include "server/mcp.h"

#define META                                                                                                 \
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/"       \
    "clientCapabilities\":{}}"

static char called[256];    /* the last call: "POST /v1/…" */
static const char *replies; /* JSON; NULL: NOT_FOUND */

static enum status call(void *context, const char *method, const char *path, json_t *body, json_t **answer,
                        struct error *err)
{
    (void)context;
    char *bytes = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    snprintf(called, sizeof called, "%s %s %s", method, path, bytes != NULL ? bytes : "");
    free(bytes);
    if (replies == NULL)
        return error_set(err, STATUS_NOT_FOUND, "there is no collection here; make one");
    return api_parse_body(replies, strlen(replies), answer, err);
}

static json_t *answer_to(const struct mcp *m, const char *line, int http)
{
    json_t *message = NULL;
    struct mcp_answer answer;
    if (api_parse_body(line, strlen(line), &message, NULL) != STATUS_OK)
        fail_msg("%s is not JSON", line);
    mcp_message(m, message, &answer);
    json_decref(message);
    if (answer.http != http)
        fail_msg("%s: %d, not %d: %s", line, answer.http, http, json_dumps(answer.body, 0));
    if (answer.body != NULL)
        assert_string_equal(json_string_value(json_object_get(answer.body, "jsonrpc")), "2.0");
    return answer.body;
}

static const struct mcp reader = {.call = call}, writer = {.call = call, .write = true};

static const json_t *at(const json_t *value, const char *a, const char *b, const char *c)
{
    const char *keys[] = {a, b, c};
    for (size_t i = 0; i < 3 && keys[i] != NULL; i++)
        value = keys[i][0] >= '0' && keys[i][0] <= '9' ? json_array_get(value, strtoul(keys[i], NULL, 10))
                                                       : json_object_get(value, keys[i]);
    return value;
}

static void fails(const struct mcp *m, const char *line, int http, int code, const char *says)
{
    json_t *answer = answer_to(m, line, http);
    assert_int_equal(json_integer_value(at(answer, "error", "code", NULL)), code);
    const char *message = json_string_value(at(answer, "error", "message", NULL));
    if (strstr(message, says) == NULL)
        fail_msg("%s: %s", line, message);
    json_decref(answer);
}

static void agrees_on_a_version(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {{"2025-11-25", "2025-11-25"}, {"2025-06-18", "2025-06-18"},
                                           {"2025-03-26", "2024-11-05"}, {"2024-11-05", "2024-11-05"},
                                           {"2099-01-01", "2025-11-25"}, {"", "2024-11-05"}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        char line[256];
        snprintf(line, sizeof line,
                 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%"
                 "s\"}}",
                 pairs[i][0]);
        json_t *answer = answer_to(&reader, line, 200);
        assert_string_equal(json_string_value(at(answer, "result", "protocolVersion", NULL)), pairs[i][1]);
        assert_string_equal(json_string_value(at(answer, "result", "serverInfo", "name")), "cognate");
        assert_true(json_is_object(at(answer, "result", "capabilities", "tools")));
        assert_null(at(answer, "result", "resultType", NULL));
        json_decref(answer);
    }
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", 200, -32602,
          "protocolVersion");
}

static void needs_no_handshake(void **state)
{
    (void)state;
    json_t *answer = answer_to(
        &reader, "{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"server/discover\",\"params\":{" META "}}",
        200);
    assert_string_equal(json_string_value(json_object_get(answer, "id")), "a");
    assert_string_equal(json_string_value(at(answer, "result", "supportedVersions", "0")), "2026-07-28");
    assert_string_equal(json_string_value(at(answer, "result", "resultType", NULL)), "complete");
    assert_true(json_is_integer(at(answer, "result", "ttlMs", NULL)));
    json_decref(answer);
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"server/discover\"}", 200, -32601,
          "server/discover");
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{" META "}}", 404, -32601,
          "ping");
    fails(&reader,
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
          "list\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/"
          "protocolVersion\":\"2026-07-28\"}}}",
          400, -32602, "clientCapabilities");
    answer = answer_to(&reader,
                       "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{\"io."
                       "modelcontextprotocol/protocolVersion\":\"1900-01-01\"}}}",
                       400);
    assert_int_equal(json_integer_value(at(answer, "error", "code", NULL)), -32022);
    assert_string_equal(
        json_string_value(json_array_get(json_object_get(at(answer, "error", "data", NULL), "supported"), 1)),
        "2025-11-25");
    json_decref(answer);
}

static void holds_headers_against_the_body(void **state)
{
    (void)state;
    static const char list[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{" META "}}";
    static const char search[] =
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{" META ",\"name\":\"search\"}}";
    static const struct {
        const char *line;
        struct mcp_headers headers;
        const char *fault; /* NULL: none */
    } cases[] = {
        {list, {"2026-07-28", "tools/list", NULL}, NULL},
        {list, {NULL, "tools/list", NULL}, "MCP-Protocol-Version"},
        {list, {"2025-11-25", "tools/list", NULL}, "MCP-Protocol-Version"},
        {list, {"2026-07-28", NULL, NULL}, "Mcp-Method"},
        {list, {"2026-07-28", "tools/call", NULL}, "Mcp-Method"},
        {search, {"2026-07-28", "tools/call", "search"}, NULL},
        {search, {"2026-07-28", "tools/call", "=?base64?c2VhcmNo?="}, NULL},
        {search, {"2026-07-28", "tools/call", "=?base64?c2VhcmNp?="}, "Mcp-Name"},
        {search, {"2026-07-28", "tools/call", "=?base64?%%?="}, "Mcp-Name"},
        {search, {"2026-07-28", "tools/call", "get"}, "Mcp-Name"},
        {search, {"2026-07-28", "tools/call", NULL}, "Mcp-Name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct mcp m = reader;
        m.headers = &cases[i].headers;
        if (cases[i].fault != NULL)
            fails(&m, cases[i].line, 400, -32020, cases[i].fault);
        else
            json_decref(answer_to(&m, cases[i].line, 200));
    }
    struct mcp m = reader;
    m.headers = &(struct mcp_headers){.version = "2025-11-25"};
    json_decref(answer_to(&m, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 200));
    m.headers = &(struct mcp_headers){.version = "1900-01-01"};
    fails(&m, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}", 400, -32022, "1900-01-01");
}

static void refuses_what_is_no_request(void **state)
{
    (void)state;
    fails(&reader, "[]", 400, -32600, "at a time");
    fails(&reader, "{\"id\":1,\"method\":\"ping\"}", 400, -32600, "jsonrpc");
    fails(&reader, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", 400, -32600, "jsonrpc");
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1}", 400, -32600, "method");
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", 400, -32600, "id");
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", 400, -32600, "id");
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", 400, -32602, "params");
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\"}", 200, -32601,
          "resources/list");
    static const char *const silent[] = {"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}",
                                         "{\"jsonrpc\":\"2.0\",\"method\":\"ping\"}",
                                         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"};
    for (size_t i = 0; i < sizeof silent / sizeof *silent; i++)
        assert_null(answer_to(&reader, silent[i], 202));
}

static void lists_tools(void **state)
{
    (void)state;
    static const char list[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}";
    json_t *answer = answer_to(&reader, list, 200);
    const json_t *tools = at(answer, "result", "tools", NULL);
    assert_int_equal(json_array_size(tools), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *tool = json_array_get(tools, i);
        assert_true(json_is_true(at(tool, "annotations", "readOnlyHint", NULL)));
        assert_true(json_is_false(at(tool, "inputSchema", "additionalProperties", NULL)));
        assert_string_equal(json_string_value(at(tool, "inputSchema", "type", NULL)), "object");
    }
    json_decref(answer);
    answer = answer_to(&writer, list, 200);
    tools = at(answer, "result", "tools", NULL);
    assert_int_equal(json_array_size(tools), 6);
    assert_true(
        json_is_object(at(at(tools, "4", "inputSchema", "$defs"), "NewDocument", "properties", NULL)));
    assert_true(json_is_true(at(at(tools, "5", NULL, NULL), "annotations", "destructiveHint", NULL)));
    json_decref(answer);
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":\"x\"}}",
          200, -32602, "cursor");
}

/* Calls a tool; the answer's text, to be freed. */
static char *use(const struct mcp *m, const char *name, const char *arguments, bool is_error)
{
    char line[4096];
    snprintf(line, sizeof line,
             "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/"
             "call\",\"params\":{\"name\":\"%s\",\"arguments\":%s}}",
             name, arguments);
    json_t *answer = answer_to(m, line, 200);
    const json_t *result = json_object_get(answer, "result");
    if (json_is_true(json_object_get(result, "isError")) != is_error)
        fail_msg("%s %s: %s", name, arguments, json_dumps(answer, 0));
    assert_true(json_is_object(json_object_get(result, "structuredContent")) != is_error);
    char *text = strdup(
        json_string_value(json_object_get(json_array_get(json_object_get(result, "content"), 0), "text")));
    json_decref(answer);
    return text;
}

static void calls_the_api(void **state)
{
    (void)state;
    static const struct {
        const char *tool, *arguments, *call, *reply, *says;
    } cases[] = {
        {"search", "{\"query\":\"q\",\"k\":2,\"collection\":\"a/b\"}",
         "POST /v1/collections/a%2Fb/search {\"query\":\"q\",\"k\":2,",
         "{\"hits\":[{\"id\":\"x\",\"score\":1.0}],\"took_ms\":1.0}",
         "{\"hits\":[{\"id\":\"x\",\"score\":1.0}]}"},
        {"get", "{\"id\":\"a b\",\"start\":2}", "GET /v1/collections/default/documents/a%20b ",
         "{\"id\":\"a b\",\"text\":\"añb\"}",
         "{\"id\":\"a b\",\"text\":\"ñb\",\"bytes\":4,\"start\":1,\"end\":4}"},
        {"similar", "{\"text\":\"a\",\"others\":[\"b\",\"c\"]}",
         "POST /v1/similarity {\"input\":[[\"a\"],[\"b\",\"c\"]]}", "{\"matrix\":[[0.5,0.25]]}",
         "{\"cosines\":[0.5,0.25]}"},
        {"similar", "{\"id\":\"x\",\"k\":1,\"collection\":\"c\"}",
         "POST /v1/collections/c/search {\"like\":\"x\",\"k\":1,",
         "{\"hits\":[{\"id\":\"y\",\"score\":1.0}],\"took_ms\":1.0}",
         "{\"hits\":[{\"id\":\"y\",\"score\":1.0}]}"},
        {"collections", "{}", "GET /v1/collections ", "{\"collections\":[]}", "{\"collections\":[]}"},
        {"add", "{\"documents\":[{\"text\":\"a\"}]}",
         "POST /v1/collections/default/documents [{\"text\":\"a\"}]", "{\"results\":[],\"created\":1}",
         "{\"results\":[],\"created\":1}"},
        {"delete", "{\"ids\":[\"a\"]}", "POST /v1/collections/default/documents/delete {\"ids\":[\"a\"]}",
         "{\"deleted\":1}", "{\"deleted\":1}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        replies = cases[i].reply;
        char *text = use(&writer, cases[i].tool, cases[i].arguments, false);
        assert_string_equal(text, cases[i].says);
        if (strncmp(called, cases[i].call, strlen(cases[i].call)) != 0)
            fail_msg("%s, not %s", called, cases[i].call);
        free(text);
    }
}

static void says_what_went_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *tool, *arguments, *says;
    } cases[] = {
        {"search", "{}", "query is missing"},
        {"similar", "{\"text\":\"a\"}", "give text and others, or the id of a document"},
        {"similar", "{\"id\":\"a\",\"others\":[\"b\"]}", "give text and others, or the id of a document"},
        {"search", "{\"query\":\"q\",\"K\":2}", "unknown field \"K\""},
        {"search", "{\"query\":\"q\",\"k\":51}", "k must be 1 to 50"},
        {"search", "{\"query\":\"q\"}", "there is no collection here; make one"},
        {"search", "[]", "the body must be an object"},
        {"add", "{\"documents\":[{}]}", "documents[0].text is missing"},
    };
    replies = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = use(&writer, cases[i].tool, cases[i].arguments, true);
        if (strstr(text, cases[i].says) == NULL)
            fail_msg("%s: %s", cases[i].arguments, text);
        free(text);
    }
    fails(&reader,
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"delete\"}}", 200,
          -32602, "delete");
    fails(&reader, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", 200, -32602, "params.name");
}

static void cuts_what_is_long(void **state)
{
    (void)state;
    json_t *hits = json_array();
    char filler[5001];
    memset(filler, 'x', 5000);
    filler[5000] = '\0';
    for (int i = 0; i < 20; i++)
        json_array_append_new(hits, json_pack("{s:s, s:{s:s}}", "passage", filler, "metadata", "m", filler));
    json_t *reply = json_pack("{s:o}", "hits", hits);
    char *bytes = json_dumps(reply, JSON_COMPACT);
    replies = bytes;
    char *text = use(&reader, "search", "{\"query\":\"q\"}", false);
    json_t *answer = json_loads(text, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(answer, "hits")), 6);
    assert_int_equal(json_integer_value(json_object_get(answer, "left_out")), 14);
    assert_true(json_is_null(at(answer, "hits", "0", "metadata")));
    json_decref(answer);
    json_decref(reply);
    free(text);
    free(bytes);

    struct buf document;
    buf_init(&document, 1 << 20);
    buf_printf(&document, NULL, "{\"id\":\"a\",\"text\":\"x");
    for (int i = 0; i < 40000; i++)
        buf_printf(&document, NULL, "ñ");
    buf_printf(&document, NULL, "\"}");
    replies = document.data;
    text = use(&reader, "get", "{\"id\":\"a\"}", false);
    answer = json_loads(text, 0, NULL);
    size_t end = (size_t)json_integer_value(json_object_get(answer, "end"));
    assert_true(end <= MCP_ANSWER_BYTES && end > MCP_ANSWER_BYTES - 4 && end % 2 == 1);
    assert_int_equal(json_string_length(json_object_get(answer, "text")), end);
    json_decref(answer);
    free(text);
    text = use(&reader, "get", "{\"id\":\"a\",\"start\":16000000}", true);
    assert_non_null(strstr(text, "start is"));
    free(text);
    buf_release(&document);
}

static void answers_lines(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 20);
    assert_int_equal(
        mcp_line(&reader, text_of("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"ping\"}"), &out, NULL),
        STATUS_OK);
    assert_string_equal(out.data, "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}\n");
    buf_clear(&out);
    assert_int_equal(mcp_line(&reader, text_of("{\"jsonrpc\":\"2.0\",\"method\":\"x\"}"), &out, NULL),
                     STATUS_OK);
    assert_int_equal(out.len, 0);
    assert_int_equal(mcp_line(&reader, text_of("{\"jsonrpc\""), &out, NULL), STATUS_OK);
    assert_non_null(strstr(out.data, "\"code\":-32700"));
    assert_null(strstr(out.data, "\"id\""));
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_on_a_version),
        cmocka_unit_test(needs_no_handshake),
        cmocka_unit_test(holds_headers_against_the_body),
        cmocka_unit_test(refuses_what_is_no_request),
        cmocka_unit_test(lists_tools),
        cmocka_unit_test(calls_the_api),
        cmocka_unit_test(says_what_went_wrong),
        cmocka_unit_test(cuts_what_is_long),
        cmocka_unit_test(answers_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
