#include <stdio.h>
#include <string.h>

#include "cli/commands.h"

/* Completions for the shells, written from the tables of the commands. What a shell is told of an option: its
 * names, whether a value follows, and the values where they are few; the value of an option called FILE, and
 * operands called PATH, FILE or FOLDER, are completed as files. */

#define GROUP_BYTES 32

/* The first word of a command's name; whether the name has a second one, then *second. */
static bool split(const char *name, char first[GROUP_BYTES], const char **second)
{
    const char *blank = strchr(name, ' ');
    size_t n = blank != NULL ? (size_t)(blank - name) : strlen(name);
    snprintf(first, GROUP_BYTES, "%.*s", (int)n, name);
    *second = blank != NULL ? blank + 1 : NULL;
    return blank != NULL;
}

/* Whether command i is the first of its group, or stands alone. */
static bool leads(size_t i)
{
    char first[GROUP_BYTES], before[GROUP_BYTES];
    const char *second;
    split(commands[i]->name, first, &second);
    if (second == NULL || i == 0)
        return true;
    split(commands[i - 1]->name, before, &second);
    return strcmp(first, before) != 0;
}

static bool takes_files(const char *what)
{
    return what != NULL &&
           (strstr(what, "FILE") != NULL || strstr(what, "PATH") != NULL || strstr(what, "FOLDER") != NULL);
}

/* ---- bash ---- */

static void print_first_words(const char *separator)
{
    char first[GROUP_BYTES];
    const char *second, *between = "";
    for (size_t i = 0; commands[i] != NULL; i++) {
        if (!leads(i))
            continue;
        split(commands[i]->name, first, &second);
        printf("%s%s", between, first);
        between = separator;
    }
}

static void print_option_words(const struct option *o)
{
    for (; o != NULL && o->name != NULL; o++)
        printf(" --%s", o->name);
}

static void bash_values(const struct option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        if (o->type == OPTION_FLAG)
            continue;
        printf("    --%s", o->name);
        if (o->letter != 0)
            printf("|-%c", o->letter);
        fputs(") ", stdout);
        if (o->type == OPTION_CHOICE) {
            fputs("COMPREPLY=($(compgen -W '", stdout);
            for (size_t i = 0; o->choices[i] != NULL; i++)
                printf("%s%s", i == 0 ? "" : " ", o->choices[i]);
            fputs("' -- \"$word\"))", stdout);
        } else if (takes_files(o->value)) {
            fputs("COMPREPLY=($(compgen -f -- \"$word\"))", stdout);
        } else {
            fputs("COMPREPLY=()", stdout);
        }
        fputs("; return ;;\n", stdout);
    }
}

static void print_bash(void)
{
    fputs("# bash completion of cognate; load it with: source <(cognate completion bash)\n"
          "_cognate() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command= i\n"
          "    compopt -o filenames 2>/dev/null\n"
          "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
          "        case ${COMP_WORDS[i]} in\n"
          "        ",
          stdout);
    const char *between = "";
    for (const struct option *o = session_options; o->name != NULL; o++) {
        if (o->type == OPTION_FLAG)
            continue;
        printf("%s--%s", between, o->name);
        between = "|";
    }
    fputs(") ((i++)) ;;\n"
          "        -*) ;;\n"
          "        *) command=\"$command${command:+ }${COMP_WORDS[i]}\"\n"
          "           case $command in ",
          stdout);
    between = "";
    for (size_t i = 0; commands[i] != NULL; i++) {
        char first[GROUP_BYTES];
        const char *second;
        if (split(commands[i]->name, first, &second) && leads(i)) {
            printf("%s%s", between, first);
            between = "|";
        }
    }
    fputs(") ;; *) break ;; esac ;;\n        esac\n    done\n    case $command in\n", stdout);
    for (size_t i = 0; commands[i] != NULL; i++) {
        const struct command *c = commands[i];
        printf("    '%s')\n    case $before in\n", c->name);
        bash_values(c->options);
        bash_values(session_options);
        fputs("    esac\n    COMPREPLY=($(compgen -W '", stdout);
        print_option_words(c->options);
        print_option_words(session_options);
        printf("' -- \"$word\"))\n    [[ $word == -* ]] || COMPREPLY=(%s)\n    return ;;\n",
               takes_files(c->operands) ? "$(compgen -f -- \"$word\")" : "");
    }
    for (size_t i = 0; commands[i] != NULL; i++) {
        char first[GROUP_BYTES], other[GROUP_BYTES];
        const char *second;
        if (!split(commands[i]->name, first, &second) || !leads(i))
            continue;
        printf("    '%s') COMPREPLY=($(compgen -W '", first);
        for (size_t j = i;
             commands[j] != NULL && split(commands[j]->name, other, &second) && strcmp(first, other) == 0;
             j++)
            printf("%s ", second);
        fputs("' -- \"$word\")); return ;;\n", stdout);
    }
    fputs("    esac\n    case $before in\n", stdout);
    bash_values(session_options);
    fputs("    esac\n    COMPREPLY=($(compgen -W '", stdout);
    print_first_words(" ");
    print_option_words(session_options);
    fputs("' -- \"$word\"))\n}\ncomplete -F _cognate cognate\n", stdout);
}

/* ---- zsh ---- */

/* Text within single quotes of a specification of _arguments or _values. */
static void zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputs("'\\'", stdout);
        else if (strchr("[]:\\", *text) != NULL)
            fputc('\\', stdout);
        fputc(*text, stdout);
    }
}

static void zsh_options(const struct option *o)
{
    for (; o != NULL && o->name != NULL; o++) {
        fputs(" \\\n            '", stdout);
        if (o->repeated)
            fputc('*', stdout);
        printf("--%s%s[", o->name, o->type == OPTION_FLAG ? "" : "=");
        zsh_text(o->help);
        fputc(']', stdout);
        if (o->type == OPTION_CHOICE) {
            printf(":%s:(", o->value != NULL ? o->value : "value");
            for (size_t i = 0; o->choices[i] != NULL; i++)
                printf("%s%s", i == 0 ? "" : " ", o->choices[i]);
            fputc(')', stdout);
        } else if (o->type != OPTION_FLAG) {
            printf(":%s:%s", o->value != NULL ? o->value : "value", takes_files(o->value) ? "_files" : " ");
        }
        fputc('\'', stdout);
    }
}

static void zsh_words(const char *group)
{
    char first[GROUP_BYTES];
    const char *second;
    for (size_t i = 0; commands[i] != NULL; i++) {
        split(commands[i]->name, first, &second);
        if (group == NULL ? !leads(i) : second == NULL || strcmp(first, group) != 0)
            continue;
        printf(" '%s:", group == NULL ? first : second);
        if (group == NULL && second != NULL)
            printf("%s commands", first);
        else
            zsh_text(commands[i]->summary);
        fputc('\'', stdout);
    }
}

static void print_zsh(void)
{
    fputs("#compdef cognate\n"
          "# zsh completion of cognate; put it into a folder of $fpath as _cognate\n"
          "_cognate() {\n"
          "    local -a words_of; local command=\n"
          "    (( CURRENT > 2 )) && command=$words[2]\n"
          "    case $command in\n",
          stdout);
    for (size_t i = 0; commands[i] != NULL; i++) {
        char first[GROUP_BYTES];
        const char *second;
        if (!split(commands[i]->name, first, &second) || !leads(i))
            continue;
        printf("    %s)\n        if (( CURRENT == 3 )); then\n            words_of=(", first);
        zsh_words(first);
        fputs(")\n            _describe command words_of; return\n        fi\n        command=\"$words[2] "
              "$words[3]\" ;;\n",
              stdout);
    }
    fputs("    esac\n    case $command in\n", stdout);
    for (size_t i = 0; commands[i] != NULL; i++) {
        printf("    '%s')\n        _arguments", commands[i]->name);
        zsh_options(commands[i]->options);
        zsh_options(session_options);
        printf(" \\\n            '*:%s:%s' ;;\n",
               commands[i]->operands != NULL ? commands[i]->operands : "nothing",
               takes_files(commands[i]->operands) ? "_files" : " ");
    }
    fputs("    *)\n        words_of=(", stdout);
    zsh_words(NULL);
    fputs(")\n        _describe command words_of ;;\n    esac\n}\n_cognate \"$@\"\n", stdout);
}

/* ---- fish ---- */

static void fish_text(const char *text)
{
    fputc('\'', stdout);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            fputc('\\', stdout);
        fputc(*text, stdout);
    }
    fputc('\'', stdout);
}

static void fish_options(const struct option *o, const char *condition)
{
    for (; o != NULL && o->name != NULL; o++) {
        printf("complete -c cognate%s -l %s", condition, o->name);
        if (o->letter != 0)
            printf(" -s %c", o->letter);
        if (o->type != OPTION_FLAG)
            fputs(takes_files(o->value) ? " -rF" : " -x", stdout);
        if (o->type == OPTION_CHOICE) {
            fputs(" -a '", stdout);
            for (size_t i = 0; o->choices[i] != NULL; i++)
                printf("%s%s", i == 0 ? "" : " ", o->choices[i]);
            fputc('\'', stdout);
        }
        fputs(" -d ", stdout);
        fish_text(o->help);
        fputc('\n', stdout);
    }
}

static void print_fish(void)
{
    fputs("# fish completion of cognate; load it with: cognate completion fish | source\n"
          "complete -c cognate -f\n",
          stdout);
    fish_options(session_options, "");
    for (size_t i = 0; commands[i] != NULL; i++) {
        char first[GROUP_BYTES], condition[160];
        const char *second;
        split(commands[i]->name, first, &second);
        if (leads(i)) {
            printf("complete -c cognate -n __fish_use_subcommand -a %s -d ", first);
            if (second != NULL)
                printf("'%s commands'\n", first);
            else {
                fish_text(commands[i]->summary);
                fputc('\n', stdout);
            }
        }
        snprintf(condition, sizeof condition, " -n '__fish_seen_subcommand_from %s", first);
        if (second != NULL) {
            printf("complete -c cognate%s' -a %s -d ", condition, second);
            fish_text(commands[i]->summary);
            fputc('\n', stdout);
            snprintf(condition + strlen(condition), sizeof condition - strlen(condition),
                     "; and __fish_seen_subcommand_from %s", second);
        }
        snprintf(condition + strlen(condition), sizeof condition - strlen(condition), "'");
        fish_options(commands[i]->options, condition);
        if (takes_files(commands[i]->operands))
            printf("complete -c cognate%s -F\n", condition);
    }
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    (void)s;
    if (strcmp(a->operands[0], "bash") == 0)
        print_bash();
    else if (strcmp(a->operands[0], "zsh") == 0)
        print_zsh();
    else if (strcmp(a->operands[0], "fish") == 0)
        print_fish();
    else
        error_set(err, STATUS_INVALID, "there are completions for bash, zsh and fish, not for \"%s\"",
                  a->operands[0]);
    return err->status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

static const struct example examples[] = {
    {"completion bash > ~/.local/share/bash-completion/completions/cognate", "for the next shell"},
    {"completion fish | source", "for this one"},
    {0},
};

const struct command command_completion = {
    .name = "completion",
    .operands = "bash|zsh|fish",
    .summary = "print completions for a shell",
    .examples = examples,
    .least = 1,
    .most = 1,
    .run = run,
};
