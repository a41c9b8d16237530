#include "tokenizer/breaks.h"

#include <stdlib.h>
#include <unicode/ubrk.h>
#include <unicode/uloc.h>
#include <unicode/utext.h>

#include "common/utf8.h"

void breaks_open(struct breaks *b, struct text lang)
{
    char tag[64];
    UErrorCode code = U_ZERO_ERROR;
    int32_t parsed = 0;
    *b = (struct breaks){0};
    if (lang.len == 0 || lang.len >= sizeof tag || memchr(lang.data, '\0', lang.len) != NULL)
        return;
    memcpy(tag, lang.data, lang.len);
    tag[lang.len] = '\0';
    uloc_forLanguageTag(tag, b->locale, (int32_t)sizeof b->locale, &parsed, &code);
    if (U_FAILURE(code) || code == U_STRING_NOT_TERMINATED_WARNING || (size_t)parsed != lang.len)
        b->locale[0] = '\0';
}

void breaks_close(struct breaks *b)
{
    for (int kind = 0; kind < BREAK_KINDS; kind++)
        if (b->iterators[kind] != NULL)
            ubrk_close(b->iterators[kind]);
    if (b->utext != NULL)
        utext_close(b->utext);
    free(b->ends);
    *b = (struct breaks){0};
}

static enum status refused(UErrorCode code, struct error *err)
{
    if (code == U_MEMORY_ALLOCATION_ERROR)
        return error_memory(err, "looking for sentence borders");
    return error_set(err, STATUS_INTERNAL,
                     "ICU cannot look for sentence borders: %s; check that its data is installed",
                     u_errorName(code));
}

static enum status append(struct breaks *b, size_t end, struct error *err)
{
    if (b->count == b->capacity) {
        size_t capacity = b->capacity * 2 + 256;
        uint32_t *ends = realloc(b->ends, capacity * sizeof *ends);
        if (ends == NULL)
            return error_memory(err, "looking for sentence borders");
        b->ends = ends;
        b->capacity = capacity;
    }
    b->ends[b->count++] = (uint32_t)end;
    return STATUS_OK;
}

static enum status find_characters(struct breaks *b, struct text text, struct error *err)
{
    enum status status = STATUS_OK;
    uint32_t c;
    for (size_t at = 0; at < text.len && status == STATUS_OK; status = append(b, at, err))
        at += utf8_decode(text.data + at, text.len - at, &c);
    return status;
}

static enum status find_lines(struct breaks *b, struct text text, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t at = 0; at < text.len && status == STATUS_OK; status = append(b, at, err)) {
        const char *end = memchr(text.data + at, '\n', text.len - at);
        at = end != NULL ? (size_t)(end - text.data) + 1 : text.len;
    }
    return status;
}

enum status breaks_find(struct breaks *b, enum break_kind kind, struct text text, struct error *err)
{
    static const UBreakIteratorType types[] = {
        [BREAK_SENTENCE] = UBRK_SENTENCE, [BREAK_WORD] = UBRK_WORD, [BREAK_GRAPHEME] = UBRK_CHARACTER};
    enum status status = STATUS_OK;
    UErrorCode code = U_ZERO_ERROR;
    b->count = 0;
    if (kind == BREAK_LINE)
        return find_lines(b, text, err);
    if (kind == BREAK_CHARACTER)
        return find_characters(b, text, err);
    if (b->iterators[kind] == NULL)
        b->iterators[kind] = ubrk_open(types[kind], b->locale, NULL, 0, &code);
    b->utext = utext_openUTF8(b->utext, text.data, (int64_t)text.len, &code);
    ubrk_setUText(b->iterators[kind], b->utext, &code);
    if (U_FAILURE(code))
        return refused(code, err);
    ubrk_first(b->iterators[kind]);
    for (int32_t end; status == STATUS_OK && (end = ubrk_next(b->iterators[kind])) != UBRK_DONE;)
        status = append(b, (size_t)end, err);
    return status;
}
