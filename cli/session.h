/* One run of the program: where it stands, how it prints, what was said on the command line for all commands.
 *
 * Data goes to stdout through output.h and table.h; talk goes to stderr through the functions here, which
 * make the text of strangers harmless where a terminal would act on it.
 */
#ifndef COGNATE_CLI_SESSION_H
#define COGNATE_CLI_SESSION_H

#include <stdbool.h>

#include "cli/options.h"
#include "cli/terminal.h"
#include "common/buf.h"
#include "common/status.h"
#include "server/engine.h"

#define SESSION_PATH    4096 /* longest path of a store */
#define SESSION_TIMEOUT 600  /* seconds, at most */

/* The usual place of a store, as help says it. */
#define SESSION_DB_PLACES "$COGNATE_DB, else $XDG_DATA_HOME/cognate/cognate.db"

enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_TSV, FORMAT_CSV, FORMAT_MD };

struct session {
    const struct arguments *arguments;
    struct terminal out, err;
    bool quiet, verbose;
    enum format format;            /* of tables; FORMAT_JSON with --json */
    struct buf db;                 /* path of the store, after session_db */
    const char *db_origin;         /* which option, variable or rule gave it */
    struct engine_options options; /* of the model; without a store */
};

/* The options of every command, ended by a nameless one. */
extern const struct option session_options[];

/* Choices of --format where a command prints a table, in the order of enum format. */
extern const char *const session_formats[];
#define TABLE_FORMAT                                                                                         \
    {                                                                                                        \
        .name = "format", .type = OPTION_CHOICE, .value = "FORMAT", .choices = session_formats,              \
        .fallback = "text", .help = "text, json, tsv, csv or md"                                             \
    }

/* The collection a command is about. */
#define COLLECTION_OPTION(says)                                                                              \
    {                                                                                                        \
        .name = "collection", .letter = 'c', .type = OPTION_TEXT, .value = "NAME", .fallback = "default",    \
        .help = says                                                                                         \
    }

enum status session_init(struct session *s, const struct arguments *a, struct error *err);
void session_release(struct session *s); /* accepts a zeroed one */

/* Fills in the path of the store, for the commands that have one. */
enum status session_db(struct session *s, struct error *err);

/* Before writing: makes the folder of a store in the default place. The folder of one that the user named must
 * exist: it may be a typing error. */
enum status session_make_folder(const struct session *s, struct error *err);

/* Talk: `say` unless --quiet, `say_more` with --verbose, `warn` always; each adds the line's end, `warn` also
 * the program's name in front. */
void say(const struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_more(const struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void warn(const struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
