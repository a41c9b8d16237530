#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/display.h"
#include "cli/feed.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/prune.h"
#include "cli/source.h"
#include "cli/table.h"
#include "cli/watch.h"
#include "server/json_shape.h"

static const char *const skip_names[] = {
#define X(name, says, failure) #name,
    SKIP_TABLE(X)
#undef X
};

static const char *const skip_says[] = {
#define X(name, says, failure) says,
    SKIP_TABLE(X)
#undef X
};

static const bool skip_fails[] = {
#define X(name, says, failure) failure,
    SKIP_TABLE(X)
#undef X
};

static const struct option options[] = {
    {.name = "as",
     .type = OPTION_CHOICE,
     .value = "KIND",
     .choices = source_kinds,
     .fallback = "auto",
     .help = "what the files are, whatever they are called; auto goes by the ending"},
    COLLECTION_OPTION("where to put the documents; made when it is missing"),
    {.name = "lang",
     .type = OPTION_TEXT,
     .value = "TAG",
     .help = "language of documents that do not say (BCP 47)"},
    {.name = "id", .type = OPTION_TEXT, .value = "FIELD", .help = "field or column with the id (_id or id)"},
    {.name = "text",
     .type = OPTION_TEXT,
     .value = "FIELD",
     .help = "… with the text (text, content or body)"},
    {.name = "title", .type = OPTION_TEXT, .value = "FIELD", .help = "… with the title (title)"},
    {.name = "lang-field",
     .type = OPTION_TEXT,
     .value = "FIELD",
     .help = "… with the language (lang or language)"},
    {.name = "meta",
     .type = OPTION_TEXT,
     .repeated = true,
     .value = "FIELD",
     .help = "keep only this field as metadata, FIELD:number as a number; may be given again"},
    {.name = "encoding",
     .type = OPTION_TEXT,
     .value = "NAME",
     .help = "encoding of the files, for example windows-1252"},
    {.name = "hidden", .type = OPTION_FLAG, .help = "read hidden files and folders too"},
    {.name = "rows", .type = OPTION_FLAG, .help = "with --json: what became of each row too, not only the sum"},
    {.name = "no-ignore",
     .type = OPTION_FLAG,
     .help = "read what a .gitignore, .ignore or .cognateignore leaves out"},
    {.name = "watch", .type = OPTION_FLAG, .help = "go on when files change, until Ctrl-C; implies --prune"},
    {.name = "prune",
     .type = OPTION_FLAG,
     .help = "delete the documents of files that are gone from a folder"},
    {.name = "force", .type = OPTION_FLAG, .help = "with --prune: even if that is more than half of them"},
    {.name = "dry-run", .letter = 'n', .type = OPTION_FLAG, .help = "read and count, change nothing"},
    {0},
};

static const struct example examples[] = {
    {"index ~/Documents", "every text, Markdown, JSON and table file below a folder"},
    {"index --collection news --text body --meta year:number news.csv", "a table, with its columns named"},
    {"index --dry-run -v .", "what would be read, and what not and why"},
    {"index --as lines - < sentences.txt", "one document a line, from a pipe"},
    {"index --watch ~/notes", "and every change from now on, beside a running server too"},
    {0},
};

/* One pass over what was named; --watch makes several. */
struct job {
    struct session *session;
    struct client *client; /* NULL: nothing is changed */
    struct feed feed;
    struct interrupt *interrupt;
    struct prune seen;
    bool prune;
    struct progress progress;
    struct buf what;        /* the file in hand */
    uint64_t before, bytes; /* of the files before it, and of it so far */
    uint64_t skipped[SKIP_COUNT];
    uint64_t converted, substituted, deleted;
    bool failed;
};

static void show(struct job *j)
{
    progress_show(
        &j->progress,
        &(struct progress_now){.done = j->before + j->bytes, .items = j->feed.rows, .what = j->what.data});
}

static enum status take_document(void *context, json_t *document, struct error *err)
{
    struct job *j = context;
    if (interrupt_asked(j->interrupt)) {
        json_decref(document);
        return error_set(err, STATUS_CANCELLED, "interrupted");
    }
    enum status status = j->prune ? prune_see(&j->seen, shape_text(document, "id").data, err) : STATUS_OK;
    if (status == STATUS_OK)
        status = feed_add(&j->feed, document, err);
    else
        json_decref(document);
    show(j);
    return status;
}

static enum status take_skip(void *context, const char *place, enum skip why, const char *reason,
                             struct error *err)
{
    struct job *j = context;
    j->skipped[why]++;
    j->failed = j->failed || skip_fails[why];
    progress_end(&j->progress);
    if (skip_fails[why])
        warn(j->session, "%s: %s", place, reason != NULL ? reason : skip_says[why]);
    else
        say_more(j->session, "skipped: %s: %s", place, skip_says[why]);
    return interrupt_asked(j->interrupt) ? error_set(err, STATUS_CANCELLED, "interrupted") : STATUS_OK;
}

static void take_converted(void *context, const char *path, const char *encoding, uint64_t substituted)
{
    struct job *j = context;
    j->converted++;
    j->substituted += substituted;
    progress_end(&j->progress);
    say_more(j->session, "converted: %s: from %s, %" PRIu64 " malformed bytes replaced", path, encoding,
             substituted);
}

static void take_reading(void *context, const char *path, uint64_t bytes)
{
    struct job *j = context;
    if (bytes == 0) {
        j->before += j->bytes;
        j->bytes = 0;
        buf_clear(&j->what);
        if (buf_append(&j->what, path, strlen(path), NULL) != STATUS_OK)
            buf_clear(&j->what);
    }
    j->bytes = bytes;
    show(j);
}

/* ---- the summary ---- */

static enum status count_row(struct table *t, const char *says, uint64_t n, struct error *err)
{
    if (n == 0)
        return STATUS_OK;
    enum status status = table_cell(t, text_of(says), err);
    return status == STATUS_OK ? table_format(t, err, "%" PRIu64, n) : status;
}

static enum status print_table(const struct job *j, struct error *err)
{
    static const struct column columns[] = {{"documents", ALIGN_LEFT}, {"count", ALIGN_RIGHT}};
    const struct feed *f = &j->feed;
    struct table t;
    table_init(&t, j->session, columns, 2);
    enum status status = f->client == NULL ? count_row(&t, "would be indexed", f->rows, err) : STATUS_OK;
    const struct {
        const char *says;
        uint64_t n;
    } counts[] = {{"created", f->created},
                  {"updated", f->updated},
                  {"unchanged", f->unchanged},
                  {"deleted", j->deleted},
                  {"failed", f->failed},
                  {"files converted to UTF-8", j->converted},
                  {"malformed bytes replaced in them", j->substituted}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts && status == STATUS_OK; i++)
        status = count_row(&t, counts[i].says, counts[i].n, err);
    for (size_t i = 0; i < SKIP_COUNT && status == STATUS_OK; i++) {
        char says[80];
        snprintf(says, sizeof says, "skipped: %s", skip_says[i]);
        status = count_row(&t, says, j->skipped[i], err);
    }
    if (status == STATUS_OK)
        status = table_print(&t, err);
    table_release(&t);
    return status;
}

static enum status print_json(const struct job *j, struct error *err)
{
    const struct feed *f = &j->feed;
    json_t *skipped = json_object();
    for (size_t i = 0; i < SKIP_COUNT; i++) {
        char name[32];
        size_t n = 0;
        for (; skip_names[i][n] != '\0'; n++)
            name[n] = (char)(skip_names[i][n] | 32);
        name[n] = '\0';
        if (j->skipped[i] > 0 &&
            json_object_set_new(skipped, name, json_integer((json_int_t)j->skipped[i])) != 0) {
            json_decref(skipped);
            return error_memory(err, "printing the summary");
        }
    }
    return output_json_new(json_pack("{s:{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}}", "summary",
                                     "dry_run", f->client == NULL, "documents", (json_int_t)f->rows,
                                     "created", (json_int_t)f->created, "updated", (json_int_t)f->updated,
                                     "unchanged", (json_int_t)f->unchanged, "deleted", (json_int_t)j->deleted,
                                     "failed", (json_int_t)f->failed, "passages", (json_int_t)f->passages,
                                     "tokens", (json_int_t)f->tokens, "converted", (json_int_t)j->converted,
                                     "skipped", skipped),
                           err);
}

/* ---- the run ---- */

static struct source_options source_options_of(struct session *s, const struct arguments *a)
{
    return (struct source_options){
        .kind = (enum source_kind)arguments_choice(a, "as"),
        .encoding = arguments_text(a, "encoding"),
        .walk = {.hidden = arguments_flag(a, "hidden"), .no_ignore = arguments_flag(a, "no-ignore")},
        .db = s->db.data,
        .fields = {.id = arguments_text(a, "id"),
                   .text = arguments_text(a, "text"),
                   .title = arguments_text(a, "title"),
                   .lang = arguments_text(a, "lang-field"),
                   .language = arguments_text(a, "lang"),
                   .arguments = a},
    };
}

/* What could not be read is not known to be gone. */
static enum status prune_folder(struct job *j, const struct arguments *a, const char *folder,
                                struct error *err)
{
    struct error fault = {0};
    if (strcmp(folder, "-") == 0)
        return STATUS_OK;
    if (j->failed || j->feed.failed > 0) {
        say(j->session, "%s: nothing is deleted, since not everything could be read", folder);
        return STATUS_OK;
    }
    enum status status = prune_run(&j->seen, j->client, arguments_text(a, "collection"), folder,
                                   arguments_flag(a, "force"), &j->deleted, &fault);
    if (status == STATUS_CONFLICT) {
        progress_end(&j->progress);
        warn(j->session, "%s", fault.text);
        j->failed = true;
        return STATUS_OK;
    }
    return status == STATUS_OK ? status : error_set(err, status, "%s", fault.text);
}

static enum status read_all(struct job *j, const struct arguments *a, const struct source_options *o,
                            struct error *err)
{
    struct source_sink sink = {take_document, take_skip, take_converted, take_reading, j};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++) {
        if (strcmp(a->operands[i], "-") == 0 && isatty(STDIN_FILENO))
            say(j->session, "reading stdin; end it with Ctrl-D");
        status = source_read(a->operands[i], o, &sink, err);
    }
    if (status == STATUS_OK)
        status = feed_flush(&j->feed, err);
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK && j->prune; i++)
        status = prune_folder(j, a, a->operands[i], err);
    return status;
}

static enum outcome finish(struct job *j, enum status status, struct error *err)
{
    struct error second = {0};
    progress_end(&j->progress);
    bool interrupted = status == STATUS_CANCELLED;
    if (status != STATUS_OK && !interrupted)
        return OUTCOME_ERROR;
    if (interrupted)
        *err = (struct error){0};
    status = j->session->format == FORMAT_JSON ? print_json(j, &second)
             : j->session->quiet               ? STATUS_OK
                                               : print_table(j, &second);
    if (status != STATUS_OK) {
        error_set(err, status, "%s", second.text);
        return OUTCOME_ERROR;
    }
    if (interrupted) {
        say(j->session, "stopped; what is counted above is kept, and the same command goes on from there");
        return OUTCOME_INTERRUPTED;
    }
    if (j->failed || j->feed.failed > 0)
        return OUTCOME_ERROR;
    if (j->feed.rows > 0)
        return OUTCOME_DONE;
    say(j->session,
        "nothing to index was found there; -v says what was passed over, --as makes every file count");
    return OUTCOME_NOTHING;
}

static enum outcome pass(struct session *s, const struct arguments *a, struct client *client,
                         struct interrupt *interrupt, struct error *err)
{
    bool watched = arguments_flag(a, "watch");
    struct job j = {.session = s, .client = client, .interrupt = interrupt};
    struct source_options source = source_options_of(s, a);
    uint64_t total = 0;
    enum status status = STATUS_OK;
    enum outcome outcome = OUTCOME_ERROR;
    j.prune = client != NULL && (watched || arguments_flag(a, "prune"));
    buf_init(&j.what, 1 << 16);
    for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++)
        status = source_size(a->operands[i], &source, &total, err);
    if (status == STATUS_OK)
        status = feed_init(&j.feed, s, client, arguments_text(a, "collection"),
                           s->format == FORMAT_JSON && arguments_flag(a, "rows"), err);
    if (status == STATUS_OK) {
        progress_start(&j.progress, s, total);
        status = read_all(&j, a, &source, err);
        outcome = finish(&j, status, err);
    }
    prune_release(&j.seen);
    feed_release(&j.feed);
    buf_release(&j.what);
    return outcome;
}

/* Watches are set before a pass and not behind it: what changes meanwhile is seen by the next one. */
static enum outcome watch(struct session *s, const struct arguments *a, struct client *client,
                          struct interrupt *interrupt, struct error *err)
{
    struct source_options source = source_options_of(s, a);
    enum outcome outcome = OUTCOME_ERROR;
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        struct watch w;
        status = watch_open(&w, err);
        for (size_t i = 0; i < a->operand_count && status == STATUS_OK; i++)
            status = watch_add(&w, a->operands[i], &source.walk, err);
        if (status == STATUS_OK) {
            outcome = pass(s, a, client, interrupt, err);
            if (outcome == OUTCOME_INTERRUPTED || err->status != STATUS_OK)
                status = STATUS_CANCELLED;
        }
        if (status == STATUS_OK) {
            say(s, "watching for changes; Ctrl-C ends it");
            status = watch_wait(&w, interrupt, err);
        }
        watch_close(&w);
    }
    if (status != STATUS_CANCELLED || (err->status != STATUS_OK && err->status != STATUS_CANCELLED))
        return OUTCOME_ERROR;
    *err = (struct error){0};
    return OUTCOME_DONE; /* the way it is meant to end */
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    struct interrupt interrupt;
    struct client *client = NULL;
    bool dry = arguments_flag(a, "dry-run"), watched = arguments_flag(a, "watch");
    enum outcome outcome = OUTCOME_ERROR;
    for (size_t i = 0; i < a->operand_count && watched; i++)
        if (dry || strcmp(a->operands[i], "-") == 0) {
            error_set(err, STATUS_INVALID, "--watch needs files or folders, and no --dry-run");
            return OUTCOME_ERROR;
        }
    interrupt_watch(&interrupt);
    enum status status = session_db(s, err);
    if (status == STATUS_OK && !dry)
        status = client_open(s, STORE_WRITE, &client, err);
    if (status == STATUS_OK)
        outcome = watched ? watch(s, a, client, &interrupt, err) : pass(s, a, client, &interrupt, err);
    client_close(client);
    interrupt_end(&interrupt);
    return outcome;
}

const struct command command_index = {
    .name = "index",
    .operands = "PATH…",
    .summary = "read files and folders into the store",
    .details = "Folders are walked in the order of their names. Read are text, Markdown, HTML, PDF (by "
               "pdftotext), docx, pptx, "
               "odt, odp, epub and source code, a document each; and .jsonl, .ndjson, .json, .csv and .tsv, "
               "a document a row. A "
               "file named on the command line is read whatever it is called. Hidden files, links, what a "
               ".gitignore, .ignore or "
               ".cognateignore leaves out, binary files and texts over 16 MiB are passed over, counted, and "
               "named with -v. PATH - "
               "is stdin.\n"
               "The id of a file is the folder's name and the path below it, so that it stays the same from "
               "wherever the command "
               "is run; that of a row is its _id or id, else FILE#ROW. A document that has not changed is "
               "not embedded again, even "
               "when its file has moved, so the same command can be run as often as you like. Documents of "
               "deleted files stay "
               "unless --prune or --watch deletes them.\n"
               "Every batch is one transaction: Ctrl-C stops after the one in hand (exit code 130), and even "
               "a crash loses nothing "
               "that was counted. Exit code 2 when something could not be read or was refused.",
    .options = options,
    .examples = examples,
    .least = 1,
    .most = OPERANDS_ANY,
    .run = run,
};
