#include "common/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"

#define MAGIC       "COGCACH1"
#define HEADER_SIZE 128
#define SETTLED     2 /* seconds after which a file's time tells one content from the next */

/* In the byte order of the machine: an entry that another machine wrote fails its checksum. */
struct header {
    char magic[8];
    uint32_t version;
    char name[CACHE_NAME + 1];
    unsigned char digest[CACHE_DIGEST];
    unsigned char size[8], sum[8];
};

_Static_assert(sizeof(struct header) <= HEADER_SIZE, "the header fits before the data");

/* Four lanes of multiply and rotate, which together keep up with memory. Finds damage, not forgery: the
 * folder belongs to the user. */
static uint64_t checksum(const unsigned char *data, size_t size)
{
    uint64_t lanes[4] = {0x9e3779b97f4a7c15u, 0xbf58476d1ce4e5b9u, 0x94d049bb133111ebu, size};
    size_t i = 0;
    for (; i + 32 <= size; i += 32)
        for (size_t lane = 0; lane < 4; lane++) {
            uint64_t word;
            memcpy(&word, data + i + 8 * lane, sizeof word);
            word = (lanes[lane] ^ word) * 0xff51afd7ed558ccdu;
            lanes[lane] = word << 29 | word >> 35;
        }
    for (; i < size; i++)
        lanes[i % 4] = (lanes[i % 4] ^ data[i]) * 0xff51afd7ed558ccdu;
    for (size_t lane = 1; lane < 4; lane++) {
        lanes[0] = (lanes[0] ^ lanes[lane]) * 0xc4ceb9fe1a85ec53u;
        lanes[0] ^= lanes[0] >> 31;
    }
    return lanes[0];
}

static void fill_header(struct header *h, const unsigned char digest[CACHE_DIGEST], const char *name,
                        uint32_t version, const void *data, size_t size)
{
    uint64_t length = size, sum = checksum(data, size);
    memset(h, 0, sizeof *h);
    memcpy(h->magic, MAGIC, sizeof h->magic);
    h->version = version;
    memcpy(h->name, name, strlen(name));
    memcpy(h->digest, digest, CACHE_DIGEST);
    memcpy(h->size, &length, sizeof length);
    memcpy(h->sum, &sum, sizeof sum);
}

/* The cache folder, then NAME-DIGEST. */
static bool entry_path(const unsigned char digest[CACHE_DIGEST], const char *name, struct buf *folder,
                       struct buf *path)
{
    buf_init(folder, 4096);
    buf_init(path, 8192);
    if (strlen(name) > CACHE_NAME || xdg_cache_path("tables", folder, NULL) != STATUS_OK ||
        buf_printf(path, NULL, "%s/%s-", folder->data, name) != STATUS_OK)
        return false;
    for (size_t i = 0; i < 16; i++)
        if (buf_printf(path, NULL, "%02x", digest[i]) != STATUS_OK)
            return false;
    return true;
}

/* Maps a regular file of this user. */
static bool map_own(const char *path, struct cache_entry *entry)
{
    struct stat st;
    bool mapped = false;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() && st.st_size >= HEADER_SIZE) {
        void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
        mapped = bytes != MAP_FAILED;
        if (mapped)
            *entry = (struct cache_entry){(const unsigned char *)bytes + HEADER_SIZE,
                                          (size_t)st.st_size - HEADER_SIZE, bytes, (size_t)st.st_size};
    }
    close(fd);
    return mapped;
}

bool cache_open(struct cache_entry *entry, const unsigned char digest[CACHE_DIGEST], const char *name,
                uint32_t version)
{
    struct buf folder, path;
    *entry = (struct cache_entry){0};
    bool good = entry_path(digest, name, &folder, &path) && map_own(path.data, entry);
    if (good) {
        struct header wanted;
        fill_header(&wanted, digest, name, version, entry->data, entry->size);
        good = memcmp(&wanted, entry->mapping, sizeof wanted) == 0;
    }
    if (!good)
        cache_close(entry);
    buf_release(&folder);
    buf_release(&path);
    return good;
}

void cache_close(struct cache_entry *entry)
{
    if (entry->mapping != NULL)
        munmap(entry->mapping, entry->mapping_size);
    *entry = (struct cache_entry){0};
}

bool cache_store(const unsigned char digest[CACHE_DIGEST], const char *name, uint32_t version,
                 const void *data, size_t size)
{
    struct buf folder, path;
    bool kept = false;
    unsigned char *bytes = NULL;
    if (!entry_path(digest, name, &folder, &path) || size > SIZE_MAX - HEADER_SIZE)
        goto done;
    bytes = calloc(1, HEADER_SIZE + size);
    if (bytes == NULL || folder_create(folder.data, NULL) != STATUS_OK)
        goto done;
    fill_header((struct header *)(void *)bytes, digest, name, version, data, size);
    memcpy(bytes + HEADER_SIZE, data, size);
    kept = file_write_atomic(path.data, bytes, HEADER_SIZE + size, NULL) == STATUS_OK;
done:
    free(bytes);
    buf_release(&folder);
    buf_release(&path);
    return kept;
}

/* What tells one content of a file from another without reading it. */
static void identity(const struct stat *st, unsigned char out[CACHE_DIGEST])
{
    uint64_t facts[5] = {(uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size,
                         (uint64_t)st->st_mtim.tv_sec, (uint64_t)st->st_mtim.tv_nsec};
    struct sha256_ctx sha;
    sha256_init(&sha);
    sha256_update(&sha, sizeof facts, (const uint8_t *)facts);
    sha256_digest(&sha, CACHE_DIGEST, out);
}

/* Whether entries can be written. */
static bool can_keep(void)
{
    struct buf folder;
    buf_init(&folder, 4096);
    bool can = xdg_cache_path("tables", &folder, NULL) == STATUS_OK &&
               folder_create(folder.data, NULL) == STATUS_OK && access(folder.data, W_OK | X_OK) == 0;
    buf_release(&folder);
    return can;
}

static bool hash_file(const char *path, unsigned char out[CACHE_DIGEST])
{
    struct mapping file = {0};
    struct sha256_ctx sha;
    if (mapping_open(&file, path, NULL) != STATUS_OK)
        return false;
    sha256_init(&sha);
    sha256_update(&sha, file.size, file.data);
    sha256_digest(&sha, CACHE_DIGEST, out);
    mapping_close(&file);
    return true;
}

bool cache_digest(const char *path, unsigned char out[CACHE_DIGEST])
{
    struct stat st;
    struct cache_entry entry;
    unsigned char key[CACHE_DIGEST], after[CACHE_DIGEST] = {0};
    if (stat(path, &st) != 0)
        return false;
    identity(&st, key);
    bool known = cache_open(&entry, key, "sha256", 1) && entry.size == CACHE_DIGEST;
    if (known)
        memcpy(out, entry.data, CACHE_DIGEST);
    cache_close(&entry);
    if (known)
        return true;
    if (!can_keep() || !hash_file(path, out))
        return false;
    if (stat(path, &st) == 0)
        identity(&st, after);
    if (memcmp(key, after, sizeof key) != 0 || time(NULL) - st.st_mtim.tv_sec <= SETTLED)
        return true; /* it is being written: what was read is what counts, and next time may differ */
    return cache_store(key, "sha256", 1, out, CACHE_DIGEST);
}
