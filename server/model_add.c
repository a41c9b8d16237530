#include "server/model_add.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/timestamp.h"

/* ---- names ---- */

/* The name asked for, or that which the file gives itself, or its own. */
static enum status choose_name(const struct model_addition *a, const char *copy, char out[MODEL_NAME + 1],
                               struct error *err)
{
    struct gguf *file = NULL;
    struct text name = {0};
    if (a->name != NULL) {
        enum status status = model_store_check_name(a->name, "the name of a model", err);
        if (status == STATUS_OK)
            snprintf(out, MODEL_NAME + 1, "%s", a->name);
        return status;
    }
    enum status status = gguf_open(copy, &file, err);
    if (status != STATUS_OK)
        return status;
    out[0] = '\0';
    if (gguf_text(file, "general.name", &name, NULL) == STATUS_OK)
        model_store_name(name.data, name.len, out);
    gguf_free(file);
    if (out[0] == '\0') {
        char *path = strdup(a->path);
        if (path == NULL)
            return error_memory(err, "naming a model");
        const char *base = basename(path);
        model_store_name(base, strlen(base), out);
        free(path);
    }
    return out[0] != '\0' ? STATUS_OK
                          : error_set(err, STATUS_INVALID,
                                      "%s has no name that can be used; give one with --name", a->path);
}

/* A model of this name with this content. */
static enum status find_same(const char *name, const json_t *facts, struct model_ref *out, bool *found,
                             struct error *err)
{
    struct model_ref *refs = NULL;
    size_t n = 0;
    const char *wanted = json_string_value(json_object_get(facts, "sha256"));
    enum status status = model_store_list(&refs, &n, err);
    for (size_t i = 0; i < n && status == STATUS_OK && !*found; i++) {
        json_t *about = NULL;
        if (strcmp(refs[i].name, name) != 0)
            continue;
        status = model_store_describe(&refs[i], &about, err);
        const char *sha256 = json_string_value(json_object_get(about, "sha256"));
        if (status == STATUS_OK && sha256 != NULL && strcmp(sha256, wanted) == 0) {
            *found = true;
            *out = refs[i];
            refs[i].path = NULL;
        }
        json_decref(about);
    }
    model_refs_free(refs, n);
    return status;
}

/* Where it came from, and when. */
static enum status add_history(const struct model_addition *a, json_t *facts, struct error *err)
{
    char when[TIMESTAMP_BYTES], absolute[PATH_MAX];
    const char *origin = a->origin;
    if (origin == NULL)
        origin = json_string_value(json_object_get(facts, "source"));
    if (origin == NULL)
        origin = realpath(a->path, absolute) != NULL ? absolute : a->path;
    timestamp_write(timestamp_now(), when);
    return json_object_set_new(facts, "origin", json_string(origin)) == 0 &&
                   json_object_set_new(facts, "added", json_string(when)) == 0
               ? STATUS_OK
               : error_set(err, STATUS_INVALID, "the origin of the model is not UTF-8");
}

/* ---- the call ---- */

enum status model_add(const struct model_addition *a, struct model_ref *out, struct model_added *added,
                      struct error *err)
{
    struct model_install in = {.held = -1};
    json_t *facts = NULL;
    char name[MODEL_NAME + 1];
    bool same = false;
    enum status status = model_install_begin(&in, err);
    if (status == STATUS_OK)
        status = model_import(a->path, in.path, &added->report, err);
    if (status == STATUS_OK)
        status = choose_name(a, in.path, name, err);
    if (status == STATUS_OK)
        status = model_facts(in.path, &facts, err);
    if (status == STATUS_OK && a->version == 0)
        status = find_same(name, facts, out, &same, err);
    if (status == STATUS_OK && !same)
        status = add_history(a, facts, err);
    if (status == STATUS_OK && !same)
        status = model_install_commit(&in, name, a->version, facts, out, err);
    if (status == STATUS_OK)
        added->there = same;
    json_decref(facts);
    model_install_end(&in);
    return status;
}
