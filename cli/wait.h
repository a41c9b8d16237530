/* Waiting for a job of the store to end, with progress; Ctrl-C cancels it.
 *
 *     json_t *job = NULL;                              // as the API answered when it was started
 *     if (client_call(c, "POST", path, NULL, NULL, &job, &err) == STATUS_OK)
 *         outcome = wait_for_job(s, c, &job, &err);    // job is then as it ended
 */
#ifndef COGNATE_CLI_WAIT_H
#define COGNATE_CLI_WAIT_H

#include <jansson.h>

#include "cli/client.h"
#include "cli/command.h"

/* Takes the place of *job by its last state. OUTCOME_ERROR with the job's message when it failed. */
enum outcome wait_for_job(struct session *s, struct client *c, json_t **job, struct error *err);

#endif
