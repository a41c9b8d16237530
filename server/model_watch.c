#include "server/model_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOOK_S 2 /* between two looks for models that were loaded since */

struct model_watch {
    struct engine *engine;
    int log;
    unsigned interval;
    int64_t asked_ms; /* when all models were asked */
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool stopping, reload;
};

/* ---- known answers ---- */

static void ask(struct model_watch *w, const struct engine_model *m)
{
    struct canary_state state;
    struct error err = {0};
    if (engine_canaries(w->engine, m, &state, &err) != STATUS_OK)
        dprintf(w->log, "the known answers of the model %s could not be asked for: %s\n", m->bound, err.text);
    else if (state.moved)
        dprintf(w->log,
                "ALARM: the model %s gives other vectors than it should: the lowest cosine to its known "
                "answers is %.6f "
                "(check %llu, at least %.2f and always the same); look at its file with cognate model "
                "verify, and at "
                "this machine's memory\n",
                m->bound, state.lowest, (unsigned long long)state.checks, MODEL_LEAST_COSINE);
}

/* Asks the models that were never asked, and all of them when it is time. */
static void ask_models(struct model_watch *w)
{
    const struct engine_model **models = NULL;
    size_t n = 0;
    int64_t now = monotonic_ms();
    bool all = w->interval > 0 && now - w->asked_ms >= (int64_t)w->interval * 1000;
    if (engine_models(w->engine, &models, &n, NULL) != STATUS_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        struct canary_state state;
        engine_canary_state(w->engine, models[i], &state);
        if (state.answers > 0 && (all || state.checks == 0))
            ask(w, models[i]);
    }
    engine_models_free(w->engine, models, n);
    w->asked_ms = all ? now : w->asked_ms;
}

/* ---- the model in use ---- */

/* Another model may be in use, or a label may have moved. */
static void reload(struct model_watch *w)
{
    struct error err = {0};
    const struct engine_model *m = NULL;
    enum status status = engine_reload(w->engine, &err);
    if (status == STATUS_OK)
        status = engine_hold(w->engine, (struct text){0}, &m, &err);
    if (status == STATUS_OK)
        dprintf(w->log, "the model in use is %s\n", m->bound);
    else
        dprintf(w->log, "the model stays as it was: %s\n", err.text);
    engine_let_go(w->engine, m);
}

/* ---- the thread ---- */

/* Until something is to be done, or LOOK_S have passed; the lock is held. */
static void rest(struct model_watch *w)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += w->interval > 0 && w->interval < LOOK_S ? w->interval : LOOK_S;
    if (!w->stopping && !w->reload)
        pthread_cond_timedwait(&w->changed, &w->lock, &until);
}

static void *watch(void *context)
{
    struct model_watch *w = context;
    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        bool again = w->reload;
        w->reload = false;
        pthread_mutex_unlock(&w->lock);
        if (again)
            reload(w);
        ask_models(w);
        pthread_mutex_lock(&w->lock);
        rest(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum status model_watch_start(struct engine *e, int log, unsigned interval, struct model_watch **out,
                              struct error *err)
{
    struct model_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_memory(err, "watching the models");
    w->engine = e;
    w->log = log;
    w->interval = interval;
    w->asked_ms = monotonic_ms();
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    if (pthread_create(&w->thread, NULL, watch, w) == 0) {
        *out = w;
        return STATUS_OK;
    }
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return error_memory(err, "watching the models");
}

static void tell(struct model_watch *w, bool *flag)
{
    pthread_mutex_lock(&w->lock);
    *flag = true;
    pthread_cond_signal(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

void model_watch_reload(struct model_watch *w)
{
    if (w != NULL)
        tell(w, &w->reload);
}

void model_watch_stop(struct model_watch *w)
{
    if (w == NULL)
        return;
    tell(w, &w->stopping);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
