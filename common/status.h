/* Status codes and the error record that every fallible call lends.
 *
 *     struct error err = {0};
 *     if (gguf_open(path, &file, &err) != STATUS_OK)
 *         fprintf(stderr, "cognate: %s\n", err.text);
 *
 * A function that can fail returns `enum status`, gives results through trailing pointers that stay untouched
 * on failure, and takes a last `struct error *` that may be NULL. The first error wins: error_set on a record
 * that already holds one changes nothing, so the message written closest to the cause is the one a person
 * reads. A message names the place (file, line, field), the reason and the remedy. No library prints or
 * exits.
 */
#ifndef COGNATE_COMMON_STATUS_H
#define COGNATE_COMMON_STATUS_H

#include <stdarg.h>
#include <stddef.h>

/* X(enum suffix, stable code, HTTP status). The code is part of the HTTP API and never changes its meaning.
 */
#define STATUS_TABLE(X)                                                                                      \
    X(OK, "ok", 200)                                                                                         \
    X(INVALID, "invalid_argument", 400)          /* the caller's input is wrong */                           \
    X(UNAUTHORIZED, "unauthorized", 401)         /* no key, or not a known one */                            \
    X(FORBIDDEN, "forbidden", 403)               /* known, but not allowed */                                \
    X(NOT_FOUND, "not_found", 404)               /* no such collection, document, file, route */             \
    X(METHOD, "method_not_allowed", 405)         /* the route exists, the method does not */                 \
    X(CONFLICT, "conflict", 409)                 /* exists already, or another process holds it */           \
    X(MODEL_MISMATCH, "model_mismatch", 409)     /* vectors of another model's space */                      \
    X(GONE, "gone", 410)                         /* a cursor whose snapshot has passed */                    \
    X(TOO_LARGE, "too_large", 413)               /* over a stated limit */                                   \
    X(MEDIA_TYPE, "unsupported_media_type", 415) /* a body of another type than the route takes */           \
    X(UNSUPPORTED, "unsupported", 422)           /* well-formed, but not a thing this program does */        \
    X(OVERLOADED, "overloaded", 429)             /* queue full; try again later */                           \
    X(INTERNAL, "internal", 500)                 /* a broken promise of this program */                      \
    X(NO_MEMORY, "no_memory", 503)               /* an allocation failed */                                  \
    X(UNAVAILABLE, "unavailable", 503)           /* starting or draining */                                  \
    X(DEADLINE, "deadline_exceeded", 504)        /* the request's time is up */                              \
    X(CORRUPT, "corrupt", 500)                   /* a file does not hold what it says */                     \
    X(IO, "io_error", 500)                       /* the system refused to read or write */                   \
    X(DISK_FULL, "disk_full", 507)               /* no space left; nothing was changed */                    \
    X(CANCELLED, "cancelled", 499)               /* the caller left or asked to stop */

enum status {
#define X(name, code, http) STATUS_##name,
    STATUS_TABLE(X)
#undef X
};

struct error {
    enum status status; /* STATUS_OK while nothing went wrong */
    char field[64];     /* the input field at fault, "" when there is none; see error_field */
    char text[512];     /* one sentence or two, UTF-8, no trailing newline */
};

const char *status_code(enum status status); /* "invalid_argument" */
int status_http(enum status status);         /* 400 */

/* Records the first error in `err` (which may be NULL) and returns `status`, so that `return error_set(…)`
 * reads well. Text longer than the record is cut at a character border. */
enum status error_set(struct error *err, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As error_set, and names the input field at fault ("filter.and[1].field"). */
enum status error_field(struct error *err, enum status status, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Status and text of the system error number `number` for `action` on `path`: ENOENT → NOT_FOUND, EACCES →
 * FORBIDDEN, ENOSPC and EDQUOT → DISK_FULL, ENOMEM → NO_MEMORY, everything else → IO. */
enum status error_system(struct error *err, int number, const char *action, const char *path);

/* "out of memory while …" */
enum status error_memory(struct error *err, const char *doing);

#endif
