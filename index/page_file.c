#include "index/page_file.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 100
#define AT_PAGE_SIZE 16 /* in the header: two bytes, big end first; 1 means 65,536 */
#define AT_RESERVED  20
#define LEAST_PAGE   512
#define LANES        4

struct page_file {
    sqlite3_file base;
    sqlite3_file *real;    /* behind this struct, in the memory SQLite gave for both */
    size_t page_size;      /* of a file with sums; 0 before the header was seen, and for other files */
    unsigned char *buffer; /* one page, while it is written */
};

/* ---- the sum ---- */

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    return sum ^ sum >> 29;
}

/* Every step can be undone, so a page that differs in one word has another sum for certain. */
uint64_t page_sum(const unsigned char *bytes, size_t n, uint64_t number)
{
    uint64_t lanes[LANES] = {1, 2, 3, 4}, words[LANES], sum = number;
    size_t at = 0;
    for (; at + sizeof words < n; at += sizeof words) {
        memcpy(words, bytes + at, sizeof words);
        for (size_t j = 0; j < LANES; j++)
            lanes[j] = mix(lanes[j], words[j]);
    }
    memcpy(words, bytes + at,
           sizeof words - PAGE_SUM_BYTES); /* the last round leaves the sum's own place out */
    for (size_t j = 0; j < LANES - 1; j++)
        lanes[j] = mix(lanes[j], words[j]);
    for (size_t j = 0; j < LANES; j++)
        sum = mix(sum, lanes[j]);
    return mix(sum, n);
}

static void store_sum(unsigned char *page, size_t size, uint64_t number)
{
    uint64_t sum = page_sum(page, size, number);
    for (size_t i = 0; i < PAGE_SUM_BYTES; i++)
        page[size - PAGE_SUM_BYTES + i] = (unsigned char)(sum >> 8 * i);
}

static int sum_matches(const unsigned char *page, size_t size, uint64_t number)
{
    uint64_t stored = 0;
    for (size_t i = 0; i < PAGE_SUM_BYTES; i++)
        stored |= (uint64_t)page[size - PAGE_SUM_BYTES + i] << 8 * i;
    return stored == page_sum(page, size, number);
}

/* Learns from the file's header whether its pages have sums, and how large they are. */
static void look_at_header(struct page_file *f, const unsigned char *header)
{
    size_t size = (size_t)header[AT_PAGE_SIZE] << 8 | header[AT_PAGE_SIZE + 1];
    size = size == 1 ? 65536 : size;
    int ours = memcmp(header, "SQLite format 3", 16) == 0 && header[AT_RESERVED] == PAGE_SUM_BYTES &&
               size >= LEAST_PAGE && (size & (size - 1)) == 0;
    size = ours ? size : 0;
    if (size != f->page_size) {
        free(f->buffer);
        f->buffer = NULL;
    }
    f->page_size = size;
}

/* ---- methods of a file ---- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct page_file *)file)->real;
}

static int file_close(sqlite3_file *file)
{
    struct page_file *f = (struct page_file *)file;
    free(f->buffer);
    f->buffer = NULL;
    return f->real->pMethods->xClose(f->real);
}

/* SQLite reads pages past the end of the file before it first writes them. Of a page that is in the file it
 * would take what cannot be read for zeros, and keep them. */
static bool beyond_end(struct page_file *f, sqlite3_int64 at)
{
    sqlite3_int64 size = 0;
    return f->real->pMethods->xFileSize(f->real, &size) == SQLITE_OK && at >= size;
}

static int file_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
    struct page_file *f = (struct page_file *)file;
    int rc = f->real->pMethods->xRead(f->real, out, n, at);
    if (rc == SQLITE_IOERR_SHORT_READ && f->page_size != 0 && (size_t)n == f->page_size)
        return beyond_end(f, at) ? rc : SQLITE_IOERR_DATA;
    if (rc != SQLITE_OK)
        return rc;
    if (at == 0 && n >= HEADER_BYTES)
        look_at_header(f, out);
    if (f->page_size != 0 && (size_t)n == f->page_size && at % n == 0 &&
        !sum_matches(out, f->page_size, (uint64_t)(at / n)))
        return SQLITE_IOERR_DATA;
    return SQLITE_OK;
}

static int file_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    struct page_file *f = (struct page_file *)file;
    if (at == 0 && n >= LEAST_PAGE)
        look_at_header(f, bytes);
    if (f->page_size == 0 || (size_t)n != f->page_size || at % n != 0)
        return f->real->pMethods->xWrite(f->real, bytes, n, at);
    if (f->buffer == NULL)
        f->buffer = malloc(f->page_size);
    if (f->buffer == NULL)
        return SQLITE_IOERR_NOMEM;
    memcpy(f->buffer, bytes, f->page_size);
    store_sum(f->buffer, f->page_size, (uint64_t)(at / n));
    return f->real->pMethods->xWrite(f->real, f->buffer, n, at);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_reserved_lock(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}

static int file_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int delete_it)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), delete_it);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2, /* no memory mapping, which would go past the check */
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

/* ---- the layer ---- */

static int layer_open(sqlite3_vfs *layer, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    sqlite3_vfs *real = layer->pAppData;
    struct page_file *f = (struct page_file *)file;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return real->xOpen(real, name, file, flags, out_flags);
    memset(f, 0, sizeof *f);
    f->real = (sqlite3_file *)(f + 1);
    int rc = real->xOpen(real, name, f->real, flags, out_flags);
    if (f->real->pMethods != NULL)
        f->base.pMethods = &methods;
    return rc;
}

/* SQLite keeps its layers in a list of the whole process and links them through this struct, so it cannot
 * belong to a store. It never changes once it is in the list. */
static sqlite3_vfs page_layer;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void put_in(void)
{
    /* Its statistics of memory, which nobody reads, take one lock of the whole process for every piece: searches
     * would wait for each other there. Refused, and no loss, when SQLite is in use already. */
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (real == NULL)
        return;
    sqlite3_vfs layer = *real;
    layer.szOsFile = (int)sizeof(struct page_file) + real->szOsFile;
    layer.pNext = NULL;
    layer.zName = "cognate-pages";
    layer.pAppData = real;
    layer.xOpen = layer_open;
    page_layer = layer;
    if (sqlite3_vfs_register(&page_layer, 0) != SQLITE_OK)
        page_layer.zName = NULL;
}

const char *page_file_layer(void)
{
    pthread_once(&once, put_in);
    return page_layer.zName;
}
