#include "server/request_log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 4096

static enum status put_string(struct buf *out, const char *string, struct error *err)
{
    enum status status = buf_append(out, "\"", 1, err);
    for (const unsigned char *c = (const unsigned char *)string; *c != '\0' && status == STATUS_OK; c++) {
        if (*c == '"' || *c == '\\')
            status = buf_printf(out, err, "\\%c", *c);
        else if (*c < 0x20 || *c >= 0x7f)
            status = buf_printf(out, err, "\\u%04x", *c);
        else
            status = buf_append(out, c, 1, err);
    }
    return status == STATUS_OK ? buf_append(out, "\"", 1, err) : status;
}

static enum status put_member(struct buf *out, const char *name, const char *value, struct error *err)
{
    if (value == NULL)
        return STATUS_OK;
    enum status status = buf_printf(out, err, ",\"%s\":", name);
    return status == STATUS_OK ? put_string(out, value, err) : status;
}

enum status request_log_format(const struct request_log_entry *entry, struct buf *out, struct error *err)
{
    enum status status;
    char day[32];
    struct tm utc;
    time_t seconds = (time_t)(entry->time_ms / 1000);
    gmtime_r(&seconds, &utc);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    if ((status = buf_printf(out, err, "{\"ts\":\"%s.%03dZ\",\"event\":\"request\"", day,
                             (int)(entry->time_ms % 1000))) != STATUS_OK ||
        (status = put_member(out, "id", entry->id, err)) != STATUS_OK ||
        (status = put_member(out, "method", entry->method, err)) != STATUS_OK ||
        (status = put_member(out, "route", entry->route, err)) != STATUS_OK ||
        (status = buf_printf(out, err, ",\"status\":%d,\"ms\":%.1f,\"bytes_in\":%llu,\"bytes_out\":%llu",
                             entry->status, entry->ms, (unsigned long long)entry->bytes_in,
                             (unsigned long long)entry->bytes_out)) != STATUS_OK ||
        (status = put_member(out, "client", entry->client, err)) != STATUS_OK ||
        (status = put_member(out, "key", entry->key, err)) != STATUS_OK)
        return status;
    if (entry->slow)
        status = buf_printf(out, err, ",\"slow\":true");
    if (status == STATUS_OK && entry->slow && entry->encode_ms > 0)
        status = buf_printf(out, err, ",\"encode_ms\":%.1f", entry->encode_ms);
    if (status == STATUS_OK && entry->slow && entry->search_ms > 0)
        status = buf_printf(out, err, ",\"search_ms\":%.1f", entry->search_ms);
    return status == STATUS_OK ? buf_append(out, "}\n", 2, err) : status;
}

void request_log_write(int fd, const struct request_log_entry *entry)
{
    struct buf line;
    buf_init(&line, LINE_BYTES);
    if (request_log_format(entry, &line, NULL) == STATUS_OK) {
        ssize_t written = write(fd, line.data, line.len);
        (void)written;
    }
    buf_release(&line);
}
