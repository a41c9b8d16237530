#include "encoder/pass.h"

#include <string.h>

#define ROWS_TOGETHER 4  /* what norm takes at a time */
#define WHOLE_TILES   12 /* a multiple of that, and of the rows in a tile of each int8 kernel */

static void walk(void *context, struct turn *turn)
{
    const struct worker k = {context, turn};
    k.pass->model->architecture->walk(&k);
}

void pass_run(const struct pass *p)
{
    team_run(p->team, walk, (void *)(uintptr_t)p);
}

void take_codes(struct codes *c, size_t rows, size_t stride, struct arena *arena)
{
    c->stride = stride;
    c->bytes = arena_take(arena, rows * stride);
    c->scale = arena_take(arena, rows * sizeof *c->scale);
    c->least = arena_take(arena, rows * sizeof *c->least);
}

static size_t share_size(const struct worker *k, size_t n, size_t together)
{
    size_t threads = team_size(k->turn->team);
    return padded((n + threads - 1) / threads, together);
}

static size_t share_count(const struct worker *k, size_t n, size_t together)
{
    size_t size = share_size(k, n, together);
    return (n + size - 1) / size;
}

bool next_share(const struct worker *k, size_t n, size_t together, struct range *out)
{
    size_t size = share_size(k, n, together), i;
    if (!team_next(k->turn, share_count(k, n, together), &i))
        return false;
    *out = (struct range){i * size, (i + 1) * size < n ? (i + 1) * size : n, i};
    return true;
}

bool next_block(const struct pass *p, struct block *b)
{
    size_t blocks = (p->rows + BLOCK_ROWS - 1) / BLOCK_ROWS;
    size_t size = padded((p->rows + blocks - 1) / blocks, WHOLE_TILES);
    b->first += b->count;
    b->count = p->rows - b->first < size ? p->rows - b->first : size;
    return b->count > 0;
}

bool next_rows(const struct worker *k, const struct block *b, struct range *rows)
{
    return next_share(k, b->count, ROWS_TOGETHER, rows);
}

void linear_step(const struct worker *k, const struct linear *w, size_t rows, const struct codes *codes,
                 const float *in, size_t in_stride, float *out)
{
    struct range panels;
    if (is_int8(k)) {
        while (next_share(k, w->out / PAD, 1, &panels))
            k->pass->model->kernels->linear(w, codes, rows, panels.first, panels.end, NULL, out);
        return;
    }
    while (next_share(k, 1, 1, &panels)) { /* OpenBLAS has threads of its own */
        for (size_t r = 0; r < rows; r++)
            memcpy(out + r * w->out, w->bias, w->out * sizeof *out);
        k->pass->model->sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)w->out, (int)w->in, 1,
                              in, (int)in_stride, w->weight, (int)w->in, 1, out, (int)w->out);
    }
}

void linear_coded_step(const struct worker *k, const struct linear *w, size_t rows, const struct codes *in,
                       enum activation f, float *ranges, float *out, const struct codes *codes)
{
    const struct kernels *kernels = k->pass->model->kernels;
    size_t count = w->out / PAD;
    const struct ranges known = {ranges, share_count(k, count, 1), rows};
    struct range panels, some;
    while (next_share(k, count, 1, &panels)) {
        const struct after after = {f, ranges + panels.share * rows * 2 * STRIPES};
        kernels->linear(w, in, rows, panels.first, panels.end, &after, out);
    }
    while (next_share(k, rows, ROWS_TOGETHER, &some))
        kernels->quantize(out, w->out, w->out, some.first, some.end, &known, codes);
}

void dense_step(const struct worker *k, const struct dense *d, const float *in, size_t in_stride, float *out,
                size_t out_stride)
{
    const struct kernels *kernels = k->pass->model->kernels;
    size_t texts = k->pass->texts;
    struct range columns;
    while (next_share(k, d->out, STRIPES, &columns)) {
        size_t n = columns.end - columns.first;
        kernels->product(in, in_stride, texts, d->weight + columns.first, d->out, d->in, n,
                         d->bias != NULL ? d->bias + columns.first : NULL, out + columns.first, out_stride);
        kernels->activate(d->activation, out + columns.first, out_stride, n, 0, texts);
    }
}
