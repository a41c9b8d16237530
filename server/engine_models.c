/* The models of an engine.
 *
 *     installed ──open──▶ in service ──unload──▶ leaving ──the last holder lets go──▶ freed
 *                              ▲                    │
 *                              └──asked for again───┘
 *
 * 1. Whoever holds a model counts in its `holders`, and so does being in service; at 0 it is taken off the
 * list under the lock and freed outside it.
 * 2. Opening a model, which takes a second, happens under `loading` and outside the lock: calls that need
 * models that are open never wait for it.
 * 3. The engine's own model is in service. It changes to one that is open already.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/grow.h"
#include "server/engine_state.h"

/* ---- under the lock ---- */

static struct loaded *hold(struct loaded *m)
{
    m->holders += 1 + (size_t)m->leaving; /* back in service, when it was leaving */
    m->leaving = false;
    return m;
}

/* One holder less. Returns the model when nobody holds it any more: it is off the list, and is to be freed
 * once the lock is released. */
static struct loaded *let_go(struct engine *e, struct loaded *m)
{
    size_t i = 0;
    if (--m->holders > 0)
        return NULL;
    while (e->models[i] != m)
        i++;
    e->models[i] = e->models[--e->model_count];
    count_model(m, &e->gone, &e->gone_queries);
    e->gone_queries.entries = e->gone_queries.capacity = 0;
    return m;
}

static bool is_ref(const struct engine_model *m, const struct model_ref *ref)
{
    if (ref->name[0] == '\0')
        return !m->installed && strcmp(m->path, ref->path) == 0;
    return m->installed && m->version == ref->version && strcmp(m->name, ref->name) == 0;
}

static struct loaded *find_ref(struct engine *e, const struct model_ref *ref)
{
    for (size_t i = 0; i < e->model_count; i++)
        if (is_ref(&e->models[i]->about, ref))
            return e->models[i];
    return NULL;
}

static struct loaded *find_space(struct engine *e, const unsigned char space_id[32])
{
    for (size_t i = 0; i < e->model_count; i++)
        if (memcmp(e->models[i]->about.space_id, space_id, 32) == 0)
            return e->models[i];
    return NULL;
}

/* One that a name calls without a look at what is installed: the engine's own, and files that are not
 * installed. */
static struct loaded *find_name(struct engine *e, struct text name)
{
    if (e->own != NULL &&
        (name.len == 0 || text_is(name, e->own->about.name) || text_is(name, e->own->about.bound)))
        return e->own;
    for (size_t i = 0; i < e->model_count && name.len > 0; i++)
        if (!e->models[i]->about.installed && text_is(name, e->models[i]->about.name))
            return e->models[i];
    return NULL;
}

/* ---- holding ---- */

void engine_let_go(struct engine *e, const struct engine_model *m)
{
    if (m == NULL)
        return;
    pthread_mutex_lock(&e->lock);
    struct loaded *last = let_go(e, loaded_of(m));
    pthread_mutex_unlock(&e->lock);
    loaded_free(last);
}

static void note_opening(struct engine *e, const struct model_ref *ref)
{
    pthread_mutex_lock(&e->lock);
    snprintf(e->opening, sizeof e->opening, "%s", ref != NULL ? ref->name : "");
    e->opening_version = ref != NULL ? ref->version : 0;
    pthread_mutex_unlock(&e->lock);
}

/* Puts a model that was opened into service, held once more. Its place was made before. */
static struct loaded *put_in_service(struct engine *e, struct loaded *m)
{
    pthread_mutex_lock(&e->lock);
    m->holders = 2;
    e->models[e->model_count++] = m;
    pthread_mutex_unlock(&e->lock);
    return m;
}

static enum status make_place(struct engine *e, struct error *err)
{
    pthread_mutex_lock(&e->lock);
    struct loaded **more = grown(e->models, e->model_count, &e->model_room, sizeof *more);
    if (more != NULL)
        e->models = more;
    pthread_mutex_unlock(&e->lock);
    return more != NULL ? STATUS_OK : error_memory(err, "opening a model");
}

static struct loaded *held_ref(struct engine *e, const struct model_ref *ref)
{
    pthread_mutex_lock(&e->lock);
    struct loaded *m = find_ref(e, ref);
    if (m != NULL)
        hold(m);
    pthread_mutex_unlock(&e->lock);
    return m;
}

/* The model, opened when it is not. `loading` is held. */
static enum status hold_opened(struct engine *e, const struct model_ref *ref, struct loaded **out,
                               struct error *err)
{
    struct loaded *m = held_ref(e, ref);
    enum status status = STATUS_OK;
    if (m == NULL) {
        status = make_place(e, err);
        if (status == STATUS_OK) {
            note_opening(e, ref);
            status = loaded_open(e, ref, &m, err);
            note_opening(e, NULL);
        }
        if (status == STATUS_OK)
            put_in_service(e, m);
    }
    if (status == STATUS_OK)
        *out = m;
    return status;
}

static enum status hold_ref(struct engine *e, const struct model_ref *ref, struct loaded **out,
                            struct error *err)
{
    struct loaded *m = held_ref(e, ref);
    if (m != NULL) {
        *out = m;
        return STATUS_OK;
    }
    pthread_mutex_lock(&e->loading);
    enum status status = hold_opened(e, ref, out, err);
    pthread_mutex_unlock(&e->loading);
    return status;
}

static struct loaded *held_name(struct engine *e, struct text name)
{
    pthread_mutex_lock(&e->lock);
    struct loaded *m = find_name(e, name);
    if (m != NULL)
        hold(m);
    pthread_mutex_unlock(&e->lock);
    return m;
}

/* What a name calls among those that are installed. */
static enum status find_installed(struct engine *e, struct text name, struct model_ref *out,
                                  struct error *err)
{
    char spec[MODEL_SPEC];
    if (name.len >= sizeof spec || memchr(name.data, '\0', name.len) != NULL)
        return error_field(err, STATUS_INVALID, "model", "the name of the model is too long or no text");
    memcpy(spec, name.data, name.len);
    spec[name.len] = '\0';
    struct error none = {0};
    enum status status = model_store_find(spec, out, &none);
    if (status == STATUS_OK && out->name[0] == '\0') {
        model_ref_release(out);
        status = error_field(&none, STATUS_INVALID, "model",
                             "give the name of an installed model; %.128s is a path", spec);
    }
    if (status == STATUS_OK)
        return STATUS_OK;
    pthread_mutex_lock(&e->lock);
    bool file = e->own != NULL && !e->own->about.installed;
    error_field(err, status, "model", "%s%s%s", none.text, file ? "; the one loaded is " : "",
                file ? e->own->about.name : "");
    pthread_mutex_unlock(&e->lock);
    return status;
}

/* Makes a model that the caller holds the engine's own; in service it stays then. */
static void set_own(struct engine *e, struct loaded *m)
{
    pthread_mutex_lock(&e->lock);
    e->own = hold(m);
    m->holders--;
    pthread_mutex_unlock(&e->lock);
    atomic_store(&e->has_own, true);
}

enum status engine_reload(struct engine *e, struct error *err)
{
    struct model_ref ref = {0};
    struct loaded *m = NULL;
    pthread_mutex_lock(&e->loading);
    enum status status = model_store_find(e->asked, &ref, err);
    if (status == STATUS_OK)
        status = hold_opened(e, &ref, &m, err);
    if (status == STATUS_OK)
        status = engine_need_vectors(&m->about, err);
    if (status == STATUS_OK)
        set_own(e, m);
    if (m != NULL)
        engine_let_go(e, &m->about);
    pthread_mutex_unlock(&e->loading);
    model_ref_release(&ref);
    return status;
}

enum status engine_load(struct engine *e, struct error *err)
{
    return atomic_load(&e->has_own) ? STATUS_OK : engine_reload(e, err);
}

bool engine_loaded(const struct engine *e)
{
    return atomic_load(&e->has_own);
}

enum status engine_hold(struct engine *e, struct text name, const struct engine_model **out,
                        struct error *err)
{
    struct model_ref ref = {0};
    enum status status = engine_load(e, err);
    struct loaded *m = status == STATUS_OK ? held_name(e, name) : NULL;
    if (status == STATUS_OK && m == NULL) {
        status = find_installed(e, name, &ref, err);
        if (status == STATUS_OK)
            status = hold_ref(e, &ref, &m, err);
        model_ref_release(&ref);
    }
    if (status == STATUS_OK)
        *out = &m->about;
    return status;
}

enum status engine_model(struct engine *e, const struct engine_model **out, struct error *err)
{
    enum status status = engine_hold(e, (struct text){0}, out, err);
    if (status == STATUS_OK)
        engine_let_go(e, *out);
    return status;
}

static struct loaded *held_space(struct engine *e, const unsigned char space_id[32])
{
    pthread_mutex_lock(&e->lock);
    struct loaded *m = find_space(e, space_id);
    if (m != NULL)
        hold(m);
    pthread_mutex_unlock(&e->lock);
    return m;
}

enum status engine_hold_space(struct engine *e, const unsigned char space_id[32],
                              const struct engine_model **out, struct error *err)
{
    struct model_ref ref = {0};
    enum status status = STATUS_OK;
    struct loaded *m = held_space(e, space_id);
    if (m == NULL)
        status = engine_load(e, err);
    if (m == NULL && status == STATUS_OK)
        m = held_space(e, space_id);
    if (m == NULL && status == STATUS_OK) {
        if (model_store_find_space(space_id, e->options.precision, &ref, NULL) == STATUS_OK)
            status = hold_ref(e, &ref, &m, err);
        else
            m = held_name(e, (struct text){0});
        model_ref_release(&ref);
    }
    if (status == STATUS_OK)
        *out = &m->about;
    return status;
}

/* ---- changing ---- */

enum status engine_unload(struct engine *e, struct text model, char name[ENGINE_MODEL_NAME],
                          unsigned *version, struct error *err)
{
    struct model_ref ref = {0};
    struct loaded *last = NULL, *m = held_name(e, model);
    enum status status = m == NULL ? find_installed(e, model, &ref, err) : STATUS_OK;
    if (m == NULL && status == STATUS_OK)
        m = held_ref(e, &ref);
    if (status == STATUS_OK && m == NULL)
        status = error_field(err, STATUS_NOT_FOUND, "model", "the model %s@%u is not loaded", ref.name,
                             ref.version);
    model_ref_release(&ref);
    if (status != STATUS_OK)
        return status;
    pthread_mutex_lock(&e->lock);
    memcpy(name, m->about.name, ENGINE_MODEL_NAME);
    *version = m->about.version;
    if (m == e->own) {
        status = error_field(err, STATUS_CONFLICT, "model",
                             "%s answers whoever asks for no other; use another first", m->about.bound);
    } else if (!m->leaving) {
        m->leaving = true;
        m->holders--; /* the caller's own is still there */
    }
    last = let_go(e, m);
    pthread_mutex_unlock(&e->lock);
    loaded_free(last);
    return status;
}

/* Opens what is to be used, writes down that it is used, and makes it the engine's own. */
static enum status switch_to(struct engine *e, const struct model_ref *ref, bool back, struct error *err)
{
    struct model_ref done = {0};
    struct loaded *m = NULL;
    pthread_mutex_lock(&e->loading);
    enum status status = hold_opened(e, ref, &m, err);
    if (status == STATUS_OK)
        status = engine_need_vectors(&m->about, err);
    if (status == STATUS_OK)
        status = back ? model_store_rollback(false, &done, err) : model_store_use(ref, err);
    if (status == STATUS_OK)
        set_own(e, m);
    if (m != NULL)
        engine_let_go(e, &m->about);
    pthread_mutex_unlock(&e->loading);
    model_ref_release(&done);
    return status;
}

enum status engine_use(struct engine *e, struct text name, struct error *err)
{
    struct model_ref ref = {0};
    enum status status = find_installed(e, name, &ref, err);
    if (status == STATUS_OK)
        status = switch_to(e, &ref, false, err);
    model_ref_release(&ref);
    return status;
}

enum status engine_rollback(struct engine *e, struct error *err)
{
    struct model_ref ref = {0};
    enum status status = model_store_rollback(true, &ref, err);
    if (status == STATUS_OK)
        status = switch_to(e, &ref, true, err);
    model_ref_release(&ref);
    return status;
}

/* ---- the reranker ---- */

enum status engine_hold_reranker(struct engine *e, const struct engine_model **out, struct error *err)
{
    struct model_ref ref = {0};
    struct loaded *m = NULL;
    enum status status = model_store_reranker(&ref, err);
    if (status == STATUS_OK)
        status = hold_ref(e, &ref, &m, err);
    if (status == STATUS_OK)
        *out = &m->about;
    model_ref_release(&ref);
    return status;
}

enum status engine_use_reranker(struct engine *e, struct text name, struct error *err)
{
    struct model_ref ref = {0};
    struct loaded *m = NULL;
    if (name.len == 0)
        return model_store_use_reranker(NULL, err);
    enum status status = find_installed(e, name, &ref, err);
    if (status == STATUS_OK)
        status = hold_ref(e, &ref, &m, err);
    if (status == STATUS_OK)
        status = need_scores(&m->about, err);
    if (status == STATUS_OK)
        status = model_store_use_reranker(&ref, err);
    if (m != NULL)
        engine_let_go(e, &m->about);
    model_ref_release(&ref);
    return status;
}

/* ---- looking ---- */

enum status engine_models(struct engine *e, const struct engine_model ***out, size_t *n, struct error *err)
{
    pthread_mutex_lock(&e->lock);
    const struct engine_model **list = calloc(e->model_count + 1, sizeof(struct engine_model *));
    size_t count = 0;
    for (size_t i = 0; i < e->model_count && list != NULL; i++)
        if (!e->models[i]->leaving)
            list[count++] = &hold(e->models[i])->about;
    pthread_mutex_unlock(&e->lock);
    if (list == NULL)
        return error_memory(err, "listing the models");
    *out = list;
    *n = count;
    return STATUS_OK;
}

void engine_models_free(struct engine *e, const struct engine_model **models, size_t n)
{
    for (size_t i = 0; i < n; i++)
        engine_let_go(e, models[i]);
    free(models);
}

enum model_state engine_model_state(struct engine *e, const char *name, unsigned version)
{
    enum model_state state = MODEL_START;
    pthread_mutex_lock(&e->lock);
    for (size_t i = 0; i < e->model_count; i++)
        if (e->models[i]->about.version == version && strcmp(e->models[i]->about.name, name) == 0)
            state = e->models[i]->leaving ? MODEL_UNLOADING : MODEL_AVAILABLE;
    if (state == MODEL_START && e->opening_version == version && strcmp(e->opening, name) == 0)
        state = MODEL_LOADING;
    pthread_mutex_unlock(&e->lock);
    return state;
}

void models_close(struct engine *e)
{
    for (size_t i = 0; i < e->model_count; i++)
        loaded_free(e->models[i]);
    free(e->models);
}
