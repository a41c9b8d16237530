/* The tables of a store, and the way from one version of them to the next. The picture is in schema.c. */
#ifndef COGNATE_INDEX_SCHEMA_H
#define COGNATE_INDEX_SCHEMA_H

#include "index/sql.h"

#define SCHEMA_APPLICATION_ID 0x436F676E /* "Cogn" */
#define SCHEMA_VERSION        3

/* A passage's row number is its space's number shifted by this, plus a counter that never goes back: the
 * passages of a space lie together in the file, in the order they came, and no number is used twice. */
#define PASSAGE_BITS  40
#define PASSAGE_LIMIT ((int64_t)1 << PASSAGE_BITS)
#define SPACE_LIMIT   ((int64_t)1 << 22)

/* Gives an empty database file the layout of a store's: page size, room for the sums of pages. */
enum status schema_prepare(struct sql *c, struct error *err);

/* Creates the tables in an empty database, brings older ones up to date, and checks that they are ours to
 * the letter. INVALID for another program's database, UNSUPPORTED for a newer version, CORRUPT when the
 * tables are not those of their version. Only checks when `write` is false. */
enum status schema_open(struct sql *c, bool write, struct error *err);

#endif
