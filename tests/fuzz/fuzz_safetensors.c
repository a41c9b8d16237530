/* Any bytes as a safetensors file: every byte of what was accepted is read. */
#include <stdint.h>
#include <stdlib.h>

#include "encoder/import/safetensors.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct safetensors *s = NULL;
    struct error err = {0};
    if (safetensors_open_bytes("fuzz", data, size, &s, &err) != STATUS_OK) {
        if (s != NULL || err.text[0] == '\0')
            abort();
        return 0;
    }
    unsigned long sum = 0, bytes = 0;
    for (size_t i = 0; i < safetensors_count(s); i++) {
        const struct safetensor *t = safetensors_at(s, i);
        for (size_t j = 0; j < t->size; j++)
            sum += t->data[j];
        bytes += t->size;
        if (safetensors_find(s, t->name) != t)
            abort();
    }
    if (bytes > size)
        abort();
    safetensors_free(s);
    volatile unsigned long kept = sum; /* so that the reads are not dropped */
    (void)kept;
    return 0;
}
