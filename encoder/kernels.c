#include "encoder/kernels.h"

/* See struct whole_head in kernels_attend.h; and keys turned on their side with the scores of some queries.
 */
size_t attend_scratch(size_t head, size_t n)
{
    size_t pairs = padded(head, 32) / 2, rows = padded(n, ATTEND_ROWS);
    size_t whole = rows * pairs + pairs * padded(n, 16) + (n + 1) / 2 * head + rows * ATTEND_LANES;
    size_t floats = (head + QUERIES) * attend_pitch(n);
    return whole > floats ? whole : floats;
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
