#include "cli/charset.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unicode/ucsdet.h>
#include <unistd.h>

#define DETECT_BYTES     65536 /* enough to tell; the detector takes about a millisecond for them */
#define CONFIDENCE_LEAST 10    /* of 100 */

/* ---- raw bytes ---- */

/* Fills the piece behind what is in it. */
static enum status fill(struct charset *c, struct error *err)
{
    size_t room = sizeof c->piece - c->len;
    if (c->fd < 0) {
        size_t n = c->memory.len < room ? c->memory.len : room;
        if (n > 0)
            memcpy(c->piece + c->len, c->memory.data, n);
        c->memory = (struct text){n > 0 ? c->memory.data + n : c->memory.data, c->memory.len - n};
        c->len += n;
        c->raw += n;
        c->ended = n == 0;
        return STATUS_OK;
    }
    ssize_t n;
    do
        n = read(c->fd, c->piece + c->len, room);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return error_system(err, errno, "read", c->path);
    c->len += (size_t)n;
    c->raw += (uint64_t)n;
    c->ended = n == 0;
    return STATUS_OK;
}

/* ---- opening ---- */

static void count_and_substitute(const void *context, UConverterToUnicodeArgs *args, const char *units,
                                 int32_t length, UConverterCallbackReason reason, UErrorCode *code)
{
    if (reason <= UCNV_IRREGULAR)
        ++*(uint64_t *)(uintptr_t)context;
    UCNV_TO_U_CALLBACK_SUBSTITUTE(NULL, args, units, length, reason, code);
}

static enum status convert_from(struct charset *c, const char *encoding, struct error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    c->from = ucnv_open(encoding, &code);
    if (U_FAILURE(code))
        return error_set(err, STATUS_INVALID,
                         "there is no encoding \"%s\"; try utf-8, utf-16, windows-1252, shift_jis …",
                         encoding);
    c->to = ucnv_open("UTF-8", &code);
    ucnv_setToUCallBack(c->from, count_and_substitute, &c->substituted, NULL, NULL, &code);
    if (U_FAILURE(code))
        return error_memory(err, "converting a text");
    c->encoding = ucnv_getName(c->from, &code);
    c->pivot_from = c->pivot_to = c->pivot;
    return STATUS_OK;
}

/* What the first bytes say of the encoding. */
static enum status look(struct charset *c, const char *encoding, struct error *err)
{
    enum status status = STATUS_OK;
    while (status == STATUS_OK && c->len < 4 && !c->ended)
        status = fill(c, err);
    if (status != STATUS_OK)
        return status;
    UErrorCode code = U_ZERO_ERROR;
    int32_t mark = 0;
    const char *signature = ucnv_detectUnicodeSignature(c->piece, (int32_t)c->len, &mark, &code);
    if (U_SUCCESS(code) && signature != NULL && strcmp(signature, "UTF-8") == 0 &&
        (encoding == NULL || ucnv_compareNames(encoding, "UTF-8") == 0)) {
        c->at = (size_t)mark;
        return STATUS_OK;
    }
    if (encoding == NULL && U_SUCCESS(code) && signature != NULL &&
        (strncmp(signature, "UTF-16", 6) == 0 || strncmp(signature, "UTF-32", 6) == 0)) {
        c->at = (size_t)mark;
        return convert_from(c, signature, err);
    }
    return encoding == NULL ? STATUS_OK : convert_from(c, encoding, err);
}

static enum status start(struct charset *c, const char *encoding, struct error *err)
{
    enum status status = look(c, encoding, err);
    if (status != STATUS_OK)
        charset_close(c);
    return status;
}

enum status charset_open(struct charset *c, const char *path, const char *encoding, struct error *err)
{
    memset(c, 0, offsetof(struct charset, piece));
    c->path = path != NULL ? path : "stdin";
    c->fd = path != NULL ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    if (c->fd < 0)
        return error_system(err, errno, "open", path);
    return start(c, encoding, err);
}

enum status charset_open_memory(struct charset *c, struct text bytes, const char *encoding, struct error *err)
{
    memset(c, 0, offsetof(struct charset, piece));
    c->path = "memory";
    c->fd = -1;
    c->memory = bytes;
    return start(c, encoding, err);
}

void charset_close(struct charset *c)
{
    if (c->fd > STDIN_FILENO)
        close(c->fd);
    ucnv_close(c->from);
    ucnv_close(c->to);
    c->from = c->to = NULL;
    c->fd = -1;
}

/* ---- reading ---- */

static enum status read_converted(struct charset *c, char *out, size_t room, size_t *n, struct error *err)
{
    char *target = out;
    while (target == out && !c->finished) {
        UErrorCode code = U_ZERO_ERROR;
        const char *source = c->piece + c->at;
        if (c->at == c->len && !c->ended) {
            c->at = c->len = 0;
            enum status status = fill(c, err);
            if (status != STATUS_OK)
                return status;
            continue;
        }
        ucnv_convertEx(c->to, c->from, &target, out + room, &source, c->piece + c->len, c->pivot,
                       &c->pivot_from, &c->pivot_to, c->pivot + CHARSET_PIVOT, false, c->ended, &code);
        c->at = (size_t)(source - c->piece);
        c->finished = c->ended && U_SUCCESS(code);
        if (U_FAILURE(code) && code != U_BUFFER_OVERFLOW_ERROR)
            return error_set(err, STATUS_INVALID, "%s: %s: %s", c->path, c->encoding, u_errorName(code));
    }
    *n = (size_t)(target - out);
    return STATUS_OK;
}

enum status charset_read(struct charset *c, char *out, size_t room, size_t *n, struct error *err)
{
    if (c->from != NULL)
        return read_converted(c, out, room, n, err);
    if (c->at == c->len && !c->ended) {
        c->at = c->len = 0;
        enum status status = fill(c, err);
        if (status != STATUS_OK)
            return status;
    }
    *n = c->len - c->at < room ? c->len - c->at : room;
    memcpy(out, c->piece + c->at, *n);
    c->at += *n;
    return STATUS_OK;
}

enum status charset_read_all(struct charset *c, struct buf *out, struct error *err)
{
    char piece[16384];
    size_t n = 1;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && n > 0) {
        status = charset_read(c, piece, sizeof piece, &n, err);
        if (status == STATUS_OK)
            status = buf_append(out, piece, n, err);
    }
    return status;
}

enum status charset_detect(struct text bytes, char *name, size_t room, struct error *err)
{
    UErrorCode code = U_ZERO_ERROR;
    enum status status = STATUS_OK;
    UCharsetDetector *detector = ucsdet_open(&code);
    ucsdet_setText(detector, bytes.data, bytes.len < DETECT_BYTES ? (int32_t)bytes.len : DETECT_BYTES, &code);
    const UCharsetMatch *match = U_SUCCESS(code) ? ucsdet_detect(detector, &code) : NULL;
    int32_t confidence = match != NULL ? ucsdet_getConfidence(match, &code) : 0;
    const char *found = match != NULL ? ucsdet_getName(match, &code) : NULL;
    if (U_FAILURE(code) || found == NULL || confidence < CONFIDENCE_LEAST || strlen(found) >= room)
        status = error_set(err, STATUS_INVALID, "its encoding is not recognised; name it with --encoding");
    else
        snprintf(name, room, "%s", found);
    ucsdet_close(detector);
    return status;
}
