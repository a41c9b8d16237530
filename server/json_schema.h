/* Shapes as JSON Schema (2020-12).
 *
 *     struct schemas s = {.defined = json_object(), .prefix = "#/components/schemas/", .good = true};
 *     schemas_put(&s, content, "schema", schemas_reference(&s, shape->name));
 *     schemas_add(&s, shape);                               // and the shapes in it, each once, in s.defined
 *     if (!s.good) …                                        // a part is missing: out of memory
 *
 * json_object_set_new on a NULL object or with a NULL value fails and frees the value, so a tree is built
 * without a check at each step: `good` collects the outcome, and what was built is dropped if it is false.
 */
#ifndef COGNATE_SERVER_JSON_SCHEMA_H
#define COGNATE_SERVER_JSON_SCHEMA_H

#include <jansson.h>

#include "server/json_shape.h"

/* Texts of schemas that several shapes need. */
#define SCHEMA_NUMBERS "{\"type\":\"array\",\"items\":{\"type\":\"number\"}}"
#define SCHEMA_ROWS    "{\"type\":\"array\",\"items\":" SCHEMA_NUMBERS "}"
#define SCHEMA_EMBEDDING                                                                                     \
    "{\"anyOf\":[" SCHEMA_NUMBERS ",{\"type\":\"string\",\"contentEncoding\":\"base64\"}]}"

struct schemas {
    json_t *defined;    /* by name: what references lead to */
    const char *prefix; /* of a reference, before the name */
    bool good;
};

void schemas_put(struct schemas *w, json_t *object, const char *key, json_t *value);
json_t *schemas_reference(const struct schemas *w, const char *name); /* {"$ref": …} */

/* A shape in place, a shape under its name, and one of its fields. */
json_t *schemas_object(struct schemas *w, const struct shape *shape);
void schemas_add(struct schemas *w, const struct shape *shape);
json_t *schemas_field(struct schemas *w, const struct field *f);

/* What a body or an answer of a shape looks like: a reference, or the schema in place where it has no fields.
 */
json_t *schemas_shape(struct schemas *w, const struct shape *shape);

/* A JSON text of our own, as a value. */
json_t *schemas_text(struct schemas *w, const char *text);

#endif
