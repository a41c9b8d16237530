/* Which files a folder asks to leave alone: the rules of .gitignore, .ignore and .cognateignore.
 *
 *     struct ignore rules = {0};
 *     if (ignore_enter(&rules, "docs", &err) != STATUS_OK) …          // reads the files of rules in docs
 *     if (ignore_enter(&rules, "docs/old", &err) != STATUS_OK) …
 *     if (ignore_match(&rules, "docs/old/a.tmp", false)) …
 *     ignore_leave(&rules);                                            // of docs/old
 *     ignore_release(&rules);
 *
 * Patterns are those of gitignore(5): # comments, ! takes back, a slash that is not the last binds to the
 * folder of the file, a last slash means folders only, * ? [a-z] within a name, ** over folders. The last
 * rule that matches counts; a deeper folder's rules come after those above it, and in one folder .ignore
 * comes after .gitignore and .cognateignore after both. Rules above the folder where a walk begins are not
 * read.
 */
#ifndef COGNATE_CLI_IGNORE_H
#define COGNATE_CLI_IGNORE_H

#include <stdbool.h>

#include "common/status.h"
#include "common/text.h"

#define IGNORE_BYTES (1 << 20) /* longest file of rules; a longer one is an error */

struct ignore_folder;

struct ignore {
    struct ignore_folder *deepest;
};

/* Adds the rules of a folder that is the walk's root or lies in the one entered last. On an error the folder
 * has been entered all the same, with those rules that could be read. */
enum status ignore_enter(struct ignore *rules, const char *folder, struct error *err);
void ignore_leave(struct ignore *rules);
void ignore_release(struct ignore *rules);

/* Whether a path within the folder entered last, given as the walk gives it, is to be left alone. */
bool ignore_match(const struct ignore *rules, const char *path, bool is_folder);

/* Whether a pattern without ! and last slash matches a path below its folder. Takes time in the order of both
 * lengths multiplied, whatever the pattern. */
bool ignore_pattern(struct text pattern, struct text path);

#endif
