#include "tokenizer/normalize.h"

#include <stdlib.h>

#include "common/utf8.h"

enum status window_reserve(struct window *w, size_t more, struct error *err)
{
    if (more <= w->capacity - w->filled)
        return STATUS_OK;
    size_t capacity = w->filled + more + w->capacity / 2 + 256;
    uint16_t *symbols = realloc(w->symbols, (capacity + 1) * sizeof *symbols);
    if (symbols != NULL)
        w->symbols = symbols;
    uint32_t *origins = realloc(w->origins, (capacity + 1) * sizeof *origins);
    if (origins != NULL)
        w->origins = origins;
    struct cell *cells = realloc(w->cells, (capacity + 1) * sizeof *cells);
    if (cells != NULL)
        w->cells = cells;
    if (symbols == NULL || origins == NULL || cells == NULL)
        return error_memory(err, "normalising a text");
    w->capacity = capacity;
    return STATUS_OK;
}

void window_drop(struct window *w, size_t count)
{
    size_t left = w->filled - count;
    memmove(w->symbols, w->symbols + count, (left + 1) * sizeof *w->symbols);
    memmove(w->origins, w->origins + count, (left + 1) * sizeof *w->origins);
    memmove(w->cells, w->cells + count, (left + 1) * sizeof *w->cells);
    w->filled = left;
}

void window_release(struct window *w)
{
    free(w->symbols);
    free(w->origins);
    free(w->cells);
    *w = (struct window){0};
}

static void put(struct window *w, uint32_t symbol, size_t origin)
{
    w->symbols[w->filled] = (uint16_t)symbol;
    w->origins[w->filled++] = (uint32_t)origin;
}

/* The longest user-defined piece that the bytes begin with: its length in bytes, or 0. */
static size_t match_user(const struct tables *t, const unsigned char *data, size_t size)
{
    const trie_node *nodes = tables_nodes(t);
    trie_node node = 0;
    size_t at = 0, longest = 0;
    while (at < size) {
        uint32_t c;
        size_t n = utf8_decode((const char *)data + at, size - at, &c);
        uint32_t symbol = n == 1 && data[at] >= 0x80 ? SYMBOL_UNKNOWN : tables_symbol(tables_character(t, c));
        if (at == 0)
            node = nodes[symbol];
        else if (!trie_step(nodes, &node, symbol))
            break;
        at += n;
        if (trie_piece(node) != TRIE_NONE && (trie_piece(node) & PIECE_USER) != 0)
            longest = at;
    }
    return longest;
}

/* Adds the characters of `text`, which stand for what begins at `origin`. */
static enum status add(struct normalizer *n, struct text text, size_t origin, struct error *err)
{
    size_t at = 0;
    if (window_reserve(n->window, text.len, err) != STATUS_OK)
        return STATUS_NO_MEMORY;
    while (n->after_space && at < text.len && text.data[at] == ' ')
        at++;
    if (at == text.len)
        return STATUS_OK;
    while (at < text.len) {
        uint32_t c;
        at += utf8_decode(text.data + at, text.len - at, &c);
        put(n->window, c == ' ' ? SYMBOL_SPACE : tables_symbol(tables_character(n->tables, c)), origin);
    }
    n->after_space = text.data[text.len - 1] == ' ';
    return STATUS_OK;
}

/* One step of SentencePiece's normaliser in full: a user-defined piece, else the longest rule, else one
 * character. */
static enum status step(struct normalizer *n, struct stretch s, size_t *at, size_t origin, uint32_t entry,
                        struct error *err)
{
    const unsigned char *data = s.data + *at;
    struct text becomes = {(const char *)data, 0};
    size_t size = s.size - *at;
    size_t length = (entry & CHARACTER_USER) != 0 ? match_user(n->tables, data, size) : 0;
    becomes.len = length;
    if (length == 0)
        length = rules_match(n->rules, data, size, &becomes);
    if (length == 0) {
        uint32_t c;
        becomes.len = length = utf8_decode((const char *)data, size, &c);
        if (length == 1 && data[0] >= 0x80)
            becomes = text_of("\uFFFD");
    }
    *at += length;
    if (!n->started) {
        if (text_is(becomes, " "))
            return STATUS_OK;
        n->started = n->after_space = true;
        if (n->tables->dummy_prefix)
            put(n->window, SYMBOL_SPACE, origin); /* the first symbol, so there is room */
    }
    return add(n, becomes, origin, err);
}

/* The length of the character at `at`, and in *entry what the tables say of it; 0 behind the last one. A
 * malformed byte needs step(). */
static inline size_t look_up(const struct tables *t, const uint32_t *ascii, struct stretch s, size_t at,
                             uint32_t *entry)
{
    uint32_t c;
    *entry = 0;
    if (at >= s.size)
        return 0;
    size_t n = utf8_next((const char *)s.data + at, s.size - at, &c);
    *entry = c < 0x80 ? ascii[c] : n > 1 ? tables_character(t, c) : CHARACTER_RULE;
    return n;
}

/* Whether a character needs step(): it has a rule, or begins one that the character behind it may go on with.
 */
static inline bool is_special(uint32_t entry, uint32_t next)
{
    return (entry & (CHARACTER_RULE | CHARACTER_USER)) != 0 ||
           ((entry & CHARACTER_LEADS) != 0 && (next & CHARACTER_FOLLOWS) != 0);
}

enum status normalize(struct normalizer *n, struct stretch s, size_t *from, size_t limit, size_t room,
                      struct error *err)
{
    struct window *w = n->window;
    const struct tables *t = n->tables;
    const uint32_t *ascii = tables_characters(t) + (size_t)tables_pages(t)[0] * 256;
    size_t at = *from, stop = w->filled + room, filled = w->filled;
    uint32_t entry, next;
    enum status status = window_reserve(w, room, err);
    bool after_space = n->after_space;
    for (size_t length = look_up(t, ascii, s, at, &entry), after;
         status == STATUS_OK && at < limit && filled < stop; length = after, entry = next) {
        size_t origin = at > s.shift ? at - s.shift : 0;
        after = look_up(t, ascii, s, at + length, &next);
        if (n->started && !is_special(entry, next)) {
            bool space = (entry & CHARACTER_SPACE) != 0;
            w->symbols[filled] = (uint16_t)(entry & CHARACTER_SYMBOL);
            w->origins[filled] = (uint32_t)origin;
            filled += !(space && after_space);
            after_space = space;
            at += length;
            continue;
        }
        w->filled = filled;
        n->after_space = after_space;
        status = step(n, s, &at, origin, entry, err);
        if (status == STATUS_OK && w->filled < stop)
            status = window_reserve(w, stop - w->filled, err);
        filled = w->filled;
        after_space = n->after_space;
        after = look_up(t, ascii, s, at, &next);
    }
    w->filled = filled;
    n->after_space = after_space;
    *from = at;
    return status;
}

enum status normalize_end(struct normalizer *n, size_t end, struct error *err)
{
    struct window *w = n->window;
    enum status status = window_reserve(w, 1, err);
    if (status != STATUS_OK)
        return status;
    w->origins[w->filled] = (uint32_t)end;
    while (w->filled > 0 && w->symbols[w->filled - 1] == SYMBOL_SPACE)
        w->filled--;
    return STATUS_OK;
}
