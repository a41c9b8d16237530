#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/wait.h"
#include "server/json_shape.h"
#include "server/percent.h"

static const struct column columns[] = {
    {"id", ALIGN_RIGHT},        {"kind", ALIGN_LEFT},    {"state", ALIGN_LEFT},
    {"done", ALIGN_RIGHT},      {"total", ALIGN_RIGHT},  {"errors", ALIGN_RIGHT},
    {"collection", ALIGN_LEFT}, {"updated", ALIGN_LEFT}, {"message", ALIGN_LEFT}};

static enum status add_row(struct table *t, const json_t *job, struct error *err)
{
    static const char *const numbers[] = {"done", "total", "errors"}, *const texts[] = {"collection",
                                                                                        "updated", "message"};
    enum status status = table_cell(t, shape_text(job, "id"), err);
    if (status == STATUS_OK)
        status = table_cell(t, shape_text(job, "kind"), err);
    if (status == STATUS_OK)
        status = table_cell(t, shape_text(job, "state"), err);
    for (size_t i = 0; i < 3 && status == STATUS_OK; i++)
        status = table_format(t, err, "%lld", shape_integer(job, numbers[i], 0));
    for (size_t i = 0; i < 3 && status == STATUS_OK; i++)
        status = table_cell(t, shape_text(job, texts[i]), err);
    return status;
}

/* One job, or all of a list. */
static enum status print(struct session *s, const json_t *jobs, struct error *err)
{
    const json_t *job;
    struct table t;
    size_t i;
    enum status status = STATUS_OK;
    table_init(&t, s, columns, sizeof columns / sizeof *columns);
    json_array_foreach(jobs, i, job)
    {
        if (status == STATUS_OK)
            status = s->format == FORMAT_JSON ? output_json(job, err) : add_row(&t, job, err);
    }
    if (status == STATUS_OK && s->format != FORMAT_JSON)
        status = table_print(&t, err);
    table_release(&t);
    return status;
}

static void choose_format(struct session *s, const struct arguments *a)
{
    if (s->format == FORMAT_TEXT)
        s->format = (enum format)arguments_choice(a, "format");
}

static const struct option options[] = {TABLE_FORMAT, {0}};

static enum outcome run_list(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    json_t *answer = NULL;
    choose_format(s, a);
    enum status status = client_open(s, STORE_READ, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "GET", "/v1/jobs", NULL, NULL, &answer, err);
    const json_t *jobs = json_object_get(answer, "jobs");
    bool any = json_array_size(jobs) > 0;
    if (status == STATUS_OK)
        status = print(s, jobs, err);
    json_decref(answer);
    client_close(c);
    return status != STATUS_OK ? OUTCOME_ERROR : any ? OUTCOME_DONE : OUTCOME_NOTHING;
}

const struct command command_job_list = {
    .name = "job list",
    .summary = "list the jobs of a store, newest first",
    .details = "Jobs that wait or were cut off go on when a server has the store open.",
    .options = options,
    .run = run_list,
};

static enum outcome run_one(struct session *s, const struct arguments *a, const char *method, bool wait,
                            struct error *err)
{
    struct client *c = NULL;
    struct buf path;
    json_t *job = NULL, *list = NULL;
    enum outcome outcome = OUTCOME_DONE;
    choose_format(s, a);
    buf_init(&path, 4096);
    enum status status = buf_printf(&path, err, "/v1/jobs/");
    if (status == STATUS_OK)
        status = percent_append(&path, text_of(a->operands[0]), err);
    if (status == STATUS_OK)
        status = client_open(s, strcmp(method, "GET") == 0 ? STORE_READ : STORE_WRITE, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, method, path.data, NULL, NULL, &job, err);
    if (status == STATUS_OK && wait)
        outcome = wait_for_job(s, c, &job, err);
    list = status == STATUS_OK ? json_pack("[O]", job) : NULL;
    if (status == STATUS_OK)
        status = print(s, list, err);
    json_decref(list);
    json_decref(job);
    client_close(c);
    buf_release(&path);
    return status == STATUS_OK ? outcome : OUTCOME_ERROR;
}

static const struct option show_options[] = {
    {.name = "wait", .type = OPTION_FLAG, .help = "wait until it has ended; Ctrl-C cancels it"},
    TABLE_FORMAT,
    {0},
};

static enum outcome run_show(struct session *s, const struct arguments *a, struct error *err)
{
    return run_one(s, a, "GET", arguments_flag(a, "wait"), err);
}

const struct command command_job_show = {
    .name = "job show",
    .operands = "ID",
    .summary = "show how far a job is",
    .options = show_options,
    .least = 1,
    .most = 1,
    .run = run_show,
};

static enum outcome run_cancel(struct session *s, const struct arguments *a, struct error *err)
{
    return run_one(s, a, "DELETE", false, err);
}

const struct command command_job_cancel = {
    .name = "job cancel",
    .operands = "ID",
    .summary = "end a job; what it has done is kept",
    .options = options,
    .least = 1,
    .most = 1,
    .run = run_cancel,
};
