#include "server/model_watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model_watch {
    struct engine *engine;
    int log;
    pthread_t thread;
    pthread_mutex_t lock; /* over what follows */
    pthread_cond_t changed;
    bool stopping, reload;
};

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

static void *watch(void *context)
{
    struct model_watch *w = context;
    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        if (!w->reload) {
            pthread_cond_wait(&w->changed, &w->lock);
            continue;
        }
        w->reload = false;
        pthread_mutex_unlock(&w->lock);
        reload(w);
        pthread_mutex_lock(&w->lock);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum status model_watch_start(struct engine *e, int log, struct model_watch **out, struct error *err)
{
    struct model_watch *w = calloc(1, sizeof *w);
    if (w == NULL)
        return error_memory(err, "watching the models");
    w->engine = e;
    w->log = log;
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
