#include "fault_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR  512
#define SHADOWS 32

/* What a file holds on the disk, and what was written to it since. */
struct change {
    sqlite3_int64 at;
    size_t n;
    unsigned char *bytes; /* NULL: the file was cut to `at` */
};

struct shadow {
    char path[256];
    unsigned char *disk;
    size_t size;
    struct change *changes;
    size_t count, capacity;
    unsigned open;
    bool deleted; /* which is not certain to have reached the disk */
};

struct fault_file {
    sqlite3_file base;
    struct shadow *shadow; /* NULL for temporary files */
    sqlite3_file *real;    /* behind this struct */
};

static struct {
    sqlite3_vfs layer,
        *real; /* a layer above copies the former's methods, so these look here for the latter */
    struct shadow shadows[SHADOWS];
    enum fault_kind kind;
    bool armed, dead;
    uint64_t left, hits;
    int error; /* the system's number of the last fault */
} state;

/* ---- when ---- */

enum call { CALL_READ, CALL_WRITE, CALL_SYNC, CALL_OTHER };

static bool concerned(enum call call)
{
    switch (state.kind) {
    case FAULT_FULL_DISK:
        return call == CALL_WRITE;
    case FAULT_SHORT_READ:
        return call == CALL_READ;
    case FAULT_POWER:
        return call == CALL_WRITE || call == CALL_SYNC || state.dead;
    default:
        return true;
    }
}

/* Whether this call is to fail. */
static bool struck(enum call call)
{
    if (!state.armed || !concerned(call))
        return false;
    if (!state.dead && --state.left > 0)
        return false;
    bool once = state.kind == FAULT_ONCE || state.kind == FAULT_SHORT_READ;
    state.armed = !once;
    state.dead = !once;
    state.hits++;
    state.error = state.kind == FAULT_FULL_DISK ? ENOSPC : EIO;
    return true;
}

uint64_t fault_vfs_disarm(void)
{
    bool down = state.kind == FAULT_POWER && state.hits > 0; /* until the machine starts again */
    state.armed = state.dead = down;
    return state.hits;
}

/* ---- what is on the disk ---- */

static void *must(void *memory)
{
    if (memory == NULL)
        abort(); /* the machine has none left for the test itself */
    return memory;
}

static void forget_changes(struct shadow *s)
{
    for (size_t i = 0; i < s->count; i++)
        free(s->changes[i].bytes);
    s->count = 0;
}

static void resize(struct shadow *s, size_t size)
{
    s->disk = must(realloc(s->disk, size + 1));
    if (size > s->size)
        memset(s->disk + s->size, 0, size - s->size);
    s->size = size;
}

/* The first `n` bytes of a change reach the disk. */
static void apply(struct shadow *s, const struct change *change, size_t n)
{
    size_t at = (size_t)change->at;
    if (change->bytes == NULL) {
        resize(s, at);
        return;
    }
    if (n > 0 && at + n > s->size)
        resize(s, at + n);
    memcpy(s->disk + at, change->bytes, n);
}

static void synced(struct shadow *s)
{
    for (size_t i = 0; i < s->count; i++)
        apply(s, &s->changes[i], s->changes[i].n);
    forget_changes(s);
}

static void note(struct shadow *s, sqlite3_int64 at, const void *bytes, size_t n)
{
    if (s == NULL)
        return;
    if (s->count == s->capacity) {
        s->capacity = s->capacity * 2 + 16;
        s->changes = must(reallocarray(s->changes, s->capacity, sizeof *s->changes));
    }
    struct change *change = &s->changes[s->count++];
    *change = (struct change){at, n, NULL};
    if (bytes != NULL)
        change->bytes = memcpy(must(malloc(n + 1)), bytes, n);
}

static struct shadow *shadow_of(const char *path)
{
    for (size_t i = 0; i < SHADOWS; i++)
        if (strcmp(state.shadows[i].path, path) == 0)
            return &state.shadows[i];
    return NULL;
}

static void load(struct shadow *s)
{
    struct stat st;
    resize(s, 0);
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0) {
        resize(s, (size_t)st.st_size);
        if (read(fd, s->disk, s->size) != (ssize_t)s->size)
            abort();
    }
    if (fd >= 0)
        close(fd);
}

/* The shadow of a file that is about to be opened. */
static struct shadow *shadow_open(const char *path)
{
    struct shadow *s = shadow_of(path);
    for (size_t i = 0; i < SHADOWS && s == NULL; i++)
        if (state.shadows[i].open == 0 && state.shadows[i].count == 0 && !state.shadows[i].deleted)
            s = &state.shadows[i];
    if (s == NULL)
        abort();
    if (s->open == 0 && (s->count == 0 || access(path, F_OK) != 0)) {
        forget_changes(s);
        snprintf(s->path, sizeof s->path, "%s", path);
        load(s);
    }
    s->deleted = false;
    s->open++;
    return s;
}

void fault_vfs_arm(enum fault_kind kind, uint64_t at)
{
    for (size_t i = 0; i < SHADOWS; i++)
        if (state.shadows[i].open == 0 && access(state.shadows[i].path, F_OK) != 0) {
            forget_changes(&state.shadows[i]);
            state.shadows[i].deleted = false;
        }
    state.kind = kind;
    state.left = at;
    state.hits = 0;
    state.armed = true;
    state.dead = false;
}

size_t fault_vfs_unsynced(const char *path)
{
    const struct shadow *s = shadow_of(path);
    return s != NULL ? s->count : 0;
}

static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static bool write_back(const struct shadow *s)
{
    int fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, s->disk, s->size) == (ssize_t)s->size;
    return fd >= 0 && close(fd) == 0 && done;
}

bool fault_vfs_lose_power(uint64_t seed)
{
    bool good = true, all = next(&seed) % 3 == 0;
    state.armed = state.dead = false;
    for (size_t i = 0; i < SHADOWS; i++) {
        struct shadow *s = &state.shadows[i];
        bool back = s->deleted && next(&seed) % 2 == 0;
        bool there = access(s->path, F_OK) == 0 && s->count > 0;
        for (size_t j = 0; j < s->count && there && !all; j++) {
            size_t n = s->changes[j].n, fate = next(&seed) % 3;
            if (fate > 0)
                apply(s, &s->changes[j], fate == 1 ? n : next(&seed) % (n / SECTOR + 1) * SECTOR);
        }
        if (back || there)
            good &= write_back(s);
        forget_changes(s);
        s->deleted = false;
    }
    return good;
}

/* ---- methods of a file ---- */

static sqlite3_file *real_of(sqlite3_file *file)
{
    return ((struct fault_file *)file)->real;
}

static struct shadow *shadow_at(sqlite3_file *file)
{
    return ((struct fault_file *)file)->shadow;
}

static int file_close(sqlite3_file *file)
{
    if (shadow_at(file) != NULL)
        shadow_at(file)->open--;
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *out, int n, sqlite3_int64 at)
{
    bool fails = struck(CALL_READ);
    if (fails && state.kind != FAULT_SHORT_READ)
        return SQLITE_IOERR_READ;
    int rc = real_of(file)->pMethods->xRead(real_of(file), out, n, at);
    if (!fails)
        return rc;
    memset((char *)out + n / 2, 0, (size_t)(n - n / 2));
    return SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    bool fails = struck(CALL_WRITE);
    if (fails && state.kind != FAULT_FULL_DISK)
        return SQLITE_IOERR_WRITE;
    n = fails ? n / 2 : n;
    int rc = real_of(file)->pMethods->xWrite(real_of(file), bytes, n, at);
    if (rc == SQLITE_OK)
        note(shadow_at(file), at, bytes, (size_t)n);
    return fails ? SQLITE_FULL : rc;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    if (struck(CALL_SYNC))
        return SQLITE_IOERR_TRUNCATE;
    int rc = real_of(file)->pMethods->xTruncate(real_of(file), size);
    if (rc == SQLITE_OK)
        note(shadow_at(file), size, NULL, 0);
    return rc;
}

static int file_sync(sqlite3_file *file, int flags)
{
    if (struck(CALL_SYNC))
        return SQLITE_IOERR_FSYNC;
    int rc = real_of(file)->pMethods->xSync(real_of(file), flags);
    if (rc == SQLITE_OK && shadow_at(file) != NULL)
        synced(shadow_at(file));
    return rc;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return struck(CALL_OTHER) ? SQLITE_IOERR_FSTAT : real_of(file)->pMethods->xFileSize(real_of(file), size);
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

/* Nothing that would let SQLite do with fewer syncs than an ordinary disk needs. */
static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return 0;
}

static int file_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    if (struck(extend ? CALL_WRITE : CALL_OTHER))
        return state.kind == FAULT_FULL_DISK ? SQLITE_FULL : SQLITE_IOERR_SHMMAP;
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
    .iVersion = 2,
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
    struct fault_file *f = (struct fault_file *)file;
    const int followed = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL;
    (void)layer;
    *f = (struct fault_file){.real = (sqlite3_file *)(f + 1)};
    if (struck(CALL_OTHER))
        return SQLITE_CANTOPEN;
    if (name != NULL && (flags & followed) != 0)
        f->shadow = shadow_open(name);
    int rc = state.real->xOpen(state.real, name, f->real, flags, out_flags);
    if (f->real->pMethods != NULL)
        f->base.pMethods = &methods;
    else if (f->shadow != NULL)
        f->shadow->open--;
    return rc;
}

static int layer_delete(sqlite3_vfs *layer, const char *name, int sync_folder)
{
    (void)layer;
    if (struck(CALL_SYNC))
        return SQLITE_IOERR_DELETE;
    int rc = state.real->xDelete(state.real, name, sync_folder);
    struct shadow *s = shadow_of(name);
    if (rc == SQLITE_OK && s != NULL) {
        forget_changes(s);
        s->deleted = !sync_folder;
    }
    return rc;
}

static int layer_last_error(sqlite3_vfs *layer, int n, char *out)
{
    (void)layer;
    return state.hits > 0 ? state.error : state.real->xGetLastError(state.real, n, out);
}

bool fault_vfs_install(void)
{
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (real == NULL)
        return false;
    state.real = real;
    state.layer = *real;
    state.layer.szOsFile = (int)sizeof(struct fault_file) + real->szOsFile;
    state.layer.pNext = NULL;
    state.layer.zName = "faults";
    state.layer.xOpen = layer_open;
    state.layer.xDelete = layer_delete;
    state.layer.xGetLastError = layer_last_error;
    return sqlite3_vfs_register(&state.layer, 1) == SQLITE_OK;
}
