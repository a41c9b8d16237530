/* Any bytes as text, encoded with the default model; the first byte says how many of the following are a
 * prompt. Ranges rise without overlap, lie between characters, and cover what they should; only pieces that
 * text can match come out. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"
#include "tokenizer/tokenizer.h"

#include "default_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct encoding e; /* remembers words */
    struct encoding fresh = {0};
    const struct tokenizer *t = opened();
    size_t split = size > 0 ? data[0] % size : 0;
    struct text prefix = {(const char *)data + (size > 0), split};
    struct text text = {prefix.data + split, size > 0 ? size - 1 - split : 0};
    check(tokenizer_encode(t, &e, prefix, text, NULL) == STATUS_OK);
    check(e.prefix_count <= e.count);
    check(tokenizer_encode(t, &fresh, prefix, text, NULL) == STATUS_OK);
    check(fresh.count == e.count && fresh.prefix_count == e.prefix_count);
    check(e.count == 0 || memcmp(fresh.tokens, e.tokens, e.count * sizeof *e.tokens) == 0);
    encoding_release(&fresh);
    size_t valid = utf8_invalid(text.data, text.len), at = 0;
    for (size_t i = 0; i < e.count; i++) {
        struct token token = e.tokens[i];
        check(token.id >= 0 && (uint32_t)token.id < tokenizer_size(t));
        check(token.id != tokenizer_start_id(t) && token.id != tokenizer_end_id(t));
        check(token.start <= token.end && token.end <= text.len);
        check(i == 0 || token.start == e.tokens[i - 1].end || at == 0);
        check(i >= e.prefix_count || token.end == 0);
        at = token.end;
        if (valid == text.len) {
            check(utf8_floor(text.data, text.len, token.start) == token.start);
            check(utf8_floor(text.data, text.len, token.end) == token.end);
        }
        check(i == 0 || !tokenizer_is_special(t, token.id) || token.id != e.tokens[i - 1].id);
    }
    return 0;
}
