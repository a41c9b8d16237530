#include "encoder/dequant.h"

#include <string.h>

static uint16_t read_u16(const unsigned char *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t read_u32(const unsigned char *p)
{
    return (uint32_t)read_u16(p) | (uint32_t)read_u16(p + 2) << 16;
}

static float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float half_to_float(uint16_t half)
{
    uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023;
    if (exponent == 31) /* infinities and NaN */
        return from_bits(sign | 0x7f800000 | fraction << 13);
    if (exponent == 0) { /* subnormal: fraction · 2⁻²⁴ */
        float value = (float)fraction * 0x1p-24f;
        return sign != 0 ? -value : value;
    }
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static float read_half(const unsigned char *p)
{
    return half_to_float(read_u16(p));
}

/* 16 bytes of nibbles: byte j holds value j low and value j + 16 high. */
static void nibbles(const unsigned char *p, float scale, float shift, float *out)
{
    for (size_t j = 0; j < 16; j++) {
        out[j] = scale * (float)(p[j] & 15) + shift;
        out[j + 16] = scale * (float)(p[j] >> 4) + shift;
    }
}

/* As nibbles, with a fifth bit of value j in bit j of `high`. */
static void five_bits(const unsigned char *p, uint32_t high, float scale, float shift, float *out)
{
    for (size_t j = 0; j < 16; j++) {
        out[j] = scale * (float)((p[j] & 15) | (high >> j & 1) << 4) + shift;
        out[j + 16] = scale * (float)(p[j] >> 4 | (high >> (j + 16) & 1) << 4) + shift;
    }
}

/* 256 values: 128 bytes of low nibbles, 64 bytes of upper bit pairs, 16 signed scales, one half for all. */
static void q6_k(const unsigned char *p, float *out)
{
    float scale = read_half(p + 208);
    for (size_t half = 0; half < 2; half++) {
        const unsigned char *low = p + 64 * half, *high = p + 128 + 32 * half, *scales = p + 192 + 8 * half;
        for (size_t j = 0; j < 32; j++)
            for (size_t part = 0; part < 4; part++) {
                int nibble = part < 2 ? low[j + 32 * part] & 15 : low[j + 32 * (part - 2)] >> 4;
                int value = (nibble | (high[j] >> 2 * part & 3) << 4) - 32;
                int group = (int8_t)scales[j / 16 + 2 * part];
                out[128 * half + 32 * part + j] = scale * (float)(group * value);
            }
    }
}

static void block(enum ggml_type type, const unsigned char *p, float *out)
{
    float scale;
    switch (type) {
    case GGML_F32:
        *out = from_bits(read_u32(p));
        break;
    case GGML_F16:
        *out = read_half(p);
        break;
    case GGML_BF16:
        *out = from_bits((uint32_t)read_u16(p) << 16);
        break;
    case GGML_Q4_0:
        scale = read_half(p);
        nibbles(p + 2, scale, -8 * scale, out);
        break;
    case GGML_Q4_1:
        nibbles(p + 4, read_half(p), read_half(p + 2), out);
        break;
    case GGML_Q5_0:
        scale = read_half(p);
        five_bits(p + 6, read_u32(p + 2), scale, -16 * scale, out);
        break;
    case GGML_Q5_1:
        five_bits(p + 8, read_u32(p + 4), read_half(p), read_half(p + 2), out);
        break;
    case GGML_Q8_0:
        scale = read_half(p);
        for (size_t j = 0; j < 32; j++)
            out[j] = scale * (float)(int8_t)p[2 + j];
        break;
    case GGML_I8:
        *out = (float)(int8_t)*p;
        break;
    case GGML_Q6_K:
        q6_k(p, out);
        break;
    }
}

void dequantize(enum ggml_type type, const unsigned char *bytes, size_t n, float *out)
{
    size_t values = ggml_block_values(type), size = ggml_block_bytes(type);
    for (size_t i = 0; i < n; i += values, bytes += size)
        block(type, bytes, out + i);
}
