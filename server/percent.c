#include "server/percent.h"

#include "common/utf8.h"

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

enum status percent_decode(struct text *text, char *buffer, bool plus, struct error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < text->len; i++) {
        char c = text->data[i];
        if (c == '%') {
            int high = i + 2 < text->len ? hex_digit(text->data[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(text->data[i + 2]) : -1;
            if (low < 0)
                return error_set(err, STATUS_INVALID,
                                 "the address has a %% without two hexadecimal digits behind it");
            c = (char)(high * 16 + low);
            i += 2;
        } else if (plus && c == '+') {
            c = ' ';
        }
        buffer[n++] = c;
    }
    *text = (struct text){buffer, n};
    if (utf8_invalid(buffer, n) < n)
        return error_set(err, STATUS_INVALID, "the address is not UTF-8 where it is percent-decoded");
    return STATUS_OK;
}

enum status percent_append(struct buf *out, struct text text, struct error *err)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    enum status status = STATUS_OK;
    for (size_t i = 0; i < text.len && status == STATUS_OK; i++) {
        unsigned char c = (unsigned char)text.data[i];
        status = c != '\0' && strchr(plain, c) != NULL ? buf_append(out, &text.data[i], 1, err)
                                                       : buf_printf(out, err, "%%%02X", c);
    }
    return status;
}
