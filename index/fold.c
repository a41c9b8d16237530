/* Most code points fold on their own, whatever stands beside them, and that is remembered for the alphabets.
 * Where a mark or a part of a syllable follows its letter, the whole word goes through ICU first, so that "e"
 * with a combining acute meets "é".
 */
#include "index/fold.h"

#include <stdlib.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>

#include "common/utf8.h"

enum { NOT_ASKED, REMEMBERED, TOO_LONG };

#define POINT_UNITS 32 /* UTF-16 units that one code point may become; Unicode's longest is 18 */

static enum status refused(UErrorCode code, struct error *err)
{
    if (code == U_MEMORY_ALLOCATION_ERROR)
        return error_memory(err, "folding words");
    return error_set(err, STATUS_INTERNAL, "ICU cannot fold words: %s; check that its data is installed",
                     u_errorName(code));
}

enum status fold_open(struct fold *f, struct error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    *f = (struct fold){.casefold = unorm2_getNFKCCasefoldInstance(&code)};
    f->decompose = unorm2_getNFDInstance(&code);
    if (U_FAILURE(code))
        return refused(code, err);
    f->known = calloc(FOLD_KNOWN, sizeof *f->known);
    return f->known != NULL ? STATUS_OK : error_memory(err, "folding words");
}

void fold_close(struct fold *f)
{
    free(f->known);
    *f = (struct fold){0};
}

/* ---- one code point behind NFKC_Casefold ---- */

/* Letters that have no decomposition, or one that says less than is wanted. */
static const char *replaced(uint32_t c)
{
    switch (c) {
    case 0xe6: /* æ */
        return "ae";
    case 0xf0:  /* ð */
    case 0x111: /* đ */
        return "d";
    case 0xf8: /* ø */
        return "o";
    case 0xfe: /* þ */
        return "th";
    case 0x127: /* ħ */
        return "h";
    case 0x131: /* ı */
        return "i";
    case 0x142: /* ł */
        return "l";
    case 0x153: /* œ */
        return "oe";
    case 0x450: /* ѐ */
    case 0x451: /* ё */
        return "\u0435";
    case 0x45d: /* ѝ */
        return "\u0438";
    case 0x622: /* alef with madda, hamza above, hamza below, wasla */
    case 0x623:
    case 0x625:
    case 0x671:
        return "\u0627";
    case 0x629: /* teh marbuta; heh with yeh above */
    case 0x6c0:
        return "\u0647";
    case 0x640: /* tatweel */
        return "";
    case 0x649: /* alef maksura; Farsi yeh */
    case 0x6cc:
        return "\u064a";
    case 0x6a9: /* keheh */
        return "\u0643";
    default:
        return NULL;
    }
}

static UScriptCode script_of(uint32_t c)
{
    UErrorCode code = U_ZERO_ERROR;
    return uscript_getScript((UChar32)c, &code);
}

/* A mark that no letter took, of a script whose readers do without. */
static bool is_ornament(uint32_t c)
{
    UScriptCode script = script_of(c);
    return u_charType((UChar32)c) == U_NON_SPACING_MARK &&
           (script == USCRIPT_INHERITED || script == USCRIPT_ARABIC || script == USCRIPT_HEBREW ||
            script == USCRIPT_CYRILLIC || script == USCRIPT_SYRIAC);
}

/* The letter without its marks, in the scripts where they go. */
static uint32_t bare_letter(const struct fold *f, uint32_t c)
{
    UErrorCode code = U_ZERO_ERROR;
    UScriptCode script = script_of(c);
    UChar parts[POINT_UNITS];
    UChar32 first;
    if (script != USCRIPT_LATIN && script != USCRIPT_GREEK)
        return c;
    int32_t n = unorm2_getDecomposition(f->decompose, (UChar32)c, parts, POINT_UNITS, &code);
    if (n <= 0 || U_FAILURE(code))
        return c;
    U16_GET(parts, 0, 0, n, first);
    return (uint32_t)first;
}

static enum status append_letter(const struct fold *f, uint32_t c, struct buf *out, struct error *err)
{
    char bytes[4];
    uint32_t letter = bare_letter(f, c);
    int32_t digit = u_charDigitValue((UChar32)c);
    const char *other = replaced(letter);
    if (other != NULL)
        return buf_append(out, other, strlen(other), err);
    if (is_ornament(c))
        return STATUS_OK;
    return buf_append(out, bytes, utf8_encode(digit >= 0 ? '0' + (uint32_t)digit : letter, bytes), err);
}

static enum status append_letters(const struct fold *f, const UChar *units, int32_t n, struct buf *out,
                                  struct error *err)
{
    enum status status = STATUS_OK;
    for (int32_t i = 0; i < n && status == STATUS_OK;) {
        UChar32 c;
        U16_NEXT(units, i, n, c);
        status = append_letter(f, (uint32_t)c, out, err);
    }
    return status;
}

/* ---- code points and words ---- */

/* Scripts of many signs, which stand for themselves. */
static bool is_itself(uint32_t c)
{
    return (c >= 0x3041 && c <= 0x3096) || (c >= 0x30a1 && c <= 0x30fe) || (c >= 0x3400 && c <= 0x4dbf) ||
           (c >= 0x4e00 && c <= 0x9fff) || (c >= 0xac00 && c <= 0xd7a3);
}

static enum status append_point(struct fold *f, uint32_t c, struct buf *out, struct error *err)
{
    struct fold_known *known = c < FOLD_KNOWN ? &f->known[c] : NULL;
    UErrorCode code = U_ZERO_ERROR;
    UChar source[2], folded[POINT_UNITS];
    int32_t n = 0;
    if (known != NULL && known->state == REMEMBERED)
        return buf_append(out, known->bytes, known->len, err);
    size_t before = out->len;
    U16_APPEND_UNSAFE(source, n, (UChar32)c);
    n = unorm2_normalize(f->casefold, source, n, folded, POINT_UNITS, &code);
    if (U_FAILURE(code))
        return refused(code, err);
    enum status status = append_letters(f, folded, n, out, err);
    if (status == STATUS_OK && known != NULL && known->state == NOT_ASKED) {
        known->len = (uint8_t)(out->len - before);
        known->state = out->len - before <= sizeof known->bytes ? REMEMBERED : TOO_LONG;
        if (known->state == REMEMBERED && known->len > 0)
            memcpy(known->bytes, out->data + before, known->len);
    }
    return status;
}

static enum status append_word(struct fold *f, struct text text, struct buf *out, struct error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    enum status status = STATUS_OK;
    int32_t n = 0, room = (int32_t)text.len * POINT_UNITS;
    UChar *source = malloc(text.len * sizeof *source), *folded = malloc((size_t)room * sizeof *folded);
    if (source == NULL || folded == NULL) {
        status = error_memory(err, "folding words");
        goto done;
    }
    u_strFromUTF8(source, (int32_t)text.len, &n, text.data, (int32_t)text.len, &code);
    n = unorm2_normalize(f->casefold, source, n, folded, room, &code);
    status = U_SUCCESS(code) ? append_letters(f, folded, n, out, err) : refused(code, err);
done:
    free(folded);
    free(source);
    return status;
}

/* Whether a code point may join the one before it: a mark, or the vowel or end of a Korean syllable. */
static bool joins(uint32_t c)
{
    return c >= 0x300 && (U_GET_GC_MASK((UChar32)c) & U_GC_M_MASK || (c >= 0x1160 && c <= 0x11ff) ||
                          c == 0xff9e || c == 0xff9f);
}

/* Bytes of ASCII at the beginning of a text, in lower case. */
static enum status append_ascii(struct text text, struct buf *out, size_t *taken, struct error *err)
{
    size_t n = 0;
    enum status status = buf_reserve(out, text.len, err);
    if (status != STATUS_OK)
        return status;
    for (; n < text.len && (unsigned char)text.data[n] < 0x80; n++) {
        char b = text.data[n];
        out->data[out->len + n] = (char)(b >= 'A' && b <= 'Z' ? b + 32 : b);
    }
    out->len += n;
    out->data[out->len] = '\0';
    *taken = n;
    return STATUS_OK;
}

enum status fold_append(struct fold *f, struct text text, struct buf *out, struct error *err)
{
    enum status status = STATUS_OK;
    size_t start = out->len, taken;
    uint32_t c;
    for (size_t at = 0; at < text.len && status == STATUS_OK; at += taken) {
        if ((unsigned char)text.data[at] < 0x80) {
            status = append_ascii((struct text){text.data + at, text.len - at}, out, &taken, err);
            continue;
        }
        taken = utf8_decode(text.data + at, text.len - at, &c);
        if (joins(c)) {
            out->len = start;
            return append_word(f, text, out, err);
        }
        status = is_itself(c) ? buf_append(out, text.data + at, taken, err) : append_point(f, c, out, err);
    }
    return status;
}
