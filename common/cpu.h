/* Which instruction sets this machine can run, strongest last.
 *
 * Kernel tables (encoder/kernels.h, index/scan.h) start from the reference and are overridden for the chosen
 * set, once, when a model or a store is opened. Every set gives the same results to the last bit.
 */
#ifndef COGNATE_COMMON_CPU_H
#define COGNATE_COMMON_CPU_H

#include <stdbool.h>

#include "common/status.h"

enum isa {
    ISA_REFERENCE, /* plain C */
    ISA_AVX2,      /* AVX2 + FMA, 256-bit vpmaddubsw */
    ISA_AVXVNNI,   /* AVX2 + FMA + AVX-VNNI, 256-bit vpdpbusd */
    ISA_AVX512,    /* AVX-512 F, BW, DQ, VL + VNNI, 512-bit vpdpbusd */
    ISA_COUNT
};

bool cpu_has(enum isa isa);
enum isa cpu_best(void);
const char *isa_name(enum isa isa); /* "reference", "avx2", "avx-vnni", "avx512" */

/* The set named by `name` ("auto" for the best); INVALID when the name is unknown, UNSUPPORTED when this
 * machine lacks it. */
enum status isa_parse(const char *name, enum isa *out, struct error *err);

#endif
