#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "server/mcp.h"

static const struct option options[] = {
    {.name = "write", .type = OPTION_FLAG, .help = "offer the tools that add and delete documents, too"},
    {0},
};

static const struct example examples[] = {
    {"mcp", "as an agent's program starts it: {\"command\": \"cognate\", \"args\": [\"mcp\"]}"},
    {"--db notes.db mcp --write", "an agent that may add and delete documents of that store"},
    {0},
};

static enum status call(void *context, const char *method, const char *path, json_t *body, json_t **answer,
                        struct error *err)
{
    return client_call(context, method, path, NULL, body, answer, err);
}

/* The next line of stdin without its end; *more is false behind the last. A line that is longer than any
 * message may be is TOO_LARGE, and read to its end. */
static enum status next_line(struct buf *line, bool *more, struct error *err)
{
    char piece[4096];
    size_t n = 0;
    int c;
    enum status status = STATUS_OK;
    buf_clear(line);
    while ((c = getc_unlocked(stdin)) != EOF && c != '\n') {
        piece[n++] = (char)c;
        if (n == sizeof piece) {
            if (status == STATUS_OK)
                status = buf_append(line, piece, n, err);
            n = 0;
        }
    }
    *more = c != EOF || line->len > 0 || n > 0;
    return status == STATUS_OK ? buf_append(line, piece, n, err) : status;
}

/* Answers what stdin says until it ends. Nothing but answers goes to stdout. */
static enum status serve(const struct mcp *m, struct error *err)
{
    struct buf line, answer;
    bool more = true;
    enum status status = STATUS_OK;
    buf_init(&line, MCP_LINE_BYTES);
    buf_init(&answer, 4 * MCP_LINE_BYTES);
    while (status == STATUS_OK) {
        struct error unread = {0};
        enum status read = next_line(&line, &more, &unread);
        if (!more)
            break;
        buf_clear(&answer);
        if (read != STATUS_OK)
            status = mcp_refuse_line(&unread, &answer, err);
        else if (line.len > 0)
            status = mcp_line(m, buf_text(&line), &answer, err);
        if (status == STATUS_OK &&
            (fwrite(answer.data, 1, answer.len, stdout) != answer.len || fflush(stdout) != 0))
            status = error_set(err, STATUS_IO, "the client does not read the answers any more");
    }
    buf_release(&answer);
    buf_release(&line);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    bool write = arguments_flag(a, "write");
    enum status status = client_open(s, write ? STORE_WRITE : STORE_READ, &c, err);
    if (status == STATUS_OK)
        status = serve(&(struct mcp){.call = call, .context = c, .write = write}, err);
    client_close(c);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_mcp = {
    .name = "mcp",
    .summary = "serve the store to an agent over stdin and stdout",
    .details = "Speaks the Model Context Protocol, a JSON-RPC message a line, until stdin ends: search, get, "
               "similar and "
               "collections, and with --write add and delete. A server that runs on the store does the work. "
               "Over HTTP the "
               "same tools are at POST /mcp, and with those that write at POST /mcp/write.",
    .options = options,
    .examples = examples,
    .run = run,
};
