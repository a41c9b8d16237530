#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/suggest.h"
#include "common/buf.h"

enum status arguments_init(struct arguments *a, int argc, char **argv, struct error *err)
{
    size_t room = 1;
    for (int i = 0; i < argc; i++)
        room += strlen(argv[i]) + 1; /* a cluster gives as many options as it has letters */
    a->given = calloc(room, sizeof *a->given);
    a->operands = calloc((size_t)argc + 1, sizeof *a->operands);
    return a->given != NULL && a->operands != NULL ? STATUS_OK
                                                   : error_memory(err, "reading the command line");
}

void arguments_release(struct arguments *a)
{
    free(a->given);
    free(a->operands);
    *a = (struct arguments){0};
}

/* ---- tables ---- */

static const struct option *find_in(const struct option *table, const char *name, size_t len, char letter)
{
    for (const struct option *o = table; o != NULL && o->name != NULL; o++)
        if (letter != 0 ? o->letter == letter : strlen(o->name) == len && memcmp(o->name, name, len) == 0)
            return o;
    return NULL;
}

static const struct option *find_letter(const struct arguments *a, char letter)
{
    const struct option *o = find_in(a->own, NULL, 0, letter);
    return o != NULL ? o : find_in(a->common, NULL, 0, letter);
}

static const struct option *find_name(const struct arguments *a, const char *name, size_t len)
{
    const struct option *o = find_in(a->own, name, len, 0);
    if (o == NULL)
        o = find_in(a->common, name, len, 0);
    return o == NULL && len == 1 ? find_letter(a, name[0]) : o; /* --k=5 */
}

static enum status unknown_name(const struct arguments *a, const char *name, size_t len, struct error *err)
{
    char typed[64];
    const char *meant = NULL;
    unsigned distance = SUGGEST_START;
    if (len < sizeof typed) {
        memcpy(typed, name, len);
        typed[len] = '\0';
        for (int t = 0; t < 2; t++)
            for (const struct option *o = t == 0 ? a->own : a->common; o != NULL && o->name != NULL; o++)
                meant = suggest_nearer(typed, o->name, &distance) ? o->name : meant;
    }
    if (meant != NULL)
        return error_set(err, STATUS_INVALID, "unknown option --%.*s; did you mean --%s?", (int)len, name,
                         meant);
    return error_set(err, STATUS_INVALID, "unknown option --%.*s; --help lists the options", (int)len, name);
}

/* ---- values ---- */

static enum status check_choice(const struct option *o, const char *value, struct error *err)
{
    struct buf list;
    buf_init(&list, 4096);
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && o->choices[i] != NULL; i++) {
        if (strcmp(o->choices[i], value) == 0)
            goto done;
        status = buf_printf(&list, err, "%s%s", i == 0 ? "" : ", ", o->choices[i]);
    }
    if (status == STATUS_OK)
        status = error_set(err, STATUS_INVALID, "--%s is one of %s, not \"%s\"", o->name, list.data, value);
done:
    buf_release(&list);
    return status;
}

static enum status check_number(const struct option *o, const char *value, struct error *err)
{
    char *end = NULL;
    errno = 0;
    double number = strtod(value, &end);
    bool whole = strspn(value, "0123456789") == strlen(value);
    if (end == value || *end != '\0' || !isfinite(number) || (o->type == OPTION_COUNT && !whole))
        return error_set(err, STATUS_INVALID, "--%s takes a %s, not \"%s\"", o->name,
                         o->type == OPTION_COUNT ? "whole number" : "number", value);
    if (number < o->least || number > o->most)
        return error_set(err, STATUS_INVALID, "--%s takes %.10g to %.10g, not %s", o->name, o->least, o->most,
                         value);
    return STATUS_OK;
}

static enum status put(struct arguments *a, const struct option *o, const char *value, struct error *err)
{
    enum status status = STATUS_OK;
    if (o->type == OPTION_CHOICE)
        status = check_choice(o, value, err);
    else if (o->type == OPTION_COUNT || o->type == OPTION_REAL)
        status = check_number(o, value, err);
    if (status == STATUS_OK)
        a->given[a->given_count++] = (struct given){o, value};
    return status;
}

/* ---- reading ---- */

static enum status missing(const struct option *o, struct error *err)
{
    return error_set(err, STATUS_INVALID, "--%s needs a value: --%s %s", o->name, o->name,
                     o->value != NULL ? o->value : "VALUE");
}

/* `word` is behind its two dashes; `next` is the word after it, or NULL. *used: whether that was its value.
 */
static enum status read_long(struct arguments *a, const char *word, const char *next, bool *used,
                             struct error *err)
{
    size_t len = strcspn(word, "=");
    const struct option *o = find_name(a, word, len);
    if (o == NULL)
        return unknown_name(a, word, len, err);
    if (o->type == OPTION_FLAG && word[len] == '=')
        return error_set(err, STATUS_INVALID, "--%s takes no value", o->name);
    if (o->type == OPTION_FLAG)
        return put(a, o, NULL, err);
    if (word[len] == '=')
        return put(a, o, word + len + 1, err);
    if (next == NULL)
        return missing(o, err);
    *used = true;
    return put(a, o, next, err);
}

static enum status read_letters(struct arguments *a, const char *word, const char *next, bool *used,
                                struct error *err)
{
    for (const char *at = word; *at != '\0'; at++) {
        const struct option *o = find_letter(a, *at);
        if (o == NULL)
            return error_set(err, STATUS_INVALID, "unknown option -%.*s; --help lists the options",
                             (unsigned char)*at < 0x80 ? 1 : (int)strlen(at), at);
        if (o->type != OPTION_FLAG) {
            const char *value = at[1] == '=' ? at + 2 : at + 1;
            *used = at[1] == '\0';
            if (*used && next == NULL)
                return missing(o, err);
            return put(a, o, *used ? next : value, err);
        }
        enum status status = put(a, o, NULL, err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

enum status arguments_read(struct arguments *a, int argc, char **argv, int from, bool one_operand, int *next,
                           struct error *err)
{
    bool only_operands = false;
    int i = from;
    for (; i < argc; i++) {
        const char *word = argv[i], *after = i + 1 < argc ? argv[i + 1] : NULL;
        bool used = false;
        enum status status = STATUS_OK;
        if (only_operands || word[0] != '-' || word[1] == '\0') {
            a->operands[a->operand_count++] = word;
            if (one_operand) {
                i++;
                break;
            }
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (word[1] == '-') {
            status = read_long(a, word + 2, after, &used, err);
        } else {
            status = read_letters(a, word + 1, after, &used, err);
        }
        if (status != STATUS_OK)
            return status;
        i += used;
    }
    if (next != NULL)
        *next = i;
    return STATUS_OK;
}

/* ---- asking ---- */

static const struct given *last_of(const struct arguments *a, const struct option *o)
{
    for (size_t i = a->given_count; i > 0; i--)
        if (a->given[i - 1].option == o)
            return &a->given[i - 1];
    return NULL;
}

static const struct option *known(const struct arguments *a, const char *name)
{
    const struct option *o = find_name(a, name, strlen(name));
    assert(o != NULL);
    return o;
}

bool arguments_given(const struct arguments *a, const char *name)
{
    return last_of(a, known(a, name)) != NULL;
}

bool arguments_common(const struct arguments *a, const char *name)
{
    return last_of(a, find_in(a->common, name, strlen(name), 0)) != NULL;
}

bool arguments_flag(const struct arguments *a, const char *name)
{
    return arguments_given(a, name);
}

const char *arguments_text(const struct arguments *a, const char *name)
{
    const struct option *o = known(a, name);
    const struct given *given = last_of(a, o);
    return given != NULL ? given->value : o->fallback;
}

unsigned long arguments_count(const struct arguments *a, const char *name)
{
    const char *value = arguments_text(a, name);
    return value == NULL ? 0 : strtoul(value, NULL, 10);
}

double arguments_real(const struct arguments *a, const char *name)
{
    const char *value = arguments_text(a, name);
    return value == NULL ? 0 : strtod(value, NULL);
}

size_t arguments_choice(const struct arguments *a, const char *name)
{
    const char *value = arguments_text(a, name);
    const struct option *o = known(a, name);
    size_t i = 0;
    while (value != NULL && o->choices[i] != NULL && strcmp(o->choices[i], value) != 0)
        i++;
    return i;
}

const char *arguments_each(const struct arguments *a, const char *name, size_t i)
{
    const struct option *o = known(a, name);
    for (size_t g = 0; g < a->given_count; g++)
        if (a->given[g].option == o && i-- == 0)
            return a->given[g].value;
    return NULL;
}
