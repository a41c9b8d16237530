#include "cli/richfile.h"

#include <string.h>

#include "cli/charset.h"
#include "cli/filedoc.h"
#include "cli/htmltext.h"
#include "cli/office.h"
#include "cli/pdftext.h"
#include "common/file.h"
#include "common/utf8.h"

#define DECLARATION 4096 /* where a page may say its encoding */

/* What was read of a file. */
struct rich {
    struct prose prose;
    struct buf title;
    char language[36];
};

/* ---- HTML ---- */

static bool declares_charset(struct text bytes)
{
    size_t n = bytes.len < DECLARATION ? bytes.len : DECLARATION;
    for (size_t i = 0; i + 7 <= n; i++)
        if (strncasecmp(bytes.data + i, "charset", 7) == 0)
            return true;
    return n >= 2 && (memcmp(bytes.data, "\xFF\xFE", 2) == 0 || memcmp(bytes.data, "\xFE\xFF", 2) == 0);
}

/* Bytes that are UTF-8 are, whatever they say of themselves; others are what they say, else what ICU sees. */
static enum status html_encoding(struct text bytes, char *name, size_t room, const char **out,
                                 struct error *err)
{
    *out = "UTF-8";
    if (utf8_invalid(bytes.data, bytes.len) == bytes.len)
        return STATUS_OK;
    *out = NULL;
    if (declares_charset(bytes))
        return STATUS_OK;
    *out = name;
    return charset_detect(bytes, name, room, err);
}

static enum status read_html(const char *path, struct rich *r, enum skip *why, struct error *err)
{
    struct html_facts facts = {0};
    struct buf bytes;
    char name[64];
    const char *encoding;
    buf_init(&bytes, FILEDOC_BYTES);
    enum status status = file_read(path, &bytes, err);
    if (status == STATUS_OK) {
        status = html_encoding(buf_text(&bytes), name, sizeof name, &encoding, err);
        if (status != STATUS_OK)
            *why = SKIP_ENCODING;
    }
    if (status == STATUS_OK)
        status = html_text(buf_text(&bytes), encoding, &r->prose, &facts, err);
    if (status == STATUS_OK) {
        r->title = facts.title;
        memcpy(r->language, facts.language, sizeof r->language);
    }
    buf_release(&bytes);
    return status;
}

/* ---- the others ---- */

static enum status read_office(const char *path, enum office_kind kind, struct rich *r, struct error *err)
{
    struct office_facts facts;
    enum status status = office_text(path, kind, &r->prose, &facts, err);
    if (status == STATUS_OK) {
        r->title = facts.title;
        memcpy(r->language, facts.language, sizeof r->language);
    }
    return status;
}

static enum status read_text(const char *path, enum rich_kind kind, struct rich *r, enum skip *why,
                             struct error *err)
{
    static const enum office_kind office[] = {[RICH_DOCX] = OFFICE_DOCX,
                                              [RICH_PPTX] = OFFICE_PPTX,
                                              [RICH_ODF] = OFFICE_ODF,
                                              [RICH_EPUB] = OFFICE_EPUB};
    switch (kind) {
    case RICH_HTML:
        return read_html(path, r, why, err);
    case RICH_PDF:
        return pdf_text(path, &r->prose.out, err);
    default:
        return read_office(path, office[kind], r, err);
    }
}

bool richfile_available(enum rich_kind kind)
{
    return kind != RICH_PDF || pdf_available();
}

enum status richfile_read(const char *path, const char *id, enum rich_kind kind, const char *language,
                          json_t **document, enum skip *why, struct error *err)
{
    struct rich r = {0};
    prose_init(&r.prose, FILEDOC_BYTES);
    *why = SKIP_UNREADABLE;
    enum status status = read_text(path, kind, &r, why, err);
    if (status == STATUS_TOO_LARGE)
        *why = SKIP_LARGE;
    struct text text = buf_text(&r.prose.out);
    if (status == STATUS_OK && filedoc_strip(text).len == 0) {
        *why = SKIP_EMPTY;
        status = error_set(err, STATUS_INVALID, "there is no text in it");
    } else if (status == STATUS_OK && utf8_invalid(text.data, text.len) < text.len) {
        status = error_set(err, STATUS_INVALID, "what was read of it is not UTF-8");
    }
    if (status == STATUS_OK) {
        struct filedoc facts = {.id = id,
                                .path = path,
                                .text = text,
                                .title = buf_text(&r.title),
                                .language = r.language[0] != '\0' ? r.language : language};
        status = filedoc_new(&facts, document, err);
    }
    buf_release(&r.title);
    prose_release(&r.prose);
    return status;
}
