#include "index/terms.h"

#include <stdlib.h>

#include "common/utf8.h"

/* ---- gathering ---- */

static struct text word_text(const struct terms *t, size_t part)
{
    return (struct text){t->folded.data + t->parts[part].at, t->parts[part].len};
}

static enum status add_word(struct terms *t, struct text folded, struct error *err)
{
    if (t->part_count == t->part_capacity) {
        size_t capacity = t->part_capacity * 2 + 16;
        struct term_word *parts = realloc(t->parts, capacity * sizeof *parts);
        if (parts == NULL)
            return error_memory(err, "reading a query");
        t->parts = parts;
        t->part_capacity = capacity;
    }
    t->parts[t->part_count++] = (struct term_word){(uint32_t)t->folded.len, (uint32_t)folded.len};
    return buf_append(&t->folded, folded.data, folded.len, err);
}

static bool same(const struct terms *t, const struct term *a, const struct term *b)
{
    bool equal = a->len == b->len && a->prefix == b->prefix && a->phrase == b->phrase;
    for (uint32_t i = 0; i < a->len && equal; i++)
        equal = text_equal(word_text(t, a->at + i), word_text(t, b->at + i));
    return equal;
}

/* Adds a term of the words from t->parts[first] on, unless it is there already. */
static void add_term(struct terms *t, size_t first, struct term term)
{
    term.at = (uint32_t)first;
    term.len = (uint32_t)(t->part_count - first);
    term.weight = 1;
    bool there = term.len == 0 || t->count == TERMS_MOST;
    for (size_t i = 0; i < t->count && !there; i++)
        there = same(t, &t->items[i], &term);
    if (there) {
        t->part_count = first;
        return;
    }
    t->items[t->count++] = term;
    t->phrases += term.phrase;
}

static enum status add_loose(struct terms *t, struct text text, struct error *err)
{
    const struct word *word;
    enum status status;
    words_begin(&t->words, text);
    while ((status = words_next(&t->words, &word, err)) == STATUS_OK && word != NULL &&
           t->count < TERMS_MOST) {
        size_t first = t->part_count;
        struct term term = {.prefix = !word->part && word->end < text.len && text.data[word->end] == '*',
                            .part = word->part,
                            .code = word->code};
        status = add_word(t, words_text(&t->words, word), err);
        if (status != STATUS_OK)
            break;
        add_term(t, first, term);
    }
    return status;
}

/* Words of a phrase stand one behind the other, so one of each place is enough. */
static enum status add_phrase(struct terms *t, struct text text, struct error *err)
{
    const struct word *word;
    size_t first = t->part_count;
    bool code = false;
    enum status status;
    words_begin(&t->words, text);
    while ((status = words_next(&t->words, &word, err)) == STATUS_OK && word != NULL) {
        if (word->beside || t->part_count - first == PHRASE_MOST)
            continue;
        code = word->code;
        status = add_word(t, words_text(&t->words, word), err);
        if (status != STATUS_OK)
            break;
    }
    if (status == STATUS_OK)
        add_term(t, first, (struct term){.phrase = true, .code = code && t->part_count == first + 1});
    return status;
}

/* ---- quotes ---- */

static bool is_quote(uint32_t c)
{
    return c == '"' || c == 0xab || c == 0xbb || (c >= 0x201c && c <= 0x201f) || c == 0xff02;
}

/* The next quote that opens (no letter before it) or closes (no letter behind it) a phrase; text.len for
 * none. */
static size_t find_quote(struct text text, size_t at, bool opens, size_t *len)
{
    for (uint32_t c; at < text.len; at += *len) {
        *len = utf8_decode(text.data + at, text.len - at, &c);
        if (is_quote(c) && (opens ? at == 0 || !words_letter_at(text, utf8_floor(text.data, text.len, at - 1))
                                  : !words_letter_at(text, at + *len)))
            return at;
    }
    *len = 0;
    return text.len;
}

static struct text between(struct text text, size_t start, size_t end)
{
    return (struct text){text.data + start, end - start};
}

enum status terms_open(struct terms *t, struct text text, struct error *err)
{
    *t = (struct terms){0};
    buf_init(&t->folded, SIZE_MAX / 2);
    enum status status = words_open(&t->words, err);
    for (size_t at = 0; at < text.len && status == STATUS_OK;) {
        size_t opening, closing, open = find_quote(text, at, true, &opening),
                                 close = find_quote(text, open + opening, false, &closing);
        if (close == text.len) /* nothing closes: the rest is loose */
            open = text.len;
        status = add_loose(t, between(text, at, open), err);
        if (status == STATUS_OK && open < text.len)
            status = add_phrase(t, between(text, open + opening, close), err);
        at = open < text.len ? close + closing : text.len;
    }
    return status;
}

void terms_close(struct terms *t)
{
    words_close(&t->words);
    buf_release(&t->folded);
    free(t->parts);
    *t = (struct terms){0};
}

/* ---- FTS5 ---- */

enum status term_expression(const struct terms *t, const struct term *term, struct buf *out,
                            struct error *err)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < term->len && status == STATUS_OK; i++) {
        struct text word = word_text(t, term->at + i);
        status = buf_append(out, i > 0 ? "+\"" : "\"", i > 0 ? 2 : 1, err);
        for (size_t j = 0; j < word.len && status == STATUS_OK; j++)
            status = word.data[j] == '"' ? buf_append(out, "\"\"", 2, err)
                                         : buf_append(out, &word.data[j], 1, err);
        if (status == STATUS_OK)
            status = buf_append(out, "\"", 1, err);
    }
    return status == STATUS_OK && term->prefix ? buf_append(out, "*", 1, err) : status;
}

/* ---- marks ---- */

static enum status add_mark(struct marks *m, struct mark mark, struct error *err)
{
    if (m->count == m->capacity) {
        size_t capacity = m->capacity * 2 + 16;
        struct mark *items = realloc(m->items, capacity * sizeof *items);
        if (items == NULL)
            return error_memory(err, "marking words");
        m->items = items;
        m->capacity = capacity;
    }
    m->items[m->count++] = mark;
    return STATUS_OK;
}

static bool begins(struct text text, struct text with)
{
    return text.len >= with.len && memcmp(text.data, with.data, with.len) == 0;
}

/* Where words stand, as far back as a phrase reaches, and how far the phrases have come: bit i of a term says
 * that its first i + 1 words end at the last place. */
struct places {
    size_t starts[PHRASE_MOST], count;
    uint32_t reached[TERMS_MOST];
};

/* Whether a phrase ends with this word. */
static bool follow(const struct terms *t, const struct term *term, uint32_t *reached, struct text folded)
{
    uint32_t equal = 0;
    for (uint32_t i = 0; i < term->len; i++)
        equal |= (uint32_t)text_equal(folded, word_text(t, term->at + i)) << i;
    *reached = (*reached << 1 | 1) & equal;
    return (*reached >> (term->len - 1) & 1) != 0;
}

static enum status mark_word(const struct terms *t, const struct word *word, struct text folded,
                             struct places *places, struct marks *out, struct error *err)
{
    enum status status = STATUS_OK;
    if (!word->beside)
        places->starts[places->count++ % PHRASE_MOST] = word->start;
    for (size_t i = 0; i < t->count && status == STATUS_OK; i++) {
        const struct term *term = &t->items[i];
        struct text first = word_text(t, term->at);
        size_t start = word->start;
        bool there = term->prefix ? begins(folded, first) : text_equal(folded, first);
        if (term->phrase) {
            there = !word->beside && follow(t, term, &places->reached[i], folded);
            start = places->starts[(places->count - term->len) % PHRASE_MOST];
        }
        if (there && term->weight > 0)
            status = add_mark(out, (struct mark){start, word->end}, err);
    }
    return status;
}

static int by_start(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    return (x->start > y->start) - (x->start < y->start);
}

enum status terms_mark(struct terms *t, struct text text, struct marks *out, struct error *err)
{
    struct places places = {0};
    const struct word *word;
    size_t first = out->count, kept = first;
    enum status status;
    words_begin(&t->words, text);
    while ((status = words_next(&t->words, &word, err)) == STATUS_OK && word != NULL) {
        status = mark_word(t, word, words_text(&t->words, word), &places, out, err);
        if (status != STATUS_OK)
            break;
    }
    if (out->count > first)
        qsort(out->items + first, out->count - first, sizeof *out->items, by_start);
    for (size_t i = first; i < out->count; i++) { /* joins what overlaps */
        struct mark *last = kept > first ? &out->items[kept - 1] : NULL;
        if (last != NULL && out->items[i].start < last->end)
            last->end = out->items[i].end > last->end ? out->items[i].end : last->end;
        else
            out->items[kept++] = out->items[i];
    }
    out->count = kept;
    return status;
}
