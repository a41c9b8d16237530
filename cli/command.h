/* A command of the program, as one constant descriptor: everything that help, the manual page, the
 * completions and the parser know of it.
 *
 *     static enum outcome run(struct session *s, const struct arguments *a, struct error *err) {…}
 *     const struct command command_check = {.name = "check", .summary = "…", .run = run};
 *
 * `run` prints data on stdout and returns the exit code. With OUTCOME_ERROR it leaves its reason in `err`, or
 * nothing when it said all there is to say itself. To add a command: write cmd_NAME.c, name its descriptor in
 * commands.h and in the table of commands.c.
 */
#ifndef COGNATE_CLI_COMMAND_H
#define COGNATE_CLI_COMMAND_H

#include "cli/options.h"
#include "cli/session.h"

enum outcome {
    OUTCOME_DONE = 0,
    OUTCOME_NOTHING = 1, /* nothing was found, or there was nothing to do */
    OUTCOME_ERROR = 2,   /* also a part of the work */
    OUTCOME_INTERRUPTED = 130
};

struct example {
    const char *line; /* without the program's name; NULL ends the list */
    const char *says;
};

#define OPERANDS_ANY 1000000

struct command {
    const char *name;     /* "search", or of a group "collection list" */
    const char *operands; /* for the usage line: "QUERY"; NULL for none */
    const char *summary;  /* one sentence without capital and full stop */
    const char *details;  /* further paragraphs, a line break between them; may be NULL */
    const struct option *options;
    const struct example *examples;
    size_t least, most; /* operands */
    enum outcome (*run)(struct session *s, const struct arguments *a, struct error *err);
};

#endif
