/* The models that are installed: folders that a person can read, changed so that a crash leaves the old state
 * or the new one and nothing between.
 *
 *     $XDG_DATA_HOME/cognate/models/
 *         NAME/VERSION/model.gguf
 *         NAME/VERSION/manifest.json    what it is, where it came from, its SHA-256, its spaces
 *         NAME/labels.json              {"stable": 2}
 *         in-use.json                   {"use": "NAME@2", "before": ["NAME@1"], "rerank": "NAME@1"}
 *         .lock                         held for the moment of a change
 *         .new-XXXXXX, .old-XXXXXX      on the way in and out; when they are cut off, the next change clears
 * them away
 *
 *     struct model_ref found = {0};
 *     if (model_store_find("minilm@stable", &found, &err) == STATUS_OK)
 *         open(found.path);
 *     model_ref_release(&found);
 *
 * The model that comes with the program is one of them, version 1 of its name, wherever its file lies; it has
 * no folder here and cannot be removed. Readers take no lock: what they see has been renamed into place.
 *
 * How a model is called: NAME, NAME@VERSION or NAME@LABEL. A NAME alone is the version in use when that is of
 * this name, else NAME@stable. "latest" is the highest version; "stable" is the version so labelled, else the
 * one in use, else the latest. A word with a slash in it, or one that ends with .gguf, is a path.
 */
#ifndef COGNATE_SERVER_MODEL_STORE_H
#define COGNATE_SERVER_MODEL_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/status.h"
#include "encoder/encoder.h"

#define MODEL_NAME    64 /* bytes of a name or label: a-z A-Z 0-9 . _ -, beginning with a letter or digit */
#define MODEL_VERSION 999999999

/* One model that can be opened. */
struct model_ref {
    char name[MODEL_NAME + 1]; /* empty: a file that is not installed */
    unsigned version;          /* 1 to MODEL_VERSION */
    bool shipped;
    char *path;
};
void model_ref_release(struct model_ref *ref); /* accepts a zeroed one */

/* "NAME@VERSION", or the path of what is not installed; into `out` of MODEL_SPEC bytes, cut when it is
 * longer. */
#define MODEL_SPEC 256
void model_ref_spec(const struct model_ref *ref, char out[MODEL_SPEC]);

bool model_store_is_path(const char *spec);

/* ---- reading ---- */

/* What `spec` calls; NULL or empty: $COGNATE_MODEL, else the model in use. A path is taken as it is.
 * NOT_FOUND, field "model", says what there is. */
enum status model_store_find(const char *spec, struct model_ref *out, struct error *err);

/* The model that `use` chose, else the shipped one. */
enum status model_store_used(struct model_ref *out, struct error *err);

/* The cross-encoder that orders what searches find; NOT_FOUND when none was chosen. */
enum status model_store_reranker(struct model_ref *out, struct error *err);

/* The installed model whose vectors are of this space; NOT_FOUND when none is. */
enum status model_store_find_space(const unsigned char space_id[32], enum precision precision,
                                   struct model_ref *out, struct error *err);

/* Whether a model makes vectors of a space, with either precision. */
bool model_store_makes(const struct model_ref *ref, const unsigned char space_id[32]);

/* All of them, by name and version. A folder without a manifest is not one. */
enum status model_store_list(struct model_ref **out, size_t *n, struct error *err);
void model_refs_free(struct model_ref *refs, size_t n);

/* The manifest of an installed model that is not the shipped one. A new reference. */
enum status model_store_manifest(const struct model_ref *ref, json_t **out, struct error *err);

/* model_describe.c: what `model show` prints: name, version, labels, in_use, reranks, shipped, path and what the
 * manifest holds, or the file itself says of the shipped one. */
enum status model_store_describe(const struct model_ref *ref, json_t **out, struct error *err);

/* The labels of a name: an object from label to version. A new reference. */
enum status model_store_labels(const char *name, json_t **out, struct error *err);

/* Whether the file still has the SHA-256 that was recorded: CORRUPT when not. The shipped one has no record;
 * it is read to its end. */
enum status model_store_verify(const struct model_ref *ref, struct error *err);

/* Facts of a model file for its manifest: sha256, bytes, kind (encoder or cross-encoder), architecture,
 * dimensions, context, license, description, spaces. */
enum status model_facts(const char *path, json_t **out, struct error *err);

/* ---- changing (model_change.c) ---- */

/* A name or label made of any text: what it may not hold becomes a dash. Empty when nothing is left. */
void model_store_name(const char *text, size_t len, char out[MODEL_NAME + 1]);
enum status model_store_check_name(const char *name, const char *what, struct error *err);

/* An installation on its way: a folder that nobody sees yet.
 *
 *     if (model_install_begin(&in, &err) == STATUS_OK &&
 *         write_model(in.path) && … &&
 *         model_install_commit(&in, "minilm", 0, manifest, &found, &err) == STATUS_OK)
 *         use(found);
 *     model_install_end(&in);
 */
struct model_install {
    int held;            /* the folder, open and locked: nobody clears it away; -1: none */
    char *folder, *path; /* path: where model.gguf is to be written, and synced */
};
enum status model_install_begin(struct model_install *in, struct error *err);

/* Under `version`, or the next one when it is 0. CONFLICT when that is taken. */
enum status model_install_commit(struct model_install *in, const char *name, unsigned version,
                                 json_t *manifest, struct model_ref *out, struct error *err);
void model_install_end(struct model_install *in); /* clears away what was not committed; accepts one that did
                                                     not begin */

/* FORBIDDEN for the shipped one, CONFLICT for one that is in use or that a label names. */
enum status model_store_remove(const struct model_ref *ref, struct error *err);

/* Makes it the model of whoever does not ask for another. */
enum status model_store_use(const struct model_ref *ref, struct error *err);

/* Makes it the reranker; none when `ref` is NULL. */
enum status model_store_use_reranker(const struct model_ref *ref, struct error *err);

/* Goes back to the model that was in use before and is still there; `dry` only says to which. NOT_FOUND when
 * there is none. */
enum status model_store_rollback(bool dry, struct model_ref *out, struct error *err);

/* Lets a label name a version, in place of the one it named; with a version of 0 it is dropped. */
enum status model_store_label(const char *name, const char *label, unsigned version, struct error *err);

/* The folder of the models, written to `out` (cleared first) with `rest` behind it. */
struct buf;
enum status model_store_path(struct buf *out, const char *rest, struct error *err);

/* A JSON file of the store; an empty object when there is none. A new reference. */
enum status model_store_read(const char *path, json_t **out, struct error *err);

#endif
