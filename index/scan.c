#include "index/scan.h"

#include <math.h>
#include <string.h>

#define STRIPES 16

void scan_dot_reference(const unsigned char *codes, const uint16_t *rows, size_t n,
                        const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    for (size_t q = 0; q < count; q++)
        for (size_t i = 0; i < n; i++) {
            const struct scan_query *query = queries[q];
            const unsigned char *row = codes + (rows != NULL ? rows[i] : i) * query->stride;
            uint32_t sum = 0;
            for (size_t j = 0; j < query->stride; j++)
                sum += (uint32_t)(row[j] * query->values[j]);
            sums[q][i] = (int32_t)(sum - (uint32_t)query->offset);
        }
}

const struct scan_kernels *scan_kernels(enum isa isa)
{
    static const struct scan_kernels table[ISA_COUNT] = {
        [ISA_REFERENCE] = {scan_dot_reference},
#if defined(__x86_64__)
        [ISA_AVX2] = {scan_dot_avx2},
        [ISA_AVXVNNI] = {scan_dot_avxvnni},
        [ISA_AVX512] = {scan_dot_avx512},
#endif
    };
    return table[isa].dot != NULL ? &table[isa] : &table[ISA_REFERENCE];
}

size_t scan_query_bytes(size_t width)
{
    size_t stride = scan_stride(width);
    return stride * (sizeof(int16_t) + 2 * sizeof(int8_t)) + width * sizeof(double);
}

void scan_query_init(struct scan_query *q, const float *vector, size_t width, void *memory)
{
    size_t stride = scan_stride(width);
    double square = 0, largest = 0, lost = 0;
    uint32_t sum = 0;
    q->stride = stride;
    q->values = memory;
    q->high = (int8_t *)(q->values + stride);
    q->low = q->high + stride;
    q->normalized = (double *)(q->low + stride);
    memset(memory, 0, stride * (sizeof(int16_t) + 2 * sizeof(int8_t)));
    for (size_t i = 0; i < width; i++)
        square += (double)vector[i] * vector[i];
    for (size_t i = 0; i < width; i++) {
        q->normalized[i] = vector[i] / sqrt(square);
        largest = fmax(largest, fabs(q->normalized[i]));
    }
    /* |sum| ≤ 127 · limit · width < 2³¹, and high fits a signed byte. */
    double limit = fmin(127 * 128, floor(2147483647.0 / (127.0 * (double)width)));
    q->unit = largest / limit;
    for (size_t i = 0; i < width; i++) {
        int value = (int)lrint(q->normalized[i] / q->unit);
        int high = (value + 64) >> 7;
        double left = q->normalized[i] - q->unit * value;
        q->values[i] = (int16_t)value;
        q->high[i] = (int8_t)high;
        q->low[i] = (int8_t)(value - 128 * high);
        lost += left * left;
        sum += (uint32_t)value;
    }
    q->offset = (int32_t)(128 * sum);
    q->error = sqrt(lost);
}

_Bool scan_row_init(unsigned char *row, float *scale, float *error, const float *vector, size_t width)
{
    double squares[STRIPES] = {0}, square = 0;
    float tops[STRIPES] = {0}, rests[STRIPES] = {0}, top = 0, rest = 0;
    size_t whole = width / STRIPES * STRIPES, stride = scan_stride(width);
    for (size_t i = 0; i < whole; i += STRIPES)
        for (size_t j = 0; j < STRIPES; j++) {
            float v = vector[i + j], magnitude = fabsf(v);
            squares[j] += (double)v * v;
            tops[j] = magnitude > tops[j] ? magnitude : tops[j];
        }
    for (size_t i = whole; i < width; i++) {
        squares[0] += (double)vector[i] * vector[i];
        tops[0] = fmaxf(tops[0], fabsf(vector[i]));
    }
    for (size_t j = 0; j < STRIPES; j++) {
        square += squares[j];
        top = fmaxf(top, tops[j]);
    }
    if (!isfinite(square) || square < 1e-30)
        return 0;
    float unit = (float)(1 / sqrt(square)), step = top * unit / 127, inverse = 127 / top;
    for (size_t i = 0; i < whole; i += STRIPES)
        for (size_t j = 0; j < STRIPES; j++) {
            float at = vector[i + j] * inverse;
            int code = (int)(at + (at < 0 ? -0.5f : 0.5f));
            float left = vector[i + j] * unit - step * (float)code;
            row[i + j] = (unsigned char)(code + 128);
            rests[j] += left * left;
        }
    for (size_t i = whole; i < width; i++) {
        float at = vector[i] * inverse;
        int code = (int)(at + (at < 0 ? -0.5f : 0.5f));
        float left = vector[i] * unit - step * (float)code;
        row[i] = (unsigned char)(code + 128);
        rests[0] += left * left;
    }
    memset(row + width, 128, stride - width);
    for (size_t j = 0; j < STRIPES; j++)
        rest += rests[j];
    /* What float arithmetic may have hidden: each component is off by less than 4 roundings of itself, which
     * sums to less than 1e-6 for a unit vector, and the sum of squares by less than width / 16 + 20
     * roundings, one part in 20,000 at the largest width. */
    *scale = step;
    *error = sqrtf(rest) * 1.0001f + 2e-6f;
    return 1;
}
