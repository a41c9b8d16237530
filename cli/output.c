#include "cli/output.h"

#include <errno.h>
#include <stdio.h>

#include "server/json_write.h"

enum status output_bytes(const void *bytes, size_t n, struct error *err)
{
    errno = 0;
    if (fwrite(bytes, 1, n, stdout) != n)
        return error_system(err, errno != 0 ? errno : EIO, "write", "the output");
    return STATUS_OK;
}

enum status output_json(const json_t *value, struct error *err)
{
    struct buf line;
    if (value == NULL)
        return error_memory(err, "printing JSON");
    buf_init(&line, JSON_WRITE_CEILING);
    enum status status = json_write(value, &line, err);
    if (status == STATUS_OK)
        status = buf_append(&line, "\n", 1, err);
    if (status == STATUS_OK)
        status = output_bytes(line.data, line.len, err);
    buf_release(&line);
    return status;
}

enum status output_json_new(json_t *value, struct error *err)
{
    enum status status = output_json(value, err);
    json_decref(value);
    return status;
}

enum status output_flush(struct error *err)
{
    errno = 0;
    int failed = fflush(stdout);
    if (failed != 0 || ferror(stdout))
        return error_system(err, errno != 0 ? errno : EIO, "write", "the output");
    return STATUS_OK;
}
