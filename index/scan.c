#include "index/scan.h"

#include <math.h>
#include <string.h>

#include "index/scan_reach.h"

#define STRIPES 16
#define CHUNK   256

/* Σ row[j] · factors[j], modulo 2³² */
static uint32_t sum_of(const unsigned char *row, const int16_t *factors, size_t n)
{
    uint32_t sum = 0;
    for (size_t j = 0; j < n; j++)
        sum += (uint32_t)(row[j] * factors[j]);
    return sum;
}

void scan_dot_reference(struct scan_codes codes, const uint16_t *rows, size_t n,
                        const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    for (size_t q = 0; q < count; q++)
        for (size_t i = 0; i < n; i++) {
            const struct scan_query *query = queries[q];
            const unsigned char *head, *rest;
            scan_parts(codes, rows, i, query, &head, &rest);
            uint32_t sum = sum_of(head, query->values, query->head) +
                           sum_of(rest, query->values + query->head, query->stride - query->head);
            sums[q][i] = (int32_t)(sum - (uint32_t)query->offset);
        }
}

void scan_glance_reference(struct scan_codes codes, const uint16_t *rows, size_t n,
                           const struct scan_query *const *queries, size_t count, int32_t (*sums)[SCAN_BLOCK])
{
    for (size_t q = 0; q < count; q++)
        for (size_t i = 0; i < n; i++) {
            const struct scan_query *query = queries[q];
            const unsigned char *head, *rest;
            scan_parts(codes, rows, i, query, &head, &rest);
            sums[q][i] = (int32_t)(sum_of(head, query->tops, query->head) - (uint32_t)query->glance.offset);
        }
}

void scan_reach_reference(const struct scan_query *query, const int32_t *sums, struct scan_bounds bounds,
                          size_t n, unsigned char *out)
{
    find_reach(query, sums, bounds, n, out);
}

const struct scan_kernels *scan_kernels(enum isa isa)
{
    static const struct scan_kernels table[ISA_COUNT] = {
        [ISA_REFERENCE] = {scan_dot_reference, scan_glance_reference, scan_reach_reference},
#if defined(__x86_64__)
        [ISA_AVX2] = {scan_dot_avx2, scan_glance_avx2, scan_reach_avx2},
        [ISA_AVXVNNI] = {scan_dot_avxvnni, scan_glance_avxvnni, scan_reach_avx2},
        [ISA_AVX512] = {scan_dot_avx512, scan_glance_avx512, scan_reach_avx512},
#endif
    };
    return table[isa].dot != NULL ? &table[isa] : &table[ISA_REFERENCE];
}

#define LANES 4 /* neighbours that a turn leaves apart: what every processor adds at once */

/* Two steps of the transform at a time, from strides of half of the stretch down to LANES. */
static void turn_stretch(float *v, size_t size)
{
    for (size_t quarter = size / 4; quarter >= LANES; quarter /= 4)
        for (size_t i = 0; i < size; i += quarter * 4)
            for (size_t j = i; j < i + quarter; j += LANES) {
                float in[4][LANES], out[4][LANES];
                for (size_t part = 0; part < 4; part++)
                    memcpy(in[part], v + j + part * quarter, sizeof in[part]);
                for (size_t t = 0; t < LANES; t++) {
                    float ab = in[0][t] + in[1][t], a_b = in[0][t] - in[1][t];
                    float cd = in[2][t] + in[3][t], c_d = in[2][t] - in[3][t];
                    out[0][t] = 0.5f * (ab + cd);
                    out[1][t] = 0.5f * (a_b + c_d);
                    out[2][t] = 0.5f * (ab - cd);
                    out[3][t] = 0.5f * (a_b - c_d);
                }
                for (size_t part = 0; part < 4; part++)
                    memcpy(v + j + part * quarter, out[part], sizeof out[part]);
            }
}

static void turn_part(float *v, size_t n)
{
    for (size_t size; n >= 16; v += size, n -= size) {
        size = n >= 256 ? 256 : n >= 64 ? 64 : 16;
        turn_stretch(v, size);
    }
}

void scan_turn(float *vector, size_t width)
{
    size_t head = scan_head(width) < width ? scan_head(width) : width;
    turn_part(vector, head);
    turn_part(vector + head, width - head);
}

size_t scan_query_bytes(size_t width)
{
    size_t stride = scan_stride(width);
    return stride * (2 * sizeof(int16_t) + 2 * sizeof(int8_t)) + width * sizeof(double);
}

/* What the high bytes of the head say of the query, and what they leave out. */
static void init_glance(struct scan_query *q, size_t width)
{
    double left = 0, kept = 0, tail = 0;
    uint32_t sum = 0;
    q->glance.unit = 128 * q->unit;
    for (size_t i = 0; i < width; i++) {
        double part = i < q->head ? q->glance.unit * q->high[i] : 0, rest = q->normalized[i] - part;
        kept += part * part;
        *(i < q->head ? &left : &tail) += rest * rest;
        sum += i < q->head ? (uint32_t)q->high[i] : 0;
        q->tops[i] = q->high[i];
    }
    q->glance.offset = (int32_t)(128 * sum);
    q->glance.error = sqrt(left) + SCAN_TURN_ERROR;
    q->glance.length = sqrt(kept);
    q->glance.tail = sqrt(tail);
}

void scan_query_init(struct scan_query *q, const float *vector, size_t width, void *memory)
{
    size_t stride = scan_stride(width);
    double square = 0, largest = 0, lost = 0;
    uint32_t sum = 0;
    q->stride = stride;
    q->head = scan_head(width);
    q->values = memory;
    q->tops = q->values + stride;
    q->high = (int8_t *)(q->tops + stride);
    q->low = q->high + stride;
    q->normalized = (double *)(q->low + stride);
    memset(memory, 0, stride * (2 * sizeof(int16_t) + 2 * sizeof(int8_t)));
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
    q->error = sqrt(lost) + SCAN_TURN_ERROR;
    init_glance(q, width);
}

/* Σ v² of up to CHUNK numbers, off by less than 2^-18 of it, and the largest |v| so far into *top. */
static float chunk_squares(const float *vector, size_t n, float *top)
{
    float squares[STRIPES] = {0}, tops[STRIPES] = {0}, sum = 0;
    size_t whole = n / STRIPES * STRIPES;
    for (size_t i = 0; i < whole; i += STRIPES)
        for (size_t j = 0; j < STRIPES; j++) {
            float v = vector[i + j], magnitude = fabsf(v);
            squares[j] += v * v;
            tops[j] = magnitude > tops[j] ? magnitude : tops[j];
        }
    for (size_t i = whole; i < n; i++) {
        squares[0] += vector[i] * vector[i];
        tops[0] = fmaxf(tops[0], fabsf(vector[i]));
    }
    for (size_t j = 0; j < STRIPES; j++) {
        sum += squares[j];
        *top = fmaxf(*top, tops[j]);
    }
    return sum;
}

static double squares_of(const float *vector, size_t n, float *top)
{
    double square = 0;
    for (size_t i = 0; i < n; i += CHUNK)
        square += chunk_squares(vector + i, n - i < CHUNK ? n - i : CHUNK, top);
    if (square > 1e-25 && square < 1e35)
        return square;
    square = 0; /* beyond what squares of floats hold, or nearly */
    for (size_t i = 0; i < n; i++)
        square += (double)vector[i] * vector[i];
    return square;
}

/* Codes of a part of a vector; adds what they leave of the unit vector to rests, squared. */
static void write_codes(unsigned char *row, const float *vector, size_t n, float top, float unit, float step,
                        float *rests)
{
    float inverse = 127 / top;
    size_t whole = n / STRIPES * STRIPES;
    for (size_t i = 0; i < whole; i += STRIPES)
        for (size_t j = 0; j < STRIPES; j++) {
            float at = vector[i + j] * inverse;
            int code = (int)(at + (at < 0 ? -0.5f : 0.5f));
            float left = vector[i + j] * unit - step * (float)code;
            row[i + j] = (unsigned char)(code + 128);
            rests[j] += left * left;
        }
    for (size_t i = whole; i < n; i++) {
        float at = vector[i] * inverse;
        int code = (int)(at + (at < 0 ? -0.5f : 0.5f));
        float left = vector[i] * unit - step * (float)code;
        row[i] = (unsigned char)(code + 128);
        rests[0] += left * left;
    }
}

_Bool scan_row_init(unsigned char *head, unsigned char *rest, float *scale, float *error, float *tail,
                    const float *vector, size_t width)
{
    float rests[STRIPES] = {0}, top = 0, left = 0;
    size_t stride = scan_stride(width), most = scan_head(width), in_head = most < width ? most : width;
    double front = squares_of(vector, in_head, &top),
           back = squares_of(vector + in_head, width - in_head, &top);
    double square = front + back;
    if (!isfinite(square) || square < 1e-30)
        return 0;
    float unit = (float)(1 / sqrt(square)), step = top * unit / 127;
    write_codes(head, vector, in_head, top, unit, step, rests);
    write_codes(rest, vector + in_head, width - in_head, top, unit, step, rests);
    memset(head + in_head, 128, most - in_head);
    memset(rest + (width - in_head), 128, stride - most - (width - in_head));
    for (size_t j = 0; j < STRIPES; j++)
        left += rests[j];
    /* What float arithmetic may have hidden: each component is off by less than 4 roundings of itself, and
     * all by half of what the squares of the length are, which together is less than 1e-6 for a unit vector;
     * and the sum of squares of the rest by less than width / 16 + 20 roundings, one part in 20,000 at the
     * largest width. */
    *scale = step;
    *error = sqrtf(left) * 1.0001f + 2e-6f + (float)SCAN_TURN_ERROR;
    *tail = (float)sqrt(back / square) * 1.0001f;
    return 1;
}
