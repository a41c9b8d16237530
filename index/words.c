/* A text is taken in stretches: letters, digits and what holds them together, or a row of signs of a script
 * without spaces. A stretch is cut into runs (what no joiner divides), runs of letters and digits into
 * pieces.
 *
 *     AB-1234/7         stretch
 *     ├┘ ├──┘ ┴         runs, here also pieces
 *
 * A stretch ends after STRETCH_BYTES or RUNS at the latest, so that memory does not grow with a text.
 */
#include "index/words.h"

#include <stdlib.h>
#include <unicode/ubrk.h>
#include <unicode/uchar.h>
#include <unicode/uscript.h>
#include <unicode/utext.h>
#include <unicode/uvernum.h>

#include "common/utf8.h"

#define STRETCH_BYTES 1024
#define RUNS          32
#define PIECES        4 /* of a run; one of more is a random string, whose pieces say nothing */
#define JOINERS       3 /* in a row: "://" */

enum kind {
    NOT_ASKED,
    OTHER,
    LETTER,
    DIGIT,
    MARK,     /* belongs to what it follows */
    HANGUL,   /* Korean: letters whose words have endings */
    UNSPACED, /* scripts whose words ICU's dictionaries find */
    JOINER
};

struct run {
    size_t start, end;
    enum kind kind; /* of its first code point */
};

/* ---- kinds ---- */

static enum kind ascii_kind(uint32_t c)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
        return LETTER;
    if (c >= '0' && c <= '9')
        return DIGIT;
    return c != 0 && strchr("'-_./\\:@&+=%~#,\"", (int)c) != NULL ? JOINER : OTHER;
}

static enum kind letter_kind(uint32_t c)
{
    UErrorCode code = U_ZERO_ERROR;
    switch (uscript_getScript((UChar32)c, &code)) {
    case USCRIPT_HAN:
    case USCRIPT_HIRAGANA:
    case USCRIPT_KATAKANA:
        return UNSPACED;
    case USCRIPT_HANGUL:
        return HANGUL;
    default:
        return c == 0x30fc || c == 0xff70 ? UNSPACED : LETTER; /* the mark for long vowels is everybody's */
    }
}

static enum kind find_kind(uint32_t c)
{
    if (c < 0x80)
        return ascii_kind(c);
    if (c >= 0xff01 && c <= 0xff5e) /* full width */
        return ascii_kind(c - 0xff01 + '!');
    switch (c) {
    case 0xb7:  /* l·l */
    case 0x2bc: /* apostrophes and hyphens */
    case 0x58a:
    case 0x5be:
    case 0x5f3:
    case 0x5f4:
    case 0x200c: /* between the parts of a Persian word */
    case 0x2010:
    case 0x2011:
    case 0x2019:
        return JOINER;
    case 0x3007: /* the Han digit zero */
        return UNSPACED;
    }
    uint32_t mask = U_GET_GC_MASK((UChar32)c);
    if ((mask & (U_GC_L_MASK | U_GC_M_MASK)) != 0 &&
        u_getIntPropertyValue((UChar32)c, UCHAR_LINE_BREAK) == U_LB_COMPLEX_CONTEXT)
        return UNSPACED;
    if ((mask & U_GC_L_MASK) != 0)
        return letter_kind(c);
    if ((mask & U_GC_N_MASK) != 0)
        return DIGIT;
    return (mask & (U_GC_M_MASK | U_GC_CF_MASK)) != 0 ? MARK : OTHER;
}

static inline enum kind kind_of(const struct words *w, uint32_t c)
{
    if (c >= FOLD_KNOWN)
        return find_kind(c);
    if (w->kinds[c] == NOT_ASKED)
        w->kinds[c] = (uint8_t)find_kind(c);
    return (enum kind)w->kinds[c];
}

/* Kind and code point at a byte of the text; OTHER at its end. */
static inline enum kind kind_at(const struct words *w, size_t at, uint32_t *c, size_t *len)
{
    struct text text = w->text;
    *c = *len = 0;
    if (at >= text.len)
        return OTHER;
    *c = (unsigned char)text.data[at];
    *len = *c < 0x80 ? 1 : utf8_decode(text.data + at, text.len - at, c);
    return kind_of(w, *c);
}

bool words_letter_at(struct text text, size_t at)
{
    uint32_t c;
    if (at >= text.len)
        return false;
    utf8_decode(text.data + at, text.len - at, &c);
    enum kind kind = find_kind(c);
    return kind != OTHER && kind != JOINER;
}

/* ---- words of a stretch ---- */

static enum status add(struct words *w, struct word word, struct error *err)
{
    if (w->count == w->capacity) {
        size_t capacity = w->capacity * 2 + 16;
        struct word *items = realloc(w->items, capacity * sizeof *items);
        if (items == NULL)
            return error_memory(err, "looking for words");
        w->items = items;
        w->capacity = capacity;
    }
    if (word.len > WORDS_FOLDED)
        word.len = (uint32_t)utf8_floor(w->folded.data + word.at, word.len, WORDS_FOLDED);
    if (word.len > 0)
        w->items[w->count++] = word;
    return STATUS_OK;
}

/* Whether a folded word is a name that only one thing has. Digits alone are one from three groups
 * ("192.168.0.1") or five digits on. With letters it takes three digits, or two and a joiner, since names of
 * kinds have fewer
 * ("Python3", "UTF-8"); and when it begins with digits two groups of them ("2N3904", not "1990s" or "500ml").
 */
static bool is_code(struct text folded)
{
    size_t letters = 0, digits = 0, groups = 0, joiners = 0;
    bool named = false, comma = false;
    for (size_t i = 0; i < folded.len; i++) {
        char b = folded.data[i];
        bool digit = b >= '0' && b <= '9', letter = (b >= 'a' && b <= 'z') || (unsigned char)b >= 0x80;
        digits += digit;
        groups += digit && (i == 0 || folded.data[i - 1] < '0' || folded.data[i - 1] > '9');
        letters += letter;
        joiners += !digit && !letter;
        named = named || b == '_' || b == '@' || b == '\\' ||
                (b == ':' && folded.len - i > 2 && folded.data[i + 1] == '/' && folded.data[i + 2] == '/');
        comma = comma || b == ',';
    }
    if (named)
        return true;
    if (letters > 0)
        return (digits > 2 || (digits == 2 && joiners > 0)) &&
               (groups > 1 || folded.data[0] < '0' || folded.data[0] > '9');
    return !comma && (groups > 2 || (groups == 1 && digits >= 5));
}

/* Adds the bytes of a piece; the folded form may be empty. */
static enum status add_piece(struct words *w, size_t start, size_t end, bool beside, bool part,
                             struct error *err)
{
    size_t at = w->folded.len;
    enum status status =
        fold_append(&w->fold, (struct text){w->text.data + start, end - start}, &w->folded, err);
    struct word word = {.start = start,
                        .end = end,
                        .at = (uint32_t)at,
                        .len = (uint32_t)(w->folded.len - at),
                        .beside = beside,
                        .part = part};
    if (status == STATUS_OK && !part)
        word.code = is_code(words_text(w, &word));
    return status == STATUS_OK ? add(w, word, err) : status;
}

/* Pairs of neighbours in the last word, when it has three and more code points. */
static enum status add_pairs(struct words *w, struct error *err)
{
    enum status status = STATUS_OK;
    if (w->count == 0)
        return status;
    const struct word word = w->items[w->count - 1];
    bool same_bytes = word.len == word.end - word.start;
    size_t ends[3] = {0}; /* of the last three code points */
    uint32_t c;
    if (utf8_length(w->folded.data + word.at, word.len) < 3)
        return status;
    for (size_t at = 0; at < word.len && status == STATUS_OK;) {
        at += utf8_decode(w->folded.data + word.at + at, word.len - at, &c);
        ends[0] = ends[1];
        ends[1] = ends[2];
        ends[2] = at;
        if (ends[1] == 0)
            continue;
        struct word pair = {.start = same_bytes ? word.start + ends[0] : word.start,
                            .end = same_bytes ? word.start + at : word.end,
                            .at = word.at + (uint32_t)ends[0],
                            .len = (uint32_t)(at - ends[0]),
                            .beside = true,
                            .part = true};
        status = add(w, pair, err);
    }
    return status;
}

/* Where a run of letters and digits is divided: between two and more letters and a digit. Returns how many
 * pieces; ends[i] is where piece i ends. */
static size_t divide(const struct words *w, const struct run *run, size_t ends[PIECES])
{
    size_t n = 0, letters = 0;
    size_t border = 0; /* a place after a single letter or digits, which letters may yet confirm */
    enum kind before = OTHER;
    for (size_t at = run->start, len; at < run->end; at += len) {
        uint32_t c;
        enum kind kind = kind_at(w, at, &c, &len);
        if (kind == MARK)
            continue;
        if (kind != before && before != OTHER) {
            if (n + 2 > PIECES)
                return 0;
            if (kind == DIGIT && letters > 1)
                ends[n++] = at;
            border = kind == LETTER ? at : 0;
            letters = 0;
        }
        letters = kind == LETTER ? letters + 1 : 0;
        if (border != 0 && letters == 2) {
            ends[n++] = border;
            border = 0;
        }
        before = kind;
    }
    ends[n++] = run->end;
    return n;
}

static enum status add_run(struct words *w, const struct run *run, bool beside, bool part, struct error *err)
{
    size_t ends[PIECES], n = run->kind == HANGUL ? 1 : divide(w, run, ends), start = run->start;
    enum status status = STATUS_OK;
    if (n < 2) {
        status = add_piece(w, run->start, run->end, beside, part, err);
        return status == STATUS_OK && run->kind == HANGUL ? add_pairs(w, err) : status;
    }
    if (!part) { /* the whole run, in the place of its first piece */
        status = add_piece(w, run->start, run->end, beside, false, err);
        beside = true;
    }
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        status = add_piece(w, start, ends[i], beside, true, err);
        beside = false;
        start = ends[i];
    }
    return status;
}

/* What joins runs, in the one form that its kinds share. */
static enum status fold_joiners(struct words *w, size_t start, size_t end, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t at = start, len; at < end && status == STATUS_OK; at += len) {
        uint32_t c;
        const char *one = NULL;
        len = utf8_decode(w->text.data + at, end - at, &c);
        if (c == 0x200c)
            one = "";
        else if (c == 0x2bc || c == 0x2019 || c == 0x5f3)
            one = "'";
        else if (c == 0x58a || c == 0x5be || c == 0x2010 || c == 0x2011)
            one = "-";
        else if (c == 0x5f4)
            one = "\"";
        status = one != NULL ? buf_append(&w->folded, one, strlen(one), err)
                             : fold_append(&w->fold, (struct text){w->text.data + at, len}, &w->folded, err);
    }
    return status;
}

/* The runs of a stretch as one word; without its v when it is a version. */
static enum status add_whole(struct words *w, const struct run *runs, size_t n, size_t end, struct error *err)
{
    size_t at = w->folded.len;
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        size_t next = i + 1 < n ? runs[i + 1].start : end;
        status =
            fold_append(&w->fold, (struct text){w->text.data + runs[i].start, runs[i].end - runs[i].start},
                        &w->folded, err);
        if (status == STATUS_OK)
            status = fold_joiners(w, runs[i].end, next, err);
    }
    struct word word = {
        .start = runs[0].start, .end = end, .at = (uint32_t)at, .len = (uint32_t)(w->folded.len - at)};
    if (status != STATUS_OK)
        return status;
    word.code = is_code(words_text(w, &word));
    status = add(w, word, err);
    const char *folded = w->folded.data + at;
    if (status == STATUS_OK && word.len > 1 && folded[0] == 'v' && folded[1] >= '0' && folded[1] <= '9') {
        word.start++;
        word.at++;
        word.len--;
        word.beside = word.part = true;
        word.code = false;
        status = add(w, word, err);
    }
    return status;
}

/* ---- stretches ---- */

static size_t run_end(const struct words *w, size_t at, enum kind kind, size_t limit)
{
    while (at < limit) {
        uint32_t c;
        size_t len;
        enum kind next = kind_at(w, at, &c, &len);
        bool letters = kind == LETTER || kind == DIGIT;
        if (next != MARK && (letters ? next != LETTER && next != DIGIT : next != kind))
            break;
        at += len;
    }
    return at;
}

static bool is_hebrew_before(struct text text, size_t at)
{
    uint32_t c;
    utf8_decode(text.data + utf8_floor(text.data, text.len, at - 1), 4, &c);
    return c >= 0x590 && c < 0x600;
}

/* Where the next run of the stretch begins behind the joiners at `at`; 0 when the stretch ends there. */
static size_t joined(const struct words *w, size_t at, enum kind before, struct run *next)
{
    size_t n = 0, len, start = at;
    bool strong = false, comma = false, quote = false;
    uint32_t c;
    enum kind kind;
    while ((kind = kind_at(w, at, &c, &len)) == JOINER) {
        uint32_t plain = c >= 0xff01 && c <= 0xff5e ? c - 0xff01 + '!' : c;
        strong = strong || plain == ':' || plain == '/' || plain == '\\' || plain == '_' || plain == '=' ||
                 plain == '&';
        comma = comma || plain == ',';
        quote = quote || plain == '"';
        if (++n > JOINERS)
            return 0;
        at += len;
    }
    if (n == 0 || (n > 1 && !strong) || (kind != LETTER && kind != DIGIT && kind != HANGUL))
        return 0;
    if (comma && (before != DIGIT || kind != DIGIT))
        return 0;
    if (quote && !(n == 1 && is_hebrew_before(w->text, start) && c >= 0x590 && c < 0x600))
        return 0;
    *next = (struct run){.start = at, .kind = kind};
    return at;
}

/* The end of a stretch with the signs behind it that belong to its name: C++, C#. */
static size_t with_suffix(const struct words *w, size_t end)
{
    struct text text = w->text;
    size_t at = end;
    if (text.len - at >= 2 && text.data[at] == '+' && text.data[at + 1] == '+')
        at += 2;
    else if (at < text.len && text.data[at] == '#')
        at++;
    uint32_t c;
    size_t len;
    enum kind kind = kind_at(w, at, &c, &len);
    return kind == OTHER || kind == JOINER ? at : end;
}

static enum kind last_kind(const struct words *w, const struct run *run)
{
    uint32_t c;
    size_t len, at = utf8_floor(w->text.data, w->text.len, run->end - 1);
    return kind_at(w, at, &c, &len);
}

static enum status take_letters(struct words *w, struct run first, struct error *err)
{
    struct run runs[RUNS] = {first};
    size_t n = 0, limit = w->text.len - first.start > STRETCH_BYTES
                              ? utf8_floor(w->text.data, w->text.len, first.start + STRETCH_BYTES)
                              : w->text.len;
    do {
        runs[n].end = run_end(w, runs[n].start, runs[n].kind, limit);
        n++;
    } while (n < RUNS && joined(w, runs[n - 1].end, last_kind(w, &runs[n - 1]), &runs[n]) != 0 &&
             runs[n].start < limit);
    size_t end = last_kind(w, &runs[n - 1]) == LETTER ? with_suffix(w, runs[n - 1].end) : runs[n - 1].end;
    bool whole = n > 1 || end > runs[n - 1].end;
    enum status status = whole ? add_whole(w, runs, n, end, err) : STATUS_OK;
    for (size_t i = 0; i < n && status == STATUS_OK; i++)
        status = add_run(w, &runs[i], whole && i == 0, whole, err);
    w->next_byte = end;
    return status;
}

static enum status refused(UErrorCode code, struct error *err)
{
    if (code == U_MEMORY_ALLOCATION_ERROR)
        return error_memory(err, "looking for words");
    return error_set(err, STATUS_INTERNAL, "ICU cannot look for words: %s; check that its data is installed",
                     u_errorName(code));
}

static bool all_han(struct text text)
{
    for (size_t at = 0, len; at < text.len; at += len) {
        uint32_t c;
        UErrorCode code = U_ZERO_ERROR;
        len = utf8_decode(text.data + at, text.len - at, &c);
        if (uscript_getScript((UChar32)c, &code) != USCRIPT_HAN)
            return false;
    }
    return true;
}

static enum status take_unspaced(struct words *w, struct run run, struct error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    size_t limit = w->text.len - run.start > STRETCH_BYTES
                       ? utf8_floor(w->text.data, w->text.len, run.start + STRETCH_BYTES)
                       : w->text.len;
    run.end = w->next_byte = run_end(w, run.start, UNSPACED, limit);
    if (w->iterator == NULL)
        w->iterator = ubrk_open(UBRK_WORD, "", NULL, 0, &code);
    w->utext = utext_openUTF8(w->utext, w->text.data + run.start, (int64_t)(run.end - run.start), &code);
    ubrk_setUText(w->iterator, w->utext, &code);
    if (U_FAILURE(code))
        return refused(code, err);
    enum status status = STATUS_OK;
    size_t start = run.start;
    ubrk_first(w->iterator);
    for (int32_t end; status == STATUS_OK && (end = ubrk_next(w->iterator)) != UBRK_DONE;) {
        size_t count = w->count, stop = run.start + (size_t)end;
        status = add_piece(w, start, stop, false, false, err);
        if (status == STATUS_OK && w->count > count &&
            all_han((struct text){w->text.data + start, stop - start}))
            status = add_pairs(w, err);
        start = stop;
    }
    return status;
}

/* ---- the text ---- */

enum status words_open(struct words *w, struct error *err)
{
    *w = (struct words){0};
    buf_init(&w->folded, SIZE_MAX / 2);
    w->kinds = calloc(FOLD_KNOWN, 1);
    if (w->kinds == NULL)
        return error_memory(err, "looking for words");
    enum status status =
        buf_reserve(&w->folded, STRETCH_BYTES, err); /* words_text has something to point at */
    return status == STATUS_OK ? fold_open(&w->fold, err) : status;
}

void words_close(struct words *w)
{
    fold_close(&w->fold);
    if (w->iterator != NULL)
        ubrk_close(w->iterator);
    if (w->utext != NULL)
        utext_close(w->utext);
    buf_release(&w->folded);
    free(w->kinds);
    free(w->items);
    *w = (struct words){0};
}

void words_begin(struct words *w, struct text text)
{
    w->text = text;
    w->next_byte = 0;
    w->count = w->next = 0;
}

static enum status next_stretch(struct words *w, struct error *err)
{
    enum kind kind = OTHER;
    uint32_t c;
    size_t len = 0;
    w->count = w->next = 0;
    buf_clear(&w->folded);
    while (w->next_byte < w->text.len) {
        kind = kind_at(w, w->next_byte, &c, &len);
        if (kind != OTHER && kind != JOINER && kind != MARK)
            break;
        w->next_byte += len;
    }
    if (w->next_byte >= w->text.len)
        return STATUS_OK;
    struct run run = {.start = w->next_byte, .kind = kind};
    return kind == UNSPACED ? take_unspaced(w, run, err) : take_letters(w, run, err);
}

enum status words_next(struct words *w, const struct word **out, struct error *err)
{
    while (w->next == w->count && w->next_byte < w->text.len) {
        enum status status = next_stretch(w, err);
        if (status != STATUS_OK)
            return status;
    }
    *out = w->next < w->count ? &w->items[w->next++] : NULL;
    return STATUS_OK;
}
