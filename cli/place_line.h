/* Where the passage of a hit lies in its file, on a line of its own: "notes/guide.md:12  Guide > Install". */
#ifndef COGNATE_CLI_PLACE_LINE_H
#define COGNATE_CLI_PLACE_LINE_H

#include <jansson.h>

#include "cli/command.h"

/* Prints nothing for a document that is no file and has no headings. The path is as one types it in the
 * folder one is in; "path:line" is what terminals and editors open. */
enum status place_line(const struct session *s, const json_t *hit, struct error *err);

#endif
