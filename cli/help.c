#include "cli/help.h"

#include <string.h>

#include "cli/commands.h"
#include "cli/display.h"

#define COLUMNS 100

/* Prints text wrapped, every line behind `indent` blanks; the first one is there already up to `at`. */
static void wrap(FILE *out, const char *text, size_t indent, size_t at)
{
    struct text rest = text_of(text);
    while (rest.len > 0) {
        size_t end = strcspn(rest.data, "\n"), n;
        fprintf(out, "%*s", (int)(indent > at ? indent - at : 0), "");
        n = display_line((struct text){rest.data, end < rest.len ? end : rest.len}, COLUMNS - indent);
        fprintf(out, "%.*s\n", (int)n, rest.data);
        while (n < end && rest.data[n] == ' ')
            n++;
        n += n == end && end < rest.len; /* the line's end itself */
        rest = (struct text){rest.data + n, rest.len - n};
        at = 0;
    }
}

static void usage(FILE *out, const struct command *c)
{
    fprintf(out, "cognate [OPTIONS] %s%s%s\n", c->name, c->operands != NULL ? " " : "",
            c->operands != NULL ? c->operands : "");
}

static void print_options(FILE *out, const struct option *options)
{
    for (const struct option *o = options; o != NULL && o->name != NULL; o++) {
        char left[64];
        int n = o->letter != 0 ? snprintf(left, sizeof left, "  -%c, --%s", o->letter, o->name)
                               : snprintf(left, sizeof left, "      --%s", o->name);
        if (o->value != NULL && n > 0 && (size_t)n < sizeof left)
            n += snprintf(left + n, sizeof left - (size_t)n, " %s", o->value);
        fputs(left, out);
        wrap(out, o->help, 28, (size_t)n < 27 ? (size_t)n : 27);
        if (o->fallback != NULL)
            fprintf(out, "%*s(default %s)\n", 28, "", o->fallback);
    }
}

void help_program(FILE *out)
{
    fputs("cognate: semantic search in documents of many languages\n\n"
          "  cognate index ~/Documents\n"
          "  cognate search \"a question in any language\"\n"
          "  cognate serve\n\nCommands:\n",
          out);
    for (size_t i = 0; commands[i] != NULL; i++)
        fprintf(out, "  %-20s %s\n", commands[i]->name, commands[i]->summary);
    fputs("\nOptions of every command:\n", out);
    print_options(out, session_options);
    fputs("\nTopics:\n", out);
    for (const struct topic *t = topics; t->name != NULL; t++)
        fprintf(out, "  %-20s %s\n", t->name, t->summary);
    fputs("\n\"cognate help COMMAND\" or TOPIC says more. Exit codes: 0 found or done, 1 nothing found, 2 "
          "error.\n",
          out);
}

void help_command(FILE *out, const struct command *c)
{
    usage(out, c);
    fputc('\n', out);
    fputc(c->summary[0] >= 'a' && c->summary[0] <= 'z' ? c->summary[0] - 'a' + 'A' : c->summary[0], out);
    fprintf(out, "%s.\n", c->summary + 1);
    if (c->details != NULL) {
        fputc('\n', out);
        wrap(out, c->details, 0, 0);
    }
    if (c->options != NULL && c->options->name != NULL) {
        fputs("\nOptions:\n", out);
        print_options(out, c->options);
    }
    fputs("\nOptions of every command:\n", out);
    print_options(out, session_options);
    if (c->examples != NULL && c->examples->line != NULL)
        fputs("\nExamples:\n", out);
    for (const struct example *e = c->examples; e != NULL && e->line != NULL; e++)
        fprintf(out, "  cognate %s\n      %s\n", e->line, e->says);
}

void help_topic(FILE *out, const struct topic *topic)
{
    fputc(topic->summary[0] - 'a' + 'A', out);
    fprintf(out, "%s.\n\n", topic->summary + 1);
    wrap(out, topic->text, 0, 0);
}

bool help_group(FILE *out, const char *group)
{
    if (!command_is_group(group))
        return false;
    fprintf(out, "cognate %s COMMAND\n\nCommands:\n", group);
    size_t n = strlen(group);
    for (size_t i = 0; commands[i] != NULL; i++)
        if (strncmp(commands[i]->name, group, n) == 0 && commands[i]->name[n] == ' ')
            fprintf(out, "  %-20s %s\n", commands[i]->name, commands[i]->summary);
    return true;
}
