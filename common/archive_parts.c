#include "common/archive_parts.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

static enum status refused(struct archive *a, struct error *err)
{
    const char *why = archive_error_string(a);
    return error_set(err, STATUS_INVALID, "it is no archive of that kind, or damaged: %s",
                     why != NULL ? why : "no reason is known");
}

static enum status unpack(struct archive *a, struct part *part, size_t *left, struct error *err)
{
    const void *piece;
    size_t n;
    la_int64_t at;
    int code;
    while ((code = archive_read_data_block(a, &piece, &n, &at)) == ARCHIVE_OK) {
        if (n > *left || (la_int64_t)part->bytes.len != at)
            return error_set(err, STATUS_TOO_LARGE, "it unpacks to more than %zu MiB",
                             part->bytes.ceiling >> 20);
        enum status status = buf_append(&part->bytes, piece, n, err);
        if (status != STATUS_OK)
            return status;
        *left -= n;
    }
    return code == ARCHIVE_EOF ? STATUS_OK : refused(a, err);
}

static enum status add_part(struct parts *parts, const char *name, size_t ceiling, struct part **out,
                            struct error *err)
{
    struct part *more = realloc(parts->items, (parts->count + 1) * sizeof *more);
    if (more == NULL)
        return error_memory(err, "unpacking a file");
    parts->items = more;
    *out = &more[parts->count];
    **out = (struct part){.name = strdup(name)};
    buf_init(&(*out)->bytes, ceiling);
    parts->count++;
    return (*out)->name != NULL ? STATUS_OK : error_memory(err, "unpacking a file");
}

enum status parts_read(struct parts *parts, struct text archive, bool (*wanted)(struct text name),
                       size_t bytes, size_t entries, struct error *err)
{
    struct archive_entry *entry;
    struct part *part = NULL;
    size_t left = bytes;
    int code = ARCHIVE_OK;
    struct archive *a = archive_read_new();
    if (a == NULL)
        return error_memory(err, "unpacking a file");
    enum status status = STATUS_OK;
    archive_read_support_format_zip(a);
    if (archive_read_open_memory(a, archive.data, archive.len) != ARCHIVE_OK)
        status = refused(a, err);
    for (size_t i = 0; status == STATUS_OK && (code = archive_read_next_header(a, &entry)) == ARCHIVE_OK;
         i++) {
        const char *name = archive_entry_pathname_utf8(entry);
        if (i == entries)
            status = error_set(err, STATUS_TOO_LARGE, "it holds more than %zu members", entries);
        else if (name != NULL && archive_entry_filetype(entry) == AE_IFREG && wanted(text_of(name)))
            status = add_part(parts, name, bytes, &part, err);
        else
            continue;
        if (status == STATUS_OK)
            status = unpack(a, part, &left, err);
    }
    if (status == STATUS_OK && code != ARCHIVE_EOF)
        status = refused(a, err);
    archive_read_free(a);
    return status;
}

const struct part *parts_find(const struct parts *parts, struct text name)
{
    for (size_t i = 0; i < parts->count; i++)
        if (text_is(name, parts->items[i].name))
            return &parts->items[i];
    return NULL;
}

void parts_release(struct parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        free(parts->items[i].name);
        buf_release(&parts->items[i].bytes);
    }
    free(parts->items);
    *parts = (struct parts){0};
}
