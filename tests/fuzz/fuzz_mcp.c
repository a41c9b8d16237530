/* Any bytes as a line of the Model Context Protocol: the answer is nothing, or one line of JSON-RPC. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/json_edge.h"
#include "server/mcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum status call(void *context, const char *method, const char *path, json_t *body, json_t **answer,
                        struct error *err)
{
    (void)context;
    (void)body;
    if (strncmp(path, "/v1/", 4) != 0 || strchr(path, ' ') != NULL)
        abort();
    if (strstr(path, "missing") != NULL)
        return error_set(err, STATUS_NOT_FOUND, "%s is missing", path);
    *answer = json_pack("{s:[{s:{}, s:s}], s:s, s:[[f]]}", "hits", "metadata", "id", method, "text", "añb",
                        "matrix", 0.5);
    return *answer != NULL ? STATUS_OK : error_memory(err, "answering");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf out;
    json_t *answer = NULL;
    const struct mcp m = {.call = call, .write = size % 2 == 1};
    buf_init(&out, MCP_LINE_BYTES);
    if (mcp_line(&m, (struct text){(const char *)data, size}, &out, NULL) != STATUS_OK)
        abort();
    if (out.len > 0 &&
        (memchr(out.data, '\n', out.len) != out.data + out.len - 1 ||
         api_parse_body(out.data, out.len, &answer, NULL) != STATUS_OK ||
         json_object_get(answer, "jsonrpc") == NULL ||
         (json_object_get(answer, "result") != NULL) == (json_object_get(answer, "error") != NULL)))
        abort();
    json_decref(answer);
    buf_release(&out);
    return 0;
}
