/* Changes of the installed models. Each is one renaming, of a folder or of a small file, under the lock of
 * the store; what comes before it is invisible, what comes after it is clearing away. So a process that dies
 * at any point leaves the state before or the state after:
 *
 *     add       .new-XXXXXX written and synced   ──▶ rename to NAME/VERSION
 *     remove    rename NAME/VERSION to .old-XXXXXX ──▶ delete
 *     use, rollback, label                        rename of in-use.json, labels.json
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"
#include "server/model_store.h"

#define PATH_BYTES  8192
#define BEFORE_MOST 16 /* models that rollback can go back over */

/* ---- the lock ---- */

/* Deletes a folder of files. */
static void delete_folder(const char *path)
{
    DIR *folder = opendir(path);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder != NULL)
        closedir(folder);
    rmdir(path);
}

/* Opens a folder and locks it for as long as it is open; -1 when somebody else has. */
static int hold_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) != 0) {
        close(folder);
        folder = -1;
    }
    return folder;
}

/* What earlier changes left behind when they were cut off: folders that nobody holds. */
static void clear_away(const char *root)
{
    struct buf path;
    DIR *folder = opendir(root);
    buf_init(&path, PATH_BYTES);
    for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
        buf_clear(&path);
        if ((strncmp(entry->d_name, ".new-", 5) != 0 && strncmp(entry->d_name, ".old-", 5) != 0) ||
            buf_printf(&path, NULL, "%s/%s", root, entry->d_name) != STATUS_OK)
            continue;
        int held = hold_folder(path.data);
        if (held >= 0) {
            delete_folder(path.data);
            close(held);
        }
    }
    if (folder != NULL)
        closedir(folder);
    buf_release(&path);
}

/* Waits for the lock of the store, which nobody keeps for long. */
static enum status lock_store(int *out, struct error *err)
{
    struct buf path;
    int lock = -1;
    buf_init(&path, PATH_BYTES);
    enum status status = model_store_path(&path, "", err);
    if (status == STATUS_OK)
        status = folder_create(path.data, err);
    if (status == STATUS_OK)
        status = model_store_path(&path, "/.lock", err);
    if (status == STATUS_OK && (lock = open(path.data, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        status = error_system(err, errno, "open", path.data);
    while (status == STATUS_OK && flock(lock, LOCK_EX) != 0)
        if (errno != EINTR)
            status = error_system(err, errno, "lock", path.data);
    if (status == STATUS_OK)
        *out = lock;
    else if (lock >= 0)
        close(lock);
    buf_release(&path);
    return status;
}

static void unlock_store(int lock)
{
    if (lock >= 0)
        close(lock);
}

/* A folder of one's own beside the models, held. Its path is the caller's to free. */
static enum status make_folder(const char *rest, char **out, int *held, struct error *err)
{
    struct buf path;
    buf_init(&path, PATH_BYTES);
    enum status status = model_store_path(&path, "", err);
    if (status == STATUS_OK)
        clear_away(path.data);
    if (status == STATUS_OK)
        status = buf_printf(&path, err, "%s", rest);
    if (status == STATUS_OK && mkdtemp(path.data) == NULL)
        status = error_system(err, errno, "create a folder in", path.data);
    if (status == STATUS_OK) {
        *held = hold_folder(path.data);
        *out = strdup(path.data);
        if (*held < 0 || *out == NULL) {
            status = error_memory(err, "changing the models");
            delete_folder(path.data);
        }
    }
    buf_release(&path);
    return status;
}

/* ---- adding ---- */

enum status model_install_begin(struct model_install *in, struct error *err)
{
    int lock = -1;
    *in = (struct model_install){.held = -1};
    enum status status = lock_store(&lock, err);
    if (status == STATUS_OK)
        status = make_folder("/.new-XXXXXX", &in->folder, &in->held, err);
    if (status == STATUS_OK && asprintf(&in->path, "%s/model.gguf", in->folder) < 0) {
        in->path = NULL;
        status = error_memory(err, "installing a model");
    }
    unlock_store(lock);
    if (status != STATUS_OK)
        model_install_end(in);
    return status;
}

void model_install_end(struct model_install *in)
{
    if (in->folder != NULL)
        delete_folder(in->folder);
    if (in->held >= 0)
        close(in->held);
    free(in->folder);
    free(in->path);
    *in = (struct model_install){.held = -1};
}

static enum status write_json(const char *path, const json_t *value, struct error *err)
{
    char *text = json_dumps(value, JSON_INDENT(2));
    if (text == NULL)
        return error_memory(err, "writing a manifest");
    enum status status = file_write_atomic(path, text, strlen(text), err);
    free(text);
    return status;
}

/* Writes a small file of the store. */
static enum status replace_json(const char *folder, const char *name, const json_t *value, struct error *err)
{
    struct buf path;
    buf_init(&path, PATH_BYTES);
    enum status status = model_store_path(&path, folder, err);
    if (status == STATUS_OK)
        status = folder_create(path.data, err);
    if (status == STATUS_OK)
        status = buf_printf(&path, err, "/%s", name);
    if (status == STATUS_OK)
        status = write_json(path.data, value, err);
    buf_release(&path);
    return status;
}

/* The version to install under: the one asked for when it is free, else the next one. */
static enum status choose_version(const char *name, unsigned asked, unsigned *out, struct error *err)
{
    struct model_ref *refs = NULL;
    size_t n = 0;
    unsigned highest = 0;
    bool taken = false;
    enum status status = model_store_list(&refs, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
        bool same = strcmp(refs[i].name, name) == 0;
        taken |= same && refs[i].version == asked;
        highest = same && refs[i].version > highest ? refs[i].version : highest;
    }
    model_refs_free(refs, n);
    if (status != STATUS_OK)
        return status;
    if (taken)
        return error_field(err, STATUS_CONFLICT, "version",
                           "%s@%u is installed already; take another version", name, asked);
    if (asked == 0 && highest >= MODEL_VERSION)
        return error_field(err, STATUS_INVALID, "version", "%s has its last version; take another name",
                           name);
    *out = asked != 0 ? asked : highest + 1;
    return STATUS_OK;
}

/* Renames what is complete into its place. */
static enum status move_in(struct model_install *in, const char *name, unsigned version, struct error *err)
{
    struct buf path;
    buf_init(&path, PATH_BYTES);
    enum status status = model_store_path(&path, "", err);
    size_t root = path.len;
    if (status == STATUS_OK)
        status = buf_printf(&path, err, "/%s", name);
    if (status == STATUS_OK)
        status = folder_create(path.data, err);
    if (status == STATUS_OK)
        status = buf_printf(&path, err, "/%u", version);
    if (status == STATUS_OK)
        status = file_replace(in->folder, path.data, err);
    if (status == STATUS_OK) {
        free(in->folder);
        in->folder = NULL;
        path.data[root] = '\0';
        status = folder_sync(path.data, err); /* the folder of the name may be new */
    }
    buf_release(&path);
    return status;
}

enum status model_install_commit(struct model_install *in, const char *name, unsigned version,
                                 json_t *manifest, struct model_ref *out, struct error *err)
{
    struct buf path;
    char spec[MODEL_SPEC];
    unsigned number = 0;
    int lock = -1;
    buf_init(&path, PATH_BYTES);
    enum status status = model_store_check_name(name, "the name of a model", err);
    if (status == STATUS_OK)
        status = buf_printf(&path, err, "%s/manifest.json", in->folder);
    if (status == STATUS_OK)
        status = write_json(path.data, manifest, err);
    if (status == STATUS_OK)
        status = lock_store(&lock, err);
    if (status == STATUS_OK)
        status = choose_version(name, version, &number, err);
    if (status == STATUS_OK)
        status = move_in(in, name, number, err);
    unlock_store(lock);
    buf_release(&path);
    snprintf(spec, sizeof spec, "%s@%u", name, number);
    return status == STATUS_OK ? model_store_find(spec, out, err) : status;
}

/* ---- removing ---- */

/* CONFLICT for a model that something still points to. */
static enum status check_free(const struct model_ref *ref, struct error *err)
{
    struct model_ref used = {0};
    json_t *labels = NULL, *version;
    const char *label;
    if (ref->shipped)
        return error_set(err, STATUS_FORBIDDEN, "%s came with the program and cannot be removed", ref->name);
    if (ref->name[0] == '\0')
        return error_set(err, STATUS_INVALID, "%s is not installed; it is a file of yours", ref->path);
    bool in_use = model_store_used(&used, NULL) == STATUS_OK && used.version == ref->version &&
                  strcmp(used.name, ref->name) == 0;
    model_ref_release(&used);
    if (in_use)
        return error_set(err, STATUS_CONFLICT, "%s@%u is in use; choose another with cognate model use",
                         ref->name, ref->version);
    bool reranks = model_store_reranker(&used, NULL) == STATUS_OK && used.version == ref->version &&
                   strcmp(used.name, ref->name) == 0;
    model_ref_release(&used);
    if (reranks)
        return error_set(err, STATUS_CONFLICT,
                         "%s@%u is in use as the reranker; choose another, or none, with cognate model rerank",
                         ref->name, ref->version);
    enum status status = model_store_labels(ref->name, &labels, err);
    json_object_foreach(labels, label, version) if (json_integer_value(version) == ref->version) status =
        error_set(err, STATUS_CONFLICT,
                  "%s@%u has the label %s; let it name another version, or drop it, with cognate model "
                  "label",
                  ref->name, ref->version, label);
    json_decref(labels);
    return status;
}

enum status model_store_remove(const struct model_ref *ref, struct error *err)
{
    struct buf from;
    char *to = NULL;
    int lock = -1, held = -1;
    buf_init(&from, PATH_BYTES);
    enum status status = lock_store(&lock, err);
    if (status == STATUS_OK)
        status = check_free(ref, err);
    if (status == STATUS_OK)
        status = model_store_path(&from, "", err);
    if (status == STATUS_OK)
        status = buf_printf(&from, err, "/%s", ref->name);
    size_t parent = from.len;
    if (status == STATUS_OK)
        status = buf_printf(&from, err, "/%u", ref->version);
    if (status == STATUS_OK)
        status = make_folder("/.old-XXXXXX", &to, &held, err);
    if (status == STATUS_OK)
        status = file_replace(from.data, to, err); /* over the empty folder */
    if (status == STATUS_OK) {
        from.data[parent] = '\0';
        rmdir(from.data); /* stays while it has other versions or labels */
    }
    if (to != NULL)
        delete_folder(to);
    if (held >= 0)
        close(held);
    unlock_store(lock);
    free(to);
    buf_release(&from);
    return status;
}

/* ---- the model in use ---- */

/* What in-use.json holds. A new reference. */
static enum status read_state(json_t **out, struct error *err)
{
    struct buf path;
    buf_init(&path, PATH_BYTES);
    enum status status = model_store_path(&path, "/in-use.json", err);
    if (status == STATUS_OK)
        status = model_store_read(path.data, out, err);
    buf_release(&path);
    return status;
}

/* Writes `spec` under a key of in-use.json, and `before` beside it: the models to go back to, the latest last.
 * Either may be NULL: the key is dropped, and what stands before stays. */
static enum status write_state(const char *key, const char *spec, json_t *before, struct error *err)
{
    json_t *state = NULL;
    enum status status = read_state(&state, err);
    if (status != STATUS_OK)
        return status;
    while (json_array_size(before) > BEFORE_MOST)
        json_array_remove(before, 0);
    bool good = spec != NULL ? json_object_set_new(state, key, json_string(spec)) == 0
                             : json_object_del(state, key) == 0 || json_object_get(state, key) == NULL;
    if (good && before != NULL)
        good = json_object_set(state, "before", before) == 0;
    status = good ? replace_json("", "in-use.json", state, err) : error_memory(err, "choosing a model");
    json_decref(state);
    return status;
}

static enum status write_use(const struct model_ref *ref, json_t *before, struct error *err)
{
    char spec[MODEL_SPEC];
    model_ref_spec(ref, spec);
    return write_state("use", spec, before, err);
}

/* The models before the one in use; an empty list when nothing was chosen. A new reference. */
static enum status read_before(json_t **out, struct error *err)
{
    json_t *state = NULL;
    enum status status = read_state(&state, err);
    if (status != STATUS_OK)
        return status;
    json_t *before = json_object_get(state, "before");
    *out = json_is_array(before) ? json_incref(before) : json_array();
    json_decref(state);
    return *out != NULL ? STATUS_OK : error_memory(err, "choosing a model");
}

enum status model_store_use(const struct model_ref *ref, struct error *err)
{
    struct model_ref used = {0};
    json_t *before = NULL;
    char spec[MODEL_SPEC];
    int lock = -1;
    if (ref->name[0] == '\0')
        return error_field(err, STATUS_INVALID, "model", "%s is not installed; cognate model add installs it",
                           ref->path);
    enum status status = lock_store(&lock, err);
    if (status == STATUS_OK)
        status = read_before(&before, err);
    bool known = status == STATUS_OK && model_store_used(&used, NULL) == STATUS_OK;
    if (known)
        model_ref_spec(&used, spec);
    bool same = known && used.version == ref->version && strcmp(used.name, ref->name) == 0;
    if (status == STATUS_OK && known && !same && json_array_append_new(before, json_string(spec)) != 0)
        status = error_memory(err, "choosing a model");
    if (status == STATUS_OK && !same)
        status = write_use(ref, before, err);
    json_decref(before);
    model_ref_release(&used);
    unlock_store(lock);
    return status;
}

enum status model_store_rollback(bool dry, struct model_ref *out, struct error *err)
{
    struct model_ref found = {0};
    json_t *before = NULL;
    int lock = -1;
    enum status status = lock_store(&lock, err);
    if (status == STATUS_OK)
        status = read_before(&before, err);
    while (status == STATUS_OK && found.path == NULL && json_array_size(before) > 0) {
        size_t last = json_array_size(before) - 1;
        const char *spec = json_string_value(json_array_get(before, last));
        if (spec != NULL && spec[0] != '\0' && strchr(spec, '/') == NULL)
            model_store_find(spec, &found, NULL); /* not there any more: the one before it */
        json_array_remove(before, last);
    }
    if (status == STATUS_OK && found.path == NULL)
        status = error_set(err, STATUS_NOT_FOUND, "no other model was in use before that is still installed");
    if (status == STATUS_OK && !dry)
        status = write_use(&found, before, err);
    json_decref(before);
    unlock_store(lock);
    if (status == STATUS_OK)
        *out = found;
    else
        model_ref_release(&found);
    return status;
}

enum status model_store_use_reranker(const struct model_ref *ref, struct error *err)
{
    char spec[MODEL_SPEC];
    int lock = -1;
    if (ref != NULL)
        model_ref_spec(ref, spec);
    enum status status = lock_store(&lock, err);
    if (status == STATUS_OK)
        status = write_state("rerank", ref != NULL ? spec : NULL, NULL, err);
    unlock_store(lock);
    return status;
}

/* ---- labels ---- */

enum status model_store_label(const char *name, const char *label, unsigned version, struct error *err)
{
    json_t *labels = NULL;
    int lock = -1;
    char folder[MODEL_NAME + 2];
    snprintf(folder, sizeof folder, "/%s", name);
    enum status status = model_store_check_name(label, "a label", err);
    if (status == STATUS_OK && strcmp(label, "latest") == 0)
        status = error_set(err, STATUS_INVALID, "latest is always the highest version; take another label");
    if (status == STATUS_OK && strspn(label, "0123456789") == strlen(label))
        status = error_set(err, STATUS_INVALID, "a label of digits would be a version; take another one");
    if (status == STATUS_OK)
        status = lock_store(&lock, err);
    if (status == STATUS_OK)
        status = model_store_labels(name, &labels, err);
    if (status == STATUS_OK && version == 0 && json_object_del(labels, label) != 0)
        status = error_set(err, STATUS_NOT_FOUND, "%s has no label %s", name, label);
    else if (status == STATUS_OK && version != 0 &&
             json_object_set_new(labels, label, json_integer((json_int_t)version)) != 0)
        status = error_memory(err, "labelling a model");
    if (status == STATUS_OK)
        status = replace_json(folder, "labels.json", labels, err);
    json_decref(labels);
    unlock_store(lock);
    return status;
}
