/* Any bytes as an npy file: what is accepted can be read to its last number. */
#include <stdint.h>
#include <stdlib.h>

#include "common/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t sizes[] = {[NPY_U8] = 1, [NPY_F32] = 4, [NPY_F64] = 8};
    static float row[NPY_MOST_WIDTH];
    struct npy_array a;
    struct npy n;
    if (npy_array_read(&a, "it", data, size, NULL) == STATUS_OK &&
        a.data + a.shape[0] * a.shape[1] * sizes[a.type] != data + size)
        abort();
    if (npy_read(&n, "it", data, size, NULL) != STATUS_OK)
        return 0;
    if (n.count == 0 || n.width == 0)
        abort();
    npy_row(&n, 0, row);
    npy_row(&n, n.count - 1, row);
    return 0;
}
