#include "cli/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/utf8.h"

enum status input_open(struct input *in, const char *path, struct error *err)
{
    *in = (struct input){0};
    if (strcmp(path, "-") == 0) {
        in->file = stdin;
        in->name = "stdin";
        return STATUS_OK;
    }
    in->name = path;
    in->file = fopen(path, "re");
    return in->file != NULL ? STATUS_OK : error_system(err, errno, "open", path);
}

void input_close(struct input *in)
{
    if (in->file != NULL && in->file != stdin)
        fclose(in->file);
    free(in->line);
    *in = (struct input){0};
}

enum status input_next(struct input *in, struct text *out, struct error *err)
{
    errno = 0;
    ssize_t got = getline(&in->line, &in->room, in->file);
    if (got < 0 && (ferror(in->file) || errno == ENOMEM))
        return error_system(err, errno != 0 ? errno : EIO, "read", in->name);
    if (got < 0) {
        *out = (struct text){0};
        return STATUS_OK;
    }
    size_t n = (size_t)got;
    in->number++;
    n -= n > 0 && in->line[n - 1] == '\n';
    n -= n > 0 && in->line[n - 1] == '\r';
    size_t bad = utf8_invalid(in->line, n);
    if (bad < n)
        return error_set(err, STATUS_INVALID, "%s:%zu: byte %zu is not UTF-8; convert the text first",
                         in->name, in->number, bad);
    *out = (struct text){in->line, n};
    return STATUS_OK;
}
