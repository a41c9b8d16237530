#include "common/cpu.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static const char *const names[ISA_COUNT] = {"reference", "avx2", "avx-vnni", "avx512"};

bool cpu_has(enum isa isa)
{
#if defined(__x86_64__)
    /* __builtin_cpu_supports also asks the operating system whether it saves the wide registers. */
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    unsigned a, b, c, d;
    switch (isa) {
    case ISA_REFERENCE:
        return true;
    case ISA_AVX2:
        return avx2;
    case ISA_AVXVNNI: /* leaf 7, subleaf 1, EAX bit 4; the builtin does not know it before GCC 13 */
        return avx2 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a >> 4 & 1) != 0;
    case ISA_AVX512:
        return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512vnni");
    default:
        return false;
    }
#else
    return isa == ISA_REFERENCE;
#endif
}

enum isa cpu_best(void)
{
    enum isa best = ISA_REFERENCE;
    for (int i = 0; i < ISA_COUNT; i++)
        if (cpu_has((enum isa)i))
            best = (enum isa)i;
    return best;
}

const char *isa_name(enum isa isa)
{
    return names[isa];
}

enum status isa_parse(const char *name, enum isa *out, struct error *err)
{
    if (strcmp(name, "auto") == 0) {
        *out = cpu_best();
        return STATUS_OK;
    }
    for (int i = 0; i < ISA_COUNT; i++) {
        if (strcmp(name, names[i]) != 0)
            continue;
        if (!cpu_has((enum isa)i))
            return error_set(err, STATUS_UNSUPPORTED, "this machine has no %s; use auto", name);
        *out = (enum isa)i;
        return STATUS_OK;
    }
    return error_set(err, STATUS_INVALID,
                     "unknown instruction set \"%s\"; known: auto, reference, avx2, avx-vnni, avx512", name);
}
