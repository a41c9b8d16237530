/* Any bytes as a model: whatever opens must also embed, in both precisions, without leaving its memory. */
#include <stdint.h>
#include <stdlib.h>

#include "encoder/encoder.h"

#define MOST_TOKENS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void embed(const struct model *m)
{
    const struct model_info *info = model_info(m);
    struct embedder *e = NULL;
    struct error err = {0};
    int32_t ids[MOST_TOKENS];
    uint32_t n = info->context < MOST_TOKENS ? info->context : MOST_TOKENS;
    uint32_t starts[] = {0, n - 1, n};
    float *out = malloc(2 * sizeof *out * info->width);
    for (uint32_t i = 0; i < n; i++)
        ids[i] = (int32_t)(i * 7 % info->vocabulary);
    if (out != NULL && embedder_new(m, 0, &e, NULL) == STATUS_OK &&
        embedder_embed(e, ids, starts, 2, out, &err) != STATUS_OK && err.text[0] == '\0')
        abort();
    embedder_free(e);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gguf *file = NULL;
    if (gguf_open_bytes("fuzz", data, size, &file, NULL) != STATUS_OK)
        return 0;
    for (int precision = PRECISION_INT8; precision <= PRECISION_F32; precision++) {
        struct model_options options = {.precision = (enum precision)precision, .isa = cpu_best()};
        struct model *m = NULL;
        struct error err = {0};
        if (model_open(file, &options, &m, &err) == STATUS_OK)
            embed(m);
        else if (m != NULL || err.text[0] == '\0')
            abort();
        for (uint32_t i = 0; m != NULL && i < model_info(m)->canaries; i++) {
            struct text text;
            const unsigned char *vector;
            model_canary(m, i, &text, &vector);
        }
        model_free(m);
    }
    unsigned char space[32];
    model_space_id(file, &(struct model_options){.precision = PRECISION_INT8}, space);
    gguf_free(file);
    return 0;
}
