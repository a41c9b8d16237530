#include <string.h>

#include "unit.h"

#include "encoder/selftest.h"

static void every_table_agrees(void **state)
{
    (void)state;
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (cpu_has((enum isa)isa)) {
            assert_true(kernels_agree(kernels_for((enum isa)isa)));
            assert_int_equal(kernels_trusted((enum isa)isa), isa);
        }
}

/* The fault that was seen on real machines: one sum of many is off. */
static void wrong_linear(const struct linear *w, const struct codes *codes, size_t rows, size_t first,
                         size_t end, const struct after *after, float *out)
{
    kernels_reference.linear(w, codes, rows, first, end, after, out);
    out[w->out + 70] += 0.5f;
}

/* The last bit of one float. */
static void wrong_norm(const struct norm *w, float *x, const float *add, size_t first, size_t end,
                       const struct codes *codes)
{
    kernels_reference.norm(w, x, add, first, end, codes);
    uint32_t bits;
    memcpy(&bits, &x[3], sizeof bits);
    bits ^= 1;
    memcpy(&x[3], &bits, sizeof bits);
}

static void a_wrong_kernel_is_found(void **state)
{
    (void)state;
    struct kernels k = kernels_reference;
    assert_true(kernels_agree(&k));
    k.linear = wrong_linear;
    assert_false(kernels_agree(&k));
    k = kernels_reference;
    k.norm = wrong_norm;
    assert_false(kernels_agree(&k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_table_agrees),
        cmocka_unit_test(a_wrong_kernel_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
