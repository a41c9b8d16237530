#include "tokenizer/encoding.h"

#include <stdlib.h>

#include "tokenizer/bpe.h"
#include "tokenizer/memo.h"
#include "tokenizer/unigram_words.h"

enum status encoding_reserve(struct encoding *e, size_t more, struct error *err)
{
    size_t wanted = e->count + more;
    if (wanted <= e->scratch->token_capacity)
        return STATUS_OK;
    size_t capacity = wanted + wanted / 2 + 64;
    struct token *tokens = realloc(e->tokens, capacity * sizeof *tokens);
    if (tokens == NULL)
        return error_memory(err, "encoding a text");
    e->tokens = tokens;
    e->scratch->token_capacity = capacity;
    return STATUS_OK;
}

enum status encoding_reserve_head(struct encoding_scratch *s, size_t size, struct error *err)
{
    if (size <= s->head_capacity)
        return STATUS_OK;
    free(s->head);
    s->head = malloc(size);
    s->head_capacity = s->head != NULL ? size : 0;
    return s->head != NULL ? STATUS_OK : error_memory(err, "encoding a text");
}

enum status encoding_join(struct encoding *e, struct text prefix, struct text text, bool space,
                          struct joined *out, struct error *err)
{
    struct encoding_scratch *s = e->scratch;
    struct text first = prefix.len > 0 ? prefix : text;
    space = space && first.len > 0 && first.data[0] != ' ';
    *out = (struct joined){text.data, text.len, 0};
    if (prefix.len == 0 && !space)
        return STATUS_OK;
    size_t shift = space + prefix.len;
    if (encoding_reserve_head(s, shift + text.len, err) != STATUS_OK)
        return STATUS_NO_MEMORY;
    s->head[0] = ' ';
    if (prefix.len > 0)
        memcpy(s->head + space, prefix.data, prefix.len);
    if (text.len > 0)
        memcpy(s->head + shift, text.data, text.len);
    *out = (struct joined){(const char *)s->head, shift + text.len, shift};
    return STATUS_OK;
}

void encoding_release(struct encoding *e)
{
    if (e->scratch != NULL) {
        window_release(&e->scratch->window);
        memo_free(e->scratch->memo);
        free(e->scratch->head);
        bpe_scratch_free(e->scratch->bpe);
        letters_free(e->scratch->letters);
    }
    free(e->scratch);
    free(e->tokens);
    *e = (struct encoding){0};
}
