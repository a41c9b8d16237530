/* A document becomes a list of units, and passages are runs of units:
 *
 *     document   Sentence one. Sentence two is longer.   A new paragraph starts. And goes on.
 *     units      [-----------] [---------------------]   [---------------------] [----------]
 *     passages   [-----------------------------------]
 *                              [-------------------------------------------------]        (shares a sentence)
 *
 *     (1) A unit is a sentence, a heading, a table or a block of code without the white space around it, or,
 * where that holds too many tokens, a part of one; it always fits in a passage by itself. (2) A unit is
 * encoded once, and the sum over a run tells nearly how many tokens the run has. Tokens at the seams may
 * differ, so each passage is encoded once more as it stands, and loses units while it is too long. (3)
 * Between sentences, a passage that is at least half full ends where a paragraph or a section ends.
 *
 * So every byte is encoded about three times, whatever the document looks like.
 */
#include "tokenizer/passage.h"

#include <stdlib.h>

#include "tokenizer/segments.h"

#define DEFAULT_MAX_TOKENS     200
#define DEFAULT_OVERLAP_TOKENS 40
#define LEAST_TOKENS           16

struct unit {
    size_t start, end;
    uint32_t tokens;
    uint32_t under; /* the heading it stands under or is */
    bool heading;
    bool opens; /* a paragraph or a section starts here */
    bool whole; /* not a part of something that was too long */
};

struct cutter {
    const struct tokenizer *tokenizer;
    struct encoding *scratch;
    struct text text;
    uint32_t budget;  /* tokens of a passage */
    uint32_t overlap; /* tokens shared by neighbours */
    struct breaks breaks;
    struct segments segments;
    struct unit *units;
    size_t count, capacity;
    struct passages *out;
    struct error *err;
};

struct range {
    size_t start, end;
};

static struct range trim(const struct cutter *c, struct range r)
{
    segment_trim(c->text, &r.start, &r.end);
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

/* Whether a paragraph or a section starts at `start`. What follows a heading belongs with it. */
static bool opens(const struct cutter *c, size_t start, bool heading)
{
    const struct unit *before = c->count > 0 ? &c->units[c->count - 1] : NULL;
    size_t lines = 0;
    for (size_t i = before != NULL ? before->end : 0; i < start; i++)
        lines += c->text.data[i] == '\n';
    return heading || (lines >= 2 && (before == NULL || !before->heading));
}

static enum status add_unit(struct cutter *c, struct range r, uint32_t tokens, bool whole, bool heading)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity * 2 + 64;
        struct unit *units = realloc(c->units, capacity * sizeof *units);
        if (units == NULL)
            return error_memory(c->err, "cutting a document into passages");
        c->units = units;
        c->capacity = capacity;
    }
    uint32_t under = c->out->heading_count > 0 ? (uint32_t)c->out->heading_count - 1 : PASSAGE_NO_HEADING;
    struct unit unit = {r.start, r.end, tokens, under, heading, opens(c, r.start, heading), whole};
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
        return add_unit(c, r, tokens, false, false);
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

static enum status note_heading(struct cutter *c, const struct segment *s)
{
    struct passages *p = c->out;
    struct text words = segment_heading(c->text, s);
    uint32_t parent = p->heading_count > 0 ? (uint32_t)p->heading_count - 1 : PASSAGE_NO_HEADING;
    if (p->heading_count == p->heading_capacity) {
        size_t capacity = p->heading_capacity * 2 + 8;
        struct heading *headings = realloc(p->headings, capacity * sizeof *headings);
        if (headings == NULL)
            return error_memory(c->err, "cutting a document into passages");
        p->headings = headings;
        p->heading_capacity = capacity;
    }
    while (parent != PASSAGE_NO_HEADING && p->headings[parent].level >= s->level)
        parent = p->headings[parent].parent;
    size_t start = (size_t)(words.data - c->text.data);
    p->headings[p->heading_count++] = (struct heading){start, start + words.len, s->level, parent};
    return STATUS_OK;
}

static enum status add_segment(struct cutter *c, const struct segment *s)
{
    uint32_t tokens = 0;
    struct range r = {s->start, s->end};
    bool heading = s->kind == SEGMENT_HEADING, lines = s->kind == SEGMENT_TABLE || s->kind == SEGMENT_CODE;
    enum status status = encode(c, r, &tokens);
    if (status == STATUS_OK && heading)
        status = note_heading(c, s);
    if (status != STATUS_OK)
        return status;
    return tokens <= c->budget ? add_unit(c, r, tokens, true, heading)
                               : split(c, r, lines ? BREAK_LINE : BREAK_WORD, c->budget);
}

static enum status find_units(struct cutter *c)
{
    enum status status = segments_find(&c->breaks, c->text, &c->segments, c->err);
    for (size_t i = 0; i < c->segments.count && status == STATUS_OK; i++)
        status = add_segment(c, &c->segments.items[i]);
    return status;
}

static enum status add_passage(struct cutter *c, struct range r, uint32_t tokens, uint32_t heading)
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
    p->items[p->count++] = (struct passage){r.start, r.end, tokens, heading};
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
 * at `previous`, but not out of its section. */
static enum status share(struct cutter *c, struct run *run, size_t previous)
{
    uint32_t sum = 0, tokens = 0;
    run->first = run->fresh;
    while (c->overlap > 0 && run->first > previous + 1 && !c->units[run->first].heading &&
           c->units[run->first - 1].whole && sum + c->units[run->first - 1].tokens <= c->overlap)
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

/* A heading goes with what follows it. */
static void leave_headings(const struct cutter *c, struct run *run)
{
    while (run->end < c->count && run->end > run->fresh + 1 && c->units[run->end - 1].heading)
        run->end--;
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
        leave_headings(c, &run);
        while ((status = encode(c, range_of(c, run.first, run.end), &tokens)) == STATUS_OK &&
               tokens > c->budget) {
            if (run.first < run.fresh)
                run.first++;
            else
                run.end--; /* a unit alone fits, so `end` stays behind `fresh` */
            leave_headings(c, &run);
        }
        if (status == STATUS_OK && tokens > 0)
            status = add_passage(c, range_of(c, run.first, run.end), tokens, c->units[run.first].under);
        previous = run.first;
    }
    return status;
}

/* A text that is one passage is not looked through for sentences. */
static enum status add_all(struct cutter *c, struct range all, uint32_t tokens)
{
    enum status status = segments_find(NULL, c->text, &c->segments, c->err);
    for (size_t i = 0; i < c->segments.count && status == STATUS_OK; i++)
        if (c->segments.items[i].kind == SEGMENT_HEADING)
            status = note_heading(c, &c->segments.items[i]);
    bool headed = status == STATUS_OK && c->segments.count > 0 && c->segments.items[0].start == all.start &&
                  c->segments.items[0].kind == SEGMENT_HEADING;
    return status == STATUS_OK ? add_passage(c, all, tokens, headed ? 0 : PASSAGE_NO_HEADING) : status;
}

static enum status cut(struct cutter *c)
{
    struct range all = trim(c, (struct range){0, c->text.len});
    if (all.start == all.end)
        return STATUS_OK;
    if (all.end - all.start <= (size_t)c->budget * 8) { /* perhaps one passage */
        uint32_t tokens = 0;
        enum status status = encode(c, all, &tokens);
        if (status != STATUS_OK || tokens == 0)
            return status;
        if (tokens <= c->budget)
            return add_all(c, all, tokens);
    }
    enum status status = find_units(c);
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
    out->count = out->heading_count = 0;
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
        out->count = out->heading_count = 0;
    breaks_close(&c.breaks);
    segments_release(&c.segments);
    free(c.units);
    return status;
}

void passages_release(struct passages *p)
{
    free(p->items);
    free(p->headings);
    *p = (struct passages){0};
}
