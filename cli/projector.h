/* Passages of a collection as the TensorBoard Embedding Projector loads them: vectors.tsv, a vector a line,
 * and metadata.tsv, a line of names and then one for each vector.
 *
 *     struct projector *p = NULL;
 *     if (projector_open("map", fields, &p, &err) == STATUS_OK &&
 *         projector_add(p, document, &err) == STATUS_OK)
 *         projector_finish(p, &passages, &err);
 *     projector_close(p);
 *
 * Tabs and line ends within a value become blanks.
 */
#ifndef COGNATE_CLI_PROJECTOR_H
#define COGNATE_CLI_PROJECTOR_H

#include <jansson.h>
#include <stdint.h>

#include "common/status.h"

struct projector;

/* Makes the folder when it is missing, and the two files in it; CONFLICT when one is there. `fields` are
 * names of metadata, an array that is kept. */
enum status projector_open(const char *folder, json_t *fields, struct projector **out, struct error *err);

/* A line for each passage of a document, as GET …/export gives it with vectors. */
enum status projector_add(struct projector *p, const json_t *document, struct error *err);

/* DISK_FULL or IO when not everything could be written. */
enum status projector_finish(struct projector *p, uint64_t *passages, struct error *err);
void projector_close(struct projector *p); /* accepts NULL */

#endif
