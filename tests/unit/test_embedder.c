#include "golden.h"

/* Embeds all golden texts and returns the mean and the lowest cosine. */
static void cosines(enum precision precision, size_t step, double *mean, double *lowest)
{
    struct golden g;
    struct embedder *e = NULL;
    struct error err = {0};
    golden_open(&g, step);
    struct model *m = golden_model(&g, precision, cpu_best());
    float *out = malloc(g.count * GOLDEN_WIDTH * sizeof *out);
    if (embedder_new(m, 0, &e, &err) != STATUS_OK ||
        embedder_embed(e, g.ids, g.starts, g.count, out, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    *mean = 0;
    *lowest = 1;
    for (size_t i = 0; i < g.count; i++) {
        double c = golden_cosine(out + i * GOLDEN_WIDTH, g.vectors + i * GOLDEN_WIDTH);
        if (getenv("COGNATE_SHOW") != NULL)
            printf("%zu: %u tokens %.6f\n", i, g.starts[i + 1] - g.starts[i], c);
        *mean += c / (double)g.count;
        *lowest = c < *lowest ? c : *lowest;
    }
    printf("%zu texts, cosine %.6f, lowest %.6f\n", g.count, *mean, *lowest);
    free(out);
    embedder_free(e);
    model_free(m);
    golden_close(&g);
}

static void floats_equal_the_golden_vectors(void **state)
{
    (void)state;
    double mean, lowest;
    cosines(PRECISION_F32, 1, &mean, &lowest);
    assert_true(lowest >= 0.9999);
}

static void bytes_come_close_to_the_golden_vectors(void **state)
{
    (void)state;
    double mean, lowest;
    cosines(PRECISION_INT8, 1, &mean, &lowest);
    assert_true(mean >= 0.995);
    assert_true(lowest >= 0.98);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_equal_the_golden_vectors),
        cmocka_unit_test(bytes_come_close_to_the_golden_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
