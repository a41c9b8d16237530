/* The int8 product without a dot-product instruction. vpmaddubsw would saturate on bytes above 128, so both
 * sides are widened to 16 bits, where vpmaddwd is exact. A tile of 3 rows and 16 columns keeps 12 pairs of
 * half sums:
 *
 *     panel line, 16 columns     c0k0 c0k1 c0k2 c0k3 c1k0 …           4 registers of four columns each
 *     vpmaddwd with k0 k1 k2 k3  c0(k0+k1) c0(k2+k3) c1(k0+k1) …      two half sums a column, folded at the
 * end
 */
#include "encoder/linear_256.h"

#define TILE_ROWS    3
#define TILE_COLUMNS 16

/* R rows from `row` on, 16 columns of panel p from `column` on. */
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
            four[i] = _mm256_cvtepu8_epi16(_mm_set1_epi32(four_codes(a + i * codes->stride + k)));
        UNROLL
        for (size_t j = 0; j < 4; j++) {
            __m256i weights = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(panel + 16 * j)));
            UNROLL
            for (size_t i = 0; i < R; i++)
                sum[i][j] = _mm256_add_epi32(sum[i][j], _mm256_madd_epi16(four[i], weights));
        }
    }
    UNROLL
    for (size_t i = 0; i < R; i++) {
        UNROLL
        for (size_t j = 0; j < 2; j++) {
            __m256i halves = _mm256_hadd_epi32(sum[i][2 * j], sum[i][2 * j + 1]);
            __m256i whole = _mm256_permute4x64_epi64(halves, 0xd8);
            store_sums(w, codes, row + i, p * PAD + column + 8 * j, whole, out);
        }
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

const struct kernels kernels_avx2 = {.linear = linear, KERNELS_BODY};
