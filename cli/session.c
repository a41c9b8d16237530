#include "cli/session.h"

#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/display.h"
#include "common/file.h"

static const char default_place[] = "the default place";
static const char *const colours[] = {"auto", "always", "never", NULL};
static const char *const precisions[] = {"int8", "f32", NULL};

const char *const session_formats[] = {"text", "json", "tsv", "csv", "md", NULL};

const struct option session_options[] = {
    {.name = "db", .type = OPTION_TEXT, .value = "FILE", .help = "the store (" SESSION_DB_PLACES ")"},
    {.name = "model",
     .type = OPTION_TEXT,
     .value = "MODEL",
     .help = "the model: NAME, NAME@VERSION or NAME@LABEL of an installed one, or a GGUF file "
             "($COGNATE_MODEL, else "
             "the one in use)"},
    {.name = "json", .type = OPTION_FLAG, .help = "print JSON, one object a line, as the HTTP API gives it"},
    {.name = "threads",
     .type = OPTION_COUNT,
     .value = "N",
     .fallback = "0",
     .most = 256,
     .help = "encoder threads; 0 for one a core"},
    {.name = "precision",
     .type = OPTION_CHOICE,
     .value = "KIND",
     .choices = precisions,
     .fallback = "int8",
     .help = "arithmetic of the encoder: int8, or f32 as a reference"},
    {.name = "isa",
     .type = OPTION_TEXT,
     .value = "NAME",
     .fallback = "auto",
     .help = "instruction set: auto, reference, avx2, avx-vnni or avx512"},
    {.name = "timeout",
     .type = OPTION_REAL,
     .value = "SECONDS",
     .fallback = "0",
     .most = SESSION_TIMEOUT,
     .help = "give up, with exit code 2, when a step of the work takes longer; 0 waits"},
    {.name = "color",
     .type = OPTION_CHOICE,
     .value = "WHEN",
     .choices = colours,
     .fallback = "auto",
     .help = "colours: auto, always or never"},
    {.name = "quiet", .letter = 'q', .type = OPTION_FLAG, .help = "no progress and no hints"},
    {.name = "verbose", .letter = 'v', .type = OPTION_FLAG, .help = "say more of what is done"},
    {.name = "help", .letter = 'h', .type = OPTION_FLAG, .help = "show help and end"},
    {.name = "version", .letter = 'V', .type = OPTION_FLAG, .help = "print the program's version and end"},
    {0},
};

static enum status find_db(struct session *s, struct error *err)
{
    const char *given = arguments_text(s->arguments, "db"), *variable = getenv("COGNATE_DB");
    if (given != NULL && given[0] == '\0')
        return error_set(err, STATUS_INVALID, "--db needs the path of a file");
    if (given != NULL) {
        s->db_origin = "--db";
    } else if (variable != NULL && variable[0] != '\0') {
        given = variable;
        s->db_origin = "$COGNATE_DB";
    } else {
        s->db_origin = default_place;
        return xdg_data_path("cognate.db", &s->db, err);
    }
    return buf_append(&s->db, given, strlen(given), err);
}

enum status session_init(struct session *s, const struct arguments *a, struct error *err)
{
    *s = (struct session){.arguments = a};
    s->quiet = arguments_flag(a, "quiet");
    s->verbose = arguments_flag(a, "verbose");
    s->format = arguments_flag(a, "json") ? FORMAT_JSON : FORMAT_TEXT;
    enum colour_choice colour = (enum colour_choice)arguments_choice(a, "color");
    terminal_look(&s->out, STDOUT_FILENO, colour);
    terminal_look(&s->err, STDERR_FILENO, colour);
    buf_init(&s->db, SESSION_PATH);
    s->options.mode = STORE_READ;
    s->options.model = arguments_text(a, "model");
    s->options.threads = (unsigned)arguments_count(a, "threads");
    s->options.precision = arguments_choice(a, "precision") == 1 ? PRECISION_F32 : PRECISION_INT8;
    return isa_parse(arguments_text(a, "isa"), &s->options.isa, err);
}

enum status session_db(struct session *s, struct error *err)
{
    return s->db.len > 0 ? STATUS_OK : find_db(s, err);
}

enum status session_make_folder(const struct session *s, struct error *err)
{
    if (strcmp(s->db_origin, default_place) != 0)
        return STATUS_OK;
    char *copy = strdup(s->db.data);
    if (copy == NULL)
        return error_memory(err, "creating the store");
    enum status status = folder_create(dirname(copy), err);
    free(copy);
    return status;
}

void session_release(struct session *s)
{
    buf_release(&s->db);
}

/* ---- talk ---- */

__attribute__((format(printf, 3, 0))) static void talk(const struct session *s, const char *before,
                                                       const char *format, va_list values)
{
    char *text = NULL;
    struct buf safe;
    if (vasprintf(&text, format, values) < 0)
        return;
    buf_init(&safe, 1 << 20);
    if (!s->err.tty)
        fprintf(stderr, "%s%s\n", before, text);
    else if (display_clean(&safe, text_of(text), false, NULL) == STATUS_OK)
        fprintf(stderr, "%s%.*s\n", before, (int)safe.len, safe.data);
    buf_release(&safe);
    free(text);
}

void say(const struct session *s, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (!s->quiet)
        talk(s, "", format, values);
    va_end(values);
}

void say_more(const struct session *s, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (s->verbose)
        talk(s, "", format, values);
    va_end(values);
}

void warn(const struct session *s, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    talk(s, "cognate: ", format, values);
    va_end(values);
}
