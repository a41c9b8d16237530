#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "encoder/pass.h"

#define DEFAULT_BUDGET 384
#define MAX_BUDGET     (1 << 20)

struct embedder {
    const struct model *model;
    size_t budget, threads;
    struct arena arena;
    struct scratch scratch;
    struct team *team;
};

static enum status reserve(struct embedder *e, struct error *err)
{
    arena_release(&e->arena);
    enum status status =
        arena_init(&e->arena, e->model->architecture->scratch_bytes(e->model, e->budget, e->threads), err);
    if (status == STATUS_OK)
        e->model->architecture->scratch_take(&e->scratch, e->model, e->budget, e->threads, &e->arena);
    return status;
}

enum status embedder_new(const struct model *m, size_t token_budget, struct embedder **out, struct error *err)
{
    size_t budget = token_budget == 0 ? DEFAULT_BUDGET : token_budget;
    if (budget > MAX_BUDGET)
        return error_set(err, STATUS_INVALID, "a pass takes at most %d tokens, not %zu", MAX_BUDGET, budget);
    struct embedder *e = calloc(1, sizeof *e);
    if (e == NULL)
        return error_memory(err, "starting an embedder");
    e->model = m;
    e->budget = budget > m->config.context ? budget : m->config.context;
    e->threads = 1;
    enum status status = reserve(e, err);
    if (status != STATUS_OK)
        embedder_free(e);
    else
        *out = e;
    return status;
}

enum status embedder_set_threads(struct embedder *e, size_t threads, struct error *err)
{
    struct team *team = NULL;
    enum status status = STATUS_OK;
    if (threads > 1)
        status = team_new(threads, &team, err);
    if (status != STATUS_OK)
        return status;
    team_free(e->team);
    e->team = team;
    e->threads = threads;
    return reserve(e, err);
}

void embedder_free(struct embedder *e)
{
    if (e == NULL)
        return;
    team_free(e->team);
    arena_release(&e->arena);
    free(e);
}

static enum status check(const struct embedder *e, const int32_t *ids, const uint32_t *starts, size_t n,
                         struct error *err)
{
    const struct config *c = &e->model->config;
    for (size_t i = 0; i < n; i++) {
        if (starts[i + 1] <= starts[i])
            return error_set(err, STATUS_INVALID, "sequence %zu has no tokens", i);
        if (starts[i + 1] - starts[i] > c->context)
            return error_set(err, STATUS_INVALID, "sequence %zu has %" PRIu32 " tokens; the model takes %zu",
                             i, starts[i + 1] - starts[i], c->context);
    }
    for (size_t i = n > 0 ? starts[0] : 0; n > 0 && i < starts[n]; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= c->vocabulary)
            return error_set(err, STATUS_INVALID, "token %zu has id %" PRId32 "; the vocabulary ends at %zu",
                             i, ids[i], c->vocabulary - 1);
    return STATUS_OK;
}

/* How many sequences the next pass takes: as many as fit, but the passes left share their tokens evenly, so
 * that none is left with a handful of rows. */
static size_t next_texts(const struct embedder *e, const uint32_t *starts, size_t n)
{
    size_t left = starts[n] - starts[0], passes = (left + e->budget - 1) / e->budget;
    size_t fair = (left + passes - 1) / passes, texts = 1;
    while (texts < n && texts < PASS_TEXTS && starts[texts] - starts[0] < fair &&
           starts[texts + 1] - starts[0] <= e->budget)
        texts++;
    return texts;
}

/* Rows of the pass to rows of `out`, of unit length or as they are; widths of heads and poolings lose their
 * padding. False for a row that has no length, or a score that is no number. */
static bool write_vectors(const struct model *m, float *vectors, size_t texts, bool unit, float *out)
{
    const struct config *c = &m->config;
    size_t parts = c->dense_count > 0 ? 1 : c->part_count, width = m->info.width / parts, stride = m->out,
           step = stride / parts;
    for (size_t t = 0; t < texts; t++) {
        float *row = vectors + t * stride;
        if (unit && !(c->scores ? isfinite(row[0]) : m->kernels->unit(row, stride)))
            return false;
        for (size_t i = 0; i < parts; i++)
            memcpy(out + t * m->info.width + i * width, row + i * step, width * sizeof *out);
    }
    return true;
}

/* The last layer's rows of a pass, which lose their padding too. */
static void write_states(const struct pass *pass, float *out)
{
    size_t hidden = pass->model->config.hidden;
    for (size_t r = 0; r < pass->rows; r++)
        memcpy(out + r * hidden, pass->scratch->x + r * pass->model->hidden, hidden * sizeof *out);
}

static enum status run(struct embedder *e, const int32_t *ids, const uint32_t *starts, size_t n, bool unit,
                       float *out, float *states, struct error *err)
{
    enum status status = check(e, ids, starts, n, err);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 0; at < n;) {
        size_t texts = next_texts(e, starts + at, n - at);
        struct pass pass = {e->model,
                            &e->scratch,
                            e->team,
                            ids + starts[at],
                            starts + at,
                            texts,
                            (size_t)starts[at + texts] - starts[at]};
        pass_run(&pass);
        if (!write_vectors(e->model, e->scratch.out, texts, unit, out + at * e->model->info.width))
            return error_set(err, STATUS_CORRUPT, "%s gives a %s; its weights are damaged",
                             gguf_path(e->model->file),
                             e->model->config.scores ? "score that is no number" : "vector without length");
        if (states != NULL)
            write_states(&pass, states + (starts[at] - starts[0]) * e->model->config.hidden);
        at += texts;
    }
    return STATUS_OK;
}

enum status embedder_embed(struct embedder *e, const int32_t *ids, const uint32_t *starts, size_t n,
                           float *out, struct error *err)
{
    return run(e, ids, starts, n, true, out, NULL, err);
}

enum status embedder_look_inside(struct embedder *e, const int32_t *ids, const uint32_t *starts, size_t n,
                                 float *raw, float *states, struct error *err)
{
    return run(e, ids, starts, n, false, raw, states, err);
}
