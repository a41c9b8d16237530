#include <stdio.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/wait.h"
#include "server/json_shape.h"

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct client *c = NULL;
    json_t *job = NULL;
    enum outcome outcome = OUTCOME_ERROR;
    (void)a;
    enum status status = client_open(s, STORE_WRITE, &c, err);
    if (status == STATUS_OK)
        status = client_call(c, "POST", "/v1/admin/compact", NULL, NULL, &job, err);
    if (status == STATUS_OK)
        outcome = wait_for_job(s, c, &job, err);
    struct text message = shape_text(job, "message");
    if (outcome == OUTCOME_DONE && s->format == FORMAT_JSON)
        outcome = output_json(job, err) == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
    else if (outcome == OUTCOME_DONE)
        say(s, "%s: %.*s", s->db.data, (int)message.len, message.data != NULL ? message.data : "");
    json_decref(job);
    client_close(c);
    return outcome;
}

const struct command command_compact = {
    .name = "compact",
    .summary = "give unused space of the store back to the file system",
    .details = "Free pages are cut off in small steps. When the rest is full of gaps the file is written "
               "anew: searches "
               "go on meanwhile, writes wait, and beside the store and in $SQLITE_TMPDIR (else /var/tmp) "
               "there must be "
               "room for a second copy each.",
    .run = run,
};
