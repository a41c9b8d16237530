#include "tokenizer/wordpiece.h"

#include <unicode/uchar.h>
#include <utf8proc.h>

#include "common/utf8.h"

#define MOST_LETTERS   100 /* of a word */
#define UNICODE        8   /* of the reference's tables */
#define DECOMPOSED     8   /* characters that one can become; Unicode's own limit is 4 */
#define DOTTED_CAPITAL 0x130
#define DOT_ABOVE      0x307

struct letter {
    uint16_t symbol;
    uint8_t order; /* its canonical combining class */
    bool in_prefix;
    uint32_t start, end; /* bytes of the text it came from */
};

struct words {
    const struct tables *tables;
    struct encoding *e;
    struct error *err;
    struct letter letters[MOST_LETTERS]; /* of the word being read */
    size_t length;                       /* may be more than there is room for */
    struct letter last;                  /* the last one read */
};

static void put(struct words *w, uint32_t piece, const struct letter *first, const struct letter *last)
{
    w->e->tokens[w->e->count++] = (struct token){(int32_t)piece, first->start, last->end};
    w->e->prefix_count += last->in_prefix;
}

/* How many letters from `at` on the longest piece has; 0 when none fits. U+2581 in the text begins no piece
 * within a word: there it would be the mark of pieces that begin one. */
static size_t longest_piece(const struct words *w, size_t at, uint32_t *piece)
{
    const trie_node *nodes = tables_nodes(w->tables);
    trie_node node = nodes[at == 0 ? SYMBOL_SPACE : w->letters[at].symbol];
    size_t longest = 0, i = at == 0 ? 0 : at + 1;
    if (at > 0 && w->letters[at].symbol == SYMBOL_SPACE)
        return 0;
    for (;; i++) {
        if (i > at && trie_piece(node) != TRIE_NONE) {
            *piece = trie_piece(node);
            longest = i - at;
        }
        if (i == w->length || !trie_step(nodes, &node, w->letters[i].symbol))
            return longest;
    }
}

static enum status end_word(struct words *w)
{
    size_t length = w->length, count = w->e->count, prefix_count = w->e->prefix_count;
    bool known = length <= MOST_LETTERS;
    if (length == 0)
        return STATUS_OK;
    enum status status = encoding_reserve(w->e, known ? length : 1, w->err);
    if (status != STATUS_OK)
        return status;
    for (size_t at = 0, n; at < length && known; at += n) {
        uint32_t piece = 0;
        n = longest_piece(w, at, &piece);
        known = n > 0;
        if (known)
            put(w, piece, &w->letters[at], &w->letters[at + n - 1]);
    }
    if (!known) {
        w->e->count = count;
        w->e->prefix_count = prefix_count;
        put(w, w->tables->unknown, &w->letters[0], &w->last);
    }
    w->length = 0;
    return STATUS_OK;
}

/* What the reference takes a character for. Some have become something else since. */
static int8_t type_of(uint32_t c)
{
    UVersionInfo age;
    switch (c) {
    case 0x166D:
    case 0x111C9:
        return U_OTHER_PUNCTUATION;
    case 0x1734:
        return U_NON_SPACING_MARK;
    case 0x1885:
    case 0x1886:
        return U_OTHER_LETTER;
    default:
        u_charAge((UChar32)c, age);
        return age[0] <= UNICODE ? u_charType((UChar32)c) : U_UNASSIGNED;
    }
}

static bool is_dropped(uint32_t c)
{
    if (c < 0x80)
        return (c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    return c == 0xFFFD ||
           (U_MASK(type_of(c)) & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK | U_GC_CS_MASK)) != 0;
}

static bool is_space(uint32_t c)
{
    return c < 0x80 ? c <= ' ' : u_isUWhiteSpace((UChar32)c);
}

static bool is_punctuation(uint32_t c)
{
    if (c < 0x80)
        return c > ' ' && !u_isalnum((UChar32)c);
    return (U_MASK(type_of(c)) & U_GC_P_MASK) != 0;
}

/* The reference's list, with the gap at U+2B820 that it has. */
static bool is_chinese(uint32_t c)
{
    return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x20000 && c <= 0x2A6DF) ||
           (c >= 0x2A700 && c <= 0x2B81F) || (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
           (c >= 0x2F800 && c <= 0x2FA1F);
}

/* Adds a character that is normalised to the word; marks that follow one letter are kept in canonical order.
 */
static enum status add(struct words *w, uint32_t c, struct letter from)
{
    bool alone = is_punctuation(c);
    enum status status = alone ? end_word(w) : STATUS_OK;
    from.symbol = (uint16_t)tables_symbol(tables_character(w->tables, c));
    from.order = c < 0x300 ? 0 : (uint8_t)utf8proc_get_property((utf8proc_int32_t)c)->combining_class;
    if (w->length < MOST_LETTERS) {
        size_t at = w->length;
        for (; at > 0 && from.order > 0 && w->letters[at - 1].order > from.order && w->tables->strip_accents;
             at--)
            w->letters[at] = w->letters[at - 1];
        w->letters[at] = from;
    }
    w->length++;
    w->last = from;
    return status == STATUS_OK && alone ? end_word(w) : status;
}

static enum status add_small(struct words *w, uint32_t c, struct letter from)
{
    if (!w->tables->lowercase)
        return add(w, c, from);
    if (c != DOTTED_CAPITAL)
        return add(w,
                   c < 0x80 ? (uint32_t)(c >= 'A' && c <= 'Z' ? c + 32 : c) : (uint32_t)u_tolower((UChar32)c),
                   from);
    enum status status = add(w, 'i', from);
    return status == STATUS_OK ? add(w, DOT_ABOVE, from) : status;
}

static enum status read_character(struct words *w, uint32_t c, struct letter from)
{
    utf8proc_int32_t parts[DECOMPOSED] = {(utf8proc_int32_t)c};
    utf8proc_ssize_t n = 1;
    int boundary = 0;
    if (is_dropped(c))
        return STATUS_OK;
    if (is_space(c))
        return end_word(w);
    bool chinese = is_chinese(c);
    enum status status = chinese ? end_word(w) : STATUS_OK;
    if (c >= 0x80 && w->tables->strip_accents)
        n = utf8proc_decompose_char((utf8proc_int32_t)c, parts, DECOMPOSED,
                                    UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &boundary);
    for (utf8proc_ssize_t i = 0; i < n && i < DECOMPOSED && status == STATUS_OK; i++)
        if (c < 0x80 || !w->tables->strip_accents || type_of((uint32_t)parts[i]) != U_NON_SPACING_MARK)
            status = add_small(w, (uint32_t)parts[i], from);
    return status == STATUS_OK && chinese ? end_word(w) : status;
}

static enum status read_text(struct words *w, struct text text, bool in_prefix)
{
    enum status status = STATUS_OK;
    uint32_t c;
    for (size_t at = 0, n; at < text.len && status == STATUS_OK; at += n) {
        n = utf8_decode(text.data + at, text.len - at, &c);
        struct letter from = {.in_prefix = in_prefix};
        if (!in_prefix) {
            from.start = (uint32_t)at;
            from.end = (uint32_t)(at + n);
        }
        status = read_character(w, c, from);
    }
    return status;
}

enum status wordpiece_encode(const struct tables *tables, struct encoding *e, struct text prefix,
                             struct text text, struct error *err)
{
    struct words w;
    w.tables = tables;
    w.e = e;
    w.err = err;
    w.length = 0;
    enum status status = read_text(&w, prefix, true);
    if (status == STATUS_OK)
        status = read_text(&w, text, false);
    return status == STATUS_OK ? end_word(&w) : status;
}
