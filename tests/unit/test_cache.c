#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "common/buf.h"
#include "common/cache.h"
#include "common/file.h"

static const unsigned char key[CACHE_DIGEST] = "a key of thirty-two bytes, no mo";

struct home {
    char folder[64], entry[256];
};

/* A cache folder of its own for each test. */
static int set_up(void **state)
{
    struct home *h = calloc(1, sizeof *h);
    snprintf(h->folder, sizeof h->folder, "/tmp/cognate-cache-XXXXXX");
    if (h == NULL || mkdtemp(h->folder) == NULL)
        return -1;
    setenv("XDG_CACHE_HOME", h->folder, 1);
    *state = h;
    return 0;
}

static int tear_down(void **state)
{
    struct home *h = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", h->folder);
    free(h);
    return system(command);
}

static void find_entry(struct home *h)
{
    h->entry[0] = '\0';
    char command[256];
    snprintf(command, sizeof command, "ls %s/cognate/tables/table-* 2>/dev/null", h->folder);
    FILE *p = popen(command, "r");
    assert_non_null(p);
    if (fgets(h->entry, sizeof h->entry, p) == NULL)
        fail_msg("no entry was written");
    h->entry[strcspn(h->entry, "\n")] = '\0';
    pclose(p);
}

static void keeps_and_finds(void **state)
{
    (void)state;
    static unsigned char data[100001];
    struct cache_entry entry;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 37 + i / 251);
    assert_false(cache_open(&entry, key, "table", 1));
    assert_null(entry.data);
    static const size_t sizes[] = {0, 1, 31, 32, 33, sizeof data};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_true(cache_store(key, "table", 1, data, sizes[i]));
        assert_true(cache_open(&entry, key, "table", 1));
        assert_int_equal(entry.size, sizes[i]);
        assert_memory_equal(entry.data, data, sizes[i]);
        assert_int_equal((uintptr_t)entry.data % 64, 0);
        cache_close(&entry);
    }
    unsigned char other[CACHE_DIGEST];
    memcpy(other, key, sizeof other);
    other[31] ^= 1; /* the same file name, another digest */
    assert_false(cache_open(&entry, other, "table", 1));
    assert_false(cache_open(&entry, key, "table", 2));
    assert_false(cache_open(&entry, key, "tables", 1));
    assert_true(cache_open(&entry, key, "table", 1));
    cache_close(&entry);
    cache_close(&entry);
}

static void ignores_damage(void **state)
{
    struct home *h = *state;
    struct cache_entry entry;
    struct buf bytes;
    assert_true(cache_store(key, "table", 1, "what is kept here", 17));
    find_entry(h);
    buf_init(&bytes, 4096);
    assert_int_equal(file_read(h->entry, &bytes, NULL), STATUS_OK);
    for (size_t i = 0; i < bytes.len; i++) {
        if (i >= 84 && i < 128)
            continue; /* padding */
        bytes.data[i] ^= 0x10;
        assert_int_equal(file_write_atomic(h->entry, bytes.data, bytes.len, NULL), STATUS_OK);
        if (cache_open(&entry, key, "table", 1))
            fail_msg("a change of byte %zu went unseen", i);
        bytes.data[i] ^= 0x10;
    }
    for (size_t n = 0; n < bytes.len; n += 7) {
        assert_int_equal(file_write_atomic(h->entry, bytes.data, n, NULL), STATUS_OK);
        assert_false(cache_open(&entry, key, "table", 1));
    }
    assert_true(cache_store(key, "table", 1, "what is kept here", 17)); /* and is replaced */
    assert_true(cache_open(&entry, key, "table", 1));
    cache_close(&entry);
    buf_release(&bytes);
}

static void does_without_a_folder(void **state)
{
    struct home *h = *state;
    struct cache_entry entry;
    char path[128];
    unsigned char digest[CACHE_DIGEST];
    snprintf(path, sizeof path, "%s/a-file", h->folder);
    assert_int_equal(file_write_atomic(path, "abc", 3, NULL), STATUS_OK);
    setenv("XDG_CACHE_HOME", path, 1); /* a file where the folder should be */
    assert_false(cache_store(key, "table", 1, "x", 1));
    assert_false(cache_open(&entry, key, "table", 1));
    assert_false(cache_digest(path, digest)); /* nothing would be gained by reading the file */
    assert_false(cache_store(key, "a name that is longer than it may be", 1, "x", 1));
}

static void remembers_a_digest(void **state)
{
    struct home *h = *state;
    char path[128];
    unsigned char first[CACHE_DIGEST], second[CACHE_DIGEST];
    snprintf(path, sizeof path, "%s/model", h->folder);
    assert_int_equal(file_write_atomic(path, "abc", 3, NULL), STATUS_OK);
    struct utimbuf old = {1000000000, 1000000000};
    assert_int_equal(utime(path, &old), 0);
    assert_true(cache_digest(path, first));
    assert_int_equal(first[0], 0xba); /* SHA-256 of "abc", FIPS 180-2 */
    assert_int_equal(first[31], 0xad);
    /* Same place, size and time: only a remembered digest can still be the old one. */
    FILE *f = fopen(path, "r+");
    assert_non_null(f);
    fputs("xyz", f);
    fclose(f);
    assert_int_equal(utime(path, &old), 0);
    assert_true(cache_digest(path, second));
    assert_memory_equal(first, second, sizeof first);
    old.modtime++;
    assert_int_equal(utime(path, &old), 0);
    assert_true(cache_digest(path, second));
    assert_memory_not_equal(first, second, sizeof first);
    assert_false(cache_digest("/nonexistent", second));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keeps_and_finds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ignores_damage, set_up, tear_down),
        cmocka_unit_test_setup_teardown(does_without_a_folder, set_up, tear_down),
        cmocka_unit_test_setup_teardown(remembers_a_digest, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
