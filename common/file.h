/* Files: map for reading, write so that a reader sees the old content or the new and nothing between.
 *
 *     struct mapping m;
 *     if (mapping_open(&m, "model.gguf", &err) != STATUS_OK) …
 *     use(m.data, m.size);
 *     mapping_close(&m);
 */
#ifndef COGNATE_COMMON_FILE_H
#define COGNATE_COMMON_FILE_H

#include <stddef.h>

#include "common/buf.h"
#include "common/status.h"

/* A read-only shared mapping of a whole regular file. */
struct mapping {
    const unsigned char *data; /* NULL when the file is empty */
    size_t size;
};

enum status mapping_open(struct mapping *m, const char *path, struct error *err);
void mapping_close(struct mapping *m); /* accepts a zeroed or closed mapping */

/* Reads a whole file into `out` (appending); TOO_LARGE at the buffer's ceiling. */
enum status file_read(const char *path, struct buf *out, struct error *err);

/* A file that is being written beside its final name. */
struct draft {
    int fd;
    char *temporary; /* where it lies until it is committed */
    char *path;
};

enum status draft_open(struct draft *d, const char *path, struct error *err);
enum status draft_write(struct draft *d, const void *bytes, size_t n, struct error *err);
enum status draft_sync(struct draft *d, struct error *err);   /* brings it to the disk */
enum status draft_commit(struct draft *d, struct error *err); /* and to its name; it is closed then */
void draft_close(struct draft *d); /* removes what was not committed; accepts a zeroed or closed draft */

/* The same in one call. */
enum status file_write_atomic(const char *path, const void *bytes, size_t n, struct error *err);

/* Renames `from`, a file or folder whose content is on the disk, to `to`, and brings the renaming to the disk
 * too. */
enum status file_replace(const char *from, const char *to, struct error *err);

/* Brings what was made, renamed or removed in a folder to the disk. */
enum status folder_sync(const char *path, struct error *err);

/* Creates `path` and the folders above it (mode 0700) where they are missing. */
enum status folder_create(const char *path, struct error *err);

/* The XDG base folders (specifications.freedesktop.org/basedir-spec): $XDG_DATA_HOME/cognate/NAME, else
 * ~/.local/share/cognate/NAME; $XDG_CACHE_HOME/cognate/NAME, else ~/.cache/cognate/NAME. Written to `out`
 * (cleared first). */
enum status xdg_data_path(const char *name, struct buf *out, struct error *err);
enum status xdg_cache_path(const char *name, struct buf *out, struct error *err);

#endif
