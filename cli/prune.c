#include "cli/prune.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/walk.h"
#include "common/grow.h"
#include "server/json_shape.h"
#include "server/percent.h"

#define PAGE 1000

enum status prune_see(struct prune *p, const char *id, struct error *err)
{
    char **ids = grown(p->ids, p->count, &p->capacity, sizeof *ids);
    if (ids == NULL)
        return error_memory(err, "reading documents");
    p->ids = ids;
    p->ids[p->count] = strdup(id);
    if (p->ids[p->count] == NULL)
        return error_memory(err, "reading documents");
    p->count++;
    return STATUS_OK;
}

void prune_release(struct prune *p)
{
    for (size_t i = 0; i < p->count; i++)
        free(p->ids[i]);
    free(p->ids);
    *p = (struct prune){0};
}

static int by_id(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool seen(const struct prune *p, const char *id)
{
    return p->count > 0 && bsearch(&id, p->ids, p->count, sizeof *p->ids, by_id) != NULL;
}

static size_t seen_below(const struct prune *p, struct text prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < p->count; i++)
        n += strncmp(p->ids[i], prefix.data, prefix.len) == 0;
    return n;
}

/* ---- what the collection has ---- */

/* Adds the ids of one page that were not seen to `gone`; *more is false behind the folder's last document. */
static enum status look_at(const struct prune *p, const json_t *page, struct text prefix, struct buf *after,
                           json_t *gone, size_t *known, bool *more, struct error *err)
{
    const json_t *document;
    size_t i;
    *more = shape_get(page, "next_after") != NULL;
    json_array_foreach(shape_get(page, "documents"), i, document)
    {
        struct text id = shape_text(document, "id");
        if (id.len < prefix.len || memcmp(id.data, prefix.data, prefix.len) != 0) {
            *more = false;
            break;
        }
        ++*known;
        if (!seen(p, id.data) && json_array_append(gone, json_object_get(document, "id")) != 0)
            return error_memory(err, "comparing documents");
        buf_clear(after);
        enum status status = buf_append(after, id.data, id.len, err);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

/* Ids begin with the prefix exactly where they lie behind it, in byte order, until the first that does not.
 */
static enum status find_gone(const struct prune *p, struct client *client, const char *collection,
                             struct text prefix, json_t *gone, size_t *known, struct error *err)
{
    struct buf path, query, after;
    bool more = true;
    buf_init(&path, 4096);
    buf_init(&query, 1 << 16);
    buf_init(&after, 1 << 16);
    enum status status = client_collection_path(&path, collection, "/documents", err);
    if (status == STATUS_OK)
        status = buf_append(&after, prefix.data, prefix.len, err);
    while (status == STATUS_OK && more) {
        json_t *page = NULL;
        buf_clear(&query);
        status = buf_printf(&query, err, "limit=%d&after=", PAGE);
        if (status == STATUS_OK)
            status = percent_append(&query, buf_text(&after), err);
        if (status == STATUS_OK)
            status = client_call(client, "GET", path.data, query.data, NULL, &page, err);
        if (status == STATUS_OK)
            status = look_at(p, page, prefix, &after, gone, known, &more, err);
        json_decref(page);
    }
    buf_release(&after);
    buf_release(&query);
    buf_release(&path);
    return status;
}

static enum status delete_gone(struct client *client, const char *collection, json_t *gone, uint64_t *deleted,
                               struct error *err)
{
    struct buf path;
    buf_init(&path, 4096);
    enum status status = client_collection_path(&path, collection, "/documents/delete", err);
    for (size_t first = 0; first < json_array_size(gone) && status == STATUS_OK; first += PAGE) {
        json_t *ids = json_array(), *answer = NULL;
        json_t *body = json_pack("{s:o}", "ids", ids);
        for (size_t i = first; i < json_array_size(gone) && i < first + PAGE; i++)
            if (json_array_append(ids, json_array_get(gone, i)) != 0)
                status = error_memory(err, "deleting documents");
        if (status == STATUS_OK)
            status = client_call(client, "POST", path.data, NULL, body, &answer, err);
        *deleted += (uint64_t)shape_integer(answer, "deleted", 0);
        json_decref(answer);
        json_decref(body);
    }
    buf_release(&path);
    return status;
}

static enum status prune_below(struct prune *p, struct client *client, const char *collection,
                               const char *folder, struct text prefix, bool force, uint64_t *deleted,
                               struct error *err)
{
    size_t known = 0;
    json_t *gone = json_array();
    if (gone == NULL)
        return error_memory(err, "comparing documents");
    qsort(p->ids, p->count, sizeof *p->ids, by_id);
    enum status status = find_gone(p, client, collection, prefix, gone, &known, err);
    size_t n = json_array_size(gone);
    if (status == STATUS_OK && n > 0 && seen_below(p, prefix) == 0)
        status =
            error_set(err, STATUS_CONFLICT,
                      "%s: nothing was found there, so its %zu documents are kept; is a disk not mounted? "
                      "`cognate document delete --prefix %.*s` deletes them",
                      folder, n, (int)prefix.len, prefix.data);
    else if (status == STATUS_OK && !force && n > 1 && 2 * n > known)
        status = error_set(
            err, STATUS_CONFLICT,
            "%s: the files of %zu of its %zu documents are gone, so all are kept; --force deletes them",
            folder, n, known);
    if (status == STATUS_OK)
        status = delete_gone(client, collection, gone, deleted, err);
    json_decref(gone);
    return status;
}

enum status prune_run(struct prune *p, struct client *client, const char *collection, const char *folder,
                      bool force, uint64_t *deleted, struct error *err)
{
    struct buf prefix;
    struct stat st;
    char *name = NULL;
    if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
        return STATUS_OK;
    buf_init(&prefix, 1 << 16);
    enum status status = walk_root_name(folder, &name, err);
    if (status == STATUS_OK)
        status = buf_printf(&prefix, err, "%s/", name);
    if (status == STATUS_OK)
        status = prune_below(p, client, collection, folder, buf_text(&prefix), force, deleted, err);
    free(name);
    buf_release(&prefix);
    return status;
}
