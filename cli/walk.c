#include "cli/walk.h"

#include <errno.h>
#include <fts.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/ignore.h"
#include "common/buf.h"

#define ID_CEILING 65536
#define ENTERED    1 /* fts_number of a folder whose rules have been added */

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The last part of its real path. */
enum status walk_root_name(const char *path, char **out, struct error *err)
{
    char *full = realpath(path, NULL);
    if (full == NULL)
        return error_system(err, errno, "read", path);
    *out = strdup(strcmp(full, "/") == 0 ? "root" : basename(full));
    free(full);
    return *out != NULL ? STATUS_OK : error_memory(err, "reading a folder");
}

static enum status visit_file(const FTSENT *entry, const char *name, size_t root_len,
                              const struct walk_visitor *v, struct error *err)
{
    struct buf id;
    const char *below = entry->fts_path + root_len;
    below += strspn(below, "/");
    buf_init(&id, ID_CEILING);
    enum status status = buf_printf(&id, err, below[0] != '\0' ? "%s/%s" : "%s%s", name, below);
    if (status == STATUS_OK)
        status = v->file(v->context, entry->fts_path, id.data, (uint64_t)entry->fts_statp->st_size,
                         entry->fts_level == FTS_ROOTLEVEL, err);
    buf_release(&id);
    return status;
}

/* One run of walk. */
struct walker {
    const struct walk_options *options;
    const struct walk_visitor *visitor;
    FTS *tree;
    char *name; /* of the root */
    size_t root_len;
    struct ignore rules;
};

static enum status pass_over(struct walker *w, FTSENT *entry, enum skip why, struct error *err)
{
    fts_set(w->tree, entry, FTS_SKIP);
    return w->visitor->skip(w->visitor->context, entry->fts_path, why, NULL, err);
}

/* Rules that cannot be read are told; the folder is read without them. */
static enum status enter(struct walker *w, FTSENT *entry, struct error *err)
{
    struct error fault = {0};
    entry->fts_number = ENTERED;
    enum status status = ignore_enter(&w->rules, entry->fts_path, &fault);
    if (status == STATUS_OK || status == STATUS_NO_MEMORY)
        return status == STATUS_OK ? status : error_set(err, status, "%s", fault.text);
    return w->visitor->skip(w->visitor->context, entry->fts_path, SKIP_UNREADABLE, fault.text, err);
}

static enum status visit(struct walker *w, FTSENT *entry, struct error *err)
{
    const struct walk_visitor *v = w->visitor;
    bool below = entry->fts_level > FTS_ROOTLEVEL;
    if (entry->fts_number == ENTERED && (entry->fts_info == FTS_DP || entry->fts_info == FTS_DNR))
        ignore_leave(&w->rules);
    if (entry->fts_info == FTS_DP)
        return STATUS_OK;
    if (below && entry->fts_name[0] == '.' && !w->options->hidden)
        return pass_over(w, entry, SKIP_HIDDEN, err);
    if (below && ignore_match(&w->rules, entry->fts_path, entry->fts_info == FTS_D))
        return pass_over(w, entry, SKIP_IGNORED, err);
    switch (entry->fts_info) {
    case FTS_D:
        return w->options->no_ignore ? STATUS_OK : enter(w, entry, err);
    case FTS_F:
        return visit_file(entry, w->name, w->root_len, v, err);
    case FTS_SL:
    case FTS_SLNONE:
        return v->skip(v->context, entry->fts_path, SKIP_LINK, NULL, err);
    case FTS_DEFAULT:
        if (!below && (S_ISFIFO(entry->fts_statp->st_mode) || S_ISCHR(entry->fts_statp->st_mode)))
            return visit_file(entry, w->name, w->root_len, v, err); /* what a shell's <(…) gives */
        return v->skip(v->context, entry->fts_path, SKIP_SPECIAL, NULL, err);
    default:
        return v->skip(v->context, entry->fts_path, SKIP_UNREADABLE, strerror(entry->fts_errno), err);
    }
}

enum status walk(const char *path, const struct walk_options *options, const struct walk_visitor *visitor,
                 struct error *err)
{
    struct walker w = {.options = options, .visitor = visitor, .root_len = strlen(path)};
    char *copy = strdup(path), *roots[] = {copy, NULL};
    struct stat st;
    enum status status = copy != NULL ? STATUS_OK : error_memory(err, "reading a folder");
    if (status == STATUS_OK && stat(path, &st) != 0)
        status = error_system(err, errno, "read", path);
    if (status == STATUS_OK && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        w.name = strdup("pipe");
    else if (status == STATUS_OK)
        status = walk_root_name(path, &w.name, err);
    if (status == STATUS_OK) {
        w.tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
        if (w.tree == NULL)
            status = error_system(err, errno, "read", path);
    }
    while (status == STATUS_OK) {
        errno = 0;
        FTSENT *entry = fts_read(w.tree);
        if (entry == NULL) {
            if (errno != 0)
                status = error_system(err, errno, "read", path);
            break;
        }
        status = visit(&w, entry, err);
    }
    if (w.tree != NULL)
        fts_close(w.tree);
    ignore_release(&w.rules);
    free(w.name);
    free(copy);
    return status;
}
