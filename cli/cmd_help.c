#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"

static enum outcome run_help(struct session *s, const struct arguments *a, struct error *err)
{
    char name[64] = "";
    (void)s;
    if (a->operand_count == 0) {
        help_program(stdout);
        return OUTCOME_DONE;
    }
    snprintf(name, sizeof name, "%s%s%s", a->operands[0], a->operand_count > 1 ? " " : "",
             a->operand_count > 1 ? a->operands[1] : "");
    const struct command *c = command_find(name);
    if (c != NULL) {
        help_command(stdout, c);
        return OUTCOME_DONE;
    }
    if (help_group(stdout, name))
        return OUTCOME_DONE;
    const struct topic *topic = topic_find(name);
    if (topic != NULL) {
        help_topic(stdout, topic);
        return OUTCOME_DONE;
    }
    const char *meant = command_suggest(name);
    error_set(err, STATUS_INVALID, "there is no command and no topic \"%s\"%s%s%s", name,
              meant != NULL ? "; did you mean \"" : "",
              meant != NULL ? meant : "; \"cognate help\" lists them", meant != NULL ? "\"?" : "");
    return OUTCOME_ERROR;
}

const struct command command_help = {
    .name = "help",
    .operands = "[COMMAND|TOPIC]",
    .summary = "say how to use the program or one of its commands, or explain a topic",
    .most = 2,
    .run = run_help,
};

static enum outcome run_version(struct session *s, const struct arguments *a, struct error *err)
{
    (void)s;
    (void)a;
    (void)err;
    printf("cognate %s\n", COGNATE_VERSION);
    return OUTCOME_DONE;
}

const struct command command_version = {
    .name = "version",
    .summary = "print the program's version",
    .run = run_version,
};
