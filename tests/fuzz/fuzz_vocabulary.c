/* Bytes as the rules and pieces of a tokenizer, put into a model file in memory, opened, and used.
 *
 *     u14 bytes of rules, u2 how words are cut | rules … | piece: u8 type, u8 score, u8 length, bytes …,
 * again and again | the rest is the text
 */
#include <stdint.h>
#include <stdlib.h>

#include "tokenizer/tokenizer.h"

#include "gguf_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct gguf *file, const uint8_t *text, size_t size)
{
    struct tokenizer *t = NULL;
    struct encoding e = {0};
    struct error err = {0};
    if (tokenizer_open(file, NULL, &t, &err) != STATUS_OK) {
        check(t == NULL && err.text[0] != '\0');
        return;
    }
    check(tokenizer_encode(t, &e, text_of("a b "), (struct text){(const char *)text, size}, NULL) ==
          STATUS_OK);
    for (size_t i = 0; i < e.count; i++) {
        check(e.tokens[i].start <= e.tokens[i].end && e.tokens[i].end <= size);
        check(i == 0 || e.tokens[i].start >= e.tokens[i - 1].start);
        check(tokenizer_piece(t, e.tokens[i].id).len > 0 || tokenizer_is_special(t, e.tokens[i].id));
    }
    encoding_release(&e);
    tokenizer_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const float scores[] = {-1.0f, -2.5f, -8.0f, 0.0f, 3.0f, -1e8f, 1e30f};
    struct buf model, pieces, kinds, costs, rules;
    struct gguf *file = NULL;
    uint64_t count = 0;
    buf_init(&model, 16 << 20), buf_init(&pieces, 4 << 20), buf_init(&kinds, 4 << 20);
    buf_init(&costs, 4 << 20), buf_init(&rules, 4 << 20);
    size_t at = 2, n = size >= 2 ? data[0] | (size_t)(data[1] & 0x3F) << 8 : 0;
    unsigned words = size >= 2 ? data[1] >> 6 : 0; /* 0: as SentencePiece */
    if (size < 2 || n > size - 2)
        return 0;
    put(&rules, data + at, n);
    at += n;
    while (size - at >= 3 && data[at] != 0 && data[at + 2] <= size - at - 3) {
        number(&kinds, data[at], 4);
        put(&costs, &scores[data[at + 1] % 7], 4);
        string(&pieces, data + at + 3, data[at + 2]);
        at += 3 + (size_t)data[at + 2];
        count++;
    }
    put(&model, "GGUF", 4);
    number(&model, 3, 4);
    number(&model, 0, 8);
    number(&model, words > 0 ? 8 : 5, 8);
    if (words > 0) {
        key(&model, "cognate.unigram.words", GGUF_STRING);
        string(&model, words == 1 ? "whitespace" : "spaces", words == 1 ? 10 : 6);
        key(&model, "cognate.unigram.merge_spaces", GGUF_BOOL);
        number(&model, words == 3, 1);
        key(&model, "cognate.unigram.strip_right", GGUF_BOOL);
        number(&model, words == 3, 1);
    }
    key(&model, "tokenizer.ggml.model", GGUF_STRING);
    string(&model, "t5", 2);
    list(&model, "tokenizer.ggml.tokens", GGUF_STRING, count, &pieces);
    list(&model, "tokenizer.ggml.scores", GGUF_F32, count, &costs);
    list(&model, "tokenizer.ggml.token_type", GGUF_I32, count, &kinds);
    list(&model, "tokenizer.ggml.precompiled_charsmap", GGUF_U8, n, &rules);
    if (gguf_open_bytes("fuzz", model.data, model.len, &file, NULL) == STATUS_OK)
        use(file, data + at, size - at);
    gguf_free(file);
    buf_release(&model), buf_release(&pieces), buf_release(&kinds), buf_release(&costs), buf_release(&rules);
    return 0;
}
