/* The golden texts: their ids and float vectors, read from tests/golden/golden.jsonl. */
#ifndef COGNATE_TESTS_GOLDEN_H
#define COGNATE_TESTS_GOLDEN_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unit.h"

#include "common/buf.h"
#include "common/file.h"
#include "encoder/encoder.h"

#define GOLDEN_MOST  256
#define GOLDEN_WIDTH 512

struct golden {
    struct gguf *file;
    size_t count;
    uint32_t starts[GOLDEN_MOST + 1];
    int32_t *ids;
    float *vectors; /* (count, GOLDEN_WIDTH) */
};

/* Numbers of the list behind `key` on one line: written to ids or to floats. */
static inline size_t golden_list(const char *line, const char *key, int32_t *ids, float *floats)
{
    const char *at = strstr(line, key);
    assert_non_null(at);
    at = strchr(at, '[') + 1;
    for (size_t n = 0;; n++) {
        char *end;
        double value = strtod(at, &end);
        if (ids != NULL)
            ids[n] = (int32_t)value;
        else
            floats[n] = (float)value;
        while (*end == ' ')
            end++;
        if (*end == ']')
            return n + 1;
        assert_int_equal(*end, ',');
        at = end + 1;
    }
}

/* Skips the test where there is no model to read. Keeps every `step`-th line. */
static inline void golden_open(struct golden *g, size_t step)
{
    struct buf path, text;
    struct error err = {0};
    const char *model = getenv("COGNATE_MODEL"), *source = getenv("COGNATE_SOURCE");
    if (model == NULL || source == NULL)
        skip();
    memset(g, 0, sizeof *g);
    buf_init(&path, 4096);
    buf_init(&text, 16 << 20);
    if (gguf_open(model, &g->file, &err) != STATUS_OK ||
        buf_printf(&path, &err, "%s/tests/golden/golden.jsonl", source) != STATUS_OK ||
        file_read(path.data, &text, &err) != STATUS_OK)
        fail_msg("%s", err.text);
    g->ids = malloc(GOLDEN_MOST * 512 * sizeof *g->ids);
    g->vectors = malloc(GOLDEN_MOST * GOLDEN_WIDTH * sizeof *g->vectors);
    char *line = text.data, *end;
    for (size_t i = 0; (end = strchr(line, '\n')) != NULL; i++, line = end + 1) {
        *end = '\0';
        if (i % step != 0)
            continue;
        assert_true(g->count < GOLDEN_MOST);
        size_t at = g->starts[g->count];
        g->starts[g->count + 1] = (uint32_t)(at + golden_list(line, "\"ids\": ", g->ids + at, NULL));
        assert_int_equal(golden_list(line, "\"vector\": ", NULL, g->vectors + g->count * GOLDEN_WIDTH),
                         GOLDEN_WIDTH);
        g->count++;
    }
    assert_true(g->count > 0);
    buf_release(&path);
    buf_release(&text);
}

static inline void golden_close(struct golden *g)
{
    gguf_free(g->file);
    free(g->ids);
    free(g->vectors);
}

static inline struct model *golden_model(const struct golden *g, enum precision precision, enum isa isa)
{
    struct model *m = NULL;
    struct error err = {0};
    if (model_open(g->file, &(struct model_options){.precision = precision, .isa = isa}, &m, &err) !=
        STATUS_OK)
        fail_msg("%s", err.text);
    return m;
}

static inline double golden_cosine(const float *a, const float *b)
{
    double ab = 0, aa = 0, bb = 0;
    for (size_t i = 0; i < GOLDEN_WIDTH; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}

#endif
