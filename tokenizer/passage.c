/* A document becomes a list of units, and passages are runs of units:
 *
 *     document   Sentence one. Sentence two is longer.   A new paragraph starts. And goes on.
 *     units      [-----------] [---------------------]   [---------------------] [----------]
 *     passages   [-----------------------------------]
 *                              [-------------------------------------------------]        (shares a sentence)
 *
 *     (1) A unit is a sentence without the white space around it, or, where a sentence holds too many tokens,
 * a part of one; it always fits in a passage by itself. (2) A unit is encoded once, and the sum over a run
 * tells nearly how many tokens the run has. Tokens at the seams may differ, so each passage is encoded once
 * more as it stands, and loses units while it is too long. (3) Between sentences, a passage that is at least
 * half full ends where a paragraph or a section ends.
 *
 * So every byte is encoded about three times, whatever the document looks like.
 */
#include "tokenizer/passage.h"

#include <stdlib.h>
#include <unicode/uchar.h>

#include "common/utf8.h"
#include "tokenizer/breaks.h"

#define DEFAULT_MAX_TOKENS     200
#define DEFAULT_OVERLAP_TOKENS 40
#define LEAST_TOKENS           16

/* ICU ends a sentence at each line end. A line at least this long that goes on in lower case was wrapped by
 * an editor. */
#define WRAPPED_BYTES 40

struct unit {
    size_t start, end;
    uint32_t tokens;
    bool opens; /* a paragraph or a section starts here */
    bool part;  /* of a sentence that was too long */
};

struct cutter {
    const struct tokenizer *tokenizer;
    struct encoding *scratch;
    struct text text;
    uint32_t budget;  /* tokens of a passage */
    uint32_t overlap; /* tokens shared by neighbours */
    struct breaks breaks;
    struct unit *units;
    size_t count, capacity;
    bool after_heading;
    struct passages *out;
    struct error *err;
};

struct range {
    size_t start, end;
};

/* The range without the white space at its ends. */
static struct range trim(const struct cutter *c, struct range r)
{
    uint32_t character;
    while (r.start < r.end) {
        size_t n = utf8_decode(c->text.data + r.start, r.end - r.start, &character);
        if (!u_isUWhiteSpace((UChar32)character))
            break;
        r.start += n;
    }
    while (r.start < r.end) {
        size_t last = utf8_floor(c->text.data, c->text.len, r.end - 1);
        utf8_decode(c->text.data + last, r.end - last, &character);
        if (!u_isUWhiteSpace((UChar32)character))
            break;
        r.end = last;
    }
    return r;
}

static struct text text_at(const struct cutter *c, struct range r)
{
    return (struct text){c->text.data + r.start, r.end - r.start};
}

static enum status encode(struct cutter *c, struct range r, uint32_t *tokens)
{
    enum status status =
        tokenizer_encode(c->tokenizer, c->scratch, (struct text){"", 0}, text_at(c, r), c->err);
    if (status == STATUS_OK)
        *tokens = (uint32_t)c->scratch->count;
    return status;
}

static bool is_heading(const struct cutter *c, size_t start)
{
    return c->text.data[start] == '#' && (start == 0 || c->text.data[start - 1] == '\n');
}

/* Whether a paragraph or a section starts at `start`. What follows a heading belongs with it. */
static bool opens(struct cutter *c, size_t start)
{
    size_t lines = 0, from = c->count > 0 ? c->units[c->count - 1].end : 0;
    bool heading = is_heading(c, start), after_heading = c->after_heading;
    for (size_t i = from; i < start; i++)
        lines += c->text.data[i] == '\n';
    c->after_heading = heading;
    return heading || (lines >= 2 && !after_heading);
}

static enum status add_unit(struct cutter *c, struct range r, uint32_t tokens, bool part)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity * 2 + 64;
        struct unit *units = realloc(c->units, capacity * sizeof *units);
        if (units == NULL)
            return error_memory(c->err, "cutting a document into passages");
        c->units = units;
        c->capacity = capacity;
    }
    struct unit unit = {r.start, r.end, tokens, opens(c, r.start), part};
    c->units[c->count++] = unit;
    return STATUS_OK;
}

static enum status split(struct cutter *c, struct range r, enum break_kind kind, uint32_t target);

static enum status add_part(struct cutter *c, struct range r, enum break_kind kind, uint32_t target)
{
    uint32_t tokens = 0;
    r = trim(c, r);
    if (r.start == r.end)
        return STATUS_OK;
    enum status status = encode(c, r, &tokens);
    if (status != STATUS_OK)
        return status;
    if (tokens <= c->budget)
        return add_unit(c, r, tokens, true);
    /* Alone it has more tokens than it had in its sentence. */
    uint32_t excess = tokens - c->budget;
    return excess < target ? split(c, r, kind, target - excess) : split(c, r, kind + 1, c->budget);
}

/* Cuts a range at borders of one kind into parts that had at most `target` tokens where they stood; what has
 * no such border within is cut at borders of the next kind. */
static enum status split(struct cutter *c, struct range r, enum break_kind kind, uint32_t target)
{
    uint32_t tokens = 0, *starts = NULL, *ends = NULL;
    if (kind == BREAK_KINDS)
        return error_set(c->err, STATUS_UNSUPPORTED,
                         "one character makes more than %u tokens; allow more tokens a passage", c->budget);
    enum status status = encode(c, r, &tokens);
    if (status == STATUS_OK)
        status = breaks_find(&c->breaks, kind, text_at(c, r), c->err);
    if (status != STATUS_OK)
        return status;
    size_t count = c->breaks.count;
    starts = malloc(((size_t)tokens + 1) * sizeof *starts);
    ends = malloc((count + 1) * sizeof *ends);
    if (starts == NULL || ends == NULL) {
        status = error_memory(c->err, "cutting a document into passages");
        goto done;
    }
    for (uint32_t i = 0; i < tokens; i++)
        starts[i] = c->scratch->tokens[i].start;
    memcpy(ends, c->breaks.ends, count * sizeof *ends);

    /* The part being gathered is [from, to); `before` and `inside` count tokens that start before `from` and
     * before the border looked at. */
    size_t from = 0, to = 0;
    uint32_t before = 0, inside = 0, fitting = 0;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        while (inside < tokens && starts[inside] < ends[i])
            inside++;
        if (inside - before > target && to > from) {
            status = add_part(c, (struct range){r.start + from, r.start + to}, kind, target);
            from = to;
            before = fitting;
        }
        if (inside - before > target && status == STATUS_OK) {
            status =
                split(c, trim(c, (struct range){r.start + from, r.start + ends[i]}), kind + 1, c->budget);
            from = ends[i];
            before = inside;
        }
        to = ends[i];
        fitting = inside;
    }
    if (status == STATUS_OK)
        status = add_part(c, (struct range){r.start + from, r.start + to}, kind, target);
done:
    free(starts);
    free(ends);
    return status;
}

static enum status add_sentence(struct cutter *c, struct range r)
{
    uint32_t tokens = 0;
    r = trim(c, r);
    if (r.start == r.end)
        return STATUS_OK;
    enum status status = encode(c, r, &tokens);
    if (status != STATUS_OK)
        return status;
    return tokens <= c->budget ? add_unit(c, r, tokens, false) : split(c, r, BREAK_WORD, c->budget);
}

/* Whether the line that ends at `end` was wrapped within a sentence, so that the sentence goes on behind it.
 */
static bool wrapped(const struct cutter *c, size_t end)
{
    const char *data = c->text.data;
    uint32_t next;
    if (end < WRAPPED_BYTES || end >= c->text.len || data[end - 1] != '\n')
        return false;
    for (size_t i = 2; i <= WRAPPED_BYTES; i++)
        if (data[end - i] == '\n')
            return false;
    utf8_decode(data + end, c->text.len - end, &next);
    return u_islower((UChar32)next);
}

/* The end of the stretch from `start` that ICU gets at once: behind a line end, else behind a space, else
 * behind a whole grapheme cluster. */
static enum status stretch_end(struct cutter *c, size_t start, size_t *end)
{
    const char *data = c->text.data;
    if (c->text.len - start <= BREAKS_MAX_TEXT) {
        *end = c->text.len;
        return STATUS_OK;
    }
    size_t limit = utf8_floor(data, c->text.len, start + BREAKS_MAX_TEXT),
           least = start + BREAKS_MAX_TEXT / 2;
    for (int pass = 0; pass < 2; pass++)
        for (*end = limit; *end > least; --*end)
            if (data[*end - 1] == "\n "[pass])
                return STATUS_OK;
    enum status status =
        breaks_find(&c->breaks, BREAK_GRAPHEME, (struct text){data + start, limit - start}, c->err);
    /* The last border is the end of the stretch and need not be one of the text. */
    *end = status == STATUS_OK && c->breaks.count > 1 ? start + c->breaks.ends[c->breaks.count - 2] : limit;
    return status;
}

static enum status find_units(struct cutter *c, struct range all)
{
    enum status status = STATUS_OK;
    uint32_t *ends = NULL;
    for (size_t start = all.start, end; start < all.end && status == STATUS_OK; start = end) {
        status = stretch_end(c, start, &end);
        if (status == STATUS_OK)
            status = breaks_find(&c->breaks, BREAK_SENTENCE, (struct text){c->text.data + start, end - start},
                                 c->err);
        if (status != STATUS_OK)
            break;
        size_t count = c->breaks.count;
        uint32_t *grown = realloc(ends, (count + 1) * sizeof *ends);
        if (grown == NULL) {
            status = error_memory(c->err, "cutting a document into passages");
            break;
        }
        ends = grown;
        memcpy(ends, c->breaks.ends, count * sizeof *ends); /* add_sentence looks for other breaks */
        size_t from = start;
        for (size_t i = 0; i < count && status == STATUS_OK; i++) {
            size_t to = start + ends[i];
            if (i + 1 < count && wrapped(c, to))
                continue;
            status = add_sentence(c, (struct range){from, to});
            from = to;
        }
    }
    free(ends);
    return status;
}

static enum status add_passage(struct cutter *c, struct range r, uint32_t tokens)
{
    struct passages *p = c->out;
    if (p->count == p->capacity) {
        size_t capacity = p->capacity * 2 + 8;
        struct passage *items = realloc(p->items, capacity * sizeof *items);
        if (items == NULL)
            return error_memory(c->err, "cutting a document into passages");
        p->items = items;
        p->capacity = capacity;
    }
    p->items[p->count++] = (struct passage){r.start, r.end, tokens};
    return STATUS_OK;
}

/* A run of units: first … end - 1. `fresh` is the first that no earlier passage holds. */
struct run {
    size_t first, fresh, end;
};

static struct range range_of(const struct cutter *c, size_t first, size_t end)
{
    return (struct range){c->units[first].start, c->units[end - 1].end};
}

/* Steps back from `fresh` over whole sentences that the passage may share with the one before it, which began
 * at `previous`. */
static enum status share(struct cutter *c, struct run *run, size_t previous)
{
    uint32_t sum = 0, tokens = 0;
    run->first = run->fresh;
    while (c->overlap > 0 && run->first > previous + 1 && !c->units[run->first - 1].part &&
           sum + c->units[run->first - 1].tokens <= c->overlap)
        sum += c->units[--run->first].tokens;
    while (run->first < run->fresh) {
        enum status status = encode(c, range_of(c, run->first, run->fresh), &tokens);
        if (status != STATUS_OK)
            return status;
        if (tokens <= c->overlap)
            break;
        run->first++;
    }
    return STATUS_OK;
}

/* Adds units while their sum fits, and gives some back where a paragraph ends in the second half. */
static void extend(const struct cutter *c, struct run *run)
{
    uint32_t sum = 0;
    for (size_t i = run->first; i < run->fresh; i++)
        sum += c->units[i].tokens;
    while (run->first < run->fresh && sum + c->units[run->fresh].tokens > c->budget)
        sum -= c->units[run->first++].tokens;
    for (run->end = run->fresh; run->end < c->count && sum + c->units[run->end].tokens <= c->budget;
         run->end++)
        sum += c->units[run->end].tokens;
    if (run->end == c->count)
        return;
    for (size_t i = run->end; i > run->fresh && sum >= c->budget / 2; i--) {
        if (c->units[i].opens) {
            run->end = i;
            return;
        }
        sum -= c->units[i - 1].tokens;
    }
}

static enum status pack(struct cutter *c)
{
    enum status status = STATUS_OK;
    struct run run = {0};
    for (size_t previous = 0; run.fresh < c->count && status == STATUS_OK; run.fresh = run.end) {
        uint32_t tokens = 0;
        status = share(c, &run, previous);
        if (status != STATUS_OK)
            break;
        extend(c, &run);
        while ((status = encode(c, range_of(c, run.first, run.end), &tokens)) == STATUS_OK &&
               tokens > c->budget) {
            if (run.first < run.fresh)
                run.first++;
            else
                run.end--; /* a unit alone fits, so `end` stays behind `fresh` */
        }
        if (status == STATUS_OK && tokens > 0)
            status = add_passage(c, range_of(c, run.first, run.end), tokens);
        previous = run.first;
    }
    return status;
}

static enum status cut(struct cutter *c)
{
    struct range all = trim(c, (struct range){0, c->text.len});
    if (all.start == all.end)
        return STATUS_OK;
    if (all.end - all.start <= (size_t)c->budget * 8) { /* perhaps one passage, so ICU need not be asked */
        uint32_t tokens = 0;
        enum status status = encode(c, all, &tokens);
        if (status != STATUS_OK || tokens == 0)
            return status;
        if (tokens <= c->budget)
            return add_passage(c, all, tokens);
    }
    enum status status = find_units(c, all);
    return status == STATUS_OK ? pack(c) : status;
}

enum status passages_cut(const struct tokenizer *t, struct encoding *scratch, struct text text,
                         struct text lang, const struct passage_options *options, uint32_t reserved,
                         struct passages *out, struct error *err)
{
    uint32_t max = options->max_tokens != 0 ? options->max_tokens : DEFAULT_MAX_TOKENS;
    uint32_t overlap = options->overlap_tokens;
    if (overlap == UINT32_MAX)
        overlap = 0;
    else if (overlap == 0)
        overlap = DEFAULT_OVERLAP_TOKENS < max / 2 ? DEFAULT_OVERLAP_TOKENS : max / 2;
    out->count = 0;
    if (max < LEAST_TOKENS || reserved > max - LEAST_TOKENS)
        return error_field(
            err, STATUS_INVALID, "max_tokens",
            "%u tokens a passage leave fewer than %d beside the %u of prompt and title; allow more, or "
            "shorten the title",
            max, LEAST_TOKENS, reserved);
    if (overlap > max / 2)
        return error_field(
            err, STATUS_INVALID, "overlap_tokens",
            "an overlap of %u tokens is more than half of the %u of a passage; choose a smaller one", overlap,
            max);
    struct cutter c = {
        .tokenizer = t, .scratch = scratch, .text = text, .budget = max - reserved, .out = out, .err = err};
    c.overlap = overlap < c.budget / 2 ? overlap : c.budget / 2;
    breaks_open(&c.breaks, lang);
    enum status status = cut(&c);
    if (status != STATUS_OK)
        out->count = 0;
    breaks_close(&c.breaks);
    free(c.units);
    return status;
}

void passages_release(struct passages *p)
{
    free(p->items);
    *p = (struct passages){0};
}
