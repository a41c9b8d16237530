#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "encoder/import/safetensors.h"

static char folder[] = "/tmp/cognate-safetensors-XXXXXX";

/* A file of `header` and `n` bytes 0, 1, 2 …, in memory that ends where it ends. */
static unsigned char *file_of(const char *header, size_t n, size_t *size)
{
    size_t length = strlen(header);
    unsigned char *bytes = malloc(8 + length + n);
    assert_non_null(bytes);
    for (size_t i = 0; i < 8; i++)
        bytes[i] = (unsigned char)((uint64_t)length >> 8 * i);
    memcpy(bytes + 8, header, length);
    for (size_t i = 0; i < n; i++)
        bytes[8 + length + i] = (unsigned char)i;
    *size = 8 + length + n;
    return bytes;
}

static const char *const three =
    "{\"__metadata__\": {\"format\": \"pt\"},"
    " \"b\": {\"dtype\": \"F16\", \"shape\": [2], \"data_offsets\": [24, 28]},"
    " \"a\": {\"dtype\": \"F32\", \"shape\": [2, 3], \"data_offsets\": [0, 24]},"
    " \"ids\": {\"dtype\": \"I64\", \"shape\": [1, 1], \"data_offsets\": [28, 36]}}  ";

static void reads_a_file(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = file_of(three, 36, &size);
    struct safetensors *s = NULL;
    struct error err = {0};
    if (safetensors_open_bytes("three", bytes, size, &s, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    assert_int_equal(safetensors_count(s), 3);
    assert_string_equal(safetensors_at(s, 0)->name, "a");
    const struct safetensor *a = safetensors_find(s, "a"), *b = safetensors_find(s, "b");
    assert_int_equal(a->dimensions, 2);
    assert_int_equal(a->shape[0], 2);
    assert_int_equal(a->shape[1], 3);
    assert_int_equal(a->type, GGML_F32);
    assert_int_equal(b->type, GGML_F16);
    assert_int_equal(b->data[0], 24);
    assert_int_equal(b->size, 4);
    assert_true(a->usable && b->usable);
    assert_false(safetensors_find(s, "ids")->usable);
    assert_null(safetensors_find(s, "c"));
    safetensors_free(s);
    free(bytes);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = file_of(three, 36, &size);
    for (size_t n = 0; n < size; n++) {
        struct safetensors *s = NULL;
        struct error err = {0};
        unsigned char *copy = malloc(n + 1); /* of its own, so that a read behind the end is seen */
        assert_non_null(copy);
        memcpy(copy, bytes, n);
        assert_int_equal(safetensors_open_bytes("cut", copy, n, &s, &err), STATUS_CORRUPT);
        assert_null(s);
        assert_true(err.text[0] != '\0');
        free(copy);
    }
    free(bytes);
}

static void refuses_lies(void **state)
{
    (void)state;
    static const struct {
        const char *header, *words;
        enum status status;
    } cases[] = {
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, "
         "\"b\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
         "overlaps", STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", "gap", STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}", "behind", STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [3], \"data_offsets\": [0, 8]}}", "shape", STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [3], \"data_offsets\": [0, 12]}}", "outside",
         STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}}", "outside",
         STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0.5, 8]}}", "outside",
         STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [-2], \"data_offsets\": [0, 8]}}", "sizes", STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [4294967296, 4294967296], \"data_offsets\": [0, 8]}}",
         "sizes", STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [9223372036854775807], \"data_offsets\": [0, 8]}}",
         "larger", STATUS_CORRUPT},
        {"{\"a\": {\"dtype\": \"F8_E4M3\", \"shape\": [8], \"data_offsets\": [0, 8]}}", "F8_E4M3",
         STATUS_UNSUPPORTED},
        {"{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}, \"a\": 1}", "duplicate",
         STATUS_CORRUPT},
        {"{\"a\": 1}", "dtype", STATUS_CORRUPT},
        {"[1]", "does not begin", STATUS_CORRUPT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size;
        unsigned char *bytes = file_of(cases[i].header, 8, &size);
        struct safetensors *s = NULL;
        struct error err = {0};
        assert_int_equal(safetensors_open_bytes("lying", bytes, size, &s, &err), cases[i].status);
        if (strstr(err.text, cases[i].words) == NULL)
            fail_msg("expected \"%s\" in: %s", cases[i].words, err.text);
        free(bytes);
    }
}

static void put(const char *name, const void *bytes, size_t n)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (bytes == NULL)
        assert_int_equal(unlink(path), 0);
    else
        assert_int_equal(file_write_atomic(path, bytes, n, NULL), STATUS_OK);
}

static void put_tensors(const char *name, const char *header, size_t n)
{
    size_t size;
    unsigned char *bytes = file_of(header, n, &size);
    put(name, bytes, size);
    free(bytes);
}

static void put_index(const char *json)
{
    put("model.safetensors.index.json", json, strlen(json));
}

static void expect_folder(enum status status, const char *words)
{
    struct safetensors *s = NULL;
    struct error err = {0};
    assert_int_equal(safetensors_open(folder, "model.safetensors", &s, &err), status);
    if (words != NULL && strstr(err.text, words) == NULL)
        fail_msg("expected \"%s\" in: %s", words, err.text);
    if (s != NULL) {
        assert_int_equal(safetensors_count(s), 2);
        assert_int_equal(safetensors_find(s, "x")->size, 8);
        assert_int_equal(safetensors_find(s, "y")->size, 4);
    }
    safetensors_free(s);
}

static void reads_what_an_index_names(void **state)
{
    (void)state;
    expect_folder(STATUS_NOT_FOUND, "model.safetensors.index.json");
    put_tensors("one.safetensors", "{\"x\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}",
                8);
    put_tensors("two.safetensors", "{\"y\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}",
                4);
    put_index("{\"weight_map\": {\"x\": \"one.safetensors\", \"y\": \"two.safetensors\", \"z\": "
              "\"one.safetensors\"}}");
    expect_folder(STATUS_OK, NULL);
    put_index("{\"weight_map\": {\"x\": \"../one.safetensors\"}}");
    expect_folder(STATUS_INVALID, "../one");
    put_index("{\"weight_map\": {\"x\": \"three.safetensors\"}}");
    expect_folder(STATUS_NOT_FOUND, "three.safetensors");
    put_index("{\"weight_map\": 3}");
    expect_folder(STATUS_CORRUPT, "weight_map");
    put_tensors("two.safetensors", "{\"x\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}",
                4);
    put_index("{\"weight_map\": {\"x\": \"one.safetensors\", \"y\": \"two.safetensors\"}}");
    expect_folder(STATUS_CORRUPT, "twice");
    put_tensors("model.safetensors",
                "{\"x\": {\"dtype\": \"BF16\", \"shape\": [4], \"data_offsets\": [4, 12]}, "
                "\"y\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}",
                12);
    expect_folder(STATUS_OK, NULL); /* the file itself comes before an index */
    put("one.safetensors", NULL, 0);
    put("two.safetensors", NULL, 0);
    put("model.safetensors", NULL, 0);
    put("model.safetensors.index.json", NULL, 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_file),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_lies),
        cmocka_unit_test(reads_what_an_index_names),
    };
    if (mkdtemp(folder) == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
