/* Pages with checksums: a SQLite file whose every page ends with a sum over it, checked whenever it is read.
 *
 *     | content of the page, as SQLite sees it …            | sum |
 *     0                                     page size - 8
 *
 * SQLite is told to leave the last PAGE_SUM_BYTES of each page alone (byte 20 of the file's header says so),
 * a layer under it fills them in and looks at them. The sum covers the page's number too, so that a page in
 * the wrong place is found as well. The write-ahead log has sums of its own. A page that does not match makes
 * the statement fail with SQLITE_IOERR_DATA.
 *
 * Files without the reserved bytes pass through unchanged.
 */
#ifndef COGNATE_INDEX_PAGE_FILE_H
#define COGNATE_INDEX_PAGE_FILE_H

#include <stddef.h>
#include <stdint.h>

#define PAGE_SUM_BYTES 8

/* Name of the layer for sqlite3_open_v2; NULL when SQLite refused to take it. Safe from any thread. */
const char *page_file_layer(void);

/* Sum of the `n` bytes (a multiple of 32) of page `number` without its last 8. */
uint64_t page_sum(const unsigned char *bytes, size_t n, uint64_t number);

#endif
