#include "encoder/kernels.h"

/* The keys turned on their side, and the scores of a few queries. */
size_t attend_scratch(size_t head, size_t n)
{
    return (head + QUERIES) * attend_pitch(n);
}

const struct kernels *kernels_for(enum isa isa)
{
    static const struct kernels *const table[ISA_COUNT] = {
        [ISA_REFERENCE] = &kernels_reference,
#if defined(__x86_64__)
        [ISA_AVX2] = &kernels_avx2,
        [ISA_AVXVNNI] = &kernels_avxvnni,
        [ISA_AVX512] = &kernels_avx512,
#endif
    };
    return table[isa] != NULL ? table[isa] : &kernels_reference;
}
