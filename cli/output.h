/* stdout: JSON lines, and the check that everything arrived. */
#ifndef COGNATE_CLI_OUTPUT_H
#define COGNATE_CLI_OUTPUT_H

#include <jansson.h>

#include "common/status.h"

enum status output_bytes(const void *bytes, size_t n, struct error *err);

/* One line of JSON. NULL is a failed allocation upstream: NO_MEMORY. */
enum status output_json(const json_t *value, struct error *err);

/* Takes over the reference to `value`. */
enum status output_json_new(json_t *value, struct error *err);

/* Writes what is buffered; IO or DISK_FULL when any of it could not be written since the start. */
enum status output_flush(struct error *err);

#endif
