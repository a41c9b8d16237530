/* Help, written from the tables of the commands. */
#ifndef COGNATE_CLI_HELP_H
#define COGNATE_CLI_HELP_H

#include <stdio.h>

#include "cli/command.h"
#include "cli/topics.h"

void help_program(FILE *out); /* the commands, a line each */
void help_command(FILE *out, const struct command *command);

void help_topic(FILE *out, const struct topic *topic);

/* The commands of a group; false when there is no such group. */
bool help_group(FILE *out, const char *group);

#endif
