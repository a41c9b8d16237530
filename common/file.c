#include "common/file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum status mapping_open(struct mapping *m, const char *path, struct error *err)
{
    enum status status = STATUS_OK;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_system(err, errno, "open", path);
    if (fstat(fd, &st) != 0) {
        status = error_system(err, errno, "read", path);
        goto done;
    }
    if (!S_ISREG(st.st_mode)) {
        status = error_set(err, STATUS_INVALID, "%s is not a regular file", path);
        goto done;
    }
    *m = (struct mapping){NULL, (size_t)st.st_size};
    if (m->size == 0)
        goto done;
    void *data = mmap(NULL, m->size, PROT_READ, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        *m = (struct mapping){0};
        status = error_system(err, errno, "map", path);
        goto done;
    }
    m->data = data;
done:
    close(fd);
    return status;
}

void mapping_close(struct mapping *m)
{
    if (m->data != NULL)
        munmap((void *)(uintptr_t)m->data, m->size);
    *m = (struct mapping){0};
}

enum status file_read(const char *path, struct buf *out, struct error *err)
{
    enum status status = STATUS_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_system(err, errno, "open", path);
    for (;;) {
        size_t room = out->ceiling - out->len < 65536 ? out->ceiling - out->len : 65536;
        status = buf_reserve(out, room, err);
        if (status != STATUS_OK)
            break;
        char one;
        ssize_t n = room > 0 ? read(fd, out->data + out->len, room) : read(fd, &one, 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            status = error_system(err, errno, "read", path);
        else if (n > 0 && room == 0)
            status = error_set(err, STATUS_TOO_LARGE, "%s is larger than %zu bytes, the limit here", path,
                               out->ceiling);
        if (n <= 0 || status != STATUS_OK)
            break;
        out->len += (size_t)n;
    }
    if (status == STATUS_OK && out->data != NULL)
        out->data[out->len] = '\0';
    close(fd);
    return status;
}

enum status draft_open(struct draft *d, const char *path, struct error *err)
{
    *d = (struct draft){.fd = -1, .path = strdup(path)};
    if (d->path == NULL || asprintf(&d->temporary, "%s.XXXXXX", path) < 0) {
        d->temporary = NULL;
        draft_close(d);
        return error_memory(err, "creating a file");
    }
    d->fd = mkostemp(d->temporary, O_CLOEXEC);
    if (d->fd >= 0)
        return STATUS_OK;
    enum status status = error_system(err, errno, "create", path);
    free(d->temporary); /* not ours to remove */
    d->temporary = NULL;
    draft_close(d);
    return status;
}

enum status draft_write(struct draft *d, const void *bytes, size_t n, struct error *err)
{
    for (const char *at = bytes; n > 0;) {
        ssize_t written = write(d->fd, at, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_system(err, errno, "write", d->path);
        at += written;
        n -= (size_t)written;
    }
    return STATUS_OK;
}

enum status draft_sync(struct draft *d, struct error *err)
{
    return fsync(d->fd) == 0 ? STATUS_OK : error_system(err, errno, "sync", d->path);
}

enum status draft_commit(struct draft *d, struct error *err)
{
    enum status status = draft_sync(d, err);
    if (status == STATUS_OK)
        status = file_replace(d->temporary, d->path, err);
    if (status != STATUS_OK)
        return status;
    free(d->temporary);
    d->temporary = NULL;
    draft_close(d);
    return STATUS_OK;
}

void draft_close(struct draft *d)
{
    if (d->path != NULL && d->fd >= 0)
        close(d->fd);
    if (d->temporary != NULL)
        unlink(d->temporary);
    free(d->temporary);
    free(d->path);
    *d = (struct draft){.fd = -1};
}

enum status file_write_atomic(const char *path, const void *bytes, size_t n, struct error *err)
{
    struct draft d;
    enum status status = draft_open(&d, path, err);
    if (status == STATUS_OK)
        status = draft_write(&d, bytes, n, err);
    if (status == STATUS_OK)
        status = draft_commit(&d, err);
    draft_close(&d);
    return status;
}

enum status folder_sync(const char *path, struct error *err)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status =
        folder >= 0 && fsync(folder) == 0 ? STATUS_OK : error_system(err, errno, "sync the folder", path);
    if (folder >= 0)
        close(folder);
    return status;
}

enum status file_replace(const char *from, const char *to, struct error *err)
{
    char *copy = strdup(to);
    enum status status = copy != NULL ? STATUS_OK : error_memory(err, "renaming a file");
    if (status == STATUS_OK && rename(from, to) != 0)
        status = error_system(err, errno, "rename a new file to", to);
    if (status == STATUS_OK)
        status = folder_sync(dirname(copy), err);
    free(copy);
    return status;
}

enum status folder_create(const char *path, struct error *err)
{
    struct buf part;
    buf_init(&part, 4096);
    enum status status = buf_append(&part, path, strlen(path), err);
    for (char *slash = status == STATUS_OK && part.len > 0 ? part.data + 1 : NULL; slash != NULL;) {
        slash = strchr(slash, '/');
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(part.data, 0700) != 0 && errno != EEXIST) {
            status = error_system(err, errno, "create the folder", part.data);
            break;
        }
        if (slash != NULL)
            *slash++ = '/';
    }
    buf_release(&part);
    return status;
}

static enum status xdg_path(const char *variable, const char *fallback, const char *name, struct buf *out,
                            struct error *err)
{
    buf_clear(out);
    const char *base = getenv(variable);
    if (base != NULL && base[0] == '/')
        return buf_printf(out, err, "%s/cognate/%s", base, name);
    const char *home = getenv("HOME");
    if (home == NULL || home[0] != '/')
        return error_set(err, STATUS_INVALID, "neither %s nor HOME names a folder; set one of them",
                         variable);
    return buf_printf(out, err, "%s/%s/cognate/%s", home, fallback, name);
}

enum status xdg_data_path(const char *name, struct buf *out, struct error *err)
{
    return xdg_path("XDG_DATA_HOME", ".local/share", name, out, err);
}

enum status xdg_cache_path(const char *name, struct buf *out, struct error *err)
{
    return xdg_path("XDG_CACHE_HOME", ".cache", name, out, err);
}
