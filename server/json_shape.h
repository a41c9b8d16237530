/* What an object of the API looks like, as data: one table a body checks it and describes it in the OpenAPI
 * document.
 *
 *     static const struct field fields[] = {
 *         {.name = "query", .kind = FIELD_TEXT, .required = true, .most = 8192, .about = "A text."},
 *         {.name = "k", .kind = FIELD_INTEGER, .least = 1, .most = 1000, .about = "Hits wanted."},
 *     };
 *     const struct shape shape_search = {"Search", "A search.", fields, 2};
 *
 *     if (shape_check(&shape_search, body, "", &err) != STATUS_OK) …   // "unknown field \"q\"; known are …"
 *     k = shape_integer(body, "k", 5);
 *
 * A field that is null counts as absent. After shape_check the readers below cannot meet a wrong type.
 */
#ifndef COGNATE_SERVER_JSON_SHAPE_H
#define COGNATE_SERVER_JSON_SHAPE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/status.h"
#include "common/text.h"

enum field_kind {
    FIELD_ANY, /* the reader of the field checks it */
    FIELD_TEXT,
    FIELD_INTEGER,
    FIELD_NUMBER,
    FIELD_BOOLEAN,
    FIELD_OBJECT, /* of the shape `of`, or any when that is NULL */
    FIELD_INPUT   /* a text, the token ids of one, or a list of such */
};

enum field_count { FIELD_ONE, FIELD_LIST, FIELD_ONE_OR_LIST };

struct field {
    const char *name;
    enum field_kind kind;
    enum field_count count;
    bool required;              /* of a request: must be there; of an answer: always there */
    bool nullable;              /* of an answer: may be null */
    double least, most;         /* of a number: its value; of a text: its bytes. Both 0: any */
    size_t items;               /* most items of a list; 0: any */
    const char *const *choices; /* of a text, NULL at the end */
    const struct shape *of;
    const char *about;
    const char *schema; /* of FIELD_ANY: what its reader takes, as the text of a JSON Schema */
};

struct shape {
    const char *name; /* in the OpenAPI document */
    const char *about;
    const struct field *fields;
    size_t count;
    bool open;     /* of an answer: other keys may follow */
    bool list;     /* of an answer: a list of such objects; of anything when there are no fields */
    bool anything; /* of an answer: not described further */
    bool rows;     /* a list of such objects is as good as one */
    bool empty;    /* of a request: a body may be left out */
    const struct shape *either[2]; /* in place of fields: one of two shapes; the handler finds out which */
    const char *schema;            /* of an answer without fields: the text of a JSON Schema */
    const char *example; /* of a request: JSON text that works on a collection with a document "a" */
};

#define SHAPE(name, about, fields, ...)                                                                      \
    {                                                                                                        \
        name, about, fields, sizeof(fields) / sizeof *(fields), __VA_ARGS__                                  \
    }

/* INVALID when `value` is not an object with the fields of the shape, each of its type and within its
 * limits; TOO_LARGE for a text or a list over them. The error's field is the path of the first fault;
 * `path` is where the object lies in the body, "" for the body itself. */
enum status shape_check(const struct shape *shape, const json_t *value, const char *path, struct error *err);

/* Where a value lies in a body: "filter", "and" → "filter.and"; "filter.and", 1 → "filter.and[1]". A path
 * that is too long for an error record is cut. */
#define FIELD_PATH 64
void path_key(char out[FIELD_PATH], const char *path, const char *key);
void path_item(char out[FIELD_PATH], const char *path, size_t i);

/* Text of a query string to the type the field wants: "5" → 5, "de,fr" → ["de", "fr"], "{…}" → an object. */
enum status field_parse(const struct field *field, struct text value, json_t **out, struct error *err);

/* ---- readers ---- */

const json_t *shape_get(const json_t *object, const char *name); /* NULL for absent and null */
struct text json_text(const json_t *string);                     /* borrowed; empty when it is not a string */
struct text shape_text(const json_t *object, const char *name);  /* empty when absent */
long long shape_integer(const json_t *object, const char *name, long long otherwise);
double shape_number(const json_t *object, const char *name, double otherwise);
bool shape_boolean(const json_t *object, const char *name, bool otherwise);

/* Which of its choices a text is; `otherwise` when absent. */
int shape_choice(const json_t *object, const char *name, const char *const *choices, int otherwise);

/* Whether a value is the token ids of one text: a list of integers, at least one. */
bool json_is_ids(const json_t *value);

/* A text, or the texts of a list, borrowed from `value`; the array is the caller's to free. A missing value
 * is no text. */
enum status json_texts(const json_t *value, struct text **out, size_t *n, struct error *err);

#endif
