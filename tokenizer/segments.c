/* A pass over lines tells blocks (headings, tables, code) from prose; ICU gets the prose between two blocks
 * at once, up to BREAKS_MAX_TEXT bytes of it. Time is linear: a line is looked at a few times at most, and
 * where the fence is that closes one of a kind is looked for once. */
#include "tokenizer/segments.h"

#include <stdlib.h>
#include <unicode/uchar.h>

#include "common/utf8.h"

#define WRAPPED_BYTES 40
#define HEADING_BYTES 1000
#define FENCE_MOST    16 /* longer fences count as this long */

struct finder {
    struct breaks *breaks;
    struct text text;
    struct segments *out;
    size_t closing[2][FENCE_MOST +
                      1]; /* the next closing fence of "`" and "~", at least so long; 0: not looked for yet */
    struct error *err;
};

void segments_release(struct segments *s)
{
    free(s->items);
    *s = (struct segments){0};
}

void segment_trim(struct text text, size_t *start, size_t *end)
{
    uint32_t c;
    while (*start < *end) {
        size_t n = utf8_decode(text.data + *start, *end - *start, &c);
        if (!u_isUWhiteSpace((UChar32)c))
            break;
        *start += n;
    }
    while (*start < *end) {
        size_t last = utf8_floor(text.data, text.len, *end - 1);
        utf8_decode(text.data + last, *end - last, &c);
        if (!u_isUWhiteSpace((UChar32)c))
            break;
        *end = last;
    }
}

static enum status add(struct finder *f, struct segment s)
{
    struct segments *out = f->out;
    segment_trim(f->text, &s.start, &s.end);
    if (s.start == s.end)
        return STATUS_OK;
    if (out->count == out->capacity) {
        size_t capacity = out->capacity * 2 + 64;
        struct segment *items = realloc(out->items, capacity * sizeof *items);
        if (items == NULL)
            return error_memory(f->err, "looking for sentences");
        out->items = items;
        out->capacity = capacity;
    }
    out->items[out->count++] = s;
    return STATUS_OK;
}

/* ---- lines ---- */

/* Behind the end of the line that `at` is in. */
static size_t line_end(struct text text, size_t at)
{
    const char *end = at < text.len ? memchr(text.data + at, '\n', text.len - at) : NULL;
    return end != NULL ? (size_t)(end - text.data) + 1 : text.len;
}

/* The line that begins at `at`, without its end and up to three blanks at its beginning. */
static struct text line_at(struct text text, size_t at)
{
    size_t end = line_end(text, at), start = at;
    while (end > at && (text.data[end - 1] == '\n' || text.data[end - 1] == '\r'))
        end--;
    while (start < end && start - at < 3 && text.data[start] == ' ')
        start++;
    return (struct text){text.data + start, end - start};
}

static size_t run_of(struct text line, char c)
{
    size_t n = 0;
    while (n < line.len && line.data[n] == c)
        n++;
    return n;
}

static bool only(struct text line, const char *characters)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] == '\0' || strchr(characters, line.data[i]) == NULL)
            return false;
    return true;
}

static bool is_blank(struct text line)
{
    return only(line, " \t");
}

/* ---- blocks: where one that begins at `at` ends, or `at` ---- */

static uint32_t heading_level(struct text line)
{
    size_t n = run_of(line, '#');
    return n >= 1 && n <= 6 && (n == line.len || line.data[n] == ' ' || line.data[n] == '\t') ? (uint32_t)n
                                                                                              : 0;
}

/* Of the line behind a heading: 1 for "===", 2 for "---". */
static uint32_t underline_level(struct text line)
{
    while (line.len > 0 && (line.data[line.len - 1] == ' ' || line.data[line.len - 1] == '\t'))
        line.len--;
    if (line.len < 2)
        return 0;
    return only(line, "=") ? 1 : only(line, "-") ? 2 : 0;
}

/* Whether the line that begins at `at` is the first, or a blank one is before it. */
static bool starts_paragraph(struct text text, size_t at)
{
    size_t before = at > 0 ? at - 1 : 0; /* the end of the line before */
    if (before > 0 && text.data[before - 1] == '\r')
        before--;
    return before == 0 || text.data[before - 1] == '\n';
}

static size_t heading_end(struct text text, size_t at, uint32_t *level)
{
    struct text line = line_at(text, at);
    size_t end = line_end(text, at);
    if (line.len > HEADING_BYTES)
        return at;
    *level = heading_level(line);
    if (*level > 0)
        return end;
    if (is_blank(line) || end == text.len || !starts_paragraph(text, at))
        return at;
    *level = underline_level(line_at(text, end));
    return *level > 0 ? line_end(text, end) : at;
}

static bool has_bar(struct text line)
{
    return line.len > 0 && memchr(line.data, '|', line.len) != NULL;
}

/* A table has a rule as its second line, or a bar at the beginning of every line. */
static size_t table_end(struct text text, size_t at)
{
    struct text line = line_at(text, at);
    size_t end = line_end(text, at), lines = 1;
    if (!has_bar(line) || end == text.len)
        return at;
    struct text rule = line_at(text, end);
    bool ruled = has_bar(rule) && only(rule, "|-: \t") && memchr(rule.data, '-', rule.len) != NULL;
    if (!ruled && line.data[0] != '|')
        return at;
    while (end < text.len && line_end(text, end) - at <= BREAKS_MAX_TEXT) {
        line = line_at(text, end);
        if (!has_bar(line) || (!ruled && line.data[0] != '|'))
            break;
        end = line_end(text, end);
        lines++;
    }
    return lines >= 2 ? end : at;
}

static size_t fence_length(struct text line, char *mark)
{
    if (line.len == 0 || (line.data[0] != '`' && line.data[0] != '~'))
        return 0;
    size_t n = run_of(line, *mark = line.data[0]);
    if (n < 3 || (*mark == '`' && memchr(line.data + n, '`', line.len - n) != NULL))
        return 0;
    return n < FENCE_MOST ? n : FENCE_MOST;
}

static bool closes(struct text line, char mark, size_t least)
{
    size_t n = run_of(line, mark);
    return n >= least && is_blank((struct text){line.data + n, line.len - n});
}

static size_t code_end(struct finder *f, size_t at)
{
    char mark = 0;
    size_t n = fence_length(line_at(f->text, at), &mark), line = line_end(f->text, at);
    size_t *closing = &f->closing[mark == '~'][n];
    if (n == 0)
        return at;
    if (*closing <= at) {
        while (line < f->text.len && !closes(line_at(f->text, line), mark, n))
            line = line_end(f->text, line);
        *closing = line;
    }
    size_t end = line_end(f->text, *closing);
    return *closing < f->text.len && end - at <= BREAKS_MAX_TEXT ? end : at;
}

/* The block that begins at `at`; false when the line is prose. */
static bool block_at(struct finder *f, size_t at, struct segment *block)
{
    uint32_t level = 0;
    size_t end = heading_end(f->text, at, &level);
    if (end > at)
        *block = (struct segment){at, end, SEGMENT_HEADING, level};
    else if ((end = code_end(f, at)) > at)
        *block = (struct segment){at, end, SEGMENT_CODE, 0};
    else if ((end = table_end(f->text, at)) > at)
        *block = (struct segment){at, end, SEGMENT_TABLE, 0};
    return end > at;
}

struct text segment_heading(struct text text, const struct segment *heading)
{
    struct text line = line_at(text, heading->start);
    size_t start = (size_t)(line.data - text.data), end = start + line.len;
    if (end > heading->end)
        end = heading->end;
    if (heading_level(line) > 0) {
        start += heading->level;
        segment_trim(text, &start, &end);
        size_t marks = end;
        while (marks > start && text.data[marks - 1] == '#')
            marks--;
        if (marks == start || text.data[marks - 1] == ' ' || text.data[marks - 1] == '\t')
            end = marks;
    }
    segment_trim(text, &start, &end);
    return (struct text){text.data + start, end - start};
}

/* ---- prose ---- */

/* Whether the line that ends at `end` was wrapped within a sentence, so that the sentence goes on behind it.
 */
static bool wrapped(struct text text, size_t end)
{
    uint32_t next;
    if (end < WRAPPED_BYTES || end >= text.len || text.data[end - 1] != '\n')
        return false;
    for (size_t i = 2; i <= WRAPPED_BYTES; i++)
        if (text.data[end - i] == '\n')
            return false;
    utf8_decode(text.data + end, text.len - end, &next);
    return u_islower((UChar32)next);
}

/* The end of the stretch of [start, limit) that ICU gets at once: behind a line end, else behind a space,
 * else behind a whole grapheme cluster. */
static enum status stretch_end(struct finder *f, size_t start, size_t limit, size_t *end)
{
    const char *data = f->text.data;
    if (limit - start <= BREAKS_MAX_TEXT) {
        *end = limit;
        return STATUS_OK;
    }
    limit = utf8_floor(data, f->text.len, start + BREAKS_MAX_TEXT);
    size_t least = start + BREAKS_MAX_TEXT / 2;
    for (int pass = 0; pass < 2; pass++)
        for (*end = limit; *end > least; --*end)
            if (data[*end - 1] == "\n "[pass])
                return STATUS_OK;
    enum status status =
        breaks_find(f->breaks, BREAK_GRAPHEME, (struct text){data + start, limit - start}, f->err);
    /* The last border is the end of the stretch and need not be one of the text. */
    *end =
        status == STATUS_OK && f->breaks->count > 1 ? start + f->breaks->ends[f->breaks->count - 2] : limit;
    return status;
}

static enum status add_prose(struct finder *f, size_t start, size_t limit)
{
    enum status status = STATUS_OK;
    if (f->breaks == NULL)
        return STATUS_OK;
    for (size_t end; start < limit && status == STATUS_OK; start = end) {
        status = stretch_end(f, start, limit, &end);
        if (status == STATUS_OK)
            status = breaks_find(f->breaks, BREAK_SENTENCE, (struct text){f->text.data + start, end - start},
                                 f->err);
        size_t from = start, count = f->breaks->count;
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            size_t to = start + f->breaks->ends[i];
            if (i + 1 < count && wrapped(f->text, to))
                continue;
            status = add(f, (struct segment){from, to, SEGMENT_SENTENCE, 0});
            from = to;
        }
    }
    return status;
}

enum status segments_find(struct breaks *b, struct text text, struct segments *out, struct error *err)
{
    struct finder f = {.breaks = b, .text = text, .out = out, .err = err};
    enum status status = STATUS_OK;
    size_t prose = 0, at = 0;
    out->count = 0;
    while (at < text.len && status == STATUS_OK) {
        struct segment block;
        if (!block_at(&f, at, &block)) {
            at = line_end(text, at);
            continue;
        }
        status = add_prose(&f, prose, at);
        if (status == STATUS_OK)
            status = add(&f, block);
        prose = at = block.end;
    }
    if (status == STATUS_OK)
        status = add_prose(&f, prose, text.len);
    if (status != STATUS_OK)
        out->count = 0;
    return status;
}
