#include "tokenizer/rules.h"

#include <stdlib.h>

#include "common/utf8.h"

enum status rules_open(struct rules *r, struct text bytes, struct error *err)
{
    *r = (struct rules){0};
    if (bytes.len == 0)
        return STATUS_OK;
    uint32_t size = 0;
    if (bytes.len >= sizeof size)
        memcpy(&size, bytes.data, sizeof size);
    if (bytes.len < sizeof size || size >= bytes.len - sizeof size || size % sizeof(uint32_t) != 0 ||
        bytes.data[bytes.len - 1] != '\0')
        return error_set(
            err, STATUS_CORRUPT,
            "the character rules of the tokenizer are damaged: a table of %u bytes in %zu; fetch the "
            "model again",
            size, bytes.len);
    r->units = (const unsigned char *)bytes.data + sizeof size;
    r->unit_count = size / sizeof(uint32_t);
    r->replacements = (struct text){bytes.data + sizeof size + size, bytes.len - sizeof size - size};
    return STATUS_OK;
}

static uint32_t unit_at(const struct rules *r, uint32_t node)
{
    uint32_t unit = 0;
    if (node < r->unit_count)
        memcpy(&unit, r->units + (size_t)node * sizeof unit, sizeof unit);
    return unit;
}

static uint32_t offset_of(uint32_t unit)
{
    return unit >> 10 << ((unit & 1u << 9) >> 6);
}

/* A place in the trie: where the children of a node stand. */
static bool step(const struct rules *r, uint32_t *children, unsigned char byte, uint32_t *unit)
{
    uint32_t node = *children ^ byte;
    *unit = unit_at(r, node);
    if ((*unit & (1u << 31 | 0xFF)) != byte || node >= r->unit_count)
        return false;
    *children = node ^ offset_of(*unit);
    return true;
}

static bool value_of(const struct rules *r, uint32_t unit, uint32_t children, struct text *replacement)
{
    if ((unit & 1u << 8) == 0 || children >= r->unit_count)
        return false;
    uint32_t at = unit_at(r, children) & 0x7FFFFFFF;
    if (at >= r->replacements.len)
        return false;
    *replacement =
        text_of(r->replacements.data + at); /* ended by the NUL that rules_open saw, at the latest */
    return true;
}

size_t rules_match(const struct rules *r, const unsigned char *text, size_t len, struct text *replacement)
{
    size_t longest = 0;
    uint32_t children = offset_of(unit_at(r, 0)), unit;
    if (len > RULE_MAX_BYTES)
        len = RULE_MAX_BYTES;
    for (size_t i = 0; i < len && step(r, &children, text[i], &unit); i++)
        if (value_of(r, unit, children, replacement))
            longest = i + 1;
    return longest;
}

size_t rules_first(const struct rules *r, const unsigned char *text, size_t len, struct text *replacement)
{
    uint32_t children = offset_of(unit_at(r, 0)), unit;
    for (size_t i = 0; i < len && step(r, &children, text[i], &unit); i++)
        if (value_of(r, unit, children, replacement))
            return i + 1;
    return 0;
}

/* The trie shares equal ends, so most nodes are reached on many ways. What follows a node is walked once. */
enum { UNSEEN, ENDS, GOES_ON };

struct walk {
    const struct rules *rules;
    rules_visit *visit;
    void *context;
    unsigned char *seen; /* of each unit, how it goes on behind a whole character */
};

/* A character begins at bytes[0], of which `length` are read. `depth` counts the bytes before it. */
static enum status descend(const struct walk *w, uint32_t children, size_t depth, unsigned char bytes[4],
                           size_t length, bool *goes_on)
{
    enum status status = STATUS_OK;
    unsigned low = length > 0 ? 0x80 : 0x01, high = length > 0 ? 0xBF : 0xF4;
    for (unsigned byte = low; byte <= high && status == STATUS_OK; byte++) {
        uint32_t below = children, unit, character, node = children ^ byte;
        struct text replacement;
        bool more = false;
        if ((byte >= 0x80 && byte < 0xC2 && length == 0) ||
            !step(w->rules, &below, (unsigned char)byte, &unit))
            continue;
        bytes[length] = (unsigned char)byte;
        if (utf8_decode((const char *)bytes, length + 1, &character) != length + 1 ||
            (length == 0 && byte >= 0x80)) {
            if (length < 3)
                status = descend(w, below, depth, bytes, length + 1, goes_on);
            continue;
        }
        *goes_on = true;
        if (w->seen[node] == UNSEEN && depth + length + 1 < RULE_MAX_BYTES) {
            unsigned char next[4];
            w->seen[node] = ENDS; /* a damaged table may run in circles */
            status = descend(w, below, depth + length + 1, next, 0, &more);
            w->seen[node] = more ? GOES_ON : ENDS;
        }
        if (status == STATUS_OK && depth > 0)
            status = w->visit(w->context, character, RULES_FOLLOWS);
        if (status == STATUS_OK && depth == 0 && value_of(w->rules, unit, below, &replacement))
            status = w->visit(w->context, character, RULES_WHOLE);
        if (status == STATUS_OK && depth == 0 && w->seen[node] == GOES_ON)
            status = w->visit(w->context, character, RULES_LEADS);
    }
    return status;
}

enum status rules_walk(const struct rules *r, rules_visit *visit, void *context, struct error *err)
{
    unsigned char bytes[4], *seen = calloc((size_t)r->unit_count + 1, 1);
    bool goes_on = false;
    if (seen == NULL)
        return error_memory(err, "reading the character rules");
    struct walk w = {.rules = r, .visit = visit, .context = context, .seen = seen};
    enum status status = descend(&w, offset_of(unit_at(r, 0)), 0, bytes, 0, &goes_on);
    free(seen);
    return status;
}
