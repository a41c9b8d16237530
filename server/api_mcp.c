/* The Model Context Protocol over HTTP ("streamable HTTP"): a message a POST, its answer as JSON. There are
 * no sessions and nothing is streamed, so GET and DELETE are 405 as the protocol has it. */
#include "server/mcp.h"
#include "server/routes.h"

const struct shape shape_mcp = {
    .name = "McpMessage",
    .about = "A JSON-RPC 2.0 request or notification of the Model Context Protocol.",
    .open = true,
    .schema = "{\"type\":\"object\",\"required\":[\"jsonrpc\",\"method\"],\"properties\":{"
              "\"jsonrpc\":{\"const\":\"2.0\"},\"id\":{\"type\":[\"string\",\"integer\"]},"
              "\"method\":{\"type\":\"string\"},\"params\":{\"type\":\"object\"}}}",
    .example = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}"};
const struct shape shape_mcp_answer = {
    .name = "McpAnswer", .about = "Its JSON-RPC 2.0 answer.", .open = true};

/* A call of the API by a tool, with the time that the request has. */
static enum status call_api(void *context, const char *method, const char *path, json_t *body,
                            json_t **answer, struct error *err)
{
    struct api_call *call = context;
    struct api_request request = *call->request;
    struct api_reply reply;
    request.method = method;
    request.path = path;
    request.query = NULL;
    request.body = body;
    api_call(call->engine, &request, &reply);
    return api_reply_take(&reply, answer, err);
}

static void answer_message(struct api_call *call, bool write)
{
    struct mcp_headers headers = {.version = call_header(call, "MCP-Protocol-Version"),
                                  .method = call_header(call, "Mcp-Method"),
                                  .name = call_header(call, "Mcp-Name")};
    struct mcp m = {.call = call_api, .context = call, .write = write, .headers = &headers};
    struct mcp_answer answer;
    mcp_message(&m, call->body, &answer);
    if (answer.http == 202)
        call->reply->status = 202;
    else
        call_answer(call, answer.http, answer.body);
}

void handle_mcp(struct api_call *call)
{
    answer_message(call, false);
}

void handle_mcp_write(struct api_call *call)
{
    answer_message(call, true);
}
