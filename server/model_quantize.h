/* An installed model once more, with weights of another type, and how much it differs.
 *
 *     struct quantization q = {.from = &ref, .type = GGML_Q4_0, .texts = texts, .count = n};
 *     struct quantize_report report;
 *     if (model_quantize(&q, &options, &found, &report, &err) == STATUS_OK)
 *         …                                            // found is installed; nothing uses it yet
 *
 * The result is a model of its own: another version of the name, or another name, with a vector space of its
 * own. Its known answers are worked out anew in f32. Both models are compared on the texts before the new one
 * is installed.
 */
#ifndef COGNATE_SERVER_MODEL_QUANTIZE_H
#define COGNATE_SERVER_MODEL_QUANTIZE_H

#include "common/gguf.h"
#include "server/engine.h"
#include "server/model_store.h"

#define QUANTIZE_TEXTS 2000 /* compared, at most */
#define QUANTIZE_DEPTH 10   /* nearest texts compared */

struct quantization {
    const struct model_ref *from;
    enum ggml_type type; /* F16, Q8_0 or Q4_0 */
    const char *name;    /* NULL: the next version of the same name */
    const struct text *texts;
    size_t count; /* more than QUANTIZE_DEPTH; of more than QUANTIZE_TEXTS an even share is taken */
};

struct quantize_report {
    size_t texts;
    double cosine_mean, cosine_lowest; /* of a text's two vectors */
    double overlap; /* share in common of the QUANTIZE_DEPTH texts that are nearest to a text, as a query */
    uint64_t bytes_before, bytes_after;
    double speed_before, speed_after; /* texts a second, on this machine in this run */
};

enum status model_quantize(const struct quantization *q, const struct engine_options *options,
                           struct model_ref *out, struct quantize_report *report, struct error *err);

/* What the command prints and the manifest keeps. */
json_t *quantize_report_json(const struct quantize_report *report);

#endif
