// The one source that is not C: libcld2 has no C interface.
#include "tokenizer/language.h"

#include <cstdio> // the library's header needs it and does not say so
#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

#include <cstring>
#include <strings.h>

namespace
{

const size_t most_bytes = 64 << 10;

// Letters that count half: of so many, a text is as likely as not to be told right.
const double half_letters = 8;

// What a part of a text must reach to be in another language than the text.
const double own_confidence = 0.6;

// The library's older names of languages, and codes of its own.
const char *tag_of(const char *code)
{
    static const char *const renamed[][2] = {
        {"iw", "he"}, {"jw", "jv"}, {"in", "id"}, {"mo", "ro"}, {"un", "und"}};
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (std::strcmp(code, renamed[i][0]) == 0)
            return renamed[i][1];
    return std::strncmp(code, "xx", 2) == 0 ? "und" : code; // "xx-Goth": a script, no language
}

struct language undetermined()
{
    struct language l = {"und", 0, 0};
    return l;
}

size_t rank(struct text text, const char *likely, struct language *out)
{
    CLD2::CLDHints hints = {likely, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language languages[LANGUAGE_CANDIDATES];
    int percents[LANGUAGE_CANDIDATES], bytes = 0;
    double scores[LANGUAGE_CANDIDATES];
    bool reliable = false;
    size_t len = text.len, count = 0;
    if (len > most_bytes) {
        len = most_bytes;
        while ((text.data[len] & 0xc0) == 0x80) // back to the border of a character
            len--;
    }
    if (len == 0)
        return 0;
    // Its summary passes over the language with most text where a web page would have it from its frame.
    CLD2::ExtDetectLanguageSummary(text.data, static_cast<int>(len), true, &hints, CLD2::kCLDFlagBestEffort,
                                   languages, percents, scores, nullptr, &bytes, &reliable);
    double certainty = bytes / (bytes + half_letters) * (reliable ? 1 : 0.5);
    for (int i = 0; i < LANGUAGE_CANDIDATES; i++) {
        const char *tag = tag_of(CLD2::LanguageCode(languages[i]));
        if (percents[i] <= 0 || std::strcmp(tag, "und") == 0 || std::strlen(tag) >= sizeof out->tag)
            continue;
        std::memcpy(out[count].tag, tag, std::strlen(tag) + 1);
        out[count].share = percents[i] / 100.0;
        out[count].confidence = out[count].share * certainty;
        count++;
    }
    return count;
}

} // namespace

size_t language_rank(struct text text, struct language out[LANGUAGE_CANDIDATES])
{
    return rank(text, nullptr, out);
}

void language_detect(struct text text, struct language *out)
{
    struct language found[LANGUAGE_CANDIDATES];
    *out = rank(text, nullptr, found) > 0 ? found[0] : undetermined();
}

void language_detect_within(struct text part, const char *tag, struct language *out)
{
    struct language found[LANGUAGE_CANDIDATES];
    size_t count = rank(part, tag, found);
    *out = undetermined();
    if (count > 0 && (found[0].confidence >= own_confidence || std::strcmp(found[0].tag, tag) == 0))
        *out = found[0];
    else if (std::strlen(tag) < sizeof out->tag)
        std::memcpy(out->tag, tag, std::strlen(tag) + 1);
}

void language_of_passage(struct text part, struct text whole, char out[16])
{
    struct language found;
    char tag[sizeof found.tag] = "";
    if (whole.len < sizeof tag)
        std::memcpy(tag, whole.data, whole.len);
    language_detect_within(part, tag, &found);
    size_t len = std::strlen(found.tag);
    bool same = std::strcmp(found.tag, "und") == 0 || len == 0 ||
                (len <= whole.len && strncasecmp(found.tag, whole.data, len) == 0 &&
                 (len == whole.len || whole.data[len] == '-'));
    std::memset(out, 0, sizeof found.tag);
    if (!same)
        std::memcpy(out, found.tag, len);
}
