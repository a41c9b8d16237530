#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "common/npy.h"

#define HEADER(order, shape) "{'descr': '<f4', 'fortran_order': " order ", 'shape': " shape ", }\n"

/* Bytes of a file with this header and `floats` numbers 0, 1, 2 … */
static size_t make(unsigned char *out, const char *header, size_t floats)
{
    size_t length = strlen(header);
    memcpy(out, "\x93NUMPY\x01\x00", 8);
    out[8] = (unsigned char)length;
    out[9] = 0;
    memcpy(out + 10, header, length);
    for (size_t i = 0; i < floats; i++)
        memcpy(out + 10 + length + i * sizeof(float), &(float){(float)i}, sizeof(float));
    return 10 + length + floats * sizeof(float);
}

static void rows_are_read(void **state)
{
    unsigned char bytes[512];
    struct npy n;
    float row[3];
    (void)state;
    size_t size = make(bytes, HEADER("False", "(2, 3)"), 6);
    assert_int_equal(npy_read(&n, "x", bytes, size, NULL), STATUS_OK);
    assert_int_equal(n.count, 2);
    assert_int_equal(n.width, 3);
    npy_row(&n, 1, row);
    assert_true(row[0] == 3 && row[1] == 4 && row[2] == 5);
}

static void arrays_of_other_shapes_are_read(void **state)
{
    unsigned char bytes[512];
    struct npy_array a;
    (void)state;
    size_t size = make(bytes, HEADER("False", "(3,)"), 3);
    assert_int_equal(npy_array_read(&a, "x", bytes, size, NULL), STATUS_OK);
    assert_true(a.type == NPY_F32 && a.dimensions == 1 && a.shape[0] == 3 && a.shape[1] == 1);
    assert_ptr_equal(a.data, bytes + size - 12);
    size = make(bytes, "{'descr': '<f8', 'fortran_order': False, 'shape': (), }\n", 2);
    assert_int_equal(npy_array_read(&a, "x", bytes, size, NULL), STATUS_OK);
    assert_true(a.type == NPY_F64 && a.dimensions == 0);
    size = make(bytes, "{'shape': (4, 2), 'fortran_order': False, 'descr': '|u1'}\n", 2);
    assert_int_equal(npy_array_read(&a, "x", bytes, size, NULL), STATUS_OK);
    assert_true(a.type == NPY_U8 && a.shape[0] == 4 && a.shape[1] == 2);
    assert_int_equal(npy_array_read(&a, "x", bytes, size - 1, NULL), STATUS_CORRUPT);
}

static void what_is_something_else_is_refused(void **state)
{
    static const struct {
        const char *header;
        size_t floats;
        enum status status;
    } cases[] = {
        {HEADER("True", "(2, 3)"), 6, STATUS_UNSUPPORTED},
        {HEADER("False", "(6,)"), 6, STATUS_UNSUPPORTED},
        {HEADER("False", "(1, 2, 3)"), 6, STATUS_UNSUPPORTED},
        {HEADER("False", "(0, 3)"), 0, STATUS_UNSUPPORTED},
        {HEADER("False", "(1, 8193)"), 8193, STATUS_UNSUPPORTED},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (1, 3), }\n", 6, STATUS_UNSUPPORTED},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1, 3), }\n", 6, STATUS_UNSUPPORTED},
        {"{}\n", 6, STATUS_UNSUPPORTED},
        {HEADER("False", "(2, 3)"), 5, STATUS_CORRUPT},
        {HEADER("False", "(2, 3)"), 7, STATUS_CORRUPT},
        {HEADER("False", "(99999999, 8192)"), 6, STATUS_CORRUPT},
    };
    static unsigned char bytes[33000];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct npy n = {.count = 7};
        struct error err = {0};
        size_t size = make(bytes, cases[i].header, cases[i].floats);
        if (npy_read(&n, "it.npy", bytes, size, &err) != cases[i].status)
            fail_msg("%s: %s", cases[i].header, err.text);
        assert_non_null(strstr(err.text, "it.npy"));
        assert_int_equal(n.count, 7);
    }
    assert_int_equal(npy_read(&(struct npy){0}, "x", (const unsigned char *)"hello", 5, NULL),
                     STATUS_UNSUPPORTED);
    size_t size = make(bytes, HEADER("False", "(2, 3)"), 6);
    assert_int_equal(npy_read(&(struct npy){0}, "x", bytes, 40, NULL), STATUS_CORRUPT);
    bytes[9] = 5; /* a header of more bytes than there are */
    assert_int_equal(npy_read(&(struct npy){0}, "x", bytes, size, NULL), STATUS_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_read),
        cmocka_unit_test(arrays_of_other_shapes_are_read),
        cmocka_unit_test(what_is_something_else_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
