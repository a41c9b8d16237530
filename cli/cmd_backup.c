#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"

/* Copies tell how far they are, and stop on Ctrl-C. */
struct copying {
    struct progress progress;
    struct interrupt interrupt;
};

static bool tell(void *context, uint64_t done, uint64_t total)
{
    struct copying *c = context;
    c->progress.total = total;
    progress_show(&c->progress, &(struct progress_now){.done = done, .what = "copying"});
    return !interrupt_asked(&c->interrupt);
}

static struct watcher watch(struct copying *c, const struct session *s)
{
    interrupt_watch(&c->interrupt);
    progress_start(&c->progress, s, 0);
    return (struct watcher){tell, c};
}

static void unwatch(struct copying *c)
{
    progress_end(&c->progress);
    interrupt_end(&c->interrupt);
}

static enum outcome outcome_of(const struct session *s, enum status status, struct error *err)
{
    if (status != STATUS_CANCELLED)
        return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
    say(s, "stopped; nothing was changed");
    *err = (struct error){0};
    return OUTCOME_INTERRUPTED;
}

/* ---- backup ---- */

static const struct option options[] = {
    {.name = "replace", .type = OPTION_FLAG, .help = "replace FILE when it is there"},
    {0},
};

static const struct example backup_examples[] = {
    {"backup /backups/monday.db", "a copy that stands alone, also while a server works"},
    {"--db /backups/monday.db check", "read the whole copy and check it"},
    {0},
};

static enum outcome run_backup(struct session *s, const struct arguments *a, struct error *err)
{
    struct store *store = NULL;
    struct copying copying;
    enum status status = session_db(s, err);
    if (status == STATUS_OK)
        status = store_open(s->db.data, STORE_READ, s->options.isa, &store, err);
    if (status == STATUS_OK) {
        struct watcher watcher = watch(&copying, s);
        status = store_backup(store, a->operands[0], arguments_flag(a, "replace"), &watcher, err);
        unwatch(&copying);
    }
    store_close(store);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status = output_json_new(json_pack("{s:s, s:s}", "store", s->db.data, "backup", a->operands[0]), err);
    else if (status == STATUS_OK)
        say(s, "%s is a copy of %s", a->operands[0], s->db.data);
    return outcome_of(s, status, err);
}

const struct command command_backup = {
    .name = "backup",
    .operands = "FILE",
    .summary = "copy the store as it is at this moment",
    .details = "The copy holds one state of the store, whatever is written to it meanwhile, and appears "
               "under its name "
               "when it is whole. It is a store itself: commands read it with --db. Never copy the file of a "
               "store in "
               "use by other means: what its log holds would be missing.",
    .options = options,
    .examples = backup_examples,
    .least = 1,
    .most = 1,
    .run = run_backup,
};

/* ---- restore ---- */

static const struct option restore_options[] = {
    {.name = "replace", .type = OPTION_FLAG, .help = "replace the store when it is there"},
    {0},
};

static const struct example restore_examples[] = {
    {"restore --replace /backups/monday.db", "go back to Monday"},
    {0},
};

static enum outcome run_restore(struct session *s, const struct arguments *a, struct error *err)
{
    struct store_counts counts;
    struct copying copying;
    enum status status = session_db(s, err);
    if (status == STATUS_OK)
        status = session_make_folder(s, err);
    if (status == STATUS_OK) {
        struct watcher watcher = watch(&copying, s);
        status =
            store_restore(a->operands[0], s->db.data, arguments_flag(a, "replace"), &watcher, &counts, err);
        unwatch(&copying);
    }
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status =
            output_json_new(json_pack("{s:s, s:I, s:I, s:I}", "store", s->db.data, "collections",
                                      (json_int_t)counts.collections, "documents",
                                      (json_int_t)counts.documents, "passages", (json_int_t)counts.passages),
                            err);
    else if (status == STATUS_OK)
        say(s, "%s: %llu collections, %llu documents, %llu passages; every page and row is in order",
            s->db.data, (unsigned long long)counts.collections, (unsigned long long)counts.documents,
            (unsigned long long)counts.passages);
    return outcome_of(s, status, err);
}

const struct command command_restore = {
    .name = "restore",
    .operands = "FILE",
    .summary = "put a backup in the place of the store",
    .details =
        "Every page, checksum, count and reference of the copy is checked before it takes the store's place; "
        "nothing is changed when one is wrong. A backup of an older version is brought up to date. End a "
        "server "
        "that has the store open first.",
    .options = restore_options,
    .examples = restore_examples,
    .least = 1,
    .most = 1,
    .run = run_restore,
};
