/* Percent-encoding (RFC 3986) of the parts of an address.
 *
 *     char buffer[64];
 *     struct text name = text_of("caf%C3%A9");
 *     if (percent_decode(&name, buffer, false, &err) == STATUS_OK) …       // "café", in buffer
 *     percent_append(&path, text_of("a/b"), &err);                         // "a%2Fb"
 */
#ifndef COGNATE_SERVER_PERCENT_H
#define COGNATE_SERVER_PERCENT_H

#include <stdbool.h>

#include "common/buf.h"

/* Decodes into `buffer`, which has text->len bytes, and leaves `text` there; `plus` stands for a space in
 * query strings. INVALID for what is malformed, or not UTF-8 once it is decoded. */
enum status percent_decode(struct text *text, char *buffer, bool plus, struct error *err);

/* Appends `text` as one segment of a path. */
enum status percent_append(struct buf *out, struct text text, struct error *err);

#endif
