#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/gguf_write.h"

static char path[] = "/tmp/cognate-gguf-write-XXXXXX";

static struct gguf_writer *begin(void)
{
    struct gguf_writer *w = NULL;
    assert_int_equal(gguf_writer_new(path, &w, NULL), STATUS_OK);
    return w;
}

static struct gguf *written(struct gguf_writer *w)
{
    struct gguf *g = NULL;
    struct error err = {0};
    if (gguf_writer_finish(w, &err) != STATUS_OK || gguf_writer_commit(w, &err) != STATUS_OK ||
        gguf_open(path, &g, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    gguf_writer_free(w);
    return g;
}

static const float floats[6] = {1, -2.5f, 0, 1e-30f, 3, 4};
static const unsigned char blocks[54] = {[0] = 1, [17] = 2, [53] = 3};

static void reads_back_what_was_written(void **state)
{
    (void)state;
    struct gguf_writer *w = begin();
    const struct text words[] = {{"one", 3}, {"", 0}, {"dr\0i", 4}};
    uint32_t number = 0;
    float real = 0;
    bool flag = false;
    struct text text;
    struct gguf_array list;
    size_t at = 0;
    gguf_put_u32(w, "a.number", 7);
    gguf_put_i32(w, "a.negative", -7);
    gguf_put_f32(w, "a.real", 0.25f);
    gguf_put_bool(w, "a.flag", true);
    gguf_put_text(w, "a.text", text_of("wörter"));
    gguf_put_array(w, "a.floats", GGUF_F32, floats, 6);
    gguf_put_array(w, "a.none", GGUF_I32, NULL, 0);
    gguf_put_texts(w, "a.texts", words, 3);
    gguf_put_tensor(w, "x", GGML_F32, 2, (uint64_t[]){3, 2});
    gguf_put_tensor(w, "y", GGML_Q4_0, 2, (uint64_t[]){32, 3});
    gguf_put_data(w, floats, 4);
    gguf_put_data(w, floats + 1, 20);
    gguf_put_data(w, blocks, sizeof blocks);
    struct gguf *g = written(w);
    assert_int_equal(gguf_pair_count(g), 8);
    assert_int_equal(gguf_u32(g, "a.number", &number, NULL), STATUS_OK);
    assert_int_equal(number, 7);
    assert_int_equal(gguf_u32(g, "a.negative", &number, NULL), STATUS_CORRUPT);
    assert_int_equal(gguf_f32(g, "a.real", &real, NULL), STATUS_OK);
    assert_true(real == 0.25f);
    assert_int_equal(gguf_bool(g, "a.flag", &flag, NULL), STATUS_OK);
    assert_true(flag);
    assert_int_equal(gguf_text(g, "a.text", &text, NULL), STATUS_OK);
    assert_true(text_is(text, "wörter"));
    assert_int_equal(gguf_array(g, "a.floats", GGUF_F32, &list, NULL), STATUS_OK);
    assert_int_equal(list.count, 6);
    assert_memory_equal(list.data, floats, sizeof floats);
    assert_int_equal(gguf_array(g, "a.none", GGUF_I32, &list, NULL), STATUS_OK);
    assert_int_equal(list.count, 0);
    assert_int_equal(gguf_array(g, "a.texts", GGUF_STRING, &list, NULL), STATUS_OK);
    for (size_t i = 0; i < 3; i++)
        assert_true(text_equal(gguf_array_text(&list, &at), words[i]));
    const struct gguf_tensor *x = gguf_tensor(g, "x"), *y = gguf_tensor(g, "y");
    assert_int_equal(x->dims[0], 3);
    assert_int_equal(x->dims[1], 2);
    assert_memory_equal(x->data, floats, sizeof floats);
    assert_int_equal(y->type, GGML_Q4_0);
    assert_memory_equal(y->data, blocks, sizeof blocks);
    gguf_free(g);
}

/* A file taken apart and put together again is the same file. */
static void copies_a_file_pair_by_pair(void **state)
{
    (void)state;
    struct gguf_writer *w = begin();
    struct mapping before = {0}, after = {0};
    gguf_put_u32(w, "a", 1);
    gguf_put_texts(w, "b", &(struct text){"c", 1}, 1);
    gguf_put_tensor(w, "x", GGML_F32, 1, (uint64_t[]){6});
    gguf_put_data(w, floats, sizeof floats);
    struct gguf *g = written(w);
    assert_int_equal(mapping_open(&before, path, NULL), STATUS_OK);
    w = begin();
    for (uint64_t i = 0; i < gguf_pair_count(g); i++) {
        struct text key;
        gguf_put_pair(w, gguf_pair(g, i, &key));
    }
    const struct gguf_tensor *x = gguf_tensor_at(g, 0);
    gguf_put_tensor(w, "x", x->type, x->dimensions, x->dims);
    gguf_put_data(w, x->data, x->size);
    gguf_free(written(w));
    assert_int_equal(mapping_open(&after, path, NULL), STATUS_OK);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.data, after.data, before.size);
    mapping_close(&before);
    mapping_close(&after);
    gguf_free(g);
}

static void leaves_nothing_without_a_commit(void **state)
{
    (void)state;
    struct gguf_writer *w = begin();
    char temporary[64];
    struct error err = {0};
    assert_int_equal(file_write_atomic(path, "before", 6, NULL), STATUS_OK);
    gguf_put_u32(w, "a", 1);
    assert_int_equal(gguf_writer_finish(w, &err), STATUS_OK);
    snprintf(temporary, sizeof temporary, "%s", gguf_writer_path(w));
    assert_int_equal(access(temporary, R_OK), 0);
    gguf_writer_free(w);
    assert_int_not_equal(access(temporary, F_OK), 0);
    struct mapping m;
    assert_int_equal(mapping_open(&m, path, NULL), STATUS_OK);
    assert_int_equal(m.size, 6);
    mapping_close(&m);
    assert_int_equal(gguf_writer_new("/nonexistent/x.gguf", &w, &err), STATUS_NOT_FOUND);
    gguf_writer_free(NULL);
}

/* Expects what was put to be no file, for the reason given. */
static void expect_failure(struct gguf_writer *w, const char *words)
{
    struct error err = {0};
    assert_int_equal(gguf_writer_finish(w, &err), STATUS_CORRUPT);
    if (strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, err.text);
    gguf_writer_free(w);
}

static void tells_of_misuse(void **state)
{
    (void)state;
    struct gguf_writer *w = begin();
    gguf_put_tensor(w, "x", GGML_F32, 1, (uint64_t[]){6});
    gguf_put_data(w, floats, 20);
    expect_failure(w, "fewer data");
    w = begin();
    gguf_put_tensor(w, "x", GGML_F32, 1, (uint64_t[]){5});
    gguf_put_data(w, floats, sizeof floats);
    assert_false(gguf_writer_works(w));
    expect_failure(w, "more data");
    w = begin();
    gguf_put_tensor(w, "x", GGML_Q4_0, 1, (uint64_t[]){31});
    expect_failure(w, "shape");
    w = begin();
    gguf_put_tensor(w, "x", GGML_F32, 3, (uint64_t[]){1ULL << 40, 1ULL << 20, 16});
    expect_failure(w, "shape");
    w = begin();
    gguf_put_tensor(w, "x", GGML_F32, 1, (uint64_t[]){6});
    gguf_put_data(w, floats, sizeof floats);
    gguf_put_u32(w, "late", 1);
    expect_failure(w, "after the first data");
    w = begin();
    gguf_put_u32(w, "a", 1);
    gguf_put_u32(w, "a", 2);
    expect_failure(w, "twice");
    w = begin();
    gguf_put_array(w, "a", GGUF_STRING, NULL, 0);
    expect_failure(w, "numbers");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back_what_was_written),
        cmocka_unit_test(copies_a_file_pair_by_pair),
        cmocka_unit_test(leaves_nothing_without_a_commit),
        cmocka_unit_test(tells_of_misuse),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
