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
    assert_true(mean >= 0.998);
    assert_true(lowest >= 0.99);
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Sequences of made-up ids, 2 to 70 of them, behind the golden ones. */
static void add_generated(struct golden *g, size_t n)
{
    uint32_t state = 5;
    for (size_t i = 0; i < n && g->count < GOLDEN_MOST; i++, g->count++) {
        uint32_t at = g->starts[g->count], length = 2 + next(&state) % 69;
        for (uint32_t j = 0; j < length; j++)
            g->ids[at + j] = j == 0 ? 0 : j + 1 == length ? 2 : (int32_t)(next(&state) % 250001);
        g->starts[g->count + 1] = at + length;
    }
}

/* Embeds the sequences listed in `order` as one call and compares each with its row of `wanted`. */
static void compare(const struct golden *g, struct embedder *e, const size_t *order, size_t n,
                    const float *wanted)
{
    int32_t *ids = calloc(g->starts[g->count] + 1, sizeof *ids);
    uint32_t *starts = calloc(n + 1, sizeof *starts);
    float *out = malloc(n * GOLDEN_WIDTH * sizeof *out);
    struct error err = {0};
    for (size_t i = 0; i < n; i++) {
        uint32_t from = g->starts[order[i]], length = g->starts[order[i] + 1] - from;
        memcpy(ids + starts[i], g->ids + from, length * sizeof *ids);
        starts[i + 1] = starts[i] + length;
    }
    if (embedder_embed(e, ids, starts, n, out, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    for (size_t i = 0; i < n; i++)
        if (memcmp(out + i * GOLDEN_WIDTH, wanted + order[i] * GOLDEN_WIDTH, GOLDEN_WIDTH * sizeof *out) != 0)
            fail_msg("sequence %zu of %zu tokens has other bits", order[i],
                     (size_t)(g->starts[order[i] + 1] - g->starts[order[i]]));
    free(ids);
    free(starts);
    free(out);
}

/* Alone, in shuffled batches under several budgets, on one to three threads and on every instruction set. */
static void a_text_always_has_the_same_bits(void **state)
{
    (void)state;
    struct golden g;
    struct error err = {0};
    golden_open(&g, 3);
    add_generated(&g, 60);
    size_t order[GOLDEN_MOST];
    uint32_t random = 9;
    float *wanted = malloc(g.count * GOLDEN_WIDTH * sizeof *wanted);
    for (size_t i = 0; i < g.count; i++)
        order[i] = i;
    for (int isa = ISA_COUNT - 1; isa >= 0; isa--) {
        if (!cpu_has((enum isa)isa))
            continue;
        struct model *m = golden_model(&g, PRECISION_INT8, (enum isa)isa);
        struct embedder *e = NULL;
        bool strongest = (enum isa)isa == cpu_best();
        assert_int_equal(model_isa(m), isa);
        if (embedder_new(m, strongest ? 0 : 700, &e, &err) != STATUS_OK)
            fail_msg("%s", err.text);
        if (strongest) {
            if (embedder_embed(e, g.ids, g.starts, g.count, wanted, &err) != STATUS_OK)
                fail_msg("%s", err.text);
            for (size_t i = 0; i < g.count; i++)
                compare(&g, e, &order[i], 1, wanted);
        }
        for (size_t i = g.count - 1; i > 0; i--) {
            size_t j = next(&random) % (i + 1), kept = order[i];
            order[i] = order[j];
            order[j] = kept;
        }
        for (size_t threads = strongest ? 1 : 3; threads <= 3; threads++) {
            assert_int_equal(embedder_set_threads(e, threads, &err), STATUS_OK);
            compare(&g, e, order, isa == ISA_REFERENCE ? 5 : g.count, wanted); /* plain C takes its time */
        }
        embedder_free(e);
        model_free(m);
    }
    free(wanted);
    golden_close(&g);
}

static void refuses_sequences_it_cannot_take(void **state)
{
    (void)state;
    struct golden g;
    struct embedder *e = NULL;
    struct error err = {0};
    golden_open(&g, 100);
    struct model *m = golden_model(&g, PRECISION_INT8, cpu_best());
    float out[2 * GOLDEN_WIDTH] = {7};
    static int32_t ids[600];
    assert_int_equal(embedder_new(m, 0, &e, &err), STATUS_OK);
    assert_int_equal(embedder_embed(e, ids, (uint32_t[]){0, 3, 3}, 2, out, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "sequence 1"));
    err = (struct error){0};
    assert_int_equal(embedder_embed(e, ids, (uint32_t[]){0, 513}, 1, out, &err), STATUS_INVALID);
    assert_non_null(strstr(err.text, "512"));
    ids[2] = 250037;
    assert_int_equal(embedder_embed(e, ids, (uint32_t[]){0, 3}, 1, out, NULL), STATUS_INVALID);
    ids[2] = -1;
    assert_int_equal(embedder_embed(e, ids, (uint32_t[]){0, 3}, 1, out, NULL), STATUS_INVALID);
    assert_int_equal(embedder_embed(e, ids, (uint32_t[]){0}, 0, out, NULL), STATUS_OK);
    assert_float_equal(out[0], 7, 0);
    ids[2] = 2;
    assert_int_equal(embedder_embed(e, ids, (uint32_t[]){0, 512}, 1, out, NULL), STATUS_OK);
    embedder_free(e);
    assert_int_equal(embedder_new(m, (size_t)1 << 40, &e, NULL), STATUS_INVALID);
    assert_int_equal(model_info(m)->canaries, 12);
    struct text text;
    const unsigned char *vector = NULL;
    model_canary(m, 11, &text, &vector);
    assert_true(text.len > 0);
    float first[GOLDEN_WIDTH];
    memcpy(first, vector, sizeof first);
    assert_true(golden_cosine(first, first) > 0.9999);
    model_free(m);
    golden_close(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(floats_equal_the_golden_vectors),
        cmocka_unit_test(bytes_come_close_to_the_golden_vectors),
        cmocka_unit_test(a_text_always_has_the_same_bits),
        cmocka_unit_test(refuses_sequences_it_cannot_take),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
