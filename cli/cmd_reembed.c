#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/wait.h"
#include "server/json_shape.h"

static const struct option options[] = {
    {.name = "to",
     .type = OPTION_TEXT,
     .value = "MODEL",
     .help = "the installed model to change to: NAME, NAME@VERSION or NAME@LABEL"},
    {.name = "rollback", .type = OPTION_FLAG, .help = "go back to the vectors before, while they are kept"},
    {.name = "dry-run", .type = OPTION_FLAG, .help = "only say what it would take"},
    {.name = "grace",
     .type = OPTION_COUNT,
     .value = "HOURS",
     .fallback = "168",
     .most = 8760,
     .help = "how long the old vectors are kept"},
    {.name = "min-overlap",
     .type = OPTION_REAL,
     .value = "SHARE",
     .fallback = "0",
     .most = 1,
     .help = "change nothing when fewer of the first ten hits are the same"},
    {0},
};

static const struct example examples[] = {
    {"collection reembed default --to minilm --dry-run", "passages, tokens and seconds"},
    {"collection reembed default --to minilm", "while searches and writes go on"},
    {"collection reembed default --rollback", "back to the vectors before"},
    {0},
};

static json_t *body_of(const struct arguments *a)
{
    const char *to = arguments_text(a, "to");
    json_t *body = json_pack("{s:s, s:b, s:b, s:I, s:f}", "collection", a->operands[0], "rollback",
                             arguments_flag(a, "rollback"), "dry_run", arguments_flag(a, "dry-run"),
                             "grace_s", (json_int_t)(arguments_count(a, "grace") * 3600), "min_overlap",
                             arguments_real(a, "min-overlap"));
    if (body != NULL && to != NULL && json_object_set_new(body, "model", json_string(to)) != 0) {
        json_decref(body);
        return NULL;
    }
    return body;
}

static enum status print_estimate(const struct session *s, const json_t *answer, struct error *err)
{
    if (s->format == FORMAT_JSON)
        return output_json(answer, err);
    printf("documents  %lld\npassages   %lld\ntokens     %lld\nseconds    %.0f\n",
           shape_integer(answer, "documents", 0), shape_integer(answer, "passages", 0),
           shape_integer(answer, "tokens", 0), shape_number(answer, "seconds", 0));
    return STATUS_OK;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    json_t *body = body_of(a), *answer = NULL;
    enum outcome outcome = OUTCOME_DONE;
    enum status status = body != NULL ? STATUS_OK : error_set(err, STATUS_INVALID, "the names are not UTF-8");
    if (status == STATUS_OK)
        status = client_open(s, STORE_WRITE, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "POST", "/v1/admin/reembed", NULL, body, &answer, err);
    if (status == STATUS_OK && arguments_flag(a, "dry-run")) {
        status = print_estimate(s, answer, err);
    } else if (status == STATUS_OK) {
        outcome = wait_for_job(s, c, &answer, err);
        struct text message = shape_text(answer, "message");
        if (outcome == OUTCOME_DONE && s->format == FORMAT_JSON)
            status = output_json(answer, err);
        else if (outcome == OUTCOME_DONE)
            say(s, "%.*s", (int)message.len, message.data != NULL ? message.data : "");
    }
    json_decref(answer);
    json_decref(body);
    client_close(c);
    return status == STATUS_OK ? outcome : OUTCOME_ERROR;
}

const struct command command_collection_reembed = {
    .name = "collection reembed",
    .operands = "NAME",
    .summary = "change the model of a collection, or change back",
    .details = "Every document is embedded by the other model beside the vectors there are; searches go on "
               "with the old "
               "ones and writes go into both. At the end texts sampled from the collection are searched with "
               "both, the share "
               "of equal hits is told, and the two change places in one transaction. The old vectors are "
               "kept for the time of "
               "--grace. Ctrl-C stops; the same command goes on from there.",
    .options = options,
    .examples = examples,
    .least = 1,
    .most = 1,
    .run = run,
};
