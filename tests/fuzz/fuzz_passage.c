/* Bytes as options and text of a document; what passage.h promises is checked on every passage. */
#include <stdint.h>
#include <stdlib.h>
#include <unicode/uchar.h>

#include "common/utf8.h"
#include "tokenizer/passage.h"
#include "tokenizer/place.h"

#include "default_tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void only_white_space(struct text text, size_t start, size_t end)
{
    uint32_t c;
    for (size_t at = start; at < end;) {
        at += utf8_decode(text.data + at, end - at, &c);
        check(u_isUWhiteSpace((UChar32)c));
    }
}

/* The words of a heading behind those it stands under. */
static void path_of(struct text text, const struct passages *p, uint32_t heading, struct buf *out)
{
    if (heading == PASSAGE_NO_HEADING)
        return;
    struct heading h = p->headings[heading];
    path_of(text, p, h.parent, out);
    if (h.end > h.start && out->len > 0)
        check(buf_append(out, " > ", 3, NULL) == STATUS_OK);
    check(buf_append(out, text.data + h.start, h.end - h.start, NULL) == STATUS_OK);
}

/* place.h and the cutting see the same headings. */
static void same_headings(struct text text, const struct passages *p, const struct passage *passage)
{
    struct place place;
    struct buf path, cut;
    buf_init(&path, PLACE_PATH_BYTES);
    buf_init(&cut, PLACE_PATH_BYTES);
    check(place_find(text, passage->start, &place, &path, NULL) == STATUS_OK);
    check(place.line >= 1);
    path_of(text, p, passage->heading, &cut);
    check(text_equal(buf_text(&path), buf_text(&cut)));
    buf_release(&path);
    buf_release(&cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const languages[] = {"", "en", "th", "zh-Hant", "el", "no such language"};
    static struct encoding e;
    static struct passages p;
    const struct tokenizer *t = opened();
    if (size < 4)
        return 0;
    struct passage_options options = {data[0], data[1] == 255 ? UINT32_MAX : data[1]};
    uint32_t reserved = data[2], max = options.max_tokens != 0 ? options.max_tokens : 200;
    struct text text = {(const char *)data + 4, size - 4}, lang = text_of(languages[data[3] % 6]);
    text.len = utf8_invalid(text.data, text.len);
    struct error err = {0};
    enum status status = passages_cut(t, &e, text, lang, &options, reserved, &p, &err);
    if (status != STATUS_OK) {
        check(status == STATUS_INVALID && err.text[0] != '\0' && p.count == 0);
        return 0;
    }
    check(tokenizer_encode(t, &e, text_of(""), text, NULL) == STATUS_OK);
    check((e.count == 0) == (p.count == 0));
    for (size_t i = 0; i < p.heading_count; i++) {
        struct heading h = p.headings[i];
        check(h.start <= h.end && h.end <= text.len && h.level >= 1 && h.level <= 6);
        check(i == 0 || h.start >= p.headings[i - 1].end);
        check(h.parent == PASSAGE_NO_HEADING || (h.parent < i && p.headings[h.parent].level < h.level));
    }
    size_t covered = 0;
    for (size_t i = 0; i < p.count; i++) {
        struct passage a = p.items[i];
        check(a.start < a.end && a.end <= text.len);
        check(a.heading == PASSAGE_NO_HEADING || a.heading < p.heading_count);
        same_headings(text, &p, &a);
        /* Of a heading too long for a passage the first piece may be its marks alone. */
        if (a.heading != PASSAGE_NO_HEADING)
            for (size_t at = a.end; at < p.headings[a.heading].start; at++)
                check(text.data[at] == '#' || (unsigned char)text.data[at] <= ' ');
        check(utf8_floor(text.data, text.len, a.start) == a.start);
        check(utf8_floor(text.data, text.len, a.end) == a.end);
        check(i == 0 || (a.start > p.items[i - 1].start && a.end > p.items[i - 1].end));
        if (a.start > covered)
            only_white_space(text, covered, a.start);
        check(tokenizer_encode(t, &e, text_of(""), (struct text){text.data + a.start, a.end - a.start},
                               NULL) == STATUS_OK);
        check(e.count == a.tokens && a.tokens > 0 && a.tokens + reserved <= max);
        if (a.start < covered) {
            struct text shared = {text.data + a.start, covered - a.start};
            check(options.overlap_tokens != UINT32_MAX);
            check(tokenizer_encode(t, &e, text_of(""), shared, NULL) == STATUS_OK);
            check(e.count <= (options.overlap_tokens != 0 ? options.overlap_tokens : 40));
        }
        covered = a.end;
    }
    if (p.count > 0)
        only_white_space(text, covered, text.len);
    return 0;
}
