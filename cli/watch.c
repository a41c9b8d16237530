#include "cli/watch.h"

#include <errno.h>
#include <fts.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "server/engine.h"

#define EVENTS                                                                                               \
    (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF)
#define LOOK_MS 200 /* how often it is looked whether the user asked to stop */

enum status watch_open(struct watch *w, struct error *err)
{
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    return w->fd >= 0 ? STATUS_OK : error_system(err, errno, "watch", "files");
}

void watch_close(struct watch *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

static enum status add_folder(struct watch *w, const char *path, struct error *err)
{
    if (inotify_add_watch(w->fd, path, EVENTS) >= 0 || errno == ENOENT || errno == EACCES)
        return STATUS_OK; /* gone meanwhile, or not readable, which the walk tells */
    if (errno == ENOSPC)
        return error_set(
            err, STATUS_TOO_LARGE,
            "%s: the system has no more watches to give; raise fs.inotify.max_user_watches (sysctl) or "
            "run the command without --watch from a timer",
            path);
    return error_system(err, errno, "watch", path);
}

static enum status add_tree(struct watch *w, char *path, const struct walk_options *options,
                            struct error *err)
{
    char *roots[] = {path, NULL};
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
    FTSENT *entry;
    enum status status = STATUS_OK;
    if (tree == NULL)
        return error_system(err, errno, "watch", path);
    while (status == STATUS_OK && (entry = fts_read(tree)) != NULL) {
        if (entry->fts_level > FTS_ROOTLEVEL && entry->fts_name[0] == '.' && !options->hidden)
            fts_set(tree, entry, FTS_SKIP);
        else if (entry->fts_info == FTS_D)
            status = add_folder(w, entry->fts_path, err);
        else if (entry->fts_level == FTS_ROOTLEVEL && entry->fts_info == FTS_F)
            status = add_folder(w, dirname(path), err);
    }
    fts_close(tree);
    return status;
}

enum status watch_add(struct watch *w, const char *path, const struct walk_options *options,
                      struct error *err)
{
    char *copy = strdup(path);
    enum status status = copy != NULL ? add_tree(w, copy, options, err) : error_memory(err, "watching files");
    free(copy);
    return status;
}

/* Reads what is there; whether it was anything. */
static bool drain(struct watch *w)
{
    char events[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool any = false;
    while (read(w->fd, events, sizeof events) > 0)
        any = true;
    return any;
}

enum status watch_wait(struct watch *w, const struct interrupt *interrupt, struct error *err)
{
    int64_t first = 0, last = 0;
    for (;;) {
        struct pollfd p = {.fd = w->fd, .events = POLLIN};
        int ready = poll(&p, 1, LOOK_MS);
        int64_t now = monotonic_ms();
        if (interrupt_asked(interrupt))
            return error_set(err, STATUS_CANCELLED, "interrupted");
        if (ready < 0 && errno != EINTR)
            return error_system(err, errno, "watch", "files");
        if (ready > 0 && drain(w)) {
            last = now;
            first = first == 0 ? now : first;
        }
        if (first != 0 && (now - last >= WATCH_QUIET_MS || now - first >= WATCH_MOST_MS))
            return STATUS_OK;
    }
}
