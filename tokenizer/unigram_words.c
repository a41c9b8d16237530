/* Letters gather until it is certain that the words they make are complete and stay:
 *
 *     letters   ▁ E i n ▁ ▁          a word begins at each U+2581
 *                     │   └ count
 *                     └ solid        what follows is white space, which may turn out to be the text's last
 */
#include "tokenizer/unigram_words.h"

#include <math.h>
#include <stdlib.h>
#include <unicode/uchar.h>
#include <utf8proc.h>

#include "common/utf8.h"

#define CLUSTER_BYTES 6 /* clusters of as many bytes are looked up by characters */

struct letter {
    uint16_t symbol;
    uint32_t start, end; /* bytes of what is encoded */
};

/* The best way to cut what is before a letter. */
struct cut {
    double score;
    uint32_t piece, length; /* the last piece of it, and the letters in that */
};

struct letters {
    struct letter *items;
    struct cut *cuts; /* of the word being cut; one more than letters */
    size_t count, capacity;
    size_t solid;
};

void letters_free(struct letters *l)
{
    if (l == NULL)
        return;
    free(l->items);
    free(l->cuts);
    free(l);
}

struct words {
    const struct tables *tables;
    const struct rules *rules;
    struct encoding *e;
    struct letters *letters;
    struct joined text;
    bool begun; /* the first word has begun */
    struct error *err;
};

/* ---- words to pieces ---- */

static inline void relax(struct cut *cut, double score, uint32_t piece, uint32_t length)
{
    if (score > cut->score)
        *cut = (struct cut){score, piece, length};
}

/* Tries every piece that begins with the first of `left` letters. */
static void expand(const struct tables *t, const struct letter *letters, size_t left, struct cut *cuts)
{
    const trie_node *nodes = tables_nodes(t);
    const float *scores = tables_scores(t);
    trie_node node = nodes[letters[0].symbol];
    uint32_t piece = trie_piece(node);
    double before = cuts[0].score;
    if (piece != TRIE_NONE)
        relax(&cuts[1], (double)scores[piece & PIECE_NUMBER] + before, piece & PIECE_NUMBER, 1);
    else
        relax(&cuts[1], (double)t->unknown_score + before, t->unknown, 1);
    for (uint32_t n = 1; n < left && trie_step(nodes, &node, letters[n].symbol);) {
        n++;
        if ((piece = trie_piece(node)) != TRIE_NONE)
            relax(&cuts[n], (double)scores[piece & PIECE_NUMBER] + before, piece & PIECE_NUMBER, n);
    }
}

/* From bytes of what is encoded to bytes of the text. */
static void put(struct words *w, struct token token)
{
    uint32_t shift = (uint32_t)w->text.shift;
    w->e->prefix_count += token.start < shift && token.end <= shift;
    token.start = token.start > shift ? token.start - shift : 0;
    token.end = token.end > shift ? token.end - shift : 0;
    w->e->tokens[w->e->count++] = token;
}

/* Cuts a word into pieces. Unknown letters side by side make one token. */
static enum status cut_word(struct words *w, const struct letter *letters, size_t count)
{
    struct cut *cuts = w->letters->cuts;
    enum status status = encoding_reserve(w->e, count, w->err);
    if (status != STATUS_OK)
        return status;
    cuts[0].score = 0;
    for (size_t i = 1; i <= count; i++)
        cuts[i].score = -INFINITY;
    for (size_t i = 0; i < count; i++)
        expand(w->tables, letters + i, count - i, cuts + i);
    struct token *tokens = w->e->tokens + w->e->count;
    size_t first = count;
    uint32_t behind = TRIE_NONE; /* the piece after this one */
    for (size_t at = count; at > 0;) {
        size_t start = at - cuts[at].length;
        if (cuts[at].piece == w->tables->unknown && behind == w->tables->unknown)
            tokens[first].start = letters[start].start;
        else
            tokens[--first] =
                (struct token){(int32_t)cuts[at].piece, letters[start].start, letters[at - 1].end};
        behind = cuts[at].piece;
        at = start;
    }
    for (; first < count; first++)
        put(w, tokens[first]);
    return STATUS_OK;
}

/* Cuts the words in the first `count` letters and drops them. */
static enum status cut_words(struct words *w, size_t count)
{
    struct letters *l = w->letters;
    enum status status = STATUS_OK;
    for (size_t start = 0, end; start < count && status == STATUS_OK; start = end) {
        for (end = start + 1; end < count && l->items[end].symbol != SYMBOL_SPACE;)
            end++;
        status = cut_word(w, l->items + start, end - start);
    }
    l->count -= count;
    l->solid -= count < l->solid ? count : l->solid;
    if (l->count > 0)
        memmove(l->items, l->items + count, l->count * sizeof *l->items);
    return status;
}

/* ---- letters to words ---- */

static enum status push(struct words *w, uint32_t symbol, size_t start, size_t end)
{
    struct letters *l = w->letters;
    if (l->count == l->capacity) {
        size_t capacity = l->capacity * 2 + 256;
        struct letter *items = realloc(l->items, capacity * sizeof *items);
        if (items != NULL)
            l->items = items;
        struct cut *cuts = realloc(l->cuts, (capacity + 1) * sizeof *cuts);
        if (cuts != NULL)
            l->cuts = cuts;
        if (items == NULL || cuts == NULL)
            return error_memory(w->err, "encoding a text");
        l->capacity = capacity;
    }
    l->items[l->count++] = (struct letter){(uint16_t)symbol, (uint32_t)start, (uint32_t)end};
    return STATUS_OK;
}

/* White space: a space when `symbol` says so. */
static enum status add_white(struct words *w, uint32_t symbol, size_t start, size_t end)
{
    const struct tables *t = w->tables;
    struct letters *l = w->letters;
    if (t->words == WORDS_WHITESPACE)
        return cut_words(w, l->count);
    if (t->strip_left && l->count == 0 && !w->begun)
        return STATUS_OK;
    if (symbol == SYMBOL_SPACE && t->merge_spaces && l->count > l->solid &&
        l->items[l->count - 1].symbol == SYMBOL_SPACE)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if (symbol != SYMBOL_SPACE && t->dummy_prefix && !w->begun)
        status = push(w, SYMBOL_SPACE, start, start);
    w->begun = true;
    return status == STATUS_OK ? push(w, symbol, start, end) : status;
}

static enum status add_letter(struct words *w, uint32_t symbol, size_t start, size_t end)
{
    const struct tables *t = w->tables;
    struct letters *l = w->letters;
    enum status status = STATUS_OK;
    if (l->count > l->solid) { /* the white space is not the last; only the word that it begins goes on */
        size_t last = l->count;
        while (last > l->solid && l->items[last - 1].symbol != SYMBOL_SPACE)
            last--;
        if (last > l->solid)
            status = cut_words(w, last - 1);
    }
    bool first = !w->begun || (t->words == WORDS_WHITESPACE && l->count == 0);
    if (status == STATUS_OK && first && t->dummy_prefix && symbol != SYMBOL_SPACE)
        status = push(w, SYMBOL_SPACE, start, start);
    w->begun = true;
    if (status == STATUS_OK)
        status = push(w, symbol, start, end);
    l->solid = l->count;
    return status;
}

/* ---- text to letters ---- */

static bool is_white(uint32_t c)
{
    return u_isUWhiteSpace((UChar32)c);
}

/* The characters of `text`, which stand for the bytes from start to end. */
static enum status add_text(struct words *w, struct text text, size_t start, size_t end)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < text.len && status == STATUS_OK;) {
        uint32_t c;
        at += utf8_decode(text.data + at, text.len - at, &c);
        uint32_t symbol = c == ' ' ? SYMBOL_SPACE : tables_symbol(tables_character(w->tables, c));
        status = is_white(c) ? add_white(w, symbol, start, end) : add_letter(w, symbol, start, end);
    }
    return status;
}

/* A character by itself. */
static enum status add_character(struct words *w, size_t at, size_t length, uint32_t c)
{
    char bytes[4];
    struct text self = {bytes, utf8_encode(c, bytes)}, becomes;
    if (rules_first(w->rules, (const unsigned char *)bytes, self.len, &becomes) == 0)
        becomes = self;
    return add_text(w, becomes, at, at + length);
}

/* The grapheme cluster at *at. */
static enum status add_cluster(struct words *w, size_t *at)
{
    const char *data = w->text.data;
    const size_t start = *at, size = w->text.size;
    struct text becomes;
    utf8proc_int32_t state = 0;
    uint32_t c, next;
    size_t n = utf8_decode(data + start, size - start, &c), end = start + n;
    enum status status = STATUS_OK;
    if (n == 1 && (unsigned char)data[start] >= 0x80) {
        *at = end;
        return add_character(w, start, n, c);
    }
    for (uint32_t last = c; end < size; last = next, end += n) {
        n = utf8_decode(data + end, size - end, &next);
        if ((n == 1 && (unsigned char)data[end] >= 0x80) ||
            utf8proc_grapheme_break_stateful((utf8proc_int32_t)last, (utf8proc_int32_t)next, &state))
            break;
    }
    *at = end;
    if (end - start < CLUSTER_BYTES &&
        rules_first(w->rules, (const unsigned char *)data + start, end - start, &becomes) > 0)
        return add_text(w, becomes, start, end);
    for (size_t inner = start; inner < end && status == STATUS_OK; inner += n) {
        n = utf8_decode(data + inner, size - inner, &c);
        status = add_character(w, inner, n, c);
    }
    return status;
}

/* Decodes the character at `at` and looks it up; 0 and an empty entry behind the last one. */
static inline size_t look_up(const struct words *w, size_t at, uint32_t *entry)
{
    uint32_t c;
    *entry = 0;
    if (at >= w->text.size)
        return 0;
    size_t n = utf8_decode(w->text.data + at, w->text.size - at, &c);
    *entry =
        n == 1 && (unsigned char)w->text.data[at] >= 0x80 ? CHARACTER_RULE : tables_character(w->tables, c);
    return n;
}

static enum status add_all(struct words *w)
{
    enum status status = STATUS_OK;
    uint32_t entry, next;
    size_t at = 0, n = look_up(w, 0, &entry), after;
    for (; at < w->text.size && status == STATUS_OK; n = after, entry = next) {
        after = look_up(w, at + n, &next);
        if ((entry & (CHARACTER_RULE | CHARACTER_OPENS)) != 0 || (next & CHARACTER_JOINS) != 0) {
            status = add_cluster(w, &at);
            after = look_up(w, at, &next);
            continue;
        }
        status = (entry & CHARACTER_SPACE) != 0 ? add_white(w, SYMBOL_SPACE, at, at + n)
                                                : add_letter(w, entry & CHARACTER_SYMBOL, at, at + n);
        at += n;
    }
    return status;
}

enum status unigram_words_encode(const struct tables *tables, const struct rules *rules, struct encoding *e,
                                 struct text prefix, struct text text, struct error *err)
{
    struct encoding_scratch *s = e->scratch;
    struct words w = {.tables = tables, .rules = rules, .e = e, .err = err};
    if (s->letters == NULL && (s->letters = calloc(1, sizeof *s->letters)) == NULL)
        return error_memory(err, "encoding a text");
    w.letters = s->letters;
    w.letters->count = w.letters->solid = 0;
    enum status status = encoding_join(e, prefix, text, false, &w.text, err);
    if (status == STATUS_OK)
        status = add_all(&w);
    return status == STATUS_OK ? cut_words(&w, tables->strip_right ? w.letters->solid : w.letters->count)
                               : status;
}
