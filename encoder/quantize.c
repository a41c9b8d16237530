#include "encoder/quantize.h"

#include <math.h>
#include <string.h>

bool can_quantize(enum ggml_type type)
{
    return type == GGML_F32 || type == GGML_F16 || type == GGML_Q8_0 || type == GGML_Q4_0;
}

static void write_u16(uint16_t value, unsigned char *p)
{
    p[0] = (unsigned char)value;
    p[1] = (unsigned char)(value >> 8);
}

/* `bits` shifted right, rounded to the nearest, ties to even. */
static uint32_t rounded(uint32_t bits, unsigned shift)
{
    uint32_t half = 1u << (shift - 1), low = bits & ((1u << shift) - 1);
    uint32_t value = bits >> shift;
    return value + (low > half || (low == half && (value & 1) != 0));
}

uint16_t float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    bits &= 0x7fffffff;
    if (bits > 0x7f800000) /* NaN */
        return sign | 0x7e00;
    if (bits >= 0x47800000) /* from 65536 on; what rounds up to it carries over below */
        return sign | 0x7c00;
    if (bits >= 0x38800000) /* normal: the exponent is 112 less; a carry out of the fraction raises it */
        return (uint16_t)(sign | rounded(bits - (112u << 23), 13));
    unsigned shift = 126 - (bits >> 23); /* subnormal: fraction · 2⁻²⁴ */
    return shift > 24 ? sign : (uint16_t)(sign | rounded((bits & 0x7fffff) | 0x800000, shift));
}

static void q8_0(const float *x, unsigned char *p)
{
    float most = 0;
    for (size_t j = 0; j < 32; j++)
        most = fmaxf(most, fabsf(x[j]));
    float scale = most / 127, inverse = scale > 0 ? 1 / scale : 0;
    write_u16(float_to_half(scale), p);
    for (size_t j = 0; j < 32; j++)
        p[2 + j] = (unsigned char)(int8_t)roundf(x[j] * inverse);
}

static unsigned nibble(float value)
{
    int level = (int)(value + 8.5f);
    return level < 0 ? 0 : level > 15 ? 15 : (unsigned)level;
}

static void q4_0(const float *x, unsigned char *p)
{
    float furthest = 0;
    for (size_t j = 0; j < 32; j++)
        furthest = fabsf(x[j]) > fabsf(furthest) ? x[j] : furthest;
    float scale = furthest / -8, inverse = scale != 0 ? 1 / scale : 0;
    write_u16(float_to_half(scale), p);
    for (size_t j = 0; j < 16; j++)
        p[2 + j] = (unsigned char)(nibble(x[j] * inverse) | nibble(x[j + 16] * inverse) << 4);
}

void quantize(enum ggml_type type, const float *values, size_t n, unsigned char *out)
{
    size_t block = ggml_block_values(type), size = ggml_block_bytes(type);
    for (size_t i = 0; i < n; i += block, out += size) {
        uint32_t bits;
        switch (type) {
        case GGML_Q8_0:
            q8_0(values + i, out);
            break;
        case GGML_Q4_0:
            q4_0(values + i, out);
            break;
        case GGML_F16:
            write_u16(float_to_half(values[i]), out);
            break;
        default:
            memcpy(&bits, &values[i], sizeof bits);
            write_u16((uint16_t)bits, out);
            write_u16((uint16_t)(bits >> 16), out + 2);
            break;
        }
    }
}
