/* Chosen members of a ZIP archive in memory, within bounds.
 *
 *     struct parts parts = {0};
 *     if (parts_read(&parts, bytes, wanted, OFFICE_BYTES, OFFICE_ENTRIES, &err) != STATUS_OK) …
 *     const struct part *p = parts_find(&parts, text_of("content.xml"));
 *     parts_release(&parts);
 */
#ifndef COGNATE_COMMON_ARCHIVE_PARTS_H
#define COGNATE_COMMON_ARCHIVE_PARTS_H

#include <stdbool.h>

#include "common/buf.h"
#include "common/text.h"

struct part {
    char *name;
    struct buf bytes;
};

struct parts {
    struct part *items;
    size_t count;
};

/* INVALID for what is no ZIP archive or is damaged; TOO_LARGE when there are more than `entries` members or
 * those wanted unpack to more than `bytes` in all. */
enum status parts_read(struct parts *parts, struct text archive, bool (*wanted)(struct text name),
                       size_t bytes, size_t entries, struct error *err);
const struct part *parts_find(const struct parts *parts, struct text name); /* NULL when there is none */
void parts_release(struct parts *parts);                                    /* accepts a zeroed one */

#endif
