/* --mode of search and eval. */
#ifndef COGNATE_CLI_SEARCH_MODE_H
#define COGNATE_CLI_SEARCH_MODE_H

#include <jansson.h>
#include <stddef.h>

#include "common/status.h"

extern const char *const search_modes[]; /* choices of an option, ended by NULL */

/* Puts a choice into the body of a search; the first is what a body without it means. */
enum status search_mode_set(json_t *body, size_t mode, struct error *err);

#endif
