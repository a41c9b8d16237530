#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

/* The manual page, in the man(7) macros, written from the tables of the commands. */

/* Text with what roff would take for itself made plain; a line never begins with a control character. */
static void roff(const char *text)
{
    bool start = true;
    for (; *text != '\0'; text++) {
        if (start && (*text == '.' || *text == '\''))
            fputs("\\&", stdout);
        if (*text == '\\')
            fputs("\\e", stdout);
        else if (*text == '-')
            fputs("\\-", stdout);
        else if (*text == '\n')
            fputs("\n.PP\n", stdout);
        else
            fputc(*text, stdout);
        start = *text == '\n';
    }
    fputc('\n', stdout);
}

static void print_options(const struct option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        fputs(".TP\n", stdout);
        if (o->letter != 0)
            printf("\\fB\\-%c\\fR, ", o->letter);
        fputs("\\fB\\-\\-", stdout);
        for (const char *c = o->name; *c != '\0'; c++)
            printf("%s%c", *c == '-' ? "\\" : "", *c);
        fputs("\\fR", stdout);
        if (o->value != NULL)
            printf(" \\fI%s\\fR", o->value);
        fputc('\n', stdout);
        if (o->fallback != NULL && o->fallback[0] != '\0') {
            char line[512];
            snprintf(line, sizeof line, "%s (default %s)", o->help, o->fallback);
            roff(line);
        } else {
            roff(o->help);
        }
    }
}

static void print_command(const struct command *c)
{
    printf(".SS %s%s%s\n", c->name, c->operands != NULL ? " " : "", c->operands != NULL ? c->operands : "");
    putchar(toupper((unsigned char)c->summary[0]));
    roff(c->summary + 1);
    if (c->details != NULL) {
        fputs(".PP\n", stdout);
        roff(c->details);
    }
    print_options(c->options);
    for (const struct example *e = c->examples; e != NULL && e->line != NULL; e++) {
        fputs(".PP\n.B cognate ", stdout);
        roff(e->line);
        fputs(".br\n", stdout);
        roff(e->says);
    }
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    (void)s;
    (void)a;
    (void)err;
    printf(".TH COGNATE 1 \"\" \"cognate %s\" \"User Commands\"\n", COGNATE_VERSION);
    fputs(".SH NAME\ncognate \\- semantic search in documents of many languages\n"
          ".SH SYNOPSIS\n.B cognate\n[\\fIOPTIONS\\fR] \\fICOMMAND\\fR …\n"
          ".SH DESCRIPTION\n",
          stdout);
    roff("Ask in one language, find documents in any other. Documents, their passages and vectors lie in one "
         "file, the "
         "store; nothing leaves the machine. Data goes to stdout, everything else to stderr.");
    fputs(".SH OPTIONS\n", stdout);
    print_options(session_options);
    fputs(".SH COMMANDS\n", stdout);
    for (size_t i = 0; commands[i] != NULL; i++)
        print_command(commands[i]);
    fputs(".SH EXIT STATUS\n.TP\n0\nfound or done\n.TP\n1\nnothing found\n.TP\n2\nan error, also in a part "
          "of the work\n"
          ".TP\n130\ninterrupted; what was done is kept\n"
          ".SH ENVIRONMENT\n"
          ".TP\n.B COGNATE_DB\nthe store, unless \\-\\-db is given\n"
          ".TP\n.B COGNATE_MODEL\nthe model file, unless \\-\\-model is given\n"
          ".TP\n.B XDG_DATA_HOME\nfolder of the default store, cognate/cognate.db in it (~/.local/share)\n"
          ".TP\n.B NO_COLOR, FORCE_COLOR, CLICOLOR_FORCE\nno colours, or colours also where stdout is no "
          "terminal; "
          "\\-\\-color is stronger\n"
          ".SH FILES\n.TP\n.I STORE.sock\nwhere a running server answers the other commands\n"
          ".TP\n.I STORE.lock\nheld by the one process that writes\n",
          stdout);
    return OUTCOME_DONE;
}

static const struct example examples[] = {
    {"manual | man -l -", "read it"},
    {0},
};

const struct command command_manual = {
    .name = "manual",
    .summary = "print the manual page",
    .examples = examples,
    .run = run,
};
