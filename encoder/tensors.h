/* What the weights of every architecture have in common: how the parts of a layer lie in the model's block,
 * and how tensors of the file become them.
 *
 *     struct cursor c = {block, 0};                       // NULL: only measuring
 *     place_linear(m, &c, &layer->up, hidden, feed_forward);
 *     …
 *     struct tensor_reader r;
 *     enum status status = tensor_reader_init(&r, m, longest, largest, err);
 *     if (status == STATUS_OK)
 *         status = read_linear(&r, "blk.0.ffn_up", &layer->up, in, plain, out, &layer->attention_norm);
 *     tensor_reader_release(&r);
 *
 * A tensor that is missing, or whose shape the sizes in the file do not ask for, or that holds a value which
 * is not a number, is CORRUPT.
 */
#ifndef COGNATE_ENCODER_TENSORS_H
#define COGNATE_ENCODER_TENSORS_H

#include "encoder/model.h"

struct cursor {
    unsigned char *block; /* NULL: only measuring */
    size_t used;
};

void *take(struct cursor *c, size_t count, size_t size);
void place_norm(const struct model *m, struct cursor *c, struct norm *n, size_t width);
void place_linear(const struct model *m, struct cursor *c, struct linear *w, size_t in, size_t out);
void place_dense(struct cursor *c, struct dense *d, size_t in, size_t out, bool bias);

/* Values in groups of `width`, each group `step` from the last: heads in a padded row. */
struct grid {
    size_t width, step;
};

static inline size_t grid_at(struct grid g, size_t i)
{
    return i / g.width * g.step + i % g.width;
}

struct tensor_reader {
    struct model *m;
    float *row;    /* one row of any tensor */
    float *matrix; /* one linear layer, padded */
    struct error *err;
};

/* For rows of at most `longest` values and linear layers of at most `largest`. */
enum status tensor_reader_init(struct tensor_reader *r, struct model *m, size_t longest, size_t largest,
                               struct error *err);
void tensor_reader_release(struct tensor_reader *r); /* accepts a zeroed one */

/* The tensor `name`, which must have `out` rows of `in` values. */
enum status find_tensor(const struct tensor_reader *r, const char *name, size_t in, size_t out,
                        const struct gguf_tensor **tensor);

/* Row i of t to r->row. */
enum status read_row(const struct tensor_reader *r, const struct gguf_tensor *t, size_t i);

/* `out` rows of tensor `name`, of `total` rows of `in` values, from row `from` on, times `factor`. */
enum status read_matrix(const struct tensor_reader *r, const char *name, size_t from, size_t total, size_t in,
                        struct grid in_grid, size_t out, struct grid out_grid, float factor, float *to,
                        size_t stride);
enum status read_vector(const struct tensor_reader *r, const char *name, size_t from, size_t total, size_t n,
                        struct grid grid, float factor, float *to);

/* NAME.weight and NAME.bias. */
enum status read_norm(const struct tensor_reader *r, const char *name, const struct norm *n);
enum status read_linear(const struct tensor_reader *r, const char *name, const struct linear *w, size_t in,
                        struct grid in_grid, size_t out, const struct norm *before);

/* NAME.weight, turned on its side so that output i is column i, and NAME.bias when d has one. */
enum status read_dense(const struct tensor_reader *r, const char *name, const struct dense *d, size_t in,
                       struct grid in_grid, size_t out);

/* Keeps the matrix just read into r->matrix, in the form of the precision. `before` is the norm whose codes
 * the layer reads, or NULL. */
void finish_linear(const struct tensor_reader *r, const struct linear *w, const struct norm *before);

#endif
