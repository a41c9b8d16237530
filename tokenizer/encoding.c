#include "tokenizer/encoding.h"

#include <stdlib.h>

#include "tokenizer/bpe.h"

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

void encoding_release(struct encoding *e)
{
    if (e->scratch != NULL) {
        window_release(&e->scratch->window);
        free(e->scratch->head);
        bpe_scratch_free(e->scratch->bpe);
    }
    free(e->scratch);
    free(e->tokens);
    *e = (struct encoding){0};
}
