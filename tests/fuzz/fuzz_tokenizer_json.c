/* Bytes as a tokenizer.json; what is read is written into a GGUF file when it is small, and opened. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "encoder/import/model_folder.h"
#include "encoder/import/tokenizer_json.h"
#include "tokenizer/tokenizer.h"

#include "gguf_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A vocabulary that was read either makes a tokenizer or is refused with a reason. */
static void use(const struct vocabulary *v)
{
    char path[] = "/tmp/cognate-fuzz-XXXXXX";
    struct gguf_writer *w = NULL;
    struct gguf *file = NULL;
    struct tokenizer *t = NULL;
    struct encoding e = {0};
    struct error err = {0};
    int descriptor = mkstemp(path);
    check(descriptor >= 0 && close(descriptor) == 0);
    check(gguf_writer_new(path, &w, NULL) == STATUS_OK);
    check(vocabulary_write(v, v->count, w, NULL) == STATUS_OK);
    if (gguf_writer_finish(w, &err) == STATUS_OK && gguf_writer_commit(w, &err) == STATUS_OK &&
        gguf_open(path, &file, &err) == STATUS_OK && tokenizer_open(file, NULL, &t, &err) == STATUS_OK) {
        check(tokenizer_encode(t, &e, text_of(""), text_of("Some text \u00e9\u6771"), NULL) == STATUS_OK);
        for (size_t i = 0; i < e.count; i++)
            check((size_t)e.tokens[i].id < v->count && v->pieces[e.tokens[i].id].type != VOCABULARY_CONTROL);
    } else {
        check(err.text[0] != '\0');
    }
    encoding_release(&e);
    tokenizer_free(t);
    gguf_free(file);
    gguf_writer_free(w);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocabulary v;
    struct error err = {0};
    json_t *root = NULL;
    vocabulary_init(&v);
    if (json_bytes("fuzz", data, size, &root, &err) == STATUS_OK &&
        tokenizer_json_read(&v, "fuzz", root, &err) == STATUS_OK) {
        check(v.count > 0 && v.start < (int32_t)v.count && v.end < (int32_t)v.count);
        if (v.count < 1000)
            use(&v);
    } else {
        check(err.text[0] != '\0');
    }
    json_decref(root);
    vocabulary_release(&v);
    return 0;
}
