/* Any bytes as a model file: every accessor is walked over what was accepted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/gguf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gguf *g = NULL;
    struct error err = {0};
    if (gguf_open_bytes("fuzz", data, size, &g, &err) != STATUS_OK) {
        if (g != NULL || err.text[0] == '\0')
            abort();
        return 0;
    }
    unsigned long sum = 0;
    for (uint64_t i = 0; i < gguf_tensor_count(g); i++) {
        const struct gguf_tensor *t = gguf_tensor_at(g, i);
        for (size_t j = 0; j < t->size; j++)
            sum += t->data[j];
        if (ggml_block_bytes(t->type) == 0 || t->size % ggml_block_bytes(t->type) != 0)
            abort();
    }
    for (uint64_t i = 0; i < gguf_pair_count(g); i++) {
        struct text key;
        char name[300];
        uint32_t u;
        float f;
        bool b;
        struct text text;
        struct gguf_array array;
        sum += gguf_pair(g, i, &key).len;
        memcpy(name, key.data, key.len);
        name[key.len] = '\0';
        if (memchr(name, '\0', key.len) == NULL && !gguf_has(g, name))
            abort();
        gguf_u32(g, name, &u, NULL);
        gguf_f32(g, name, &f, NULL);
        gguf_bool(g, name, &b, NULL);
        if (gguf_text(g, name, &text, NULL) == STATUS_OK)
            for (size_t j = 0; j < text.len; j++)
                sum += (unsigned char)text.data[j];
        if (gguf_array(g, name, GGUF_STRING, &array, NULL) == STATUS_OK) {
            size_t at = 0;
            for (uint64_t j = 0; j < array.count; j++)
                sum += gguf_array_text(&array, &at).len;
            if (at != array.size)
                abort();
        }
    }
    gguf_free(g);
    volatile unsigned long kept = sum; /* so that the reads are not dropped */
    (void)kept;
    return 0;
}
