#include "tokenizer/rules.h"

#include "common/utf8.h"

/* Nodes looked at by rules_walk; the tables in use have fewer than 50,000. */
#define WALK_LIMIT 1000000

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

struct walk {
    const struct rules *rules;
    rules_visit *visit;
    void *context;
    struct error *err;
    unsigned steps;
    uint32_t characters[RULE_MAX_BYTES];
    unsigned char bytes[RULE_MAX_BYTES];
};

/* Descends from a node that stands for bytes[0 … length), of which the last `length - first` begin a
 * character. The depth of the recursion is at most RULE_MAX_BYTES. */
static enum status descend(struct walk *w, uint32_t children, size_t length, size_t first, size_t count)
{
    enum status status = STATUS_OK;
    unsigned low = length > first ? 0x80 : 0x01, high = length > first ? 0xBF : 0xF4;
    if (length == RULE_MAX_BYTES)
        return STATUS_OK;
    for (unsigned byte = low; byte <= high && status == STATUS_OK; byte++) {
        uint32_t below = children, unit, character;
        struct text replacement;
        if (!step(w->rules, &below, (unsigned char)byte, &unit))
            continue;
        if (++w->steps > WALK_LIMIT)
            return error_set(w->err, STATUS_CORRUPT,
                             "the character rules of the tokenizer run in circles; fetch the model again");
        w->bytes[length] = (unsigned char)byte;
        size_t size = length + 1 - first;
        if (utf8_decode((const char *)w->bytes + first, size, &character) != size ||
            (size == 1 && byte >= 0x80)) {
            if (size < 4)
                status = descend(w, below, length + 1, first, count);
            continue;
        }
        w->characters[count] = character;
        status = w->visit(w->context, w->characters, count + 1, value_of(w->rules, unit, below, &replacement),
                          w->err);
        if (status == STATUS_OK)
            status = descend(w, below, length + 1, length + 1, count + 1);
    }
    return status;
}

enum status rules_walk(const struct rules *r, rules_visit *visit, void *context, struct error *err)
{
    struct walk w = {.rules = r, .visit = visit, .context = context, .err = err};
    return descend(&w, offset_of(unit_at(r, 0)), 0, 0, 0);
}
