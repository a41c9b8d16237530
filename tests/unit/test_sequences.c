/* Rows come back in the order they were added, over several slices. */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "server/sequences.h"

#define SEQUENCES 88
#define LENGTH    400 /* 35,200 tokens: three slices */

static void rows_keep_their_order(void **state)
{
    (void)state;
    struct error err = {0};
    struct gguf *file = NULL;
    struct model *model = NULL;
    struct batcher *b = NULL;
    struct embedder *e = NULL;
    struct sequences s;
    if (gguf_open(getenv("COGNATE_MODEL"), &file, &err) != STATUS_OK ||
        model_open(file, &(struct model_options){.isa = cpu_best()}, &model, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    size_t width = model_info(model)->width;
    float *alone = malloc(width * sizeof *alone);
    assert_int_equal(batcher_new(model, 2, 1, &b, NULL), STATUS_OK);
    assert_int_equal(embedder_new(model, 0, &e, NULL), STATUS_OK);
    sequences_init(&s, b, width, true, 0, NULL);
    for (int32_t i = 0; i < SEQUENCES; i++) {
        int32_t *ids;
        assert_int_equal(sequences_add(&s, LENGTH, &ids, NULL), STATUS_OK);
        for (int32_t j = 0; j < LENGTH; j++)
            ids[j] = 10 + i * 7 + j % 11;
    }
    assert_int_equal(sequences_finish(&s, NULL), STATUS_OK);
    assert_int_equal(s.count, SEQUENCES);
    static const int32_t looked_at[] = {0, 39, 40, 41, 42, 81, 82, 83, SEQUENCES - 1}; /* around the borders */
    for (size_t i = 0; i < sizeof looked_at / sizeof *looked_at; i++) {
        int32_t ids[LENGTH];
        uint32_t starts[] = {0, LENGTH};
        for (int32_t j = 0; j < LENGTH; j++)
            ids[j] = 10 + looked_at[i] * 7 + j % 11;
        assert_int_equal(embedder_embed(e, ids, starts, 1, alone, NULL), STATUS_OK);
        assert_memory_equal(alone, s.vectors + (size_t)looked_at[i] * width, width * sizeof *alone);
    }
    sequences_release(&s);
    embedder_free(e);
    batcher_free(b);
    free(alone);
    model_free(model);
    gguf_free(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_keep_their_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
