/* A file as a document of the API.
 *
 *     struct filedoc facts = {.id = "docs/a.html", .path = "docs/a.html", .text = text, .title = title};
 *     if (filedoc_new(&facts, &document, &err) != STATUS_OK) …
 */
#ifndef COGNATE_CLI_FILEDOC_H
#define COGNATE_CLI_FILEDOC_H

#include <jansson.h>

#include "common/status.h"
#include "common/text.h"

#define FILEDOC_BYTES ((size_t)16 << 20) /* longest text */

struct filedoc {
    const char *id;
    const char *path; /* becomes the field `path` of the metadata, in full; NULL: none (stdin) */
    struct text text, title;
    const char *language; /* NULL or "": detected later */
};

/* A new document. INVALID, saying so, when the name of the file is not UTF-8. */
enum status filedoc_new(const struct filedoc *facts, json_t **out, struct error *err);

/* Without white space and control characters at either end. */
struct text filedoc_strip(struct text t);

#endif
