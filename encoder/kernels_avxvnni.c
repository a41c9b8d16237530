/* The int8 product on 256-bit vpdpbusd: a tile of 3 rows and 32 columns, 12 sums in 16 registers. The
 * multiply-add is an asm statement for the reason given in kernels_avx512.c. */
#include "encoder/linear_256.h"

#define TILE_ROWS    3
#define TILE_COLUMNS 32

ALWAYS_INLINE __m256i multiply_add(__m256i sum, __m256i codes, __m256i weights)
{
    __asm__("%{vex%} vpdpbusd %2, %1, %0" : "+x"(sum) : "x"(codes), "x"(weights));
    return sum;
}

/* R rows from `row` on, 32 columns of panel p from `column` on. */
ALWAYS_INLINE void tile(const size_t R, const struct linear *w, const struct codes *codes, size_t row,
                        size_t p, size_t column, float *out)
{
    const uint8_t *a = codes->bytes + row * codes->stride;
    const int8_t *panel = w->panels + p * PAD * w->in + 4 * column;
    __m256i sum[TILE_ROWS][4];
    UNROLL
    for (size_t i = 0; i < R; i++) {
        UNROLL
        for (size_t j = 0; j < 4; j++)
            sum[i][j] = _mm256_setzero_si256();
    }
    for (size_t k = 0; k < w->in; k += 4, panel += 4 * PAD) {
        __m256i four[TILE_ROWS];
        UNROLL
        for (size_t i = 0; i < R; i++)
            four[i] = _mm256_set1_epi32(four_codes(a + i * codes->stride + k));
        UNROLL
        for (size_t j = 0; j < 4; j++) {
            __m256i weights = _mm256_loadu_si256((const __m256i *)(panel + 32 * j));
            UNROLL
            for (size_t i = 0; i < R; i++)
                sum[i][j] = multiply_add(sum[i][j], four[i], weights);
        }
    }
    UNROLL
    for (size_t i = 0; i < R; i++) {
        UNROLL
        for (size_t j = 0; j < 4; j++)
            store_sums(w, codes, row + i, p * PAD + column + 8 * j, sum[i][j], out);
    }
}

static void linear(const struct linear *w, const struct codes *codes, size_t rows, size_t first, size_t end,
                   const struct after *after, float *out)
{
    for (size_t p = first; p < end; p++)
        for (size_t column = 0; column < PAD; column += TILE_COLUMNS) {
            size_t r = 0;
            for (; r + TILE_ROWS <= rows; r += TILE_ROWS)
                tile(TILE_ROWS, w, codes, r, p, column, out);
            for (; r < rows; r++)
                tile(1, w, codes, r, p, column, out);
            after_tile(after, w, 0, rows, p * PAD + column, TILE_COLUMNS, first * PAD, out);
        }
}

const struct kernels kernels_avxvnni = {.linear = linear, KERNELS_BODY};
