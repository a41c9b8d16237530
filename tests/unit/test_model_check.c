#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "encoder/import/model_check.h"
#include "mutation.h"

#define MUTATIONS 1000

static char whole[] = "/tmp/cognate-model-check-XXXXXX", changed[sizeof whole + 8];

/* A file with everything that a file can have: the fixture with WordPiece, byte for byte what an import
 * makes. */
static void make_whole(void)
{
    char path[512];
    struct import_report report;
    struct error err = {0};
    const char *source = getenv("COGNATE_SOURCE");
    if (source == NULL)
        skip();
    snprintf(path, sizeof path, "%s/tests/fixtures/models/bert", source);
    if (model_import(path, whole, &report, &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

static void write_changed(const void *bytes, size_t n)
{
    FILE *out = fopen(changed, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(bytes, 1, n, out), n);
    assert_int_equal(fclose(out), 0);
}

static void says_what_a_model_is(void **state)
{
    (void)state;
    struct import_report report = {0};
    struct error err = {0};
    make_whole();
    assert_int_equal(model_check(whole, "whole", &report, NULL), STATUS_OK);
    assert_string_equal(report.architecture, "bert");
    assert_int_equal(report.width, 32);
    assert_int_equal(report.context, 40);
    assert_int_equal(report.canaries, 0);
    write_changed("GGUF", 4);
    assert_int_equal(model_check(changed, "a name", &report, &err), STATUS_CORRUPT);
    assert_non_null(strstr(err.text, "a name"));
}

static void changed_files_work_or_are_refused(void **state)
{
    (void)state;
    struct mapping m = {0};
    uint32_t seed = 1;
    size_t refused = 0;
    make_whole();
    assert_int_equal(mapping_open(&m, whole, NULL), STATUS_OK);
    for (size_t i = 0; i < MUTATIONS; i++) {
        size_t n = m.size;
        struct import_report report = {0};
        struct error err = {0};
        unsigned char *bytes = mutated(m.data, &n, 24000, &seed); /* keys, pieces and the list of tensors */
        write_changed(bytes, n);
        enum status status = model_check(changed, "changed", &report, &err);
        assert_true(status == STATUS_OK ? report.width > 0 : err.text[0] != '\0');
        refused += status != STATUS_OK;
        free(bytes);
    }
    mapping_close(&m);
    print_message("%zu of %d changed files refused\n", refused, MUTATIONS);
    assert_true(refused > MUTATIONS / 4 && refused < MUTATIONS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_what_a_model_is),
        cmocka_unit_test(changed_files_work_or_are_refused),
    };
    int fd = mkstemp(whole);
    if (fd < 0)
        return 1;
    close(fd);
    snprintf(changed, sizeof changed, "%s.changed", whole);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(whole);
    unlink(changed);
    return failed;
}
