#include "server/model_store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "common/grow.h"
#include "server/json_edge.h"
#include "server/model_path.h"

#define PATH_BYTES     8192
#define MANIFEST_BYTES ((size_t)1 << 20)

void model_ref_release(struct model_ref *ref)
{
    free(ref->path);
    *ref = (struct model_ref){0};
}

void model_ref_spec(const struct model_ref *ref, char out[MODEL_SPEC])
{
    if (ref->name[0] == '\0')
        snprintf(out, MODEL_SPEC, "%s", ref->path);
    else
        snprintf(out, MODEL_SPEC, "%s@%u", ref->name, ref->version);
}

void model_refs_free(struct model_ref *refs, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(refs[i].path);
    free(refs);
}

/* ---- names ---- */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static bool is_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!is_name_byte(name[i]))
            return false;
    return n > 0 && n <= MODEL_NAME && name[0] != '.' && name[0] != '-' && name[0] != '_' &&
           !ends_with(name, ".gguf");
}

enum status model_store_check_name(const char *name, const char *what, struct error *err)
{
    return is_name(name)
               ? STATUS_OK
               : error_set(err, STATUS_INVALID,
                           "\"%.80s\" cannot be %s: it takes 1 to %d of a-z A-Z 0-9 . _ -, begins with a "
                           "letter or digit, and does not end with .gguf",
                           name, what, MODEL_NAME);
}

void model_store_name(const char *text, size_t len, char out[MODEL_NAME + 1])
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < MODEL_NAME; i++) {
        bool good = is_name_byte(text[i]);
        if (n == 0 && (!good || text[i] == '.' || text[i] == '-' || text[i] == '_'))
            continue;
        if (good || out[n - 1] != '-')
            out[n++] = good ? text[i] : '-';
    }
    while (n > 0 && out[n - 1] == '-')
        n--;
    out[n] = '\0';
    if (ends_with(out, ".gguf"))
        out[n - 5] = '\0';
}

bool model_store_is_path(const char *spec)
{
    return strchr(spec, '/') != NULL || ends_with(spec, ".gguf");
}

/* 0 for what is not a version: digits that do not begin with 0. */
static unsigned version_of(const char *text)
{
    size_t n = strlen(text);
    return n >= 1 && n <= 9 && text[0] != '0' && strspn(text, "0123456789") == n
               ? (unsigned)strtoul(text, NULL, 10)
               : 0;
}

/* ---- files ---- */

enum status model_store_path(struct buf *out, const char *rest, struct error *err)
{
    enum status status = xdg_data_path("models", out, err);
    return status == STATUS_OK ? buf_append(out, rest, strlen(rest), err) : status;
}

enum status model_store_read(const char *path, json_t **out, struct error *err)
{
    struct buf text;
    if (access(path, F_OK) != 0) {
        *out = json_object();
        return *out != NULL ? STATUS_OK : error_memory(err, "reading the models");
    }
    struct error found = {0};
    json_t *value = NULL;
    buf_init(&text, MANIFEST_BYTES);
    enum status status = file_read(path, &text, err);
    if (status == STATUS_OK &&
        (api_parse_body(text.data, text.len, &value, &found) != STATUS_OK || !json_is_object(value))) {
        json_decref(value);
        status = error_set(err, STATUS_CORRUPT, "%s: %s; write it again or remove it", path,
                           found.status != STATUS_OK ? found.text : "it is not a JSON object");
    }
    if (status == STATUS_OK)
        *out = value;
    buf_release(&text);
    return status;
}

/* A file of the store as JSON. */
static enum status read_part(const char *rest, json_t **out, struct error *err)
{
    struct buf path;
    buf_init(&path, PATH_BYTES);
    enum status status = model_store_path(&path, rest, err);
    if (status == STATUS_OK)
        status = model_store_read(path.data, out, err);
    buf_release(&path);
    return status;
}

enum status model_store_labels(const char *name, json_t **out, struct error *err)
{
    char rest[MODEL_NAME + 32];
    snprintf(rest, sizeof rest, "/%s/labels.json", name);
    return read_part(rest, out, err);
}

enum status model_store_manifest(const struct model_ref *ref, json_t **out, struct error *err)
{
    char rest[MODEL_NAME + 64];
    snprintf(rest, sizeof rest, "/%s/%u/manifest.json", ref->name, ref->version);
    return read_part(rest, out, err);
}

/* ---- one model ---- */

/* The shipped one; NOT_FOUND when the program was installed without. */
static enum status shipped(struct model_ref *out, struct error *err)
{
    struct model_ref found = {.name = SHIPPED_MODEL, .version = 1, .shipped = true};
    enum status status = shipped_model_path(&found.path, err);
    if (status == STATUS_OK)
        *out = found;
    return status;
}

/* NAME@VERSION when it is there. */
static enum status installed(const char *name, unsigned version, struct model_ref *out, struct error *err)
{
    struct model_ref found = {.version = version};
    struct buf path;
    char rest[MODEL_NAME + 64];
    if (version == 1 && strcmp(name, SHIPPED_MODEL) == 0)
        return shipped(out, err);
    buf_init(&path, PATH_BYTES);
    snprintf(rest, sizeof rest, "/%s/%u/model.gguf", name, version);
    enum status status = model_store_path(&path, rest, err);
    if (status == STATUS_OK && access(path.data, F_OK) != 0)
        status =
            error_field(err, STATUS_NOT_FOUND, "model", "the model %s@%u is not installed", name, version);
    if (status == STATUS_OK && (found.path = strdup(path.data)) == NULL)
        status = error_memory(err, "looking for a model");
    if (status == STATUS_OK) {
        snprintf(found.name, sizeof found.name, "%s", name);
        *out = found;
    }
    buf_release(&path);
    return status;
}

/* The highest version of a name; 0 for none. */
static unsigned latest(const char *name)
{
    unsigned highest = strcmp(name, SHIPPED_MODEL) == 0 ? 1 : 0;
    struct buf path;
    char rest[MODEL_NAME + 2];
    snprintf(rest, sizeof rest, "/%s", name);
    buf_init(&path, PATH_BYTES);
    DIR *folder = model_store_path(&path, rest, NULL) == STATUS_OK ? opendir(path.data) : NULL;
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        unsigned version = version_of(entry->d_name);
        highest = version > highest ? version : highest;
    }
    if (folder != NULL)
        closedir(folder);
    buf_release(&path);
    return highest;
}

/* Splits "NAME@WHAT"; false when the name is none. */
static bool split(const char *spec, char name[MODEL_NAME + 1], const char **what)
{
    size_t n = strcspn(spec, "@");
    if (n == 0 || n > MODEL_NAME)
        return false;
    memcpy(name, spec, n);
    name[n] = '\0';
    *what = spec[n] == '@' ? spec + n + 1 : "";
    return is_name(name);
}

/* The model that in-use.json names under a key; out->path stays NULL when it names none. `command` is what
 * chooses another. */
static enum status chosen(const char *key, const char *command, struct model_ref *out, struct error *err)
{
    json_t *state = NULL;
    struct error none = {0};
    char name[MODEL_NAME + 1];
    const char *what;
    enum status status = read_part("/in-use.json", &state, &none);
    const char *spec = json_string_value(json_object_get(state, key));
    if (status == STATUS_INVALID || (status == STATUS_OK && spec == NULL)) /* no home, or nothing was chosen */
        status = STATUS_OK;
    else if (status == STATUS_OK && (!split(spec, name, &what) || version_of(what) == 0))
        status =
            error_set(err, STATUS_CORRUPT, "in-use.json names \"%.80s\"; choose a model with %s", spec, command);
    else if (status == STATUS_OK && installed(name, version_of(what), out, &none) != STATUS_OK)
        status = error_field(err, none.status, "model", "%s and was in use; choose another with %s", none.text,
                             command);
    else if (status != STATUS_OK)
        error_set(err, status, "%s", none.text);
    json_decref(state);
    return status;
}

enum status model_store_used(struct model_ref *out, struct error *err)
{
    struct model_ref found = {0};
    enum status status = chosen("use", "cognate model use", &found, err);
    if (status == STATUS_OK && found.path == NULL)
        status = shipped(&found, err);
    if (status == STATUS_OK)
        *out = found;
    return status;
}

enum status model_store_reranker(struct model_ref *out, struct error *err)
{
    struct model_ref found = {0};
    enum status status = chosen("rerank", "cognate model rerank", &found, err);
    if (status == STATUS_OK && found.path == NULL)
        status = error_set(err, STATUS_NOT_FOUND,
                           "no cross-encoder is in use as the reranker; install one with cognate model add and "
                           "choose it with cognate model rerank");
    if (status == STATUS_OK)
        *out = found;
    return status;
}

/* The version in use when it is of this name, else 0. */
static unsigned used_version(const char *name)
{
    struct model_ref used = {0};
    unsigned version =
        model_store_used(&used, NULL) == STATUS_OK && strcmp(used.name, name) == 0 ? used.version : 0;
    model_ref_release(&used);
    return version;
}

/* The version that a label names; 0 for none. */
static unsigned labelled(const char *name, const char *label)
{
    json_t *labels = NULL;
    unsigned version = 0;
    if (model_store_labels(name, &labels, NULL) == STATUS_OK)
        version = (unsigned)json_integer_value(json_object_get(labels, label));
    json_decref(labels);
    return version;
}

/* What stands behind the @, as a version; 0 when it is none of this name. */
static unsigned version_called(const char *name, const char *what)
{
    unsigned version = version_of(what);
    if (version == 0 && what[0] == '\0' && (version = used_version(name)) == 0)
        what = "stable";
    if (version == 0 && strcmp(what, "latest") != 0)
        version = labelled(name, what);
    if (version == 0 && strcmp(what, "stable") == 0)
        version = used_version(name);
    return version == 0 && (strcmp(what, "latest") == 0 || strcmp(what, "stable") == 0) ? latest(name)
                                                                                        : version;
}

/* "there is no model …; there are …" */
static enum status unknown(const char *spec, struct error *err)
{
    struct model_ref *refs = NULL;
    struct buf names;
    size_t n = 0;
    char one[MODEL_SPEC];
    buf_init(&names, 65536);
    enum status status = model_store_list(&refs, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        model_ref_spec(&refs[i], one);
        status = buf_printf(&names, err, "%s%s", i > 0 ? ", " : "", one);
    }
    if (status == STATUS_OK)
        status = error_field(err, STATUS_NOT_FOUND, "model",
                             "there is no model \"%.128s\" here; installed: %.200s", spec,
                             n > 0 ? names.data : "none");
    model_refs_free(refs, n);
    buf_release(&names);
    return status;
}

enum status model_store_find(const char *spec, struct model_ref *out, struct error *err)
{
    char name[MODEL_NAME + 1];
    const char *what;
    if (spec == NULL || spec[0] == '\0')
        spec = getenv("COGNATE_MODEL");
    if (spec == NULL || spec[0] == '\0')
        return model_store_used(out, err);
    if (model_store_is_path(spec)) {
        struct model_ref file = {.path = strdup(spec)};
        if (file.path == NULL)
            return error_memory(err, "looking for a model");
        *out = file;
        return STATUS_OK;
    }
    if (!split(spec, name, &what))
        return unknown(spec, err);
    unsigned version = version_called(name, what);
    struct error none = {0};
    if (version == 0 || installed(name, version, out, &none) == STATUS_NOT_FOUND)
        return unknown(spec, err);
    return none.status == STATUS_OK ? STATUS_OK : error_set(err, none.status, "%s", none.text);
}

/* ---- all of them ---- */

static int by_name(const void *a, const void *b)
{
    const struct model_ref *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order != 0 ? order : (x->version > y->version) - (x->version < y->version);
}

struct listing {
    struct model_ref *refs;
    size_t n, room;
};

static enum status add_ref(struct listing *l, const char *name, unsigned version, struct error *err)
{
    struct model_ref *more = grown(l->refs, l->n, &l->room, sizeof *more);
    if (more == NULL)
        return error_memory(err, "listing the models");
    l->refs = more;
    enum status status = installed(name, version, &more[l->n], err);
    l->n += status == STATUS_OK;
    return status;
}

static enum status add_versions(struct listing *l, const char *root, const char *name, struct error *err)
{
    enum status status = STATUS_OK;
    struct buf path;
    buf_init(&path, PATH_BYTES);
    status = buf_printf(&path, err, "%s/%s", root, name);
    DIR *folder = status == STATUS_OK ? opendir(path.data) : NULL;
    for (struct dirent *entry; folder != NULL && status == STATUS_OK && (entry = readdir(folder)) != NULL;) {
        unsigned version = version_of(entry->d_name);
        buf_clear(&path);
        if (version == 0 ||
            buf_printf(&path, NULL, "%s/%s/%u/manifest.json", root, name, version) != STATUS_OK ||
            access(path.data, F_OK) != 0)
            continue;
        struct error gone = {0};
        status = add_ref(l, name, version, &gone);
        if (status == STATUS_NOT_FOUND) /* removed since the folder was read */
            status = STATUS_OK;
        else if (status != STATUS_OK)
            error_set(err, status, "%s", gone.text);
    }
    if (folder != NULL)
        closedir(folder);
    buf_release(&path);
    return status;
}

enum status model_store_list(struct model_ref **out, size_t *n, struct error *err)
{
    struct listing l = {0};
    struct buf root;
    struct error none = {0};
    char *path = NULL;
    buf_init(&root, PATH_BYTES);
    enum status status = STATUS_OK;
    if (shipped_model_path(&path, NULL) == STATUS_OK)
        status = add_ref(&l, SHIPPED_MODEL, 1, err);
    free(path);
    DIR *folder = model_store_path(&root, "", &none) == STATUS_OK ? opendir(root.data) : NULL;
    for (struct dirent *entry; folder != NULL && status == STATUS_OK && (entry = readdir(folder)) != NULL;)
        if (is_name(entry->d_name))
            status = add_versions(&l, root.data, entry->d_name, err);
    if (folder != NULL)
        closedir(folder);
    buf_release(&root);
    if (status == STATUS_OK) {
        if (l.n > 1)
            qsort(l.refs, l.n, sizeof *l.refs, by_name);
        *out = l.refs;
        *n = l.n;
    } else {
        model_refs_free(l.refs, l.n);
    }
    return status;
}
