/* The folder of a model as Hugging Face lays it out, and the JSON in it.
 *
 *     json_t *config = NULL;
 *     size_t layers;
 *     if (folder_json("/models/bert", "config.json", &config, &err) != STATUS_OK) …
 *     struct fields fields = {"/models/bert/config.json", config};
 *     if (field_size(&fields, "num_hidden_layers", &layers, &err) != STATUS_OK) …
 *     json_decref(config);
 *
 * Names of files and folders may come from the folder itself; one that leads out of it is refused.
 */
#ifndef COGNATE_IMPORT_MODEL_FOLDER_H
#define COGNATE_IMPORT_MODEL_FOLDER_H

#include <jansson.h>
#include <stdbool.h>

#include "common/buf.h"
#include "common/status.h"
#include "common/text.h"

#define FOLDER_PATH 4096                /* bytes of a path, at most */
#define FOLDER_JSON ((size_t)128 << 20) /* bytes of a JSON file, at most: a tokenizer.json is the largest */

/* folder/name to `out` (cleared first). A name has letters, digits, '_', '-', '.' and single slashes, and no
 * part of it begins with a dot; INVALID else. */
enum status folder_path(const char *folder, const char *name, struct buf *out, struct error *err);

bool folder_has(const char *folder, const char *name); /* a regular file */

/* A file as JSON, an object or an array without a key that stands twice. NOT_FOUND when there is none. In a
 * file with a whole number beyond 64 bits, which tokenizer_config.json often has for "no limit", all whole
 * numbers are reals. */
enum status folder_json(const char *folder, const char *name, json_t **out, struct error *err);

/* The same from bytes; `path` stands in messages. */
enum status json_bytes(const char *path, const void *bytes, size_t n, json_t **out, struct error *err);

/* An object and the path of its file, for messages. */
struct fields {
    const char *path;
    const json_t *object;
};

/* The value of a key: NOT_FOUND when it is absent or null, CORRUPT when it has another type or, for a size,
 * is negative. `out` stays as it is then. Texts are borrowed from the object. */
enum status field_size(const struct fields *p, const char *key, size_t *out, struct error *err);
enum status field_real(const struct fields *p, const char *key, double *out, struct error *err);
enum status field_flag(const struct fields *p, const char *key, bool *out, struct error *err);
enum status field_text(const struct fields *p, const char *key, struct text *out, struct error *err);

#endif
