#include "unit.h"

#include "server/token_text.h"
#include "tests/fuzz/gguf_bytes.h"

#include "common/utf8.h"

/* A byte-level vocabulary of the 256 bytes, in their order, and "</s>". */
static struct tokenizer *byte_tokenizer(struct buf *b, struct gguf **file)
{
    struct buf pieces, types;
    struct tokenizer *t = NULL;
    uint32_t odd = 0x100;
    buf_init(b, 1 << 20), buf_init(&pieces, 1 << 20), buf_init(&types, 1 << 20);
    for (uint32_t byte = 0; byte < 256; byte++) {
        char c[4];
        bool plain = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
        string(&pieces, c, utf8_encode(plain ? byte : odd++, c));
        number(&types, 1, 4);
    }
    string(&pieces, "</s>", 4);
    number(&types, 3, 4);
    put(b, "GGUF", 4);
    number(b, 3, 4);
    number(b, 0, 8);
    number(b, 4, 8);
    key(b, "tokenizer.ggml.model", GGUF_STRING);
    string(b, "gpt2", 4);
    list(b, "tokenizer.ggml.tokens", GGUF_STRING, 257, &pieces);
    list(b, "tokenizer.ggml.token_type", GGUF_I32, 257, &types);
    array(b, "tokenizer.ggml.merges", GGUF_STRING, 0);
    assert_int_equal(gguf_open_bytes("bytes", b->data, b->len, file, NULL), STATUS_OK);
    assert_int_equal(tokenizer_open(*file, NULL, &t, NULL), STATUS_OK);
    buf_release(&pieces), buf_release(&types);
    return t;
}

static void expect(const struct tokenizer *t, const char *ids, bool skip, const char *wanted)
{
    struct buf out;
    json_t *list = json_loads(ids, 0, NULL);
    buf_init(&out, 1 << 10);
    assert_int_equal(token_text(t, list, skip, "ids", &out, NULL), STATUS_OK);
    assert_true(text_is(buf_text(&out), wanted));
    json_decref(list);
    buf_release(&out);
}

static void parts_of_characters_become_one_replacement(void **state)
{
    (void)state;
    struct buf model;
    struct gguf *file = NULL;
    struct tokenizer *t = byte_tokenizer(&model, &file);
    expect(t, "[97, 32, 98]", true, "a b");
    expect(t, "[240, 159, 164, 163, 256]", true, "\U0001f923");
    expect(t, "[97, 240, 159, 164, 98]", true, "a\uFFFDb");
    expect(t, "[163, 97, 240]", true, "\uFFFDa\uFFFD");
    expect(t, "[256, 97]", false, "</s>a");
    expect(t, "[]", true, "");
    tokenizer_free(t);
    gguf_free(file);
    buf_release(&model);
}

static void source_is_the_text_of_exactly_these_tokens(void **state)
{
    (void)state;
    struct buf model, out;
    struct gguf *file = NULL;
    struct error err = {0};
    struct tokenizer *t = byte_tokenizer(&model, &file);
    json_t *whole = json_loads("[32, 97, 240, 256]", 0, NULL), *open = json_loads("[32, 97]", 0, NULL);
    buf_init(&out, 1 << 10);
    assert_int_equal(token_source(t, whole, "input", &out, &err), STATUS_OK);
    assert_true(text_is(buf_text(&out), " a\xf0"));
    assert_int_equal(token_source(t, open, "input", &out, &err), STATUS_INVALID);
    assert_string_equal(err.field, "input");
    json_decref(whole);
    json_decref(open);
    buf_release(&out);
    tokenizer_free(t);
    gguf_free(file);
    buf_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_characters_become_one_replacement),
        cmocka_unit_test(source_is_the_text_of_exactly_these_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
