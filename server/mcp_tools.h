/* The tools that agents get, as a table: what mcp.c lists and calls.
 *
 *     const struct mcp_tool *tool = mcp_tool_find("search", m->write);
 *     if (tool != NULL && mcp_tool_run(tool, m, arguments, &answer, &err) == STATUS_OK) …
 *
 * A tool is a call of the API whose answer is cut to what an agent can read. Its arguments are checked
 * against its shape, which its description for clients is made of.
 */
#ifndef COGNATE_SERVER_MCP_TOOLS_H
#define COGNATE_SERVER_MCP_TOOLS_H

#include "server/json_shape.h"
#include "server/mcp.h"

struct mcp_tool {
    const char *name, *title;
    const struct shape *input; /* its `about` is what the tool does */
    bool writes, destroys;
    enum status (*run)(const struct mcp *m, const json_t *arguments, json_t **answer, struct error *err);
};

/* In the order they are listed; those that write come last. */
const struct mcp_tool *mcp_tools(bool write, size_t *n);
const struct mcp_tool *mcp_tool_find(const char *name, bool write); /* NULL when there is none */

/* Checks the arguments (NULL: none) and runs the tool. */
enum status mcp_tool_run(const struct mcp_tool *tool, const struct mcp *m, const json_t *arguments,
                         json_t **answer, struct error *err);

#endif
