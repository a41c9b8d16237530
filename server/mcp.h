/* The Model Context Protocol (modelcontextprotocol.io): one JSON-RPC message in, at most one answer out. The
 * transports lie elsewhere: a line of stdin (cli/cmd_mcp.c), a POST (api_mcp.c).
 *
 *     struct mcp m = {.call = call, .context = client};
 *     if (mcp_line(&m, line, &out, &err) == STATUS_OK)
 *         write(out);                                 // an answer and its line feed; nothing for a
 * notification
 *
 * Two generations of clients are served side by side: since 2026-07-28 every request says its version and
 * what the client can do in params._meta; before that `initialize` agreed on a version first. Nothing is kept
 * between messages, so there is no session to get wrong. What an agent gets is bounded: MCP_ANSWER_BYTES of a
 * tool's answer, and documents page by page.
 */
#ifndef COGNATE_SERVER_MCP_H
#define COGNATE_SERVER_MCP_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/status.h"
#include "common/text.h"

#define MCP_LINE_BYTES   ((size_t)16 << 20) /* longest message */
#define MCP_ANSWER_BYTES ((size_t)32 << 10) /* of the list or the text in a tool's answer */

/* What a POST says of itself outside its body; NULL where it does not. */
struct mcp_headers {
    const char *version, *method, *name;
};

struct mcp {
    /* One call of the API: the answer to a success, an error for a problem. */
    enum status (*call)(void *context, const char *method, const char *path, json_t *body, json_t **answer,
                        struct error *err);
    void *context;
    bool write;                        /* offers the tools that change documents */
    const struct mcp_headers *headers; /* NULL: of a transport without any */
};

struct mcp_answer {
    int http;     /* status, where the transport has one */
    json_t *body; /* owned; NULL for a notification, and when memory ran out (http is then 503) */
};

/* Answers a message that has been parsed. */
void mcp_message(const struct mcp *m, const json_t *message, struct mcp_answer *out);

/* Answers a line; appends to `out`. What is not JSON is answered with an error of the protocol. */
enum status mcp_line(const struct mcp *m, struct text line, struct buf *out, struct error *err);

/* Answers a line that could not be read. */
enum status mcp_refuse_line(const struct error *unread, struct buf *out, struct error *err);

/* {"jsonrpc": "2.0", "error": {"code", "message"}} for what never came to be a message: `http` decides the
 * code. */
json_t *mcp_refusal(const struct error *err, int http);

#endif
