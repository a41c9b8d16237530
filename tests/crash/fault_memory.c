#include "fault_memory.h"

#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the process, like the functions it stands for. */
static struct {
    bool armed, stays;
    uint64_t left, hits;
    sqlite3_mem_methods sqlite;
} state;

static bool struck(void)
{
    if (!state.armed || (state.left > 0 && --state.left > 0))
        return false;
    state.armed = state.stays;
    state.hits++;
    errno = ENOMEM;
    return true;
}

void fault_memory_arm(uint64_t at, bool stays)
{
    state.left = at;
    state.hits = 0;
    state.stays = stays;
    state.armed = true;
}

uint64_t fault_memory_disarm(void)
{
    state.armed = false;
    return state.hits;
}

/* ---- the C library's ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t n);
void *__real_reallocarray(void *memory, size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t n);
int __real_posix_memalign(void **out, size_t align, size_t n);
char *__real_strdup(const char *s);
char *__real_realpath(const char *path, char *out);

void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t n);
void *__wrap_reallocarray(void *memory, size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t n);
int __wrap_posix_memalign(void **out, size_t align, size_t n);
char *__wrap_strdup(const char *s);
char *__wrap_realpath(const char *path, char *out);
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap___asprintf_chk(char **out, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void *__wrap_malloc(size_t n)
{
    return struck() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return struck() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *memory, size_t n)
{
    return struck() ? NULL : __real_realloc(memory, n);
}

void *__wrap_reallocarray(void *memory, size_t n, size_t size)
{
    return struck() ? NULL : __real_reallocarray(memory, n, size);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
    return struck() ? NULL : __real_aligned_alloc(align, n);
}

int __wrap_posix_memalign(void **out, size_t align, size_t n)
{
    return struck() ? ENOMEM : __real_posix_memalign(out, align, n);
}

char *__wrap_strdup(const char *s)
{
    return struck() ? NULL : __real_strdup(s);
}

char *__wrap_realpath(const char *path, char *out)
{
    return struck() ? NULL : __real_realpath(path, out);
}

int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int n = struck() ? -1 : vasprintf(out, format, arguments);
    va_end(arguments);
    return n;
}

int __wrap___asprintf_chk(char **out, int flag, const char *format, ...)
{
    va_list arguments;
    (void)flag;
    va_start(arguments, format);
    int n = struck() ? -1 : vasprintf(out, format, arguments);
    va_end(arguments);
    return n;
}

/* ---- SQLite's, which counts the bytes of its own ---- */

static void *sqlite_malloc(int n)
{
    return struck() ? NULL : state.sqlite.xMalloc(n);
}

static void *sqlite_realloc(void *memory, int n)
{
    return struck() ? NULL : state.sqlite.xRealloc(memory, n);
}

bool fault_memory_install(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &state.sqlite) != SQLITE_OK)
        return false;
    sqlite3_mem_methods methods = state.sqlite;
    methods.xMalloc = sqlite_malloc;
    methods.xRealloc = sqlite_realloc;
    json_set_alloc_funcs(__wrap_malloc, free);
    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK && sqlite3_initialize() == SQLITE_OK;
}
