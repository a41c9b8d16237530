/* What the sources of kernels share. */
#ifndef COGNATE_ENCODER_KERNELS_TOOLS_H
#define COGNATE_ENCODER_KERNELS_TOOLS_H

#include "encoder/kernels.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Before a loop over the rows or columns of a tile, whose sums live in registers only when it is unrolled
 * early. GCC has to be told; clang does it by itself, and later when it is told. */
#if defined(__clang__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Added to a number below 2²² in size, this leaves the nearest whole number in the low bits. */
#define WHOLE 12582912.0f /* 1.5 · 2²³ */
#define TINY  1e-30f      /* a range or a size below this counts as zero */

#endif
