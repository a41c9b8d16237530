#include "tokenizer/encoding.h"

#include <stdlib.h>

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

void encoding_release(struct encoding *e)
{
    if (e->scratch != NULL) {
        window_release(&e->scratch->window);
        free(e->scratch->head);
    }
    free(e->scratch);
    free(e->tokens);
    *e = (struct encoding){0};
}
