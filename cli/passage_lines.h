/* The passage of a hit on a terminal or in a text: a few lines, words of the query marked, and the sentence
 * meant. */
#ifndef COGNATE_CLI_PASSAGE_LINES_H
#define COGNATE_CLI_PASSAGE_LINES_H

#include <jansson.h>

#include "cli/command.h"
#include "common/status.h"

/* Prints the `passage` of a hit, wrapped and indented, at most three lines: its first ones, or those from the
 * sentence on that is nearest to the query. Each line stands for itself where
 * right-to-left text is isolated. */
enum status passage_lines(const struct session *s, const json_t *hit, struct error *err);

#endif
