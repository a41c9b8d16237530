/* What is said of a model: the facts for its manifest, its spaces, its description, and whether its file is
 * still what was installed. */
#include <nettle/sha2.h>
#include <string.h>

#include "common/cache.h"
#include "common/file.h"
#include "encoder/kernels.h"
#include "server/handler.h"
#include "server/model_store.h"

/* ---- spaces ---- */

static const char *const precisions[] = {[PRECISION_INT8] = "int8", [PRECISION_F32] = "f32"};

/* Worked out from the file; kept in the user's cache folder by those who open it. */
static enum status space_of_file(const char *path, enum precision precision, unsigned char out[32],
                                 struct error *err)
{
    unsigned char digest[CACHE_DIGEST];
    struct model_options options = {.precision = precision};
    struct gguf *file = NULL;
    enum status status = gguf_open(path, &file, err);
    if (status == STATUS_OK) {
        options.digest = cache_digest(path, digest) ? digest : NULL;
        model_space_id(file, &options, out);
    }
    gguf_free(file);
    return status;
}

/* Whether the vectors of a model are of a space, by its manifest where that was written under the arithmetic
 * of this program. */
static bool is_of_space(const struct model_ref *ref, const unsigned char space_id[32],
                        enum precision precision)
{
    json_t *manifest = NULL;
    unsigned char own[32];
    char wanted[65];
    bool same = false;
    if (!ref->shipped && model_store_manifest(ref, &manifest, NULL) != STATUS_OK)
        return false;
    const json_t *spaces = json_object_get(manifest, "spaces");
    if (json_integer_value(json_object_get(spaces, "numerics")) == NUMERICS_VERSION) {
        const char *kept = json_string_value(json_object_get(spaces, precisions[precision]));
        hex_text(space_id, 32, wanted);
        same = kept != NULL && strcmp(kept, wanted) == 0;
    } else {
        same = space_of_file(ref->path, precision, own, NULL) == STATUS_OK && memcmp(own, space_id, 32) == 0;
    }
    json_decref(manifest);
    return same;
}

bool model_store_makes(const struct model_ref *ref, const unsigned char space_id[32])
{
    return is_of_space(ref, space_id, PRECISION_INT8) || is_of_space(ref, space_id, PRECISION_F32);
}

enum status model_store_find_space(const unsigned char space_id[32], enum precision precision,
                                   struct model_ref *out, struct error *err)
{
    struct model_ref *refs = NULL;
    size_t n = 0, i = 0;
    enum status status = model_store_list(&refs, &n, err);
    while (status == STATUS_OK && i < n && !is_of_space(&refs[i], space_id, precision))
        i++;
    if (status == STATUS_OK && i == n)
        status = error_set(err, STATUS_NOT_FOUND, "no installed model makes vectors of this space");
    if (status == STATUS_OK) {
        *out = refs[i];
        refs[i].path = NULL;
    }
    model_refs_free(refs, n);
    return status;
}

/* ---- describing ---- */

static enum status hash_file(const char *path, unsigned char out[SHA256_DIGEST_SIZE], uint64_t *bytes,
                             struct error *err)
{
    struct mapping file = {0};
    struct sha256_ctx sha;
    enum status status = mapping_open(&file, path, err);
    if (status != STATUS_OK)
        return status;
    sha256_init(&sha);
    sha256_update(&sha, file.size, file.data);
    sha256_digest(&sha, SHA256_DIGEST_SIZE, out);
    *bytes = file.size;
    mapping_close(&file);
    return STATUS_OK;
}

static json_t *spaces_json(const struct gguf *file, const unsigned char *digest)
{
    char hex[2][65];
    for (size_t i = 0; i < 2; i++) {
        unsigned char space[32];
        model_space_id(file, &(struct model_options){.precision = (enum precision)i, .digest = digest},
                       space);
        hex_text(space, sizeof space, hex[i]);
    }
    return json_pack("{s:i, s:s, s:s}", "numerics", NUMERICS_VERSION, precisions[0], hex[0], precisions[1],
                     hex[1]);
}

static json_t *text_of_file(const struct gguf *file, const char *key)
{
    struct text value = {0};
    return gguf_text(file, key, &value, NULL) == STATUS_OK ? text_or_null(value) : json_null();
}

/* The languages that the file names; null when it names none. */
static json_t *languages_of_file(const struct gguf *file)
{
    struct gguf_array list;
    size_t at = 0;
    if (gguf_array(file, "general.languages", GGUF_STRING, &list, NULL) != STATUS_OK)
        return json_null();
    json_t *out = json_array();
    for (uint64_t i = 0; i < list.count; i++)
        if (json_array_append_new(out, text_json(gguf_array_text(&list, &at))) != 0)
            break;
    return out;
}

enum status model_facts(const char *path, json_t **out, struct error *err)
{
    unsigned char digest[SHA256_DIGEST_SIZE];
    char hex[65];
    uint64_t bytes = 0;
    struct gguf *file = NULL;
    struct model *m = NULL;
    enum status status = hash_file(path, digest, &bytes, err);
    if (status == STATUS_OK)
        status = gguf_open(path, &file, err);
    if (status == STATUS_OK)
        status = model_open(file, &(struct model_options){.isa = cpu_best(), .digest = digest}, &m, err);
    if (status == STATUS_OK) {
        const struct model_info *info = model_info(m);
        hex_text(digest, sizeof digest, hex);
        *out =
            json_pack("{s:s, s:I, s:s, s:o, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:I, s:o}", "sha256", hex,
                      "bytes", (json_int_t)bytes, "kind", info->scores ? "cross-encoder" : "encoder",
                      "architecture", text_json(info->architecture), "layers", (json_int_t)info->layers,
                      "dimensions", (json_int_t)info->width, "context", (json_int_t)info->context,
                      "license", text_or_null(info->license), "description",
                      text_or_null(info->description), "languages", languages_of_file(file), "source",
                      text_of_file(file, "general.source.url"), "file_version", text_or_null(info->version),
                      "canaries", (json_int_t)info->canaries, "spaces", spaces_json(file, digest));
        status = *out != NULL ? STATUS_OK : error_memory(err, "describing a model");
    }
    model_free(m);
    gguf_free(file);
    return status;
}

/* The labels that name a version. */
static json_t *labels_json(const struct model_ref *ref)
{
    json_t *labels = NULL, *list = json_array(), *version;
    const char *label;
    if (model_store_labels(ref->name, &labels, NULL) == STATUS_OK)
        json_object_foreach(labels, label, version) if (json_integer_value(version) == ref->version)
            json_array_append_new(list, json_string(label));
    json_decref(labels);
    return list;
}

/* Whether it is the model that `find` gives. */
static bool is_chosen(const struct model_ref *ref, enum status (*find)(struct model_ref *, struct error *))
{
    struct model_ref used = {0};
    bool same =
        find(&used, NULL) == STATUS_OK && used.version == ref->version && strcmp(used.name, ref->name) == 0;
    model_ref_release(&used);
    return same;
}

enum status model_store_describe(const struct model_ref *ref, json_t **out, struct error *err)
{
    json_t *facts = NULL;
    enum status status =
        ref->shipped ? model_facts(ref->path, &facts, err) : model_store_manifest(ref, &facts, err);
    if (status != STATUS_OK)
        return status;
    json_t *value = json_pack("{s:s, s:I, s:o, s:b, s:b, s:b, s:s}", "name", ref->name, "version",
                              (json_int_t)ref->version, "labels", labels_json(ref), "in_use",
                              is_chosen(ref, model_store_used), "reranks", is_chosen(ref, model_store_reranker),
                              "shipped", ref->shipped, "path", ref->path);
    if (value != NULL && ref->shipped &&
        json_object_set_new(value, "origin", json_string("with the program")) != 0) {
        json_decref(value);
        value = NULL;
    }
    if (value == NULL || json_object_update_missing(value, facts) != 0) {
        json_decref(value);
        status = error_memory(err, "describing a model");
    } else {
        *out = value;
    }
    json_decref(facts);
    return status;
}

enum status model_store_verify(const struct model_ref *ref, struct error *err)
{
    unsigned char digest[SHA256_DIGEST_SIZE];
    char hex[65];
    uint64_t bytes = 0;
    json_t *manifest = NULL;
    enum status status = hash_file(ref->path, digest, &bytes, err);
    if (status == STATUS_OK && !ref->shipped)
        status = model_store_manifest(ref, &manifest, err);
    const char *recorded = json_string_value(json_object_get(manifest, "sha256"));
    hex_text(digest, sizeof digest, hex);
    if (status == STATUS_OK && !ref->shipped && (recorded == NULL || strcmp(recorded, hex) != 0))
        status =
            error_set(err, STATUS_CORRUPT,
                      "%s has the SHA-256 %s and was installed with %s; remove the model and add it again",
                      ref->path, hex, recorded != NULL ? recorded : "none");
    json_decref(manifest);
    return status;
}
