/* Bytes as the pieces of a WordPiece vocabulary, put into a model file in memory, opened, and used.
 *
 *     u8 settings | piece: u8 type, u8 length, bytes …, again and again | 0 | the rest is the text
 */
#include <stdint.h>
#include <stdlib.h>

#include "tokenizer/tokenizer.h"

#include "gguf_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct gguf *file, struct text text)
{
    struct tokenizer *t = NULL;
    struct encoding e = {0};
    struct error err = {0};
    if (tokenizer_open(file, NULL, &t, &err) != STATUS_OK) {
        check(t == NULL && err.text[0] != '\0');
        return;
    }
    check(tokenizer_encode(t, &e, text_of("a b"), text, NULL) == STATUS_OK);
    check(e.prefix_count <= e.count);
    for (size_t i = 0; i < e.count; i++) {
        check(e.tokens[i].start <= e.tokens[i].end && e.tokens[i].end <= text.len);
        check(e.tokens[i].id >= 0 && (uint32_t)e.tokens[i].id < tokenizer_size(t));
        check(i < e.prefix_count || e.tokens[i].end > 0);
    }
    encoding_release(&e);
    tokenizer_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf model, pieces, types;
    struct gguf *file = NULL;
    uint64_t count = 1;
    size_t at = 1;
    if (size < 2)
        return 0;
    buf_init(&model, 16 << 20), buf_init(&pieces, 4 << 20), buf_init(&types, 4 << 20);
    string(&pieces, "[UNK]", 5);
    number(&types, 3, 4);
    for (; size - at >= 2 && data[at] != 0 && data[at + 1] <= size - at - 2; count++) {
        number(&types, data[at], 4);
        string(&pieces, data + at + 2, data[at + 1]);
        at += 2 + (size_t)data[at + 1];
    }
    put(&model, "GGUF", 4);
    number(&model, 3, 4);
    number(&model, 0, 8);
    number(&model, 5, 8);
    key(&model, "tokenizer.ggml.model", GGUF_STRING);
    string(&model, "bert", 4);
    key(&model, "cognate.wordpiece.lowercase", GGUF_BOOL);
    number(&model, data[0] & 1, 1);
    key(&model, "cognate.wordpiece.strip_accents", GGUF_BOOL);
    number(&model, data[0] >> 1 & 1, 1);
    list(&model, "tokenizer.ggml.tokens", GGUF_STRING, count, &pieces);
    list(&model, "tokenizer.ggml.token_type", GGUF_I32, count, &types);
    if (gguf_open_bytes("fuzz", model.data, model.len, &file, NULL) == STATUS_OK)
        use(file, (struct text){(const char *)data + at, size - at});
    gguf_free(file);
    buf_release(&model), buf_release(&pieces), buf_release(&types);
    return 0;
}
