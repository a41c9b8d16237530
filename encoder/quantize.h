/* Floats as tensor elements: the way back of dequant.h.
 *
 *     unsigned char row[384 / 32 * 18];
 *     quantize(GGML_Q4_0, floats, 384, row);
 *
 * The rounding is that of ggml's own reference (ggml-quants.c of github.com/ggml-org/ggml): Q8_0 scales the
 * largest of 32 values to 127, Q4_0 the one furthest from zero to -8, F16 rounds to the nearest, ties to
 * even.
 */
#ifndef COGNATE_ENCODER_QUANTIZE_H
#define COGNATE_ENCODER_QUANTIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/gguf.h"

bool can_quantize(enum ggml_type type); /* F32, F16, Q8_0 and Q4_0 */

/* `n` finite values, a multiple of ggml_block_values(type), to `out` (unaligned). */
void quantize(enum ggml_type type, const float *values, size_t n, unsigned char *out);

/* Single precision to half; what is too large becomes infinite. */
uint16_t float_to_half(float value);

#endif
