/* Prometheus' text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats), line by line.
 *
 *     struct exposition x = {.out = &text, .err = err};
 *     exposition_figure(&x, "cognate_model_loaded", "gauge", "Whether the model is loaded.", 1);
 *     exposition_family(&x, "cognate_searches_total", "counter", "Queries answered.");
 *     exposition_sample(&x, "cognate_searches_total", "plan=\"scan\"", 12);
 *     return x.status;
 *
 * The first failure stays in x.status and x.err, and nothing is written after it. Labels are written as they
 * are: values must hold no quote, backslash or line end.
 */
#ifndef COGNATE_SERVER_EXPOSITION_H
#define COGNATE_SERVER_EXPOSITION_H

#include <stdint.h>

#include "common/buf.h"

struct exposition {
    struct buf *out;
    struct error *err;
    enum status status;
};

/* Introduces a name: "counter", "gauge" or "histogram". Its samples follow directly. */
void exposition_family(struct exposition *x, const char *name, const char *type, const char *help);

/* `labels` as they stand between the braces; empty for none. */
void exposition_sample(struct exposition *x, const char *name, const char *labels, double value);

/* A name with one sample and no labels. */
void exposition_figure(struct exposition *x, const char *name, const char *type, const char *help,
                       double value);

/* A histogram of a family: counts[i] is how many lay at most at bounds[i] and above the bound before,
 * counts[n] how many lay above all. */
void exposition_histogram(struct exposition *x, const char *name, const char *labels, const double *bounds,
                          size_t n, const uint64_t *counts, double sum);

/* What Prometheus' client libraries say of a process: time, memory, files, start. */
void exposition_process(struct exposition *x);

#endif
