/* The files under a path, in byte order of their names, and what was passed over and why.
 *
 *     struct walk_visitor v = {file, skip, context};
 *     if (walk("docs", &(struct walk_options){0}, &v, &err) != STATUS_OK) …
 *
 * Links below the path are not followed, so a walk never leaves it. Names that begin with a dot are hidden.
 * The rules of .gitignore and its like are followed (ignore.h).
 * A path that is a file itself is visited whatever it is called.
 *
 * A file's id is the name of the root and the path below it ("docs/a/b.txt" for `docs`, "/home/me/docs" or
 * "docs/"), so that it is the same from wherever the walk was started.
 */
#ifndef COGNATE_CLI_WALK_H
#define COGNATE_CLI_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"

/* X(suffix, what the summary says, whether it makes the run a failure) */
#define SKIP_TABLE(X)                                                                                        \
    X(HIDDEN, "hidden (name begins with a dot)", false)                                                      \
    X(IGNORED, "left alone by a .gitignore, .ignore or .cognateignore", false)                               \
    X(KIND, "not a kind of file that is read", false)                                                        \
    X(TEXTLESS, "table or JSON without a field for the text (--text names one)", false)                      \
    X(LINK, "symbolic link", false)                                                                          \
    X(SPECIAL, "not a regular file", false)                                                                  \
    X(BINARY, "binary", false)                                                                               \
    X(EMPTY, "empty", false)                                                                                 \
    X(LARGE, "larger than 16 MiB", false)                                                                    \
    X(TOOL, "PDF, and pdftotext (poppler-utils) is not installed", true)                                     \
    X(STORE, "the store itself", false)                                                                      \
    X(ENCODING, "encoding not recognised", true)                                                             \
    X(UNREADABLE, "could not be read", true)                                                                 \
    X(ROW, "row that could not be read", true)

enum skip {
#define X(name, says, failure) SKIP_##name,
    SKIP_TABLE(X)
#undef X
        SKIP_COUNT
};

struct walk_options {
    bool hidden;    /* visit hidden ones too */
    bool no_ignore; /* visit what files of rules ask to leave alone (ignore.h) */
};

struct walk_visitor {
    enum status (*file)(void *context, const char *path, const char *id, uint64_t bytes, bool named,
                        struct error *err);
    enum status (*skip)(void *context, const char *path, enum skip why, const char *reason,
                        struct error *err);
    void *context;
};

/* `named`: the file is the path itself. A path that does not exist is NOT_FOUND; what a visitor returns other
 * than OK ends the walk. */
enum status walk(const char *path, const struct walk_options *options, const struct walk_visitor *visitor,
                 struct error *err);

/* The name that the ids of a walk begin with; the caller's to free. */
enum status walk_root_name(const char *path, char **out, struct error *err);

#endif
