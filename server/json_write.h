/* JSON values to text: compact, UTF-8, and every number in the fewest digits that bring it back.
 *
 *     struct buf text;
 *     buf_init(&text, JSON_WRITE_CEILING);
 *     if (json_write(value, &text, &err) != STATUS_OK) …
 *     if (json_write_floats(row, 512, &text, &err) != STATUS_OK) …
 *     buf_release(&text);
 */
#ifndef COGNATE_SERVER_JSON_WRITE_H
#define COGNATE_SERVER_JSON_WRITE_H

#include <jansson.h>

#include "common/buf.h"
#include "common/status.h"

#define JSON_WRITE_CEILING ((size_t)1 << 30) /* bytes of one answer */

/* Object keys in the order they were set. Reals must be finite. Recursion is as deep as the value, which the
 * reader of foreign JSON bounds. */
enum status json_write(const json_t *value, struct buf *out, struct error *err);

/* A quoted JSON string. */
enum status json_write_text(struct text text, struct buf *out, struct error *err);

/* "[0.0123,-0.5]": reading each number as a float gives the same bits. Some 25 ns a number, a tenth of what
 * printf takes: the vectors of an answer must not take longer to print than to compute. */
enum status json_write_floats(const float *values, size_t n, struct buf *out, struct error *err);

#define FLOAT_TEXT 32
size_t float_text(float value, char out[FLOAT_TEXT]);   /* returns the length; 0 for what is not finite */
size_t double_text(double value, char out[FLOAT_TEXT]); /* the same double comes back */

#endif
