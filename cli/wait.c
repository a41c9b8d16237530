#include "cli/wait.h"

#include <stdio.h>
#include <time.h>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "server/json_shape.h"

#define POLL_MS 150

static bool has_ended(const json_t *job)
{
    struct text state = shape_text(job, "state");
    return !text_is(state, "queued") && !text_is(state, "running");
}

/* The job again, or with "DELETE" the job cancelled. */
static enum status ask(struct client *c, const char *method, json_t **job, struct error *err)
{
    char path[64];
    json_t *answer = NULL;
    struct text id = shape_text(*job, "id");
    snprintf(path, sizeof path, "/v1/jobs/%.*s", (int)id.len, id.data != NULL ? id.data : "");
    enum status status = client_call(c, method, path, NULL, NULL, &answer, err);
    if (status != STATUS_OK)
        return status;
    json_decref(*job);
    *job = answer;
    return STATUS_OK;
}

static enum outcome outcome_of(const struct session *s, const json_t *job, struct error *err)
{
    struct text state = shape_text(job, "state"), message = shape_text(job, "message");
    if (text_is(state, "cancelled")) {
        say(s, "stopped; what was done is kept");
        return OUTCOME_INTERRUPTED;
    }
    if (text_is(state, "failed")) {
        error_set(err, STATUS_INTERNAL, "%.*s", (int)message.len,
                  message.data != NULL ? message.data : "the job failed");
        return OUTCOME_ERROR;
    }
    return OUTCOME_DONE;
}

enum outcome wait_for_job(struct session *s, struct client *c, json_t **job, struct error *err)
{
    struct interrupt interrupt;
    struct progress progress;
    enum status status = STATUS_OK;
    interrupt_watch(&interrupt);
    progress_start(&progress, s, 0);
    while (status == STATUS_OK && !has_ended(*job)) {
        char what[64];
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
        status = interrupt_asked(&interrupt) ? ask(c, "DELETE", job, NULL) : ask(c, "GET", job, err);
        if (interrupt_asked(&interrupt) && status == STATUS_CONFLICT)
            status = ask(c, "GET", job, err); /* it ended by itself meanwhile */
        snprintf(what, sizeof what, "%lld of %lld", shape_integer(*job, "done", 0),
                 shape_integer(*job, "total", 0));
        progress_show(&progress, &(struct progress_now){.what = what});
    }
    progress_end(&progress);
    interrupt_end(&interrupt);
    return status == STATUS_OK ? outcome_of(s, *job, err) : OUTCOME_ERROR;
}
