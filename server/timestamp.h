/* Moments in the API: RFC 3339, "2026-11-24T20:27:20.123Z" or with an offset such as +02:00.
 *
 *     int64_t ms;
 *     if (timestamp_parse(shape_text(row, "expires_at"), "expires_at", &ms, &err) != STATUS_OK) …
 */
#ifndef COGNATE_SERVER_TIMESTAMP_H
#define COGNATE_SERVER_TIMESTAMP_H

#include <stdint.h>

#include "common/status.h"
#include "common/text.h"

#define TIMESTAMP_BYTES 40

/* To Unix milliseconds; what is finer is cut off. INVALID naming `field`. */
enum status timestamp_parse(struct text text, const char *field, int64_t *unix_ms, struct error *err);

/* In UTC, ending with a NUL. */
void timestamp_write(int64_t unix_ms, char out[TIMESTAMP_BYTES]);

int64_t timestamp_now(void);

#endif
