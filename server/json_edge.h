/* Bytes of strangers to JSON values: the only place where the program parses JSON.
 *
 *     json_t *body = NULL;
 *     if (api_parse_body(bytes, len, &body, &err) != STATUS_OK) …     // "line 3, column 14: …"
 *     json_decref(body);
 *
 *     struct text rest = lines, line;
 *     while (ndjson_next(&rest, &line, &number))
 *         api_parse_body(line.data, line.len, &body, &err);
 *
 * What is accepted is RFC 8259 in UTF-8 with an object or an array at the top, no key twice in an object, no
 * NUL in a key, integers of 64 bits, finite numbers, and within the limits below. They bound the memory that
 * a body of a given length can make the parser take; they are checked before it runs.
 */
#ifndef COGNATE_SERVER_JSON_EDGE_H
#define COGNATE_SERVER_JSON_EDGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/status.h"
#include "common/text.h"

#define JSON_EDGE_DEPTH      32      /* arrays and objects inside each other */
#define JSON_EDGE_KEYS       256     /* of one object */
#define JSON_EDGE_CONTAINERS 100000  /* arrays and objects of one body */
#define JSON_EDGE_VALUES     2000000 /* numbers, texts, … of one body */

/* INVALID with line and column for what is not JSON, TOO_LARGE for what is over a limit. */
enum status api_parse_body(const void *bytes, size_t len, json_t **out, struct error *err);

/* The next line of JSON lines that is not blank, without its line end, and its number counted from 1 (start
 * with 0); false at the end. */
bool ndjson_next(struct text *rest, struct text *line, size_t *number);

#endif
