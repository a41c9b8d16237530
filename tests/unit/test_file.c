#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

static char folder[] = "/tmp/cognate-file-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void writes_and_reads_back(void **state)
{
    (void)state;
    struct buf b;
    struct mapping m;
    struct error err = {0};
    const char *path = in_folder("a");
    assert_int_equal(file_write_atomic(path, "hello", 5, &err), STATUS_OK);
    assert_int_equal(file_write_atomic(path, "other", 5, &err), STATUS_OK);
    buf_init(&b, 5);
    assert_int_equal(file_read(path, &b, &err), STATUS_OK);
    assert_true(text_is(buf_text(&b), "other"));
    buf_release(&b);
    buf_init(&b, 4);
    assert_int_equal(file_read(path, &b, &err), STATUS_TOO_LARGE);
    assert_non_null(strstr(err.text, path));
    buf_release(&b);
    assert_int_equal(mapping_open(&m, path, NULL), STATUS_OK);
    assert_int_equal(m.size, 5);
    assert_memory_equal(m.data, "other", 5);
    mapping_close(&m);
    mapping_close(&m);
    assert_int_equal(unlink(path), 0);
}

static void nothing_half_written_stays(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(file_write_atomic(in_folder("missing/file"), "x", 1, &err), STATUS_NOT_FOUND);
    assert_int_equal(mkdir(in_folder("taken"), 0700), 0);
    err = (struct error){0};
    assert_int_not_equal(file_write_atomic(in_folder("taken"), "x", 1, &err), STATUS_OK);
    assert_int_equal(rmdir(in_folder("taken")), 0);
    assert_int_equal(rmdir(folder), 0); /* fails if a temporary file were left */
    assert_int_equal(mkdir(folder, 0700), 0);
}

static void refuses_what_is_no_file(void **state)
{
    (void)state;
    struct mapping m = {0};
    struct error err = {0};
    assert_int_equal(mapping_open(&m, folder, &err), STATUS_INVALID);
    err = (struct error){0};
    assert_int_equal(mapping_open(&m, in_folder("none"), &err), STATUS_NOT_FOUND);
    assert_non_null(strstr(err.text, in_folder("none")));
    assert_int_equal(file_write_atomic(in_folder("empty"), "", 0, NULL), STATUS_OK);
    assert_int_equal(mapping_open(&m, in_folder("empty"), NULL), STATUS_OK);
    assert_int_equal(m.size, 0);
    mapping_close(&m);
    unlink(in_folder("empty"));
}

static void creates_folders_and_finds_xdg(void **state)
{
    (void)state;
    struct buf path;
    struct stat st;
    buf_init(&path, 4096);
    char deep[256];
    snprintf(deep, sizeof deep, "%s/x/y/z", folder);
    assert_int_equal(folder_create(deep, NULL), STATUS_OK);
    assert_int_equal(folder_create(deep, NULL), STATUS_OK);
    assert_int_equal(stat(deep, &st), 0);
    assert_true(S_ISDIR(st.st_mode));
    rmdir(deep);
    rmdir(in_folder("x/y"));
    rmdir(in_folder("x"));
    setenv("XDG_DATA_HOME", "/data", 1);
    assert_int_equal(xdg_data_path("cognate.db", &path, NULL), STATUS_OK);
    assert_string_equal(path.data, "/data/cognate/cognate.db");
    setenv("XDG_CACHE_HOME", "relative", 1); /* the specification says to ignore it */
    setenv("HOME", "/home/u", 1);
    assert_int_equal(xdg_cache_path("x", &path, NULL), STATUS_OK);
    assert_string_equal(path.data, "/home/u/.cache/cognate/x");
    unsetenv("HOME");
    assert_int_equal(xdg_cache_path("x", &path, NULL), STATUS_INVALID);
    buf_release(&path);
}

int main(void)
{
    if (mkdtemp(folder) == NULL)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads_back),
        cmocka_unit_test(nothing_half_written_stays),
        cmocka_unit_test(refuses_what_is_no_file),
        cmocka_unit_test(creates_folders_and_finds_xdg),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
