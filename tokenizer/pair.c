#include "tokenizer/pair.h"

size_t pair_specials(const struct tokenizer *t, size_t separators)
{
    return (size_t)(tokenizer_start_id(t) >= 0) + separators + 1;
}

struct pair pair_fit(size_t query, size_t document, size_t room)
{
    struct pair p = {.query = query, .document = document};
    size_t *shorter = query <= document ? &p.query : &p.document,
           *longer = query <= document ? &p.document : &p.query;
    if (query + document > room) {
        *shorter = *shorter <= room / 2 ? *shorter : room / 2;
        *longer = room - *shorter;
        p.dropped = query + document - room;
    }
    return p;
}

static size_t put(const struct encoding *e, size_t n, int32_t *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = e->tokens[i].id;
    return n;
}

size_t pair_write(const struct pair *p, const struct tokenizer *t, size_t separators,
                  const struct encoding *query, const struct encoding *document, int32_t *ids)
{
    int32_t start = tokenizer_start_id(t), end = tokenizer_end_id(t);
    size_t n = 0;
    if (start >= 0)
        ids[n++] = start;
    n += put(query, p->query, ids + n);
    for (size_t i = 0; i < separators; i++)
        ids[n++] = end;
    n += put(document, p->document, ids + n);
    ids[n++] = end;
    return n;
}
