#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/output.h"
#include "server/keys.h"

static const char *const accesses[] = {"read", "write", "admin", NULL}; /* in the order of enum key_access */

static const struct option options[] = {
    {.name = "access",
     .type = OPTION_CHOICE,
     .value = "KIND",
     .choices = accesses,
     .fallback = "read",
     .help = "read, write (which includes reading) or admin (which includes both)"},
    {.name = "collections",
     .type = OPTION_TEXT,
     .value = "NAMES",
     .fallback = "",
     .help = "only these collections, with commas between them"},
    {.name = "expires",
     .type = OPTION_TEXT,
     .value = "DATE",
     .fallback = "",
     .help = "last day it is good for, YYYY-MM-DD"},
    {.name = "name",
     .type = OPTION_TEXT,
     .value = "NAME",
     .fallback = "",
     .help = "what the server's log calls it"},
    {0},
};

static const struct example examples[] = {
    {"key create --name laptop keys.txt", "a key that can search; start the server with --keys keys.txt"},
    {"key create --access write --collections news,blog --expires 2030-12-31 keys.txt",
     "one that can index there"},
    {0},
};

/* Appends a line to the file, which is made for its owner alone. */
static enum status append(const char *path, const struct buf *line, struct error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_system(err, errno, "write", path);
    enum status status = STATUS_OK;
    ssize_t n = write(fd, line->data, line->len);
    if (n != (ssize_t)line->len || fsync(fd) != 0)
        status = error_system(err, n < 0 || errno != 0 ? errno : EIO, "write", path);
    close(fd);
    return status;
}

static enum outcome run(struct session *s, const struct arguments *a, struct error *err)
{
    char key[KEY_TEXT_BYTES];
    struct buf line;
    buf_init(&line, 65536);
    enum status status =
        keys_line_make((enum key_access)arguments_choice(a, "access"), arguments_text(a, "collections"),
                       arguments_text(a, "expires"), arguments_text(a, "name"), key, &line, err);
    if (status == STATUS_OK)
        status = buf_append(&line, "\n", 1, err);
    if (status == STATUS_OK)
        status = append(a->operands[0], &line, err);
    if (status == STATUS_OK && s->format == FORMAT_JSON)
        status =
            output_json_new(json_pack("{s:s, s:s}", "key", key, "access", arguments_text(a, "access")), err);
    else if (status == STATUS_OK)
        printf("%s\n", key);
    if (status == STATUS_OK)
        say(s, "the key is shown this once; %s holds only its digest. A running server reads it on SIGHUP.",
            a->operands[0]);
    explicit_bzero(key, sizeof key);
    buf_release(&line);
    return status == STATUS_OK ? OUTCOME_DONE : OUTCOME_ERROR;
}

const struct command command_key_create = {
    .name = "key create",
    .operands = "FILE",
    .summary = "make an API key and add it to a file of keys",
    .details = "The key goes to stdout, its salted digest to the end of FILE, which \"cognate serve --keys "
               "FILE\" reads. "
               "Clients send it as \"Authorization: Bearer KEY\".",
    .options = options,
    .examples = examples,
    .least = 1,
    .most = 1,
    .run = run,
};
