#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/gguf_write.h"
#include "encoder/import/import.h"

static char folder[] = "/tmp/cognate-import-XXXXXX";

static const char *in_folder(const char *name)
{
    static char paths[2][256];
    static size_t turn;
    char *path = paths[turn++ % 2];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static const char *default_model(void)
{
    const char *path = getenv("COGNATE_MODEL");
    if (path == NULL)
        skip();
    return path;
}

/* Expects a refusal that names `words` and leaves no file. */
static void expect_refusal(const char *path, enum status status, const char *words)
{
    struct import_report report;
    struct error err = {0};
    assert_int_equal(model_import(path, in_folder("out.gguf"), &report, &err), status);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, err.text);
    assert_int_not_equal(access(in_folder("out.gguf"), F_OK), 0);
}

static void takes_a_gguf_file_over(void **state)
{
    (void)state;
    const char *path = default_model();
    struct import_report report;
    struct error err = {0};
    struct mapping before = {0}, after = {0};
    if (model_import(path, in_folder("out.gguf"), &report, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_string_equal(report.kind, "GGUF file");
    assert_string_equal(report.architecture, "bert");
    assert_int_equal(report.width, 512);
    assert_true(report.canaries > 0);
    assert_true(report.lowest > 0.98 && report.lowest <= 1.0001);
    assert_int_equal(mapping_open(&before, path, NULL), STATUS_OK);
    assert_int_equal(mapping_open(&after, in_folder("out.gguf"), NULL), STATUS_OK);
    assert_int_equal(report.bytes, after.size);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    mapping_close(&before);
    mapping_close(&after);
    assert_int_equal(unlink(in_folder("out.gguf")), 0);
}

/* The default model with its known answers in another order of signs. */
static void refuses_answers_that_are_missed(void **state)
{
    (void)state;
    struct gguf *g = NULL;
    struct gguf_writer *w = NULL;
    struct gguf_array answers;
    assert_int_equal(gguf_open(default_model(), &g, NULL), STATUS_OK);
    assert_int_equal(gguf_array(g, "cognate.canary.vectors", GGUF_F32, &answers, NULL), STATUS_OK);
    unsigned char *wrong = malloc(answers.size);
    assert_non_null(wrong);
    memcpy(wrong, answers.data, answers.size);
    for (size_t i = 3; i < answers.size; i += 8)
        wrong[i] ^= 0x80;
    assert_int_equal(gguf_writer_new(in_folder("wrong.gguf"), &w, NULL), STATUS_OK);
    for (uint64_t i = 0; i < gguf_pair_count(g); i++) {
        struct text key, pair = gguf_pair(g, i, &key);
        if (text_is(key, "cognate.canary.vectors"))
            gguf_put_array(w, "cognate.canary.vectors", GGUF_F32, wrong, answers.count);
        else
            gguf_put_pair(w, pair);
    }
    for (uint64_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        char name[300];
        snprintf(name, sizeof name, "%.*s", (int)t->name.len, t->name.data);
        gguf_put_tensor(w, name, t->type, t->dimensions, t->dims);
    }
    for (uint64_t i = 0; i < gguf_tensor_count(g); i++)
        gguf_put_data(w, gguf_tensor_at(g, i)->data, gguf_tensor_at(g, i)->size);
    assert_int_equal(gguf_writer_finish(w, NULL), STATUS_OK);
    assert_int_equal(gguf_writer_commit(w, NULL), STATUS_OK);
    gguf_writer_free(w);
    expect_refusal(in_folder("wrong.gguf"), STATUS_CORRUPT, "known answer 0");
    assert_int_equal(unlink(in_folder("wrong.gguf")), 0);
    free(wrong);
    gguf_free(g);
}

static void refuses_what_is_no_model(void **state)
{
    (void)state;
    expect_refusal(in_folder("none"), STATUS_NOT_FOUND, "none");
    assert_int_equal(file_write_atomic(in_folder("text"), "hello world, no model", 21, NULL), STATUS_OK);
    expect_refusal(in_folder("text"), STATUS_INVALID, "is not a GGUF model file");
    assert_int_equal(unlink(in_folder("text")), 0);
    expect_refusal("/", STATUS_UNSUPPORTED, "folder");
    assert_int_equal(rmdir(folder), 0); /* fails if a temporary file were left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_gguf_file_over),
        cmocka_unit_test(refuses_answers_that_are_missed),
        cmocka_unit_test(refuses_what_is_no_model),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
