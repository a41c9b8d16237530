/* cognate [OPTIONS] COMMAND …: finds the command, reads its options, runs it, says what went wrong. */
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/output.h"

#define NAME_BYTES 64

static enum status no_command(const char *typed, struct error *err)
{
    const char *meant = command_suggest(typed);
    if (meant != NULL)
        return error_set(err, STATUS_INVALID, "there is no command \"%s\"; did you mean \"%s\"?", typed,
                         meant);
    return error_set(err, STATUS_INVALID, "there is no command \"%s\"; \"cognate help\" lists them", typed);
}

/* The name is one word, or two of a group. *next: the word behind it. */
static enum status read_name(struct arguments *a, int argc, char **argv, char name[NAME_BYTES], int *next,
                             struct error *err)
{
    enum status status = arguments_read(a, argc, argv, 1, true, next, err);
    name[0] = '\0';
    if (status != STATUS_OK || a->operand_count == 0)
        return status;
    snprintf(name, NAME_BYTES, "%s", a->operands[0]);
    if (command_is_group(name)) {
        a->operand_count = 0;
        status = arguments_read(a, argc, argv, *next, true, next, err);
        if (status == STATUS_OK && a->operand_count > 0)
            snprintf(name + strlen(name), NAME_BYTES - strlen(name), " %s", a->operands[0]);
    }
    a->operand_count = 0;
    return status;
}

static enum status check_operands(const struct command *c, const struct arguments *a, struct error *err)
{
    if (a->operand_count < c->least)
        return error_set(err, STATUS_INVALID, "\"cognate %s\" needs %s; see \"cognate help %s\"", c->name,
                         c->operands, c->name);
    if (a->operand_count > c->most)
        return error_set(err, STATUS_INVALID,
                         "\"%s\" is one word too many for \"cognate %s\"; put quotes around words "
                         "that belong together",
                         a->operands[c->most], c->name);
    return STATUS_OK;
}

static enum outcome run_command(const struct command *c, struct arguments *a, struct error *err)
{
    struct session s = {0};
    enum outcome outcome = OUTCOME_ERROR;
    if (check_operands(c, a, err) == STATUS_OK && session_init(&s, a, err) == STATUS_OK)
        outcome = c->run(&s, a, err);
    if (output_flush(err) != STATUS_OK)
        outcome = OUTCOME_ERROR;
    if (outcome == OUTCOME_ERROR && err->status != STATUS_OK)
        warn(&s, "%s", err->text);
    session_release(&s);
    return outcome;
}

/* Help that was asked for goes to stdout; shown in place of an answer it is an error. */
static enum outcome without_command(const char *name, bool asked, struct error *err)
{
    FILE *out = asked ? stdout : stderr;
    if (name[0] == '\0')
        help_program(out);
    else if (!help_group(out, name)) {
        no_command(name, err);
        fprintf(stderr, "cognate: %s\n", err->text);
        return OUTCOME_ERROR;
    }
    return asked ? OUTCOME_DONE : OUTCOME_ERROR;
}

int main(int argc, char **argv)
{
    struct arguments a = {.common = session_options};
    struct error err = {0};
    char name[NAME_BYTES] = "";
    int next = argc;
    enum outcome outcome = OUTCOME_ERROR;
    setlocale(LC_CTYPE, "");
    enum status status = arguments_init(&a, argc, argv, &err);
    if (status == STATUS_OK)
        status = read_name(&a, argc, argv, name, &next, &err);
    const struct command *c = status == STATUS_OK ? command_find(name) : NULL;
    if (c != NULL) {
        a.own = c->options;
        status = arguments_read(&a, argc, argv, next, false, NULL, &err);
    }
    if (status != STATUS_OK) {
        fprintf(stderr, "cognate: %s\n", err.text);
    } else if (arguments_common(&a, "version")) {
        outcome = run_command(&command_version, &a, &err);
    } else if (c == NULL) {
        outcome = without_command(name, arguments_flag(&a, "help"), &err);
    } else if (arguments_flag(&a, "help")) {
        help_command(stdout, c);
        outcome = OUTCOME_DONE;
    } else {
        outcome = run_command(c, &a, &err);
    }
    arguments_release(&a);
    return (int)outcome;
}
