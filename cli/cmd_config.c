#include <stdio.h>
#include <stdlib.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "server/api.h"
#include "server/gate.h"
#include "server/mcp.h"
#include "server/model_store.h"

static const struct option options[] = {
    {.name = "show", .type = OPTION_FLAG, .help = "show every setting (as without it)"},
    TABLE_FORMAT,
    {0},
};

/* One setting: what it is, and which option, variable or rule made it so. */
static enum status show(const struct session *s, struct table *t, const char *name, const char *value,
                        const char *origin, struct error *err)
{
    if (s->format == FORMAT_JSON)
        return output_json_new(
            json_pack("{s:s, s:s, s:s}", "setting", name, "value", value, "origin", origin), err);
    enum status status = table_cell(t, text_of(name), err);
    if (status == STATUS_OK)
        status = table_cell(t, text_of(value), err);
    return status == STATUS_OK ? table_cell(t, text_of(origin), err) : status;
}

static const char *option_origin(const struct arguments *a, const char *name, const char *dashed)
{
    return arguments_given(a, name) ? dashed : "default";
}

static enum status show_model(const struct session *s, struct table *t, struct error *err)
{
    const char *variable = getenv("COGNATE_MODEL");
    const char *origin = s->options.model != NULL                  ? "--model"
                         : variable != NULL && variable[0] != '\0' ? "$COGNATE_MODEL"
                                                                   : "in use";
    struct error missing = {0};
    struct model_ref found = {0};
    enum status status = model_store_find(s->options.model, &found, &missing);
    status = show(s, t, "model", status == STATUS_OK ? found.path : "",
                  status == STATUS_OK ? origin : missing.text, err);
    model_ref_release(&found);
    return status;
}

static enum status show_limits(const struct session *s, struct table *t, struct error *err)
{
    const struct {
        const char *name;
        unsigned long most;
    } limits[] = {{"query-bytes", ENGINE_QUERY_BYTES},
                  {"document-bytes", ENGINE_DOCUMENT_BYTES},
                  {"answer-hits", SEARCH_MOST},
                  {"pages-hits", SEARCH_PAGES},
                  {"filterable-fields", FIELDS_MOST},
                  {"map-passages", MAP_MOST},
                  {"calls-waiting", ENGINE_WAITING},
                  {"request-header-bytes", GATE_HEADER_BYTES},
                  {"request-ms", API_DEADLINE_MS},
                  {"request-ms-most", GATE_TIMEOUT_MS},
                  {"mcp-answer-bytes", MCP_ANSWER_BYTES}};
    char number[32];
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof limits / sizeof *limits && status == STATUS_OK; i++) {
        snprintf(number, sizeof number, "%lu", limits[i].most);
        status = show(s, t, limits[i].name, number, "limit", err);
    }
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    static const struct column columns[] = {
        {"setting", ALIGN_LEFT}, {"value", ALIGN_LEFT}, {"origin", ALIGN_LEFT}};
    static const char *const dashed[] = {"--threads", "--precision", "--isa", "--timeout", "--color"};
    struct table t;
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
    table_init(&t, s, columns, 3);
    enum status status = session_db(s, err);
    if (status == STATUS_OK)
        status = show(s, &t, "db", s->db.data, s->db_origin, err);
    if (status == STATUS_OK)
        status = show_model(s, &t, err);
    for (size_t i = 0; i < sizeof dashed / sizeof *dashed && status == STATUS_OK; i++)
        status = show(s, &t, dashed[i] + 2, arguments_text(a, dashed[i] + 2),
                      option_origin(a, dashed[i] + 2, dashed[i]), err);
    if (status == STATUS_OK)
        status = show_limits(s, &t, err);
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_config = {
    .name = "config",
    .summary = "show the settings and where each comes from",
    .details = "Stronger first: the option, the environment variable, the built-in default. Limits are built in; "
               "how long "
               "a request may be is in /openapi.json, route by route.",
    .options = options,
    .run = run,
};
