#include "encoder/vec16_portable.h"

#include "encoder/kernels_body.h"
#include "encoder/kernels_attend_float.h"

static void linear(const struct linear *w, const struct codes *codes, size_t rows, size_t first, size_t end,
                   const struct after *after, float *out)
{
    for (size_t p = first; p < end; p++) {
        const int8_t *panel = w->panels + p * PAD * w->in;
        for (size_t r = 0; r < rows; r++) {
            const uint8_t *row = codes->bytes + r * codes->stride;
            int32_t sums[PAD];
            memset(sums, 0, sizeof sums);
            for (size_t k = 0; k < w->in; k += 4)
                for (size_t c = 0; c < PAD; c++)
                    for (size_t i = 0; i < 4; i++)
                        sums[c] += row[k + i] * panel[k * PAD + 4 * c + i];
            for (size_t c = 0; c < PAD; c++) {
                size_t o = p * PAD + c;
                float value = fmaf(codes->least[r], w->sum[o], (float)sums[c] * codes->scale[r]);
                out[r * w->out + o] = fmaf(value, w->scale[o], w->bias[o]);
            }
        }
        after_tile(after, w, 0, rows, p * PAD, PAD, first * PAD, out);
    }
}

const struct kernels kernels_reference = {.linear = linear, KERNELS_BODY};
