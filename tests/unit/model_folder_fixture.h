/* A model store in a folder of its own, with models that are a few bytes. */
#ifndef COGNATE_TESTS_MODEL_FOLDER_FIXTURE_H
#define COGNATE_TESTS_MODEL_FOLDER_FIXTURE_H

#include "unit.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"
#include "server/model_store.h"

static char home[] = "/tmp/cognate-models-XXXXXX";

static int delete_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st;
    (void)type;
    (void)where;
    return remove(path);
}

static inline int make_home(void **state)
{
    (void)state;
    memcpy(strrchr(home, '-') + 1, "XXXXXX", 6);
    unsetenv("COGNATE_MODEL");
    return mkdtemp(home) != NULL && setenv("XDG_DATA_HOME", home, 1) == 0 ? 0 : -1;
}

static inline int delete_home(void **state)
{
    (void)state;
    return nftw(home, delete_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Installs bytes as a model; whether that worked. */
static inline enum status put_model(const char *name, unsigned version, const char *bytes, struct error *err)
{
    struct model_install in;
    struct model_ref found = {0};
    json_t *manifest = json_pack("{s:s, s:s}", "license", "mit", "origin", "a test");
    enum status status = model_install_begin(&in, err);
    if (status == STATUS_OK)
        status = file_write_atomic(in.path, bytes, strlen(bytes), err);
    if (status == STATUS_OK)
        status = model_install_commit(&in, name, version, manifest, &found, err);
    json_decref(manifest);
    model_install_end(&in);
    model_ref_release(&found);
    return status;
}

static inline void installs(const char *name, unsigned version)
{
    struct error err = {0};
    if (put_model(name, version, "weights", &err) != STATUS_OK)
        fail_msg("%s", err.text);
}

/* "NAME@VERSION" that a spec calls; "" when it calls none. */
static inline const char *calls(const char *spec)
{
    static char out[MODEL_SPEC];
    struct model_ref found = {0};
    out[0] = '\0';
    if (model_store_find(spec, &found, NULL) == STATUS_OK)
        model_ref_spec(&found, out);
    model_ref_release(&found);
    return out;
}

/* "a@1 a@2 b@1" */
static inline const char *listed(void)
{
    static char out[1024];
    struct model_ref *refs = NULL;
    size_t n = 0, at = 0;
    assert_int_equal(model_store_list(&refs, &n, NULL), STATUS_OK);
    out[0] = '\0';
    for (size_t i = 0; i < n; i++)
        if (!refs[i].shipped)
            at += (size_t)snprintf(out + at, sizeof out - at, "%s%s@%u", at > 0 ? " " : "", refs[i].name,
                                   refs[i].version);
    model_refs_free(refs, n);
    return out;
}

static inline enum status with(const char *spec,
                               enum status (*change)(const struct model_ref *, struct error *),
                               struct error *err)
{
    struct model_ref found = {0};
    enum status status = model_store_find(spec, &found, err);
    if (status == STATUS_OK)
        status = change(&found, err);
    model_ref_release(&found);
    return status;
}

#endif
