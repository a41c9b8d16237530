/* Any bytes as an npy file: what is accepted can be read to its last row. */
#include <stdint.h>
#include <stdlib.h>

#include "cli/npy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct npy n;
    static float row[NPY_MOST_WIDTH];
    if (npy_read(&n, "it", data, size, NULL) != STATUS_OK)
        return 0;
    if (n.count == 0 || n.width == 0)
        abort();
    npy_row(&n, 0, row);
    npy_row(&n, n.count - 1, row);
    return 0;
}
