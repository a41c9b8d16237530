/* Bytes as the pieces and merges of a byte-level BPE vocabulary, put into a model file in memory, opened, and
 * used.
 *
 *     piece: u8 length, bytes …, again and again | 0 | merge: u8 length, bytes …, again and again | 0 | the
 * rest is the text
 */
#include <stdint.h>
#include <stdlib.h>

#include "common/utf8.h"
#include "tokenizer/tokenizer.h"

#include "gguf_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct gguf *file, struct text text)
{
    struct tokenizer *t = NULL;
    struct encoding e = {0};
    struct error err = {0};
    struct buf said;
    if (tokenizer_open(file, NULL, &t, &err) != STATUS_OK) {
        check(t == NULL && err.text[0] != '\0');
        return;
    }
    check(tokenizer_encode(t, &e, text_of("a b"), text, NULL) == STATUS_OK);
    check(e.prefix_count <= e.count);
    for (size_t i = 0; i < e.count; i++) {
        check(e.tokens[i].start <= e.tokens[i].end && e.tokens[i].end <= text.len);
        check(i == 0 || e.tokens[i].start >= e.tokens[i - 1].start);
        check(e.tokens[i].id >= 0 && (uint32_t)e.tokens[i].id < tokenizer_size(t));
        check(i < e.prefix_count || e.tokens[i].end > 0);
    }
    /* The tokens of a text say the text, whatever it is. */
    buf_init(&said, 1 << 24);
    check(tokenizer_encode(t, &e, (struct text){0}, text, NULL) == STATUS_OK);
    for (size_t i = 0; i < e.count; i++)
        check(tokenizer_spell(t, e.tokens[i].id, &said, NULL) == STATUS_OK);
    check(text_equal(buf_text(&said), text));
    buf_release(&said);
    encoding_release(&e);
    tokenizer_free(t);
}

static uint64_t strings(struct buf *out, const uint8_t *data, size_t size, size_t *at)
{
    uint64_t count = 0;
    for (; *at < size && data[*at] != 0 && data[*at] < size - *at; count++) {
        string(out, data + *at + 1, data[*at]);
        *at += 1 + (size_t)data[*at];
    }
    *at += *at < size;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf model, pieces, types, merges;
    struct gguf *file = NULL;
    uint32_t odd = 0x100;
    size_t at = 0;
    buf_init(&model, 16 << 20), buf_init(&pieces, 4 << 20), buf_init(&types, 4 << 20);
    buf_init(&merges, 4 << 20);
    for (uint32_t byte = 0; byte < 256; byte++) {
        char c[4];
        bool plain = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
        string(&pieces, c, utf8_encode(plain ? byte : odd++, c));
    }
    uint64_t count = 256 + strings(&pieces, data, size, &at), merge_count = strings(&merges, data, size, &at);
    for (uint64_t i = 0; i < count; i++)
        number(&types, 1, 4);
    put(&model, "GGUF", 4);
    number(&model, 3, 4);
    number(&model, 0, 8);
    number(&model, 4, 8);
    key(&model, "tokenizer.ggml.model", GGUF_STRING);
    string(&model, "gpt2", 4);
    list(&model, "tokenizer.ggml.tokens", GGUF_STRING, count, &pieces);
    list(&model, "tokenizer.ggml.token_type", GGUF_I32, count, &types);
    list(&model, "tokenizer.ggml.merges", GGUF_STRING, merge_count, &merges);
    if (gguf_open_bytes("fuzz", model.data, model.len, &file, NULL) == STATUS_OK)
        use(file, (struct text){(const char *)data + at, size - at});
    gguf_free(file);
    buf_release(&model), buf_release(&pieces), buf_release(&types), buf_release(&merges);
    return 0;
}
