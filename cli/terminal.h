/* What stands at the other end of a stream: a terminal of some width, or a pipe or file.
 *
 * Colours follow, strongest first: --color always|never, NO_COLOR, FORCE_COLOR or CLICOLOR_FORCE, and else
 * whether the stream is a terminal that is not "dumb" (no-color.org, bixense.com/clicolors).
 */
#ifndef COGNATE_CLI_TERMINAL_H
#define COGNATE_CLI_TERMINAL_H

#include <stdbool.h>

struct terminal {
    bool tty;
    bool colour;
    unsigned width; /* columns; 80 when unknown */
};

enum colour_choice { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

void terminal_look(struct terminal *t, int fd, enum colour_choice colour);

enum paint { PAINT_PLAIN, PAINT_BOLD, PAINT_DIM, PAINT_UNDERLINE, PAINT_RED, PAINT_GREEN, PAINT_YELLOW, PAINT_CYAN };

/* The escape sequence of a paint, "" where there are no colours. PAINT_PLAIN ends any others. */
const char *terminal_paint(const struct terminal *t, enum paint paint);

#endif
