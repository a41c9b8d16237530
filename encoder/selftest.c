#include "encoder/selftest.h"

#include <stdlib.h>
#include <string.h>

#define ROWS    13 /* two tiles and a rest, of six rows and of three */
#define WIDTH   64
#define USED    52 /* a width that is not whole vectors */
#define OUT     128
#define HEAD    32
#define SCRATCH 6400 /* at least attend_scratch(HEAD, KEYS) */
#define KEYS    75   /* more than a sum has room for, and some lanes left over */

/* Everything a table computes here, compared as bytes. */
struct answers {
    float linear[ROWS][OUT], norm[ROWS][WIDTH], active[ACTIVATION_KINDS][ROWS][WIDTH], product[ROWS][WIDTH];
    float attend[KEYS][3 * HEAD], attend_float[KEYS + 15][3 * HEAD];
    float pooled[POOL_KINDS][WIDTH], unit[WIDTH];
    float after[ROWS][OUT], ranges[2][ROWS][2][STRIPES];
    uint8_t norm_codes[ROWS][WIDTH], active_codes[ROWS][OUT], codes[ROWS][WIDTH];
    float norm_scale[ROWS], active_scale[ROWS], scale[ROWS], norm_least[ROWS], active_least[ROWS],
        least[ROWS];
};

struct inputs {
    float x[ROWS][WIDTH], add[ROWS][WIDTH], weight[WIDTH], bias[OUT], spread[WIDTH];
    float qkv[KEYS][3 * HEAD];
    uint8_t codes[ROWS][WIDTH];
    int8_t panels[OUT * WIDTH];
    float scale[OUT], sum[OUT], row_scale[ROWS], row_least[ROWS];
};

struct run {
    struct inputs in;
    struct answers wanted, got;
    int32_t scratch[SCRATCH];
};

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* From -range to range. */
static void fill(float *x, size_t n, float range, uint32_t *state)
{
    for (size_t i = 0; i < n; i++)
        x[i] = range * ((float)next(state) * 0x1p-23f - 1);
}

static void make_inputs(struct inputs *in)
{
    uint32_t state = 1;
    memset(in, 0, sizeof *in);
    for (size_t r = 0; r < ROWS; r++) {
        fill(in->x[r], USED, 6, &state);
        fill(in->add[r], USED, 3, &state);
        fill(&in->row_scale[r], 1, 0.1f, &state);
        fill(&in->row_least[r], 1, 9, &state);
        for (size_t i = 0; i < WIDTH; i++)
            in->codes[r][i] = (uint8_t)(r == 0 ? 255 : next(&state)); /* row 0: the largest sums there are */
    }
    fill(in->qkv[0], sizeof in->qkv / sizeof(float), 2, &state);
    fill(in->weight, USED, 2, &state);
    fill(in->bias, OUT, 1, &state);
    fill(in->spread, USED, 1, &state);
    fill(in->scale, OUT, 0.1f, &state);
    for (size_t i = 0; i < sizeof in->panels; i++)
        in->panels[i] = (int8_t)(i < sizeof in->panels / 4 ? 127 : (int)(next(&state) % 255) - 127);
    fill(in->sum, OUT, 5000, &state);
}

static void answer(const struct kernels *k, const struct inputs *in, int32_t *scratch, struct answers *out)
{
    /* the kernels write nothing through these */
    const struct linear w = {.in = WIDTH,
                             .out = OUT,
                             .bias = (float *)(uintptr_t)in->bias,
                             .panels = (int8_t *)(uintptr_t)in->panels,
                             .scale = (float *)(uintptr_t)in->scale,
                             .sum = (float *)(uintptr_t)in->sum};
    const struct norm n = {.width = USED,
                           .stride = WIDTH,
                           .epsilon = 1e-12f,
                           .weight = (float *)(uintptr_t)in->weight,
                           .bias = (float *)(uintptr_t)in->bias,
                           .spread = (float *)(uintptr_t)in->spread};
    const struct codes codes = {(uint8_t *)(uintptr_t)in->codes, WIDTH, (float *)(uintptr_t)in->row_scale,
                                (float *)(uintptr_t)in->row_least};
    const struct codes norm_codes = {out->norm_codes[0], WIDTH, out->norm_scale, out->norm_least};
    const struct codes active_codes = {out->active_codes[0], OUT, out->active_scale, out->active_least};
    const struct codes plain_codes = {out->codes[0], WIDTH, out->scale, out->least};

    memset(out, 0, sizeof *out);
    k->linear(&w, &codes, ROWS, 0, OUT / PAD, NULL, out->linear[0]);
    for (size_t p = 0; p < OUT / PAD; p++) {
        const struct after after = {ACTIVATION_GELU, out->ranges[p][0][0]};
        k->linear(&w, &codes, ROWS, p, p + 1, &after, out->after[0]);
    }
    k->quantize(out->after[0], OUT, OUT, 0, ROWS, &(struct ranges){out->ranges[0][0][0], OUT / PAD, ROWS},
                &active_codes);
    memcpy(out->norm, in->x, sizeof out->norm);
    k->norm(&n, out->norm[0], in->add[0], 0, ROWS, &norm_codes);
    for (int f = 0; f < ACTIVATION_KINDS; f++) {
        memcpy(out->active[f], in->x, sizeof out->active[f]);
        k->activate((enum activation)f, out->active[f][0], WIDTH, WIDTH, 0, ROWS);
    }
    k->quantize(in->x[0], WIDTH, WIDTH, 0, ROWS, NULL, &plain_codes);
    memcpy(out->attend, in->qkv, sizeof out->attend);
    k->attend(out->attend[0], 3 * HEAD, HEAD, HEAD, KEYS, scratch);
    memcpy(out->attend_float, in->qkv, sizeof in->qkv);
    k->attend_float(out->attend_float[0], 3 * HEAD, HEAD, HEAD, KEYS, (const float *)in->x + KEYS, scratch);
    k->product(in->x[0], WIDTH, ROWS, in->add[0], WIDTH, ROWS, WIDTH, in->bias, out->product[0], WIDTH);
    for (int kind = 0; kind < POOL_KINDS; kind++)
        k->pool((enum pooling)kind, in->x[0], WIDTH, ROWS, WIDTH, out->pooled[kind]);
    memcpy(out->unit, in->x[0], sizeof out->unit);
    if (!k->unit(out->unit, WIDTH))
        memset(out->unit, 0, sizeof out->unit);
}

/* On the heap: models are also opened by threads with small stacks. Without memory nobody is trusted. */
bool kernels_agree(const struct kernels *k)
{
    struct run *run = malloc(sizeof *run);
    if (run == NULL)
        return false;
    make_inputs(&run->in);
    answer(&kernels_reference, &run->in, run->scratch, &run->wanted);
    answer(k, &run->in, run->scratch, &run->got);
    bool agree = memcmp(&run->wanted, &run->got, sizeof run->wanted) == 0;
    free(run);
    return agree;
}

enum isa kernels_trusted(enum isa wanted)
{
    enum isa isa = wanted;
    while (isa != ISA_REFERENCE && !(cpu_has(isa) && kernels_agree(kernels_for(isa))))
        isa = (enum isa)(isa - 1);
    return isa;
}
