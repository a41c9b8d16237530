/* Command-line options: tables say what there is, one parser reads them.
 *
 *     static const struct option options[] = {
 *         {.name = "limit", .letter = 'k', .type = OPTION_COUNT, .value = "N", .fallback = "5",
 *          .least = 1, .most = 1000, .help = "how many documents"},
 *         {0}};
 *     struct arguments a = {.own = options, .common = common};
 *     if (arguments_init(&a, argc, &err) == STATUS_OK &&
 *         arguments_read(&a, argc, argv, 1, false, NULL, &err) == STATUS_OK)
 *         use(arguments_count(&a, "limit"), a.operands, a.operand_count);
 *     arguments_release(&a);
 *
 * Understood: --name VALUE, --name=VALUE, -k VALUE, -kVALUE, -k=VALUE, --k=VALUE, clusters of flags (-qv),
 * options before and after operands, "--" before operands that begin with a dash. A lone "-" is an operand.
 * What is not in a table is an error that names the nearest entry. Everything is checked while it is read, so
 * that asking for a value cannot fail. Words are borrowed from argv.
 */
#ifndef COGNATE_CLI_OPTIONS_H
#define COGNATE_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/status.h"

enum option_type {
    OPTION_FLAG,   /* takes no value */
    OPTION_TEXT,   /* any value */
    OPTION_COUNT,  /* a whole number from least to most */
    OPTION_REAL,   /* a number from least to most */
    OPTION_CHOICE, /* one of choices */
};

struct option {
    const char *name; /* without its dashes; NULL ends a table */
    char letter;      /* 0 for none */
    enum option_type type;
    bool repeated;              /* may be given several times; all values count */
    const char *value;          /* what help calls its value: "N", "FILE" */
    const char *const *choices; /* ended by NULL */
    const char *fallback;       /* the value when it is not given; NULL for none */
    double least, most;
    const char *help; /* one sentence without capital and full stop */
};

struct given {
    const struct option *option;
    const char *value; /* NULL for a flag */
};

struct arguments {
    const struct option *own;    /* options of the command; may be NULL until it is known */
    const struct option *common; /* options of every command */
    struct given *given;         /* in the order they were typed */
    size_t given_count;
    const char **operands;
    size_t operand_count;
};

/* Makes room for what `argv` can hold. */
enum status arguments_init(struct arguments *a, int argc, char **argv, struct error *err);
void arguments_release(struct arguments *a); /* accepts a zeroed one */

/* Reads argv[from…]. With `one_operand` it stops after the first operand; *next is then the index behind it
 * (argc at the end). */
enum status arguments_read(struct arguments *a, int argc, char **argv, int from, bool one_operand, int *next,
                           struct error *err);

/* What was given, or the fallback. The name must be in a table of the right type. */
bool arguments_flag(const struct arguments *a, const char *name);
bool arguments_given(const struct arguments *a, const char *name);
bool arguments_common(const struct arguments *a,
                      const char *name); /* the option of every command of that name,
                                             where a command has one of its own too */
const char *arguments_text(const struct arguments *a,
                           const char *name); /* NULL: neither given nor a fallback */
unsigned long arguments_count(const struct arguments *a, const char *name);
double arguments_real(const struct arguments *a, const char *name);
size_t arguments_choice(const struct arguments *a, const char *name); /* index into choices */

/* The i-th value of a repeated option, NULL behind the last. */
const char *arguments_each(const struct arguments *a, const char *name, size_t i);

#endif
