/* Tables that are built from a file and kept for the next start.
 *
 *     unsigned char digest[CACHE_DIGEST];
 *     struct cache_entry entry;
 *     bool keep = cache_digest("model.gguf", digest);
 *     if (keep && cache_open(&entry, digest, "weights", 3))     // mapped, checked
 *         use(entry.data, entry.size);                          // until cache_close(&entry)
 *     else
 *         build, and if (keep) cache_store(digest, "weights", 3, table, size);
 *
 * An entry is a flat block without pointers, found by the digest of the file it came from, a name and a
 * version number; whoever changes the meaning of the bytes raises the number. Entries live in the cache
 * folder of the user (file.h), are written beside their place and renamed into it, and carry a checksum. One
 * that is damaged, of another version or of another user is as good as absent; so is a folder that cannot be
 * read or written. Nothing here is needed for a right answer, only for a fast one.
 *
 *     | magic | version | name | digest | size | checksum |  padding  | data …
 *     0       8         12     36       68     76         84          128
 */
#ifndef COGNATE_COMMON_CACHE_H
#define COGNATE_COMMON_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/status.h"

#define CACHE_DIGEST 32
#define CACHE_NAME   23 /* bytes of a name, at most; letters, digits and dashes */

struct cache_entry {
    const unsigned char *data; /* aligned to 64 bytes, read-only */
    size_t size;
    void *mapping;
    size_t mapping_size;
};

/* False, and an entry to which cache_close may be applied, when there is none that can be used. */
bool cache_open(struct cache_entry *entry, const unsigned char digest[CACHE_DIGEST], const char *name,
                uint32_t version);
void cache_close(struct cache_entry *entry); /* accepts a zeroed or closed entry */

/* False when it could not be kept, which a caller may ignore. */
bool cache_store(const unsigned char digest[CACHE_DIGEST], const char *name, uint32_t version,
                 const void *data, size_t size);

/* The SHA-256 of a file. It is remembered by device, inode, size and time of change, so that a large file is
 * read once. False when the file cannot be read, and when nothing can be kept: then nothing would be gained
 * by reading it. */
bool cache_digest(const char *path, unsigned char out[CACHE_DIGEST]);

#endif
