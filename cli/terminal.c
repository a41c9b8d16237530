#include "cli/terminal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_LEAST 20
#define WIDTH_MOST  1000

static bool is_set(const char *name)
{
    const char *value = getenv(name);
    return value != NULL && value[0] != '\0';
}

static bool is_forced(const char *name)
{
    return is_set(name) && strcmp(getenv(name), "0") != 0;
}

static bool wants_colour(bool tty, enum colour_choice colour)
{
    if (colour != COLOUR_AUTO)
        return colour == COLOUR_ALWAYS;
    if (is_set("NO_COLOR"))
        return false;
    if (is_forced("FORCE_COLOR") || is_forced("CLICOLOR_FORCE"))
        return true;
    const char *kind = getenv("TERM");
    return tty && kind != NULL && strcmp(kind, "dumb") != 0;
}

void terminal_look(struct terminal *t, int fd, enum colour_choice colour)
{
    struct winsize size;
    unsigned long width = 80;
    const char *columns = getenv("COLUMNS");
    t->tty = isatty(fd) == 1;
    t->colour = wants_colour(t->tty, colour);
    if (columns != NULL && strtoul(columns, NULL, 10) > 0)
        width = strtoul(columns, NULL, 10);
    else if (t->tty && ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        width = size.ws_col;
    t->width = width < WIDTH_LEAST ? WIDTH_LEAST : width > WIDTH_MOST ? WIDTH_MOST : (unsigned)width;
}

const char *terminal_paint(const struct terminal *t, enum paint paint)
{
    static const char *const sequences[] = {"\033[0m",  "\033[1m",  "\033[2m",  "\033[4m",
                                            "\033[31m", "\033[32m", "\033[33m", "\033[36m"};
    return t->colour ? sequences[paint] : "";
}
