#include "common/status.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/utf8.h"

static const struct {
    const char *code;
    int http;
} table[] = {
#define X(name, code, http) [STATUS_##name] = {code, http},
    STATUS_TABLE(X)
#undef X
};

const char *status_code(enum status status)
{
    return table[status].code;
}

int status_http(enum status status)
{
    return table[status].http;
}

__attribute__((format(printf, 4, 0))) static enum status set(struct error *err, enum status status,
                                                             const char *field, const char *format,
                                                             va_list arguments)
{
    if (err == NULL || err->status != STATUS_OK)
        return status;
    err->status = status;
    snprintf(err->field, sizeof err->field, "%s", field);
    int wanted = vsnprintf(err->text, sizeof err->text, format, arguments);
    if (wanted >= (int)sizeof err->text)
        err->text[utf8_floor(err->text, sizeof err->text - 1, sizeof err->text - 1)] = '\0';
    return status;
}

enum status error_set(struct error *err, enum status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(err, status, "", format, arguments);
    va_end(arguments);
    return status;
}

enum status error_field(struct error *err, enum status status, const char *field, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    set(err, status, field, format, arguments);
    va_end(arguments);
    return status;
}

enum status error_system(struct error *err, int number, const char *action, const char *path)
{
    enum status status = STATUS_IO;
    const char *remedy = "";
    char reason[128];
    switch (number) {
    case ENOENT:
    case ENOTDIR:
        status = STATUS_NOT_FOUND;
        remedy = "; check the path";
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        status = STATUS_FORBIDDEN;
        remedy = "; check the permissions of the path and of its folder";
        break;
    case ENOSPC:
    case EDQUOT:
        status = STATUS_DISK_FULL;
        remedy = "; free some space and try again";
        break;
    case ENOMEM:
        status = STATUS_NO_MEMORY;
        break;
    default:
        break;
    }
    return error_set(err, status, "cannot %s %s: %s%s", action, path,
                     strerror_r(number, reason, sizeof reason), remedy);
}

enum status error_memory(struct error *err, const char *doing)
{
    return error_set(err, STATUS_NO_MEMORY, "out of memory while %s", doing);
}
