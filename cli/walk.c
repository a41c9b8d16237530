#include "cli/walk.h"

#include <errno.h>
#include <fts.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"

#define ID_CEILING 65536

static int by_name(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* The root's own name: the last part of its real path. */
static enum status root_name(const char *path, char **out, struct error *err)
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

static enum status visit(FTS *tree, FTSENT *entry, const char *name, size_t root_len,
                         const struct walk_options *options, const struct walk_visitor *v, struct error *err)
{
    bool below = entry->fts_level > FTS_ROOTLEVEL;
    if (below && entry->fts_name[0] == '.' && !options->hidden && entry->fts_info != FTS_DP) {
        fts_set(tree, entry, FTS_SKIP);
        return v->skip(v->context, entry->fts_path, SKIP_HIDDEN, NULL, err);
    }
    switch (entry->fts_info) {
    case FTS_D:
    case FTS_DP:
        return STATUS_OK;
    case FTS_F:
        return visit_file(entry, name, root_len, v, err);
    case FTS_SL:
    case FTS_SLNONE:
        return v->skip(v->context, entry->fts_path, SKIP_LINK, NULL, err);
    case FTS_DEFAULT:
        if (!below && (S_ISFIFO(entry->fts_statp->st_mode) || S_ISCHR(entry->fts_statp->st_mode)))
            return visit_file(entry, name, root_len, v, err); /* what a shell's <(…) gives */
        return v->skip(v->context, entry->fts_path, SKIP_SPECIAL, NULL, err);
    default:
        return v->skip(v->context, entry->fts_path, SKIP_UNREADABLE, strerror(entry->fts_errno), err);
    }
}

enum status walk(const char *path, const struct walk_options *options, const struct walk_visitor *visitor,
                 struct error *err)
{
    char *name = NULL, *copy = strdup(path), *roots[] = {copy, NULL};
    struct stat st;
    FTS *tree = NULL;
    enum status status = copy != NULL ? STATUS_OK : error_memory(err, "reading a folder");
    if (status == STATUS_OK && stat(path, &st) != 0)
        status = error_system(err, errno, "read", path);
    if (status == STATUS_OK && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
        name = strdup("pipe");
    else if (status == STATUS_OK)
        status = root_name(path, &name, err);
    if (status == STATUS_OK) {
        tree = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, by_name);
        if (tree == NULL)
            status = error_system(err, errno, "read", path);
    }
    while (status == STATUS_OK) {
        errno = 0;
        FTSENT *entry = fts_read(tree);
        if (entry == NULL) {
            if (errno != 0)
                status = error_system(err, errno, "read", path);
            break;
        }
        status = visit(tree, entry, name, strlen(path), options, visitor, err);
    }
    if (tree != NULL)
        fts_close(tree);
    free(name);
    free(copy);
    return status;
}
