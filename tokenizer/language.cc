// The one source that is not C: libcld2 has no C interface.
#include "tokenizer/language.h"

#include <cstdio> // the library's header needs it and does not say so
#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

#include <cstring>

namespace
{

const size_t most_bytes = 64 << 10;

// The library's older names of languages, and codes of its own.
const char *tag_of(const char *code)
{
    static const char *const renamed[][2] = {{"iw", "he"}, {"jw", "jv"}, {"in", "id"}, {"mo", "ro"}, {"un", "und"}};
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (std::strcmp(code, renamed[i][0]) == 0)
            return renamed[i][1];
    return std::strncmp(code, "xx", 2) == 0 ? "und" : code; // "xx-Goth": a script, no language
}

} // namespace

void language_detect(struct text text, struct language *out)
{
    CLD2::CLDHints hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING, CLD2::UNKNOWN_LANGUAGE};
    CLD2::Language languages[3];
    int percents[3], letters = 0;
    double scores[3];
    bool reliable = false;
    size_t len = text.len;
    if (len > most_bytes) {
        len = most_bytes;
        while ((text.data[len] & 0xc0) == 0x80) // back to the border of a character
            len--;
    }
    std::memcpy(out->tag, "und", sizeof "und");
    out->share = 0;
    if (len == 0)
        return;
    CLD2::Language best = CLD2::ExtDetectLanguageSummary(text.data, static_cast<int>(len), true, &hints,
                                                         CLD2::kCLDFlagBestEffort, languages, percents, scores, nullptr,
                                                         &letters, &reliable);
    const char *tag = tag_of(CLD2::LanguageCode(best));
    if (std::strlen(tag) >= sizeof out->tag || std::strcmp(tag, "und") == 0)
        return;
    std::memcpy(out->tag, tag, std::strlen(tag) + 1);
    for (int i = 0; i < 3; i++)
        if (languages[i] == best)
            out->share = percents[i] / 100.0;
}
