/* The int8 product on 512-bit vpdpbusd. A tile of 6 rows and 64 columns keeps 24 sums in registers; each step
 * of four inputs loads one line of the panel (4 registers) and six broadcast dwords, and issues 24
 * multiply-adds:
 *
 *     registers   24 sums + 4 of the panel + 1 to 3 broadcasts       of 32
 *     one step    10 loads, 24 vpdpbusd on two ports: 12 cycles, so the ports that multiply never wait
 *
 * The multiply-add is an asm statement on purpose. Written as an intrinsic, GCC 12 moves the sums about and
 * spills them inside the loop, which costs more than half of the speed.
 */
#include "encoder/vec16_avx512.h"

#include "encoder/kernels_body.h"
#include "encoder/kernels_attend_float.h"

#define TILE_ROWS 6

ALWAYS_INLINE __m512i multiply_add(__m512i sum, __m512i codes, __m512i weights)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(weights));
    return sum;
}

ALWAYS_INLINE __m512i four_codes(const uint8_t *p)
{
    int32_t four;
    memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
}

/* R rows from `row` on, panel p. Every step asks for the line at `ahead`, which moves on by `pace` bytes. */
ALWAYS_INLINE void tile(const size_t R, const struct linear *w, const struct codes *codes, size_t row,
                        size_t p, const int8_t *ahead, size_t pace, float *out)
{
    const uint8_t *a = codes->bytes + row * codes->stride;
    const int8_t *panel = w->panels + p * PAD * w->in;
    __m512i sum[TILE_ROWS][4];
    UNROLL
    for (size_t j = 0; j < 4; j++) {
        UNROLL
        for (size_t i = 0; i < R; i++)
            sum[i][j] = _mm512_setzero_si512();
    }
    for (size_t k = 0; k < w->in; k += 4, panel += 4 * PAD, ahead += pace) {
        __m512i weights[4];
        _mm_prefetch((const char *)ahead, _MM_HINT_T1);
        UNROLL
        for (size_t j = 0; j < 4; j++)
            weights[j] = _mm512_loadu_si512(panel + 64 * j);
        UNROLL
        for (size_t i = 0; i < R; i++) {
            __m512i four = four_codes(a + i * codes->stride + k);
            UNROLL
            for (size_t j = 0; j < 4; j++)
                sum[i][j] = multiply_add(sum[i][j], four, weights[j]);
        }
    }
    UNROLL
    for (size_t j = 0; j < 4; j++) {
        size_t column = p * PAD + 16 * j;
        __m512 scale = _mm512_loadu_ps(w->scale + column), bias = _mm512_loadu_ps(w->bias + column);
        __m512 sums = _mm512_loadu_ps(w->sum + column);
        UNROLL
        for (size_t i = 0; i < R; i++) {
            __m512 value =
                _mm512_mul_ps(_mm512_cvtepi32_ps(sum[i][j]), _mm512_set1_ps(codes->scale[row + i]));
            value = _mm512_fmadd_ps(_mm512_set1_ps(codes->least[row + i]), sums, value);
            _mm512_storeu_ps(out + (row + i) * w->out + column, _mm512_fmadd_ps(value, scale, bias));
        }
    }
}

/* Panel by panel, so that a panel stays close while all rows pass. Each tile fetches its part of the next
 * panel, at most a line a step: faster, the lines under way would be more than a core keeps track of, and its
 * own loads would wait. Behind the last panel lies the layer that is multiplied next (model.h). */
static void linear(const struct linear *w, const struct codes *codes, size_t rows, size_t first, size_t end,
                   const struct after *after, float *out)
{
    size_t whole = rows / TILE_ROWS, rest = rows % TILE_ROWS, tiles = whole + (rest > 0);
    size_t pace = tiles > 4 ? 4 * PAD / tiles : PAD, part = w->in / 4 * pace;
    for (size_t p = first; p < end; p++) {
        const int8_t *next = w->panels + (p + 1) * PAD * w->in;
        for (size_t t = 0; t < whole; t++) {
            tile(TILE_ROWS, w, codes, t * TILE_ROWS, p, next + t * part, pace, out);
            after_tile(after, w, t * TILE_ROWS, TILE_ROWS, p * PAD, PAD, first * PAD, out);
        }
        UNROLL
        for (size_t R = 1; R < TILE_ROWS; R++)
            if (R == rest)
                tile(R, w, codes, whole * TILE_ROWS, p, next + whole * part, pace, out);
        after_tile(after, w, whole * TILE_ROWS, rest, p * PAD, PAD, first * PAD, out);
    }
}

const struct kernels kernels_avx512 = {.linear = linear, KERNELS_BODY};
