/* Bytes as a SentencePiece model. */
#include <stdint.h>
#include <stdlib.h>

#include "encoder/import/spm_model.h"

#include "gguf_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocabulary v;
    struct error err = {0};
    vocabulary_init(&v);
    if (spm_model_read(&v, "fuzz", (struct text){(const char *)data, size}, &err) == STATUS_OK) {
        check(v.count > 0 && v.start < (int32_t)v.count && v.end < (int32_t)v.count);
        for (size_t i = 0; i < v.count; i++)
            check(v.pieces[i].type >= VOCABULARY_NORMAL && v.pieces[i].type <= VOCABULARY_BYTE &&
                  v.pieces[i].text.len <= size);
        size_t before = v.count;
        if (spm_model_as_fairseq(&v, NULL) == STATUS_OK)
            check(v.count == before + 2 && text_is(v.pieces[0].text, "<s>"));
    } else {
        check(err.text[0] != '\0');
    }
    vocabulary_release(&v);
    return 0;
}
