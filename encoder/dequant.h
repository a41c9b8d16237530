/* Tensor elements as floats.
 *
 *     float row[384];
 *     dequantize(GGML_Q4_0, bytes, 384, row);
 *
 * Block layouts as in ggml-common.h of github.com/ggml-org/ggml. Every type that gguf_open accepts is read.
 */
#ifndef COGNATE_ENCODER_DEQUANT_H
#define COGNATE_ENCODER_DEQUANT_H

#include <stddef.h>
#include <stdint.h>

#include "common/gguf.h"

/* `n` values, a multiple of ggml_block_values(type), from `bytes` (unaligned) to `out`. */
void dequantize(enum ggml_type type, const unsigned char *bytes, size_t n, float *out);

/* IEEE half precision to single, exactly. */
float half_to_float(uint16_t half);

#endif
