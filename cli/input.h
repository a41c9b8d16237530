/* Lines of a file or of stdin, one at a time, with their numbers.
 *
 *     struct input in;
 *     if (input_open(&in, "-", &err) == STATUS_OK)
 *         while ((status = input_next(&in, &line, &err)) == STATUS_OK && line.data != NULL)
 *             use(line, in.number);
 *     input_close(&in);
 */
#ifndef COGNATE_CLI_INPUT_H
#define COGNATE_CLI_INPUT_H

#include <stdio.h>

#include "common/status.h"
#include "common/text.h"

struct input {
    FILE *file;
    const char *name; /* for messages */
    size_t number;    /* of the last line, from 1 */
    char *line;
    size_t room;
};

/* "-" is stdin. */
enum status input_open(struct input *in, const char *path, struct error *err);
void input_close(struct input *in); /* accepts a zeroed one */

/* The next line without its end ("\n" or "\r\n"), valid until the next call; data is NULL behind the last.
 * INVALID, naming the line, when it is not UTF-8. */
enum status input_next(struct input *in, struct text *out, struct error *err);

#endif
