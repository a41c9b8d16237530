#include "index/metadata.h"

#include <locale.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/utf8.h"

/* ---- reading JSON: a cursor that stops at the end, on valid text and on any other ---- */

struct cursor {
    const char *at, *end;
};

struct metadata_reader {
    struct buf key, string; /* unescaped */
    locale_t plain;         /* numbers with a full stop, whatever the program's language */
    struct cursor at;       /* at the next value of the field */
    bool list, done;        /* it is an array; there is no further one */
};

static char peek(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
    return c->at < c->end ? *c->at : '\0';
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted)
        return false;
    c->at++;
    return true;
}

/* The bytes between the quotes, escapes and all. */
static bool raw_string(struct cursor *c, struct text *out, bool *escaped)
{
    if (!take(c, '"'))
        return false;
    const char *start = c->at;
    *escaped = false;
    for (; c->at < c->end && *c->at != '"'; c->at++)
        if (*c->at == '\\') {
            *escaped = true;
            c->at++;
        }
    if (c->at >= c->end)
        return false;
    *out = (struct text){start, (size_t)(c->at - start)};
    c->at++;
    return true;
}

static bool hex4(struct text raw, size_t at, uint32_t *out)
{
    uint32_t value = 0;
    if (raw.len - at < 4)
        return false;
    for (size_t i = at; i < at + 4; i++) {
        char b = raw.data[i];
        uint32_t digit = b >= '0' && b <= '9'   ? (uint32_t)(b - '0')
                         : b >= 'a' && b <= 'f' ? (uint32_t)(b - 'a' + 10)
                         : b >= 'A' && b <= 'F' ? (uint32_t)(b - 'A' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        value = value * 16 + digit;
    }
    *out = value;
    return true;
}

/* The character of the escape whose letter is raw.data[*at]; *at moves behind it. */
static bool unescape(struct text raw, size_t *at, uint32_t *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    uint32_t low;
    char letter = raw.data[(*at)++];
    if (letter != 'u') {
        const char *found = letter != '\0' ? strchr(letters, letter) : NULL;
        *out = found != NULL ? (unsigned char)meanings[found - letters] : 0;
        return found != NULL;
    }
    if (!hex4(raw, *at, out))
        return false;
    *at += 4;
    if (*out >= 0xd800 && *out < 0xdc00 && raw.len - *at >= 6 && raw.data[*at] == '\\' &&
        raw.data[*at + 1] == 'u' && hex4(raw, *at + 2, &low) && low >= 0xdc00 && low < 0xe000) {
        *out = 0x10000 + ((*out - 0xd800) << 10) + (low - 0xdc00);
        *at += 6;
    }
    if (*out >= 0xd800 && *out < 0xe000)
        *out = 0xfffd;
    return true;
}

/* A string's own bytes; `scratch` holds them when there were escapes. */
static bool string(struct cursor *c, struct buf *scratch, struct text *out)
{
    struct text raw;
    bool escaped;
    if (!raw_string(c, &raw, &escaped))
        return false;
    if (!escaped) {
        *out = raw;
        return true;
    }
    buf_clear(scratch);
    if (buf_reserve(scratch, raw.len, NULL) != STATUS_OK) /* no escape is shorter than its character */
        return false;
    for (size_t at = 0; at < raw.len;) {
        char one[4];
        uint32_t character;
        if (raw.data[at] != '\\') {
            scratch->data[scratch->len++] = raw.data[at++];
            continue;
        }
        if (++at >= raw.len || !unescape(raw, &at, &character))
            return false;
        size_t n = utf8_encode(character, one);
        memcpy(scratch->data + scratch->len, one, n);
        scratch->len += n;
    }
    *out = buf_text(scratch);
    return true;
}

static bool skip_value(struct cursor *c)
{
    size_t depth = 0;
    do {
        struct text raw;
        bool escaped;
        switch (peek(c)) {
        case '\0':
            return false;
        case '"':
            if (!raw_string(c, &raw, &escaped))
                return false;
            break;
        case '{':
        case '[':
            depth++;
            c->at++;
            break;
        case '}':
        case ']':
            if (depth-- == 0)
                return false;
            c->at++;
            break;
        case ',':
        case ':':
            if (depth == 0)
                return false;
            c->at++;
            break;
        default: /* a number or a word */
            while (c->at < c->end && strchr(",:]} \t\n\r\"[{", *c->at) == NULL)
                c->at++;
        }
    } while (depth > 0);
    return true;
}

/* ---- values ---- */

static bool is_word(struct cursor *c, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(c->end - c->at) >= n && memcmp(c->at, word, n) == 0;
}

/* Reads one value that is not an object or an array; false for those and for what is no JSON. */
static bool scalar(struct metadata_reader *r, struct cursor *at, struct filter_value *out)
{
    char digits[64];
    switch (peek(at)) {
    case '"':
        out->type = FILTER_STRING;
        return string(at, &r->string, &out->string);
    case 't':
    case 'f':
        *out = (struct filter_value){.type = FILTER_BOOL, .number = *at->at == 't'};
        return (is_word(at, "true") || is_word(at, "false")) && skip_value(at);
    case 'n':
        *out = (struct filter_value){.type = FILTER_NULL};
        return is_word(at, "null") && skip_value(at);
    case '[':
    case '{':
    case '\0':
        return false;
    default:
        break;
    }
    struct cursor number = *at;
    if (!skip_value(at))
        return false;
    size_t n = (size_t)(at->at - number.at);
    if (n == 0 || n >= sizeof digits)
        return false;
    memcpy(digits, number.at, n);
    digits[n] = '\0';
    char *end;
    *out = (struct filter_value){.type = FILTER_NUMBER, .number = strtod_l(digits, &end, r->plain)};
    return *end == '\0';
}

bool metadata_field(struct metadata_reader *r, struct text metadata, struct text field)
{
    struct cursor at = {metadata.data, metadata.data + metadata.len};
    struct text key;
    if (!take(&at, '{') || peek(&at) == '}')
        return false;
    do {
        if (!string(&at, &r->key, &key) || !take(&at, ':'))
            return false;
        if (text_equal(key, field)) {
            r->list = take(&at, '[');
            r->done = r->list && peek(&at) == ']';
            r->at = at;
            return true;
        }
        if (!skip_value(&at))
            return false;
    } while (take(&at, ','));
    return false;
}

bool metadata_value(struct metadata_reader *r, struct filter_value *out)
{
    while (!r->done) {
        struct cursor value = r->at;
        *out = (struct filter_value){0};
        bool good = scalar(r, &value, out);
        r->done = !r->list || !skip_value(&r->at) || !take(&r->at, ',');
        if (good)
            return true;
    }
    return false;
}

enum status metadata_reader_new(struct metadata_reader **out, struct error *err)
{
    struct metadata_reader *r = calloc(1, sizeof *r);
    if (r == NULL)
        return error_memory(err, "reading metadata");
    buf_init(&r->key, SIZE_MAX / 2);
    buf_init(&r->string, SIZE_MAX / 2);
    r->done = true;
    r->plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (r->plain == (locale_t)0) {
        metadata_reader_free(r);
        return error_memory(err, "reading metadata");
    }
    *out = r;
    return STATUS_OK;
}

void metadata_reader_free(struct metadata_reader *r)
{
    if (r == NULL)
        return;
    if (r->plain != (locale_t)0)
        freelocale(r->plain);
    buf_release(&r->key);
    buf_release(&r->string);
    free(r);
}

/* ---- conditions ---- */

struct field_condition {
    const struct filter *filter;
    struct filter_value *values; /* sorted by type and value */
    size_t count;
    struct metadata_reader *reader;
};

static int compare_values(const void *a, const void *b)
{
    const struct filter_value *x = a, *y = b;
    if (x->type != y->type)
        return x->type < y->type ? -1 : 1;
    if (x->type == FILTER_STRING)
        return text_compare(x->string, y->string);
    return x->type == FILTER_NULL ? 0 : (x->number > y->number) - (x->number < y->number);
}

static bool meets(const struct field_condition *c, const struct filter_value *value)
{
    const struct filter_value *wanted = c->values;
    if (c->filter->op == OP_IN)
        return c->count > 0 && bsearch(value, wanted, c->count, sizeof *wanted, compare_values) != NULL;
    if (value->type != wanted->type)
        return false;
    int order = compare_values(value, wanted);
    switch (c->filter->op) {
    case OP_GT:
        return order > 0;
    case OP_GTE:
        return order >= 0;
    case OP_LT:
        return order < 0;
    case OP_LTE:
        return order <= 0;
    case OP_PREFIX:
        return value->string.len >= wanted->string.len &&
               text_equal((struct text){value->string.data, wanted->string.len}, wanted->string);
    default:
        return false;
    }
}

bool field_condition_met(struct field_condition *c, struct text metadata)
{
    struct filter_value value;
    bool there = metadata_field(c->reader, metadata, c->filter->field);
    if (c->filter->op == OP_EXISTS)
        return there != (c->count > 0 && c->values[0].type == FILTER_BOOL && c->values[0].number == 0);
    while (there && metadata_value(c->reader, &value))
        if (meets(c, &value))
            return true;
    return false;
}

static enum status check_operator(const struct filter *f, struct error *err)
{
    const char *field = "filter";
    enum filter_type type = f->value_count > 0 ? f->values[0].type : FILTER_NULL;
    switch (f->op) {
    case OP_IN:
    case OP_EXISTS:
        return STATUS_OK;
    case OP_GT:
    case OP_GTE:
    case OP_LT:
    case OP_LTE:
        if (f->value_count != 1 || (type != FILTER_STRING && type != FILTER_NUMBER))
            return error_field(err, STATUS_INVALID, field,
                               "gt, gte, lt and lte take one number or one string");
        return STATUS_OK;
    case OP_PREFIX:
        if (f->value_count != 1 || type != FILTER_STRING)
            return error_field(err, STATUS_INVALID, field, "prefix takes one string");
        return STATUS_OK;
    }
    return error_field(err, STATUS_INVALID, field, "there is no operator number %d", (int)f->op);
}

enum status field_condition_new(const struct filter *f, struct field_condition **out, struct error *err)
{
    enum status status = check_operator(f, err);
    if (status != STATUS_OK)
        return status;
    struct field_condition *c = calloc(1, sizeof *c);
    if (c == NULL)
        return error_memory(err, "filtering documents");
    c->filter = f;
    c->count = f->value_count;
    c->values = malloc((f->value_count + 1) * sizeof *c->values);
    status =
        c->values != NULL ? metadata_reader_new(&c->reader, err) : error_memory(err, "filtering documents");
    if (status != STATUS_OK) {
        field_condition_free(c);
        return status;
    }
    if (f->value_count > 0)
        memcpy(c->values, f->values, f->value_count * sizeof *c->values);
    qsort(c->values, f->value_count, sizeof *c->values, compare_values);
    *out = c;
    return STATUS_OK;
}

void field_condition_free(struct field_condition *c)
{
    if (c == NULL)
        return;
    metadata_reader_free(c->reader);
    free(c->values);
    free(c);
}
